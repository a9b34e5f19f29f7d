package render

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/fatih/color"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// Text writes the plan as a person reads it: what can't be undone first, then
// what needs attention, then the changes and notes; at the end what it costs,
// what is missing, and the one line with the counts.
func Text(w io.Writer, s plan.Source, style Style) error { return LookAt(s).Text(w, style) }

// Look is a plan that will be shown as text, once it was read to its end for
// something else: what the text has to know of all cards is noted meanwhile.
type Look struct {
	plan.Source
	sorted *sorted // nil before
}

// LookAt is a look at a plan.
func LookAt(s plan.Source) *Look { return &Look{Source: s} }

// Each implements [plan.Source].
func (l *Look) Each(visit func(n int, c *plan.Card) error) error {
	s := newSorted(groupFrom)
	err := l.Source.Each(func(n int, c *plan.Card) error {
		s.add(n, c)
		return visit(n, c)
	})
	if err == nil {
		l.sorted = s
	}
	return err
}

// Text is [Text] of the plan.
func (l *Look) Text(w io.Writer, style Style) error {
	if l.sorted == nil {
		if err := l.Each(func(int, *plan.Card) error { return nil }); err != nil {
			return err
		}
	}
	s, cards := l.Source, l.sorted
	t := &text{w: bufio.NewWriter(w), style: style, plan: s, telling: telling{ClockOf(s.Head().Zone), style.Lang}}
	p := s.Head()
	t.firstRun(p.FirstRun)
	t.partial(p)
	t.weaker(p.Policy.Weaker)
	t.definitions(p.DefinitionTexts())
	t.irreversible(cards)
	t.attention(cards, p.Numbers)
	t.checks(p)
	t.incomplete(p.Incomplete)
	t.drift(cards)
	t.changes(cards)
	t.notes(cards)
	t.limits(p.Limits)
	t.approvals(s)
	t.reads(p)
	t.money(p.Money)
	t.costs(p)
	t.line("%s", style.Bold(style.lastLine(p)))
	return errors.Join(t.err, t.w.Flush())
}

type text struct {
	w     *bufio.Writer
	style Style
	plan  plan.Source
	telling
	err error // of the plan
}

// cards writes the cards at these places.
func (t *text) cards(places []int32, write func(c *plan.Card)) {
	err := t.plan.Visit(places, func(_ int, c *plan.Card) error {
		write(c)
		return nil
	})
	t.err = errors.Join(t.err, err)
}

// sorted keeps the error of what it is given.
func (t *text) sorted(many []alike, single []int32, err error) ([]alike, []int32) {
	t.err = errors.Join(t.err, err)
	return many, single
}

// groups are the groups with the cards that they show.
func (t *text) groups(many []alike) []alike {
	t.err = errors.Join(t.err, fetch(t.plan, many))
	return many
}

// line writes one line. A failed write is kept by the bufio.Writer, and comes
// out of Flush.
func (t *text) line(format string, args ...any) {
	t.put(t.tell(fmt.Sprintf(format, args...)))
}

// code writes a line of the configuration, of which only a comment is told.
func (t *text) code(line string) {
	if strings.HasPrefix(strings.TrimLeft(line, " "), "#") {
		line = t.tell(line)
	}
	t.put(line)
}

// put writes a line as it is.
func (t *text) put(line string) { _, _ = t.w.WriteString(line + "\n") } // see above

// proseWidth is how wide sentences are where the terminal's width isn't known.
const proseWidth = 100

// prose writes sentences that are broken at the terminal's width. lead stands
// before the first line; the others begin in column indent.
func (t *text) prose(lead string, indent int, s string, look ...color.Attribute) {
	t.flow(lead, indent, s, cmpWidth(t.style.Width, proseWidth), look)
}

// entry writes what stands on one line, if the terminal is wide enough.
func (t *text) entry(lead string, indent int, s string, look ...color.Attribute) {
	t.flow(lead, indent, s, cmpWidth(t.style.Width, 1<<30), look)
}

