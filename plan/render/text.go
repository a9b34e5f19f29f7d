package render

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

// Text writes the plan as a person reads it: what can't be undone first, then
// the changes, then what needs attention, then notes, and at the end the one
// line with the counts.
func Text(w io.Writer, p *plan.Plan, style Style) error {
	t := &text{w: bufio.NewWriter(w), style: style}
	cards := sortOut(p)
	t.partial(p)
	t.drift(p)
	t.irreversible(cards.irreversible)
	t.changes(cards.changing)
	t.attention(cards.attention, p.Numbers)
	t.notes(cards.noted)
	t.incomplete(p.Incomplete)
	t.limits(p.Limits)
	t.approvals(p, cards.irreversible, cards.changing)
	t.reads(p)
	t.costs(p.Costs)
	t.line("%s", style.Bold(LastLine(p)))
	return t.w.Flush()
}

// sorted are a plan's cards by where they are shown.
type sorted struct{ irreversible, changing, attention, noted []*plan.Card }

func sortOut(p *plan.Plan) sorted {
	var s sorted
	for i := range p.Cards {
		c := &p.Cards[i]
		switch {
		case closes(c):
			s.irreversible = append(s.irreversible, c)
		case len(c.Actions) > 0:
			s.changing = append(s.changing, c)
		}
		if len(c.Attention) > 0 {
			s.attention = append(s.attention, c)
		} else if len(c.Actions) == 0 && len(c.Notes) > 0 {
			s.noted = append(s.noted, c)
		}
	}
	return s
}

func closes(c *plan.Card) bool {
	for _, a := range c.Actions {
		if a.Kind.Irreversible() {
			return true
		}
	}
	return false
}

type text struct {
	w     *bufio.Writer
	style Style
}

// line writes one line. A failed write is kept by the bufio.Writer, and comes
// out of Flush.
func (t *text) line(format string, args ...any) {
	fmt.Fprintf(t.w, format+"\n", args...) //nolint:errcheck // see above
}

// partial says that the plan isn't about all cards.
func (t *text) partial(p *plan.Plan) {
	if p.RefreshOnly {
		t.line("%s", t.style.Bold("This plan changes no card (-refresh-only): it shows what changed outside, and apply takes that into the state."))
		t.line("")
	}
	if p.Partial != "" {
		t.line("%s", t.style.Bold(fmt.Sprintf("This plan is partial (%s): %s left out, and may differ too.", p.Partial, wereCards(p.Skipped))))
		t.line("")
	}
}

func wereCards(n int) string {
	if n == 1 {
		return "1 card was"
	}
	return Thousands(n) + " cards were"
}

// drift shows what changed outside, apart from what the plan changes.
func (t *text) drift(p *plan.Plan) {
	n, listed := p.Summary().Drifted, 0
	if n == 0 {
		return
	}
	t.line("%s", t.style.Bold(fmt.Sprintf("Changed outside cardfleet, %s:", count(n, "card", "cards"))))
	t.line("")
	for i := range p.Cards {
		c := &p.Cards[i]
		if len(c.Drift) == 0 {
			continue
		}
		if listed++; listed > driftShown {
			t.line("  # … and %s more", Thousands(n-driftShown))
			t.line("")
			return
		}
		t.line("  %s", t.style.Bold("# "+c.Address+iccidOf(c)))
		for _, d := range c.Drift {
			t.line("    %s %s: %s -> %s", t.style.symbol("~"), d.Attribute, d.From, d.To)
			t.line("      %s", t.style.Paint(fmt.Sprintf("# since the reading of %s; %s", d.Since.UTC().Format("2006-01-02 15:04 UTC"), d.Cause), faint))
			if d.Keep != "" {
				t.line("      %s", t.style.Paint(fmt.Sprintf("# to keep it, in %s: %s", d.Where, d.Keep), faint))
			}
		}
		t.line("")
	}
}

// driftShown is how many drifted cards are listed before the rest is counted.
const driftShown = 100

func (t *text) irreversible(cards []*plan.Card) {
	if len(cards) == 0 {
		return
	}
	t.line("%s", t.style.Bold("These actions close a card's account for good. Nothing can undo them:"))
	t.line("")
	for _, c := range cards {
		t.card(c)
	}
}

