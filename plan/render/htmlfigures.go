package render

import (
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
)

// figures are the plan's counts as the page draws them. Widths are in
// thousandths of the whole.
type figures struct {
	Summary           plan.Summary
	Actions, Changing int // actions, and cards with one
	Rows, Listed      int // of the table, and the cards in it
	Fleet             []segment
	Kinds             []bar
	Carriers          []bar
	Money             *moneyHTML
}

// segment is one part of a bar.
type segment struct {
	Class, Name string
	Count       int
	X, Width    int
}

// bar is one line of a picture: parts of a whole that is as long as Count is
// against the longest.
type bar struct {
	Name            string
	Count           int
	Note            string
	Segments        []segment
	Plain           bool // nothing that the table could be narrowed to
	Ours            bool // the name is the program's own, and is told
	Guarded, Missed int  // of a kind: how many need an approval, and lack it
}

// named is a bar's name as it is told.
func (b bar) named(l lang.Language) string {
	if b.Ours || b.Plain {
		return l.Word(b.Name)
	}
	return b.Name
}

// tally counts one provider's actions by risk.
type tally map[spec.Risk]int

// figuring counts the cards of the page, one after the other.
type figuring struct {
	plan      *plan.Plan
	counted   figures
	byCarrier map[spec.ProviderName]tally
	states    map[string]int
}

func newFigures(p *plan.Plan) *figuring {
	return &figuring{plan: p, counted: figures{Summary: p.Summary()}, byCarrier: map[spec.ProviderName]tally{}, states: map[string]int{}}
}

func (n *figuring) card(c *plan.Card) {
	f := &n.counted
	f.Listed++
	f.Rows += rowsOf(c)
	f.Actions += len(c.Actions)
	n.states[stateOf(c)]++
	if len(c.Actions) > 0 {
		f.Changing++
		tallyOf(n.byCarrier, c)
	}
}

func (n *figuring) figures() figures {
	f := n.counted
	f.Rows += len(n.plan.Numbers)
	f.Fleet = fleet(n.plan, n.states)
	f.Kinds = kinds(f.Summary)
	f.Carriers = carriers(n.plan, n.byCarrier)
	f.Money = moneyPage(n.plan.Money)
	return f
}

// rowsOf is how many rows of the table a card takes.
func rowsOf(c *plan.Card) int {
	n := len(c.Actions)
	if len(c.Attention) > 0 {
		n++
	}
	if len(c.Drift) > 0 {
		n++
	}
	if n == 0 {
		n = 1 // its notes
	}
	return n
}

func tallyOf(all map[spec.ProviderName]tally, c *plan.Card) {
	t := all[c.Provider]
	if t == nil {
		t = tally{}
		all[c.Provider] = t
	}
	for _, a := range c.Actions {
		t[a.Kind.Risk()]++
	}
}

// stateOf is the part of the fleet that a card is drawn in: the worst that is
// planned for it, else what it is listed for.
func stateOf(c *plan.Card) string {
	worst := spec.Risk("")
	for _, a := range c.Actions {
		if r := a.Kind.Risk(); worst == "" || slices.Index(risks(), r) < slices.Index(risks(), worst) {
			worst = r
		}
	}
	switch {
	case worst != "":
		return string(worst)
	case len(c.Attention) > 0:
		return "attention"
	case len(c.Drift) > 0:
		return "drift"
	default:
		return "unchanged"
	}
}

// risks are the risks, the worst first.
func risks() []spec.Risk { return []spec.Risk{spec.Irreversible, spec.Disruptive, spec.Reversible} }

// fleet draws every card of the fleet once.
func fleet(p *plan.Plan, states map[string]int) []segment {
	return layOut(1000, []segment{
		{Class: string(spec.Irreversible), Name: "with an action that can’t be undone", Count: states[string(spec.Irreversible)]},
		{Class: string(spec.Disruptive), Name: "with a disruptive action", Count: states[string(spec.Disruptive)]},
		{Class: string(spec.Reversible), Name: "with reversible actions", Count: states[string(spec.Reversible)]},
		{Class: "attention", Name: "need attention only", Count: states["attention"]},
		{Class: "drift", Name: "changed outside only", Count: states["drift"]},
		{Class: "unread", Name: "unread", Count: p.Unread},
		{Class: "unchanged", Name: "unchanged", Count: p.Unchanged - states["drift"]}, // which counts them too
	})
}

// layOut gives the segments that count anything their widths. Each is wide
// enough to be seen; the widest gives what that takes.
func layOut(width int, in []segment) []segment {
	const least = 12
	out := slices.DeleteFunc(in, func(s segment) bool { return s.Count == 0 })
	total, used, widest := 0, 0, 0
	for _, s := range out {
		total += s.Count
	}
	for i := range out {
		out[i].Width = max(least, out[i].Count*width/total)
		used += out[i].Width
		if out[i].Width > out[widest].Width {
			widest = i
		}
	}
	if len(out) > 0 {
		out[widest].Width = max(least, out[widest].Width+width-used)
	}
	x := 0
	for i := range out {
		out[i].X = x
		x += out[i].Width
	}
	return out
}

func kinds(s plan.Summary) []bar {
	var out []bar
	for _, kind := range spec.Kinds() {
		n := s.ByKind[kind]
		if n.Planned == 0 {
			continue
		}
		out = append(out, bar{
			Name: string(kind), Ours: true, Count: n.Planned, Guarded: n.Guarded, Missed: n.Guarded - n.Approved,
			Segments: []segment{{Class: string(kind.Risk()), Count: n.Planned}},
		})
	}
	return drawn(out)
}

func carriers(p *plan.Plan, byCarrier map[spec.ProviderName]tally) []bar {
	costs := map[spec.ProviderName]plan.Cost{}
	for _, c := range p.Costs {
		costs[c.Provider] = c
		if byCarrier[c.Provider] == nil {
			byCarrier[c.Provider] = tally{}
		}
	}
	var out []bar
	for _, name := range slices.Sorted(maps.Keys(byCarrier)) {
		b := bar{Name: string(name)}
		for _, r := range risks() {
			b.Count += byCarrier[name][r]
			b.Segments = append(b.Segments, segment{Class: string(r), Count: byCarrier[name][r]})
		}
		if c, ok := costs[name]; ok {
			b.Note = CostText(c)
			if len(c.With) > 0 {
				b.Note += "; its time adds to that of " + joined(c.With) + ", of the same account"
			}
		}
		out = append(out, b)
	}
	return drawn(out)
}

// drawn lays out bars against the longest of them.
func drawn(bars []bar) []bar {
	longest := 1
	for _, b := range bars {
		longest = max(longest, b.Count)
	}
	for i, b := range bars {
		bars[i].Segments = layOut(max(10, b.Count*1000/longest), b.Segments)
	}
	return bars
}