// cmpWidth is the terminal's width, or another where that isn't known. A very
// narrow one would break every word.
func cmpWidth(known, otherwise int) int {
	if known == 0 {
		return otherwise
	}
	return max(known, 40)
}

func (t *text) flow(lead string, indent int, s string, columns int, look []color.Attribute) {
	for i, l := range wrap(t.tell(s), columns-indent) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		t.put(lead + t.style.Paint(l, look...))
	}
}

// title writes the line that a card's lines come after.
func (t *text) title(s string) { t.entry("  ", 4, "# "+s, color.Bold) }

// FirstRunText says that there was no state, and where it was looked for; "" for
// a plan that was made from one.
func FirstRunText(place string) string {
	if place == "" {
		return ""
	}
	return fmt.Sprintf("This is a first run: there is no state in %s.", safe.Text(place))
}

func (t *text) firstRun(place string) {
	if s := FirstRunText(place); s != "" {
		t.entry("", 0, s)
		t.line("")
	}
}

// weakerTitle stands above what of a policy became weaker.
const weakerTitle = "The policy is weaker than at the last apply:"

// definitions says which definitions of carriers somebody has to know of.
func (t *text) definitions(list []string) {
	for _, what := range list {
		t.entry("", 0, safe.Text(spec.Capital(what))+".", color.Bold)
		t.line("")
	}
}

// weaker says what the policy allows more than before.
func (t *text) weaker(list []string) {
	if len(list) == 0 {
		return
	}
	t.entry("", 0, weakerTitle, color.Bold)
	t.line("")
	for _, s := range list {
		t.entry("  "+t.style.symbol("!")+" ", 4, safe.Text(s))
	}
	t.line("")
}

// partial says that the plan isn't about all cards.
func (t *text) partial(p *plan.Plan) {
	if p.RefreshOnly {
		t.entry("", 0, "This plan changes no card (-refresh-only): it shows what changed outside, and apply takes that into the state.", color.Bold)
		t.line("")
	}
	if p.Partial != "" {
		t.entry("", 0, fmt.Sprintf("This plan is partial (%s): %s.", safe.Text(p.Partial), selectedText(p)), color.Bold)
		t.line("")
	}
}

// selectedText says how many cards a partial plan is about: "80 of 598 cards selected.
// 518 cards were left out, and may differ too".
func selectedText(p *plan.Plan) string {
	return fmt.Sprintf("%s of %s selected. %s left out, and may differ too", Thousands(p.Total), count(p.Total+p.Skipped, "card", "cards"), wereCards(p.Skipped))
}

func (t *text) irreversible(s *sorted) {
	if len(s.irreversible) == 0 {
		return
	}
	title := "These actions close a card's account for good. Nothing can undo them:"
	if s.final {
		title = "Nothing can undo these actions:"
	}
	t.entry("", 0, title, color.Bold)
	t.line("")
	t.cards(s.irreversible, t.card)
}

// drift shows what changed outside, apart from what the plan changes.
func (t *text) drift(cards *sorted) {
	n := len(cards.drifted.places)
	if n == 0 {
		return
	}
	t.line("%s", t.style.Bold(fmt.Sprintf("Changed outside cardfleet, %s:", count(n, "card", "cards"))))
	t.line("")
	many, single := t.sorted(cards.apart(t.plan, cards.drifted))
	for i := range t.groups(many) {
		g := &many[i]
		var whats []string
		for _, d := range g.cards[0].Drift {
			whats = append(whats, drifted(d, g.folded))
		}
		t.group(g, grouped{what: strings.Join(whats, "; "), common: commonly(g), own: labelsOwn, details: func(c *plan.Card) { t.drifts(c, 8) }})
	}
	t.cards(single, func(c *plan.Card) {
		t.title(named(c))
		t.drifts(c, 4)
		t.line("")
	})
}

// drifted is what changed in a group of cards.
func drifted(d plan.Drift, folded int) string {
	if folded > 1 {
		return d.Attribute
	}
	return fmt.Sprintf("%s: %s -> %s", safe.Text(d.Attribute), safe.Text(model(d.From)), safe.Text(model(d.To)))
}