func (t *text) changes(cards []*plan.Card) {
	if len(cards) == 0 {
		return
	}
	t.line("cardfleet will do the following:")
	t.line("")
	for _, g := range groups(cards) {
		if len(g.cards) < groupFrom {
			for _, c := range g.cards {
				t.card(c)
			}
			continue
		}
		t.group(g)
	}
}

// card writes all of one card's actions and notes.
func (t *text) card(c *plan.Card) {
	t.line("  %s", t.style.Bold("# "+c.Address+" "+fate(c)))
	for _, a := range c.Actions {
		t.action(c, a)
	}
	for _, n := range c.Notes {
		t.line("      %s", t.style.Paint("# "+n, faint))
	}
	t.line("")
}

// fate says in a word what becomes of the card.
func fate(c *plan.Card) string {
	only := func(k spec.Kind) bool { return len(c.Actions) == 1 && c.Actions[0].Kind == k }
	where := ""
	if !strings.Contains(c.Address, string(c.ICCID)) {
		where = " (" + string(c.ICCID) + ")"
	}
	switch {
	case closes(c):
		return "will be unbound" + where
	case only(spec.Adopt):
		return "will be adopted" + where
	case only(spec.Forget):
		return "will be forgotten" + where
	case len(c.Actions) == 0:
		return "needs attention" + where
	default:
		return "will be changed" + where
	}
}

// action writes one action as a line: symbol, attribute, values.
func (t *text) action(c *plan.Card, a plan.Action) {
	switch a.Kind {
	case spec.ChangeBind:
		to, carets := t.style.mark(a.From, a.To)
		lead := "    ~ imei: " + a.From + " -> "
		t.line("    %s imei: %s -> %s", t.style.symbol("~"), a.From, to)
		if carets != "" {
			t.line("%s%s", strings.Repeat(" ", len(lead)), carets)
		}
	case spec.Unbind:
		t.line("    %s unbind from %s%s", t.style.symbol("-"), a.From, t.approval(a))
		if c.Leaving {
			t.line("      %s", t.style.Paint("# it is no longer in the configuration (on_remove), and is forgotten once it is unbound", faint))
		}
	case spec.Stop:
		t.line("    %s active: true -> false%s", t.style.symbol("~"), t.approval(a))
		if c.Leaving {
			t.line("      %s", t.style.Paint("# it is no longer in the configuration (on_remove), and is forgotten once it is stopped", faint))
		}
	case spec.Resume:
		t.line("    %s active: false -> true%s", t.style.symbol("~"), t.approval(a))
	case spec.Subscribe:
		t.line("    %s package %s%s", t.style.symbol("+"), a.To, t.approval(a))
	case spec.Unsubscribe:
		t.line("    %s package %s%s", t.style.symbol("-"), a.From, t.approval(a))
	case spec.Adopt:
		t.line("    %s adopt into the state%s", t.style.symbol("~"), adopted(a))
	case spec.Forget:
		t.line("    %s forget: managed no longer, the card itself is left as it is", t.style.symbol("~"))
	}
}

func adopted(a plan.Action) string {
	if a.To == "" {
		return ""
	}
	return ", bound to " + a.To
}

// approval says how an action stands with the guard; "" for one that needs none.
func (t *text) approval(a plan.Action) string {
	switch {
	case !a.Guarded:
		return ""
	case a.Approved:
		return "  " + t.style.Paint("(approved)", green)
	default:
		return "  " + t.style.Paint("(NOT APPROVED: "+a.Denial+")", red)
	}
}

func (t *text) attention(cards []*plan.Card, numbers []plan.Number) {
	if len(cards)+len(numbers) == 0 {
		return
	}
	t.line("%s", t.style.Bold("These need a person's attention; nothing is called for what they say:"))
	t.line("")
	for _, c := range cards {
		t.line("  %s", t.style.Bold("# "+c.Address+iccidOf(c)))
		t.attentionNotes(c.Attention)
		if len(c.Actions) == 0 {
			for _, n := range c.Notes {
				t.line("      %s", t.style.Paint("# "+n, faint))
			}
		}
		t.line("")
	}
	for i := range numbers {
		t.line("  %s", t.style.Bold("# "+numbers[i].Address))
		t.attentionNotes(numbers[i].Attention)
		t.line("")
	}
}

func iccidOf(c *plan.Card) string {
	if strings.Contains(c.Address, string(c.ICCID)) {
		return ""
	}
	return " (" + string(c.ICCID) + ")"
}

