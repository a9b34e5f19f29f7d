package render

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
)

// GitHubLimit is how many characters a comment on GitHub may have.
const GitHubLimit = 65536

// LeastLimit is the lowest limit that every plan's beginning and end fit into.
const LeastLimit = 2000

// ErrMarker says that a marker's name can't stand in an HTML comment.
var ErrMarker = errors.New("a marker's name has up to 60 letters, digits and . _ / -, which stand between others")

var markerName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]+([._/-][A-Za-z0-9]+)*$`) })

// MarkdownOptions say how a plan becomes one comment. The zero value is for GitHub.
type MarkdownOptions struct {
	// Limit is how many characters it may have; 0 means GitHubLimit.
	Limit int
	// Marker names the configuration, where several comment on one pull request.
	Marker string
	Lang   lang.Language
}

// Mark is the hidden first line by which a bot finds the comment that it is to update.
func (o MarkdownOptions) Mark() string {
	if o.Marker == "" {
		return "<!-- cardfleet-plan -->"
	}
	return "<!-- cardfleet-plan: " + o.Marker + " -->"
}

// Check says what is wrong with the options.
func (o MarkdownOptions) Check() error {
	switch {
	case o.Limit != 0 && o.Limit < LeastLimit:
		return fmt.Errorf("a plan needs a limit of %d characters at least", LeastLimit)
	case o.Marker != "" && (len(o.Marker) > 60 || !markerName().MatchString(o.Marker)):
		return ErrMarker
	default:
		return nil
	}
}

// Markdown writes the plan as a comment of a pull request: it fits the limit,
// its end is never cut off, and what had to be left out is counted.
func Markdown(w io.Writer, from plan.Source, o MarkdownOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	if o.Limit == 0 {
		o.Limit = GitHubLimit
	}
	told := telling{ClockOf(from.Head().Zone), o.Lang}
	if !told.asItIs() {
		from = toldPlan{from, told}
	}
	cards, err := readMarkdown(from, o.Limit)
	if err != nil {
		return err
	}
	p := from.Head()
	summary := p.Summary()
	s := sheet{
		limit: o.Limit,
		head:  o.Mark() + "\n## " + headline(p, &summary, o.Marker) + "\n\n" + aside(p),
		tail:  tail(p, &summary, o.Limit),
		leftOut: func(counts []string) string {
			return fmt.Sprintf("> [!NOTE]\n> To keep to %s characters this leaves out %s. `cardfleet show -json PLANFILE` has every card.\n\n", Thousands(o.Limit), listed(counts))
		},
		sections: []*section{
			weakerBlock(p.Policy.Weaker),
			definitionBlock(p.DefinitionTexts()),
			irreversibleBlock(cards.irreversible, &summary),
			countsList(cards.counts),
			timingList(p),
			blockers(p),
			checksBlock(p),
			attentionList(cards.attended, cards.attention, cards.attentionAll, p.Numbers),
			groupList(cards.groups),
			singleList(cards.single, len(cards.groups) > 0),
			orderPicture(cards.order),
			driftList(cards.drifted, cards.driftedSingle, cards.driftedAll),
			noteList(cards.noted, cards.notedSingle, cards.notedAll),
			approvalBlock(p, cards.asks),
		},
	}
	s.head, s.tail = told.Both(s.head), told.Both(s.tail)
	for _, sec := range s.sections {
		sec.tellTimes(told.Clock)
	}
	text, err := s.write()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, o.Lang.Markdown(text))
	return err
}

// forMarkdown is all that a comment may show of a plan's cards.
type forMarkdown struct {
	irreversible, attention, single someCards
	attended, groups                []alike
	drifted, noted                  []alike
	driftedSingle, notedSingle      someCards
	driftedAll, notedAll            int
	attentionAll                    int
	counts                          counting
	order                           *ordering
	asks                            []request
}

// someCards are the first cards of a list: those that may have room.
type someCards struct {
	n      int // in the list
	cards  []*plan.Card
	places []int32
}

// shortest is less than the characters that a card takes in any list.
const shortest = 4

func (l *someCards) set(places []int32, limit int) {
	l.n, l.places = len(places), places[:min(len(places), limit/shortest+1)]
}

// readMarkdown looks at all cards once, and gets those that are shown.
func readMarkdown(p plan.Source, limit int) (*forMarkdown, error) {
	out := &forMarkdown{}
	sorted := newSorted(groupFrom)
	for _, g := range []*grouping{sorted.attention, sorted.changing, sorted.drifted} {
		g.keep = limit / shortestRow
	}
	asks, found := asking{}, orders{}
	err := p.Each(func(n int, c *plan.Card) error {
		sorted.add(n, c)
		asks.add(c)
		found.add(n, c)
		out.counts.add(c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if out.order, err = found.ordering(p); err != nil {
		return nil, err
	}
	out.asks = asks.requests()
	return out, out.take(p, sorted, limit)
}

// take gets the cards that are shown.
func (m *forMarkdown) take(p plan.Source, sorted *sorted, limit int) error {
	m.irreversible.set(sorted.irreversible, limit)
	var attention, changing, drifted, noted []int32
	var errs [4]error
	m.attended, attention, errs[0] = sorted.apart(p, sorted.attention)
	m.groups, changing, errs[1] = sorted.apart(p, sorted.changing)
	m.drifted, drifted, errs[2] = sorted.apart(p, sorted.drifted)
	m.noted, noted, errs[3] = sorted.apart(p, sorted.noted)
	for _, many := range [][]alike{m.attended, m.groups, m.drifted} {
		trim(many, limit/shortestRow)
	}
	m.attention.set(attention, limit)
	m.single.set(changing, limit)
	m.driftedSingle.set(drifted, limit)
	m.notedSingle.set(noted, limit)
	m.driftedAll, m.notedAll, m.attentionAll = len(sorted.drifted.places), len(sorted.noted.places), len(sorted.attention.places)
	lists := []*someCards{&m.irreversible, &m.attention, &m.single, &m.driftedSingle, &m.notedSingle}
	var places []int32
	for _, l := range lists {
		places = append(places, l.places...)
	}
	cards, err := pick(p, places)
	for _, l := range lists {
		for _, place := range l.places {
			l.cards = append(l.cards, cards[place])
		}
	}
	return errors.Join(errors.Join(errs[:]...), err, fetch(p, m.attended), fetch(p, m.groups), fetch(p, m.drifted), fetch(p, m.noted))
}

// weakerBlock says what the policy allows more than before.
func weakerBlock(list []string) *section {
	return &section{
		one: "part of the policy that is weaker", many: "parts of the policy that are weaker", weight: 10, items: len(list), stands: len(list),
		open: "> [!WARNING]\n> **" + weakerTitle + "**\n>\n", shut: "\n",
		item: func(i int) (string, int) {
			return "> - " + prose(strings.ReplaceAll(clip(list[i], 300), " -> ", " → ")) + "\n", 1
		},
		more: func(left string) string { return "> - … and " + left + " more\n" },
	}
}

// definitionBlock says which definitions of carriers somebody has to know of.
func definitionBlock(list []string) *section {
	return &section{
		one: "definition of a carrier", many: "definitions of carriers", weight: 10, items: len(list), stands: len(list),
		open: "> [!WARNING]\n> **A definition of a carrier is code. Review it:**\n>\n", shut: "\n",
		item: func(i int) (string, int) { return "> - " + prose(clip(list[i], 300)) + "\n", 1 },
		more: func(left string) string { return "> - … and " + left + " more\n" },
	}
}

// headline says in a few words what the plan would do.
func headline(p *plan.Plan, s *plan.Summary, name string) string {
	title := "cardfleet plan"
	if name != "" {
		title += " of " + code(name)
	}
	actions := 0
	for _, n := range s.ByKind {
		actions += n.Planned
	}
	parts := []string{count(actions, "change", "changes")}
	if actions == 0 {
		parts[0] = "no changes"
	}
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, Thousands(n)+" "+what)
		}
	}
	add(s.ByKind[spec.Unbind].Planned, "of them for good")
	add(s.Guarded-s.Approved, "not approved")
	add(s.Attention, plural(s.Attention, "needs attention", "need attention"))
	add(s.Drifted, "changed outside")
	add(s.Unread, "unread")
	if len(p.Policy.Weaker) > 0 {
		parts = append(parts, "a weaker policy")
	}
	if len(p.Limits) > 0 {
		parts = append(parts, "a limit is passed")
	}
	if n := failed(p); n > 0 {
		parts = append(parts, count(n, "check fails", "checks fail"))
	}
	return title + ": " + strings.Join(parts, ", ")
}

// aside says that the plan isn't about all cards.
func aside(p *plan.Plan) string {
	out := ""
	if p.RefreshOnly {
		out += "This plan changes no card (-refresh-only): it shows what changed outside.\n\n"
	}
	if p.Partial != "" {
		out += fmt.Sprintf("> [!IMPORTANT]\n> This plan is partial (%s): %s.\n\n", clippedCode(p.Partial, 100), selectedText(p))
	}
	if text := NotReadText(p); text != "" {
		out += text + "\n\n"
	}
	return out
}

// tail is the end: the calls and their time, the approvals that are missing,
// and the counts.
func tail(p *plan.Plan, s *plan.Summary, limit int) string {
	var b strings.Builder
	if len(p.Costs) > 0 {
		b.WriteString("### Costs\n\n")
		costs := accountCosts(p.Costs)
		shown := min(len(costs), max(1, limit/1500))
		if len(costs) == shown+1 && limit >= 2*LeastLimit {
			shown++
		}
		for _, c := range costs[:shown] {
			fmt.Fprintf(&b, "- %s: %s\n", clippedCode(namesOf(c), 60), CostText(c))
		}
		calls := 0
		for _, c := range costs[shown:] {
			calls += c.Calls
		}
		if rest := len(costs) - shown; rest > 0 {
			fmt.Fprintf(&b, "- %s: %s\n", count(rest, "more carrier", "more carriers"), count(calls, "call", "calls"))
		}
		b.WriteString("\n")
	}
	b.WriteString(moneyMarkdown(p.Money, max(2, limit/1500)))
	if missing := Missing(*s); missing != "" {
		b.WriteString("**" + strings.Replace(missing, "-skip-unapproved", "`-skip-unapproved`", 1) + "**\n\n")
	}
	b.WriteString(LastLine(p) + "\n")
	return b.String()
}

// countsList counts the actions by carrier and kind. It is a list since a table
// with a column for each kind is too wide for a phone.
func countsList(counted counting) *section {
	providers, counts, all := slices.Sorted(maps.Keys(counted.own)), counted.own, counted.all
	s := &section{
		one: "carrier's counts", many: "carriers' counts", weight: 3, items: len(providers), stands: len(providers), shut: "\n",
		item: func(i int) (string, int) {
			return fmt.Sprintf("- %s: %s\n", clippedCode(string(providers[i]), 60), toDo(counts[providers[i]])), 1
		},
		more: func(left string) string { return "- … and " + left + " more\n" },
	}
	if len(providers) > 1 {
		s.open = "- all: " + toDo(all) + "\n"
	}
	return s
}

// toDo is "333,334 to stop, 2 to resume".
func toDo(counts map[spec.Kind]int) string {
	var parts []string
	for _, k := range spec.Kinds() {
		if n := counts[k]; n > 0 {
			parts = append(parts, fmt.Sprintf("**%s** to %s", Thousands(n), k))
		}
	}
	return strings.Join(parts, ", ")
}

// counting counts the actions of each carrier, and of all, by kind.
type counting struct {
	own map[spec.ProviderName]map[spec.Kind]int
	all map[spec.Kind]int
}

func (n *counting) add(c *plan.Card) {
	if len(c.Actions) == 0 {
		return
	}
	if n.own == nil {
		n.own, n.all = map[spec.ProviderName]map[spec.Kind]int{}, map[spec.Kind]int{}
	}
	own := n.own[c.Provider]
	if own == nil {
		own = map[spec.Kind]int{}
		n.own[c.Provider] = own
	}
	for i := range c.Actions {
		own[c.Actions[i].Kind]++
		n.all[c.Actions[i].Kind]++
	}
}

// irreversibleBlock lists what can't be undone, with who approved it and why.
func irreversibleBlock(list someCards, s *plan.Summary) *section {
	n := s.ByKind[spec.Unbind]
	what := plural(list.n, "This closes the account of 1 card", "These close the accounts of "+Thousands(list.n)+" cards") + " for good"
	if !closeAccounts(list.cards) {
		n = finalOf(s)
		what = "This changes " + plural(list.n, "1 card", Thousands(list.n)+" cards") + " for good"
	}
	return &section{
		one: "unbind", many: "unbinds", weight: 8, items: list.n, stands: list.n,
		open: fmt.Sprintf("> [!CAUTION]\n> **%s. Nothing can undo that. %s.**\n>\n", what, approvedOf(n)),
		shut: "\n",
		item: func(i int) (string, int) { return "> - " + cardLine(list.cards[i]) + "\n", 1 },
		more: func(left string) string { return "> - … and " + left + " more\n" },
	}
}

// finalOf counts the guarded actions of all kinds.
func finalOf(s *plan.Summary) plan.KindCount {
	var n plan.KindCount
	for _, k := range s.ByKind {
		n.Planned, n.Guarded, n.Approved = n.Planned+k.Planned, n.Guarded+k.Guarded, n.Approved+k.Approved
	}
	return n
}

func approvedOf(n plan.KindCount) string {
	switch {
	case n.Guarded == 0:
		return "The policy asks for no approval"
	case n.Approved == n.Guarded:
		return plural(n.Guarded, "It is approved", "All are approved")
	default:
		return fmt.Sprintf("%s of %s approved", Thousands(n.Approved), Thousands(n.Guarded))
	}
}

// cardLine is a card with all its actions and notes.
func cardLine(c *plan.Card) string {
	var parts []string
	for _, a := range c.Actions {
		parts = append(parts, changeOf(c, a))
	}
	for _, n := range c.Notes {
		parts = append(parts, "note: "+prose(n))
	}
	return cardCode(c) + ": " + strings.Join(parts, "; ")
}

// blockers are what stands in the plan's way as a whole.
func blockers(p *plan.Plan) *section {
	var lines []string
	for _, c := range p.Incomplete {
		lines = append(lines, fmt.Sprintf("> - %s could not be read at all: %s. %s\n", clippedCode(string(c.Provider), 60), prose(c.Reason), unread(c)))
	}
	for _, l := range p.Limits {
		var said []string
		for _, s := range LimitText(l) {
			said = append(said, prose(s))
		}
		lines = append(lines, "> - "+strings.Join(said, " ")+"\n")
	}
	for _, text := range refusing(p) {
		lines = append(lines, "> - "+prose(text)+"\n")
	}
	return &section{
		one: "reason why apply refuses", many: "reasons why apply refuses", weight: 6, items: len(lines), stands: len(lines),
		open: "> [!WARNING]\n> **apply refuses this plan as it is.**\n>\n", shut: "\n",
		item: func(i int) (string, int) { return lines[i], 1 },
		more: func(left string) string { return "> - … and " + left + " more\n" },
	}
}

// attentionList lists what a person has to look at: groups, then single cards,
// then privacy numbers.
func attentionList(many []alike, list someCards, all int, numbers []plan.Number) *section {
	tables := tablesOf(many, attentionTable)
	single := list.n + len(numbers)
	return &section{
		one: "card that needs attention", many: "cards that need attention", weight: 6, items: len(many) + single, stands: all + len(numbers),
		open: "### Needs attention\n\n", shut: plural(min(single, 1), "\n", ""), // a group ends with its own
		item: func(i int) (string, int) {
			if i < len(many) {
				return tables[i].whole(), many[i].n
			}
			if i -= len(many); i < list.n {
				return attentionLine(cardCode(list.cards[i]), list.cards[i].Attention), 1
			}
			number := &numbers[i-list.n]
			return attentionLine(code(number.Address), number.Attention), 1
		},
		fits: upTo(tables, 0),
		more: func(left string) string { return "- … and " + left + " more\n" },
	}
}

// tablesOf are the tables of groups.
func tablesOf(many []alike, table func(g *alike) *cardTable) []*cardTable {
	var tables []*cardTable
	for i := range many {
		tables = append(tables, table(&many[i]))
	}
	return tables
}

// upTo are a section's items that are tables: those from item first on, nil for others.
func upTo(tables []*cardTable, first int) func(i int) *cardTable {
	return func(i int) *cardTable {
		if i -= first; i >= 0 && i < len(tables) {
			return tables[i]
		}
		return nil
	}
}

func attentionLine(who string, notes []plan.Note) string {
	line := "- " + who
	for i, n := range notes {
		if i > 0 {
			line += "; also"
		}
		line += " **" + prose(n.Summary) + "** — " + prose(n.Detail)
	}
	return line + "\n"
}

// groupList folds each group of cards that change alike.
func groupList(many []alike) *section {
	s := &section{one: "card that changes as others do", many: "cards that change as others do", weight: 6, items: len(many), open: "### Changes\n\n", more: moreGroups}
	for i := range many {
		s.stands += many[i].n
	}
	tables := tablesOf(many, changeTable)
	s.item = func(i int) (string, int) { return tables[i].whole(), many[i].n }
	s.fits = upTo(tables, 0)
	return s
}

// arrows turns our arrows into nicer ones.
func arrows(s string) string { return strings.ReplaceAll(s, " -&gt; ", " → ") }

func moreGroups(left string) string { return "… and " + left + " more cards in other groups\n\n" }

// standingHTML says how a group's guarded actions stand.
func standingHTML(c *plan.Card) string {
	switch said := standing(c); {
	case said == "":
		return ""
	case strings.Contains(said, "NOT APPROVED"):
		return " <b>(not approved)</b>"
	default:
		return " (approved)"
	}
}

func commonlyHTML(g *alike) string {
	first := g.cards[0]
	out := htmlCode(string(first.Provider))
	if g.folded > 0 {
		return out
	}
	for _, l := range labelled(first.Labels) {
		out += " " + htmlCode(l)
	}
	return out
}

func labelCodes(c *plan.Card) string {
	out := ""
	for _, l := range labelled(c.Labels) {
		out += " " + code(l)
	}
	return out
}

// besides are a card's labels, and the row of its table.
func besides(c *plan.Card) string {
	out := labelCodes(c)
	if c.File != "" {
		out += " " + code(rowOf(c))
	}
	if out == "" {
		return ""
	}
	return " ·" + out
}

// singleList lists the cards that change in their own way; beside groups these
// are the odd ones.
func singleList(list someCards, beside bool) *section {
	s := &section{
		one: "card that changes in its own way", many: "cards that change in their own way", weight: 6, items: list.n, stands: list.n,
		open: "### Changes\n\n", shut: "\n",
		item: func(i int) (string, int) {
			return "- " + cardLine(list.cards[i]) + besides(list.cards[i]) + "\n", 1
		},
		more: func(left string) string { return "- … and " + left + " more\n" },
	}
	if beside {
		s.open = fmt.Sprintf("**%s:**\n\n", plural(list.n, "1 card changes in its own way", Thousands(list.n)+" cards change in their own way"))
	}
	if list.n > unfolded {
		s.open = fmt.Sprintf("### Changes, card by card\n\n<details><summary>%s cards</summary>\n\n", Thousands(list.n))
		s.shut = "\n</details>\n\n"
	}
	return s
}

// unfolded is how many cards are listed without being folded.
const unfolded = 20

// driftList lists what changed outside.
func driftList(many []alike, single someCards, all int) *section {
	tables := tablesOf(many, driftTable)
	return &section{
		one: "card that changed outside", many: "cards that changed outside", weight: 3, items: len(many) + single.n, stands: all,
		open: "### Changed outside\n\n", shut: plural(min(len(many), 1), "", "\n"), // a group ends with its own
		item: func(i int) (string, int) {
			if i < single.n {
				return "- " + driftItem(single.cards[i]) + "\n" + blankAfter(i+1, single.n, many), 1
			}
			return tables[i-single.n].whole(), many[i-single.n].n
		},
		fits: upTo(tables, single.n),
		more: func(left string) string { return "\n… and " + left + " more cards\n" },
	}
}

// blankAfter ends the list of single cards before the first group: HTML right
// after a list's line would belong to it.
func blankAfter(n, single int, many []alike) string {
	if n == single && len(many) > 0 {
		return "\n"
	}
	return ""
}

// driftItem is a card with what changed outside.
func driftItem(c *plan.Card) string { return cardCode(c) + ": " + driftLine(c) }

func driftLine(c *plan.Card) string {
	var parts []string
	for _, d := range c.Drift {
		s := fmt.Sprintf("%s: %s → %s since the reading of %s; %s", prose(d.Attribute), code(d.From), code(d.To), d.Since.UTC().Format("2006-01-02 15:04 UTC"), prose(d.Cause))
		if d.Keep != "" {
			s += fmt.Sprintf("; to keep it, in %s: %s", code(d.Where), code(d.Keep))
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}

// noteList lists what is worth knowing of cards that don't change.
func noteList(many []alike, single someCards, all int) *section {
	line := func(c *plan.Card) string {
		var parts []string
		for _, n := range c.Notes {
			parts = append(parts, prose(n))
		}
		return cardCode(c) + ": " + strings.Join(parts, "; ")
	}
	return &section{
		one: "card with notes", many: "cards with notes", weight: 2, items: single.n + len(many), stands: all,
		open: "<details><summary>" + count(all, "card with notes", "cards with notes") + "</summary>\n\n", shut: "\n</details>\n\n",
		item: func(i int) (string, int) {
			if i < single.n {
				return "- " + line(single.cards[i]) + "\n", 1
			}
			g := &many[i-single.n]
			out := ""
			for _, c := range slices.Concat(g.cards, g.rarest) {
				out += "- " + line(c) + "\n"
			}
			return out + "- … and " + count(g.n-samples, "card", "cards") + " more like these\n", g.n
		},
		more: func(left string) string { return "- … and " + left + " more\n" },
	}
}

// approvalBlock is what has to be added to approve what isn't approved.
func approvalBlock(p *plan.Plan, asks []request) *section {
	s := &section{
		one: "approval block", many: "approval blocks", weight: 2, items: len(asks), stands: len(asks),
		open: "<details><summary>How to approve</summary>\n\n", shut: "</details>\n\n",
		item: func(i int) (string, int) { return howToApprove(&asks[i]), 1 },
		more: func(left string) string { return "… and " + left + " more approval blocks\n\n" },
	}
	if p.Policy.SignersOnly && len(asks) > 0 {
		s.items, s.stands = 1, 1
		s.item = func(int) (string, int) {
			return "Only signed approvals count here. Have the saved plan approved with:\n\n```sh\ncardfleet approve PLANFILE -key KEYFILE\n```\n\n", 1
		}
	}
	return s
}

// howToApprove is one approval block with as many cards as a reviewer would read.
func howToApprove(r *request) string {
	out := ""
	if s := r.unknown(); s != "" {
		out += prose(s) + "\n\n"
	}
	if r.n == 0 {
		return out
	}
	out += "To approve " + prose(r.of()) + ", have this reviewed and add it to the configuration:\n\n```hcl\n"
	for _, l := range r.lines(samples * 10) {
		out += l + "\n"
	}
	return out + "```\n\n"
}

// listed joins words as a sentence does.
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