func (t *text) drifts(c *plan.Card, indent int) {
	lead := strings.Repeat(" ", indent)
	for _, d := range c.Drift {
		t.entry(lead+t.style.symbol("~")+" ", indent+2, fmt.Sprintf("%s: %s -> %s", safe.Text(d.Attribute), safe.Text(d.From), safe.Text(d.To)))
		t.entry(lead+"  ", indent+4, fmt.Sprintf("# since the reading of %s; %s", d.Since.UTC().Format("2006-01-02 15:04 UTC"), safe.Text(d.Cause)), faint)
		if d.Keep != "" {
			t.entry(lead+"  ", indent+4, fmt.Sprintf("# to keep it, in %s: %s", safe.Text(d.Where), safe.Text(d.Keep)), faint)
		}
	}
}

func (t *text) changes(cards *sorted) {
	many, single := t.sorted(cards.apart(t.plan, cards.changing))
	if len(many)+len(single) == 0 {
		return
	}
	t.line("cardfleet will do the following:")
	t.line("")
	for i := range t.groups(many) {
		g := &many[i]
		t.group(g, grouped{
			what: strings.Join(g.whats(), "; ") + standing(g.cards[0]), common: commonly(g) + commonLabels(g),
			sample: sample, own: func(c *plan.Card) string { return oddly(g, c) }, details: func(c *plan.Card) { t.notesOf(c, 8) },
		})
	}
	t.cards(single, func(c *plan.Card) {
		t.lines(c)
		if len(many) > 0 {
			t.labelsOf(c)
		}
		t.line("")
	})
}

// labelsOf shows the labels of a card that is apart from groups: they may be
// what makes it odd.
func (t *text) labelsOf(c *plan.Card) {
	if l := labels(c.Labels); l != "" {
		t.entry("      ", 8, "# labels "+l, faint)
	}
}

// grouped is what a text says of a group, and of its cards: each group says only
// what its own section is about.
type grouped struct {
	what, common string
	sample       func(c *plan.Card) string // behind a card's name; nil for nothing
	own          func(c *plan.Card) string // behind an odd one's
	details      func(c *plan.Card)
}

// group writes many cards that have something in common as one line with three
// samples, and the odd ones among them.
func (t *text) group(g *alike, says grouped) {
	number := t.tell(fmt.Sprintf("%d cards", g.n))
	line := fmt.Sprintf("%s  %s   %s", number, t.own(says.what), t.tell(says.common))
	name := func(c *plan.Card) string {
		if says.sample == nil {
			return named(c)
		}
		return named(c) + says.sample(c)
	}
	for i, l := range wrap(line, cmpWidth(t.style.Width, 1<<30)-6) {
		if i == 0 {
			t.line("  %s %s", t.style.symbol("~"), t.style.Bold(number)+strings.TrimPrefix(l, number))
			continue
		}
		t.line("      %s", l)
	}
	for _, c := range g.cards {
		t.entry("      ", 8, "# "+name(c))
		says.details(c)
	}
	left := g.n - samples
	if g.folded == 0 {
		t.line("      # … and %s more alike", Thousands(left))
	} else {
		t.line("      # … and %s more, of %s", Thousands(left), different(g))
		for _, c := range g.rarest {
			t.entry("      ", 8, "# an odd one: "+name(c)+says.own(c))
			says.details(c)
		}
	}
	t.line("")
}

// commonly is what the cards of any group share.
func commonly(g *alike) string { return "provider " + safe.Text(string(g.cards[0].Provider)) }

// commonLabels are the labels that cards share which change alike; those of other
// groups may differ.
func commonLabels(g *alike) string {
	if l := labels(g.cards[0].Labels); l != "" && g.folded == 0 {
		return ", labels " + l
	}
	return ""
}

// different says how many different ones a folded group has.
func different(g *alike) string {
	return count(g.parts, "combination", "combinations") + " of labels and other details"
}