func (t *text) attentionNotes(notes []plan.Note) {
	for _, n := range notes {
		t.line("    %s %s", t.style.symbol("!"), t.style.Bold(n.Summary))
		for _, l := range wrap(n.Detail, 94) {
			t.line("      %s", l)
		}
	}
}

// notesShown is how many notes are listed before the rest is counted.
const notesShown = 20

func (t *text) notes(cards []*plan.Card) {
	if len(cards) == 0 {
		return
	}
	for i, c := range cards {
		if i == notesShown {
			t.line("  %s", t.style.Paint(fmt.Sprintf("# … and notes on %s more", count(len(cards)-i, "card", "cards")), faint))
			break
		}
		for _, n := range c.Notes {
			t.line("  %s", t.style.Paint("# "+c.Address+iccidOf(c)+": "+n, faint))
		}
	}
	t.line("")
}

func (t *text) incomplete(carriers []plan.Incomplete) {
	for _, c := range carriers {
		t.line("%s %s could not be read at all: %s.", t.style.symbol("!"), c.Provider, c.Reason)
		t.line("  Its %s unread, and nothing is planned for them: this plan is incomplete.", areCards(c.Cards))
		t.line("")
	}
}

func areCards(n int) string {
	if n == 1 {
		return "1 card is"
	}
	return Thousands(n) + " cards are"
}

func (t *text) limits(limits []plan.Exceeded) {
	for _, l := range limits {
		for _, s := range LimitText(l) {
			t.line("%s %s", t.style.symbol("!"), s)
		}
		t.line("")
	}
}

// LimitText says what a passed limit means, and what to do.
func LimitText(l plan.Exceeded) []string {
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

// approvals says how to approve what nobody approved: the block to add for each
// action, or the command that signs them all.
func (t *text) approvals(p *plan.Plan, lists ...[]*plan.Card) {
	for _, cards := range lists {
		for _, c := range cards {
			for _, a := range c.Actions {
				if !a.Guarded || a.Approved {
					continue
				}
				if p.SignersOnly {
					t.line("Only signed approvals count here. Save the plan with -out=PLANFILE, and have it approved with:")
					t.line("  cardfleet approve PLANFILE -key KEYFILE")
					t.line("")
					return
				}
				t.block(c, a)
			}
		}
	}
}

func (t *text) block(c *plan.Card, a plan.Action) {
	device := plan.DeviceOf(c, a)
	if device == "" {
		t.line("To approve the %s of %s, its device has to be known: say it with current_imei.", a.Kind, c.Address)
		t.line("")
		return
	}
	t.line("To approve the %s of %s, have this reviewed and add it to the configuration:", a.Kind, c.Address)
	t.line("")
	t.line("  approval %q {", string(a.Kind)+"-"+string(c.ICCID))
	t.line("    action = %q", a.Kind)
	t.line("    cards  = { %q = %q }", c.ICCID, device)
	t.line("    reason = \"…\"")
	t.line("  }")
	t.line("")
}

func (t *text) costs(costs []plan.Cost) {
	for _, c := range costs {
		t.line("%s: %s", c.Provider, CostText(c))
	}
	if len(costs) > 0 {
		t.line("")
	}
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
	if p.Clean() && p.RefreshOnly {
		return fmt.Sprintf("No drift. %s looked at, as %s last read.", wereCards(p.Total), map[bool]string{true: "it was", false: "they were"}[p.Total == 1])
	}
	if p.Clean() {
		if p.Total == 1 {
			return "No changes. 1 card matches the configuration."
		}
		return fmt.Sprintf("No changes. %d cards match the configuration.", p.Total)
	}
	s := p.Summary()
	parts := make([]string, 0, 8)
	for _, kind := range spec.Kinds() {
		n := s.ByKind[kind]
		part := fmt.Sprintf("%d to %s", n.Planned, kind)
		if kind.Irreversible() || n.Guarded > 0 {
			part += fmt.Sprintf(" (%d of %d approved)", n.Approved, n.Guarded)
		}
		parts = append(parts, part)
	}
	unread := ""
	if s.Unread > 0 {
		unread = fmt.Sprintf(", %d unread", s.Unread)
	}
	return fmt.Sprintf("Plan: %s. %d unchanged, %d needs attention%s.", strings.Join(parts, ", "), s.Unchanged, s.Attention, unread)
}