// oddly is what an odd one has of its own.
func oddly(g *alike, c *plan.Card) string {
	var own []string
	if g.folded > 1 {
		for _, a := range c.Actions {
			own = append(own, alikeText(a.Change))
		}
	}
	if l := labels(c.Labels); l != "" {
		own = append(own, "labels "+l)
	}
	if len(own) == 0 {
		return ""
	}
	return " (" + strings.Join(own, "; ") + ")"
}

// labelsOwn are an odd one's labels.
func labelsOwn(c *plan.Card) string {
	if l := labels(c.Labels); l != "" {
		return " (labels " + l + ")"
	}
	return ""
}

// standing says how a group's guarded actions stand, as each of its cards does.
func standing(c *plan.Card) string {
	for _, a := range c.Actions {
		switch {
		case a.Guarded && !a.Approved:
			return "  (NOT APPROVED: " + safe.Text(a.Denial) + ")"
		case a.Guarded:
			return "  (approved)"
		}
	}
	return ""
}

// card writes all of one card's actions and notes.
func (t *text) card(c *plan.Card) {
	t.lines(c)
	t.line("")
}

func (t *text) lines(c *plan.Card) {
	t.title(safe.Text(c.Address) + " " + fate(c))
	for _, a := range c.Actions {
		t.action(c, a)
	}
	t.notesOf(c, 6)
}

func (t *text) notesOf(c *plan.Card, indent int) {
	for _, n := range c.Notes {
		t.entry(strings.Repeat(" ", indent), indent+2, "# "+safe.Text(n), faint)
	}
}

// action writes one action as a line: symbol, attribute, values.
func (t *text) action(c *plan.Card, a plan.Action) {
	if replacesDevice(a.Change) {
		t.changeDevice(a)
	} else {
		t.change(a.Kind.Phrase().Symbol, lineText(a.Change), a)
	}
	if l := leaving(c, a); l != "" {
		t.entry("      ", 8, "# "+l, faint)
	}
}

// changeDevice writes the change of a device, with its digits that change marked.
func (t *text) changeDevice(a plan.Action) {
	phrase := a.Kind.Phrase()
	lead, words := "    "+t.style.symbol(phrase.Symbol)+" ", ascii(phrase.Line)
	from, to := safe.Text(a.From), safe.Text(a.To)
	shown, carets := t.style.mark(from, to)
	t.line("%s%s", lead, a.Tell(words, from, shown))
	if carets != "" {
		before := a.Tell(words, from, to)
		t.line("%s%s", strings.Repeat(" ", len("    ~ ")+width(strings.TrimSuffix(before, to))), carets)
	}
	if a.Guarded {
		said, look := approval(a)
		t.entry("      ", 6, said, look)
	}
	t.given(a)
}

// change writes an action, and how it stands with the guard: on the same line
// where that is wide enough.
func (t *text) change(mark, what string, a plan.Action) {
	lead := "    " + t.style.symbol(mark) + " "
	said, look := approval(a)
	switch {
	case said == "":
		t.entry(lead, 6, what)
	case 6+width(t.tell(what))+2+width(t.tell(said)) <= cmpWidth(t.style.Width, 1<<30):
		t.line("%s%s  %s", lead, what, t.style.Paint(said, look))
	default:
		t.entry(lead, 6, what)
		t.entry("      ", 6, said, look)
	}
	t.given(a)
}

// given says who approved an action, and why.
func (t *text) given(a plan.Action) {
	for i, g := range a.Approvals {
		said := "# approved by " + safe.Text(g.By) + counts(&a, i)
		if g.Reason != "" {
			said += ": " + safe.Text(g.Reason)
		}
		t.entry("      ", 8, said, faint)
	}
}

// approval says how an action stands with the guard; "" for one that needs none.
func approval(a plan.Action) (said string, look color.Attribute) {
	switch {
	case !a.Guarded:
		return "", color.Reset
	case a.Approved:
		return "(approved)", green
	default:
		return "(NOT APPROVED: " + safe.Text(a.Denial) + ")", red
	}
}

func (t *text) attention(cards *sorted, numbers []plan.Number) {
	if len(cards.attention.places)+len(numbers) == 0 {
		return
	}
	t.entry("", 0, "These need a person's attention; nothing is called for what they say:", color.Bold)
	t.line("")
	many, single := t.sorted(cards.apart(t.plan, cards.attention))
	for i := range t.groups(many) {
		t.attentionGroup(&many[i])
	}
	t.cards(single, func(c *plan.Card) {
		t.title(named(c))
		t.attentionOf(c)
		t.line("")
	})
	for i := range numbers {
		t.title(safe.Text(numbers[i].Address))
		t.attentionNotes(numbers[i].Attention)
		t.line("")
	}
}

// attentionGroup writes once what many cards need, and names three of them.
func (t *text) attentionGroup(g *alike) {
	t.title(fmt.Sprintf("%s cards, %s", Thousands(g.n), commonly(g)))
	t.attentionOf(g.cards[0])
	if ownNumbers(g) {
		t.entry("      ", 8, "# numbers and times are those of the first card", faint)
	}
	for _, c := range g.cards {
		t.entry("      ", 8, "# "+named(c), faint)
	}
	t.line("      %s", t.style.Paint("# … and "+Thousands(g.n-len(g.cards))+" more alike", faint))
	t.line("")
}

// ownNumbers reports whether what the cards of a group need is told with numbers
// of their own.
func ownNumbers(g *alike) bool {
	return slices.ContainsFunc(g.cards, func(c *plan.Card) bool { return !slices.Equal(c.Attention, g.cards[0].Attention) })
}

// attentionOf writes what a card needs, and its notes where no change has them.
func (t *text) attentionOf(c *plan.Card) {
	t.attentionNotes(c.Attention)
	if len(c.Actions) == 0 {
		t.notesOf(c, 6)
	}
}

func (t *text) attentionNotes(notes []plan.Note) {
	for _, n := range notes {
		t.entry("    "+t.style.symbol("!")+" ", 6, safe.Text(n.Summary), color.Bold)
		for para := range strings.SplitSeq(t.lang.Lines(n.Detail), "\n") {
			t.prose("      ", 6, safe.Text(strings.TrimRight(para, "\r")))
		}
	}
}

func (t *text) notes(cards *sorted) {
	if len(cards.noted.places) == 0 {
		return
	}
	many, single := t.sorted(cards.apart(t.plan, cards.noted))
	t.cards(single, t.noteLines)
	for i := range t.groups(many) {
		g := &many[i]
		for _, c := range slices.Concat(g.cards, g.rarest) {
			t.noteLines(c)
		}
		t.line("  %s", t.style.Paint(fmt.Sprintf("# … and %s like these on %s", plural(g.n-samples, "a note", "notes"), count(g.n-samples, "more card", "more cards")), faint))
	}
	t.line("")
}

func (t *text) noteLines(c *plan.Card) {
	for _, n := range c.Notes {
		t.entry("  ", 4, "# "+named(c)+": "+safe.Text(n), faint)
	}
}

func (t *text) incomplete(carriers []plan.Incomplete) {
	for _, c := range carriers {
		t.entry(t.style.symbol("!")+" ", 2, fmt.Sprintf("%s could not be read at all: %s.", safe.Text(string(c.Provider)), safe.Text(c.Reason)))
		t.entry("  ", 2, unread(c))
		t.line("")
	}
}

func unread(c plan.Incomplete) string {
	return fmt.Sprintf("Its %s unread, and nothing is planned for them: this plan is incomplete.", AreCards(c.Cards))
}

func (t *text) limits(limits []plan.Exceeded) {
	for _, l := range limits {
		for _, s := range LimitText(l) {
			t.entry(t.style.symbol("!")+" ", 2, safe.Text(s))
		}
		t.line("")
	}
}

// LimitText says what a passed limit means, and what to do.
func LimitText(l plan.Exceeded) []string {
	if l.OnTrust {
		return trustText(l)
	}
	lines := []string{fmt.Sprintf("The limit on %s is passed: %s planned, %s allowed%s.", limited(l), Thousands(l.Planned), l.Allowed, usual(l))}
	if l.Kind == spec.Removals {
		lines[0] = fmt.Sprintf("The configuration lost %s that the state has, %s allowed%s. Is a table cut in half?", count(l.Planned, "card", "cards"), l.Allowed, usual(l))
	}
	if l.File != "" {
		lines = append(lines, fmt.Sprintf("Most of them come from %s: %s.", l.File, Thousands(l.FileCount)))
	}
	if l.Accepted != nil {
		lines = append(lines, fmt.Sprintf("-accept-count=%s:%d doesn't fit.", l.Kind, *l.Accepted))
	}
	meant := fmt.Sprintf("apply refuses this plan. If it is meant, run apply with -accept-count=%s:%d, or write a higher limit into the policy: limit %q { count = %d }", l.Kind, l.Planned, l.Kind, l.Planned)
	if l.Kind == spec.Removals {
		meant += "; cards named in a removed block don't count"
	}
	return append(lines, meant)
}

// trustText is LimitText of cards that are adopted on trust.
func trustText(l plan.Exceeded) []string {
	at := ""
	if l.Provider != "" {
		at = " at " + string(l.Provider)
	}
	lines := []string{fmt.Sprintf("The state that this fleet had is not there, and %s%s would be adopted on trust: the configuration alone says which devices they have. "+
		"The limit on remove holds for these too: %s allowed%s.", count(l.Planned, "card", "cards"), at, l.Allowed, usual(l))}
	if l.Accepted != nil {
		lines = append(lines, fmt.Sprintf("-accept-count=%s:%d doesn't fit.", l.Kind, *l.Accepted))
	}
	return append(lines, fmt.Sprintf("apply refuses this plan. Put the state back; or, if it is meant, run apply with -accept-new-state and -accept-count=%s:%d", l.Kind, l.Adopted))
}

func limited(l plan.Exceeded) string {
	what := string(l.Kind)
	if l.Kind == spec.AnyKind {
		what = "all actions together"
	}
	if l.Provider != "" {
		what += " at " + string(l.Provider)
	}
	return what
}

func usual(l plan.Exceeded) string {
	if !l.Default {
		return ""
	}
	return " (it holds for fleets of 10 cards or more unless the policy says otherwise)"
}

// costs says what applying takes at each carrier, which actions wait for a window, and
// how many approvals are missing.
func (t *text) costs(p *plan.Plan) {
	for _, c := range accountCosts(p.Costs) {
		t.line("%s: %s", safe.Text(namesOf(c)), CostText(c))
	}
	timed := timingTexts(p)
	for _, text := range timed {
		t.entry("", 0, text)
	}
	missing := Missing(p.Summary())
	if missing != "" {
		t.entry("", 0, missing, red)
	}
	if len(p.Costs)+len(timed) > 0 || missing != "" {
		t.line("")
	}
}

// Missing says how many approvals a plan lacks; "" where it lacks none.
func Missing(s plan.Summary) string {
	lacking := s.Guarded - s.Approved
	if lacking == 0 {
		return ""
	}
	return fmt.Sprintf("Approvals missing: %s of %s. Without them apply refuses this plan; -skip-unapproved leaves these actions out.",
		Thousands(lacking), Thousands(s.Guarded))
}

// accountCosts are the costs by account: the calls of providers that share an
// account go one after the other, at its rate.
func accountCosts(costs []plan.Cost) []plan.Cost {
	var out []plan.Cost
	at := map[spec.ProviderName]int{} // of the first provider of an account
	for _, c := range costs {
		first := c.Provider
		for _, other := range c.With {
			first = min(first, other)
		}
		k, ok := at[first]
		if !ok {
			at[first] = len(out)
			out = append(out, c)
			continue
		}
		out[k].Calls += c.Calls
	}
	return out
}

// namesOf are the providers of an account: "aliyun.a and aliyun.b, of one account".
func namesOf(c plan.Cost) string {
	names := []spec.ProviderName{c.Provider}
	return OneAccount(append(names, c.With...))
}

// OneAccount names providers that share an account; one by its name alone.
func OneAccount(names []spec.ProviderName) string {
	if len(names) == 1 {
		return string(names[0])
	}
	return joined(names) + ", of one account"
}

// joined is "aliyun.a, aliyun.b and aliyun.c".
func joined(names []spec.ProviderName) string {
	s := string(names[0])
	for i, name := range names[1:] {
		if i == len(names)-2 {
			s += " and " + string(name)
		} else {
			s += ", " + string(name)
		}
	}
	return s
}

// CostText is "18,240 calls, about 31 min at 10/s".
func CostText(c plan.Cost) string {
	s := count(c.Calls, "call", "calls")
	if c.PerSecond <= 0 {
		return s + quotaText(c)
	}
	s = fmt.Sprintf("%s, about %s at %s/s", s, Duration(c.Time()), strconv.FormatFloat(c.PerSecond, 'f', -1, 64))
	return s + quotaText(c)
}

// quotaText says which quotas the plan passes, if it passes any.
func quotaText(c plan.Cost) string {
	s := ""
	if c.PerDay > 0 {
		s += fmt.Sprintf("; with the reading, more than the %s calls of a day", Thousands(c.PerDay))
	}
	if c.PerMonth > 0 {
		s += fmt.Sprintf("; with the reading, more than the %s calls of a month", Thousands(c.PerMonth))
	}
	return s
}

// LastLine is the plan in one line, always in the same form.
func LastLine(p *plan.Plan) string {
	switch {
	case p.Changes() || !p.Clean(): // the first is soon known
		return planned(p.Summary())
	case p.RefreshOnly:
		return fmt.Sprintf("No drift. %s looked at, as %s last read.", wereCards(p.Total), plural(p.Total, "it was", "they were"))
	case p.Total == 1:
		return "No changes. 1 card matches the configuration."
	default:
		return fmt.Sprintf("No changes. %d cards match the configuration.", p.Total)
	}
}

// lastLine is [LastLine], on a terminal without the parts that are 0.
func (s Style) lastLine(p *plan.Plan) string {
	if !s.Terminal || p.Clean() {
		return LastLine(p)
	}
	return plannedBriefly(p.Summary())
}

// plannedBriefly is the counts that aren't 0.
func plannedBriefly(s plan.Summary) string {
	var parts, rest []string
	for _, kind := range spec.Kinds() {
		if n := s.ByKind[kind]; n.Planned > 0 {
			parts = append(parts, plannedOf(kind, n))
		}
	}
	for _, of := range []struct {
		n    int
		what string
	}{{s.Unchanged, "unchanged"}, {s.Attention, plural(s.Attention, "needs attention", "need attention")}, {s.Drifted, "changed outside"}, {s.Unread, "unread"}} {
		if of.n > 0 {
			rest = append(rest, fmt.Sprintf("%d %s", of.n, of.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing to change"}
	}
	line := "Plan: " + strings.Join(parts, ", ") + "."
	if len(rest) > 0 {
		line += " " + strings.Join(rest, ", ") + "."
	}
	return line
}

func plannedOf(kind spec.Kind, n plan.KindCount) string {
	part := fmt.Sprintf("%d to %s", n.Planned, kind)
	if kind.Irreversible() || n.Guarded > 0 {
		part += fmt.Sprintf(" (%d of %d approved)", n.Approved, n.Guarded)
	}
	return part
}

func planned(s plan.Summary) string {
	parts := make([]string, 0, 8)
	for _, kind := range spec.Kinds() {
		n := s.ByKind[kind]
		if kind == spec.Move && n.Planned == 0 {
			continue // a fleet that stays where it is isn't told of moving
		}
		parts = append(parts, plannedOf(kind, n))
	}
	unread := ""
	if s.Unread > 0 {
		unread = fmt.Sprintf(", %d unread", s.Unread)
	}
	return fmt.Sprintf("Plan: %s. %d unchanged, %d needs attention%s.", strings.Join(parts, ", "), s.Unchanged, s.Attention, unread)
}
