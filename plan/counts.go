package plan

import (
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// counts is all that is counted over a plan's cards. It takes one card after
// the other, so that no card need be kept for it.
type counts struct {
	summary Summary // without ByKind
	kinds   []kindCount
	tally   tally
	// trusted has the cards that are adopted on trust, as if each were removed;
	// adopted counts all adoptions.
	trusted tally
	adopted int
	costs   costing
	money   pricing
}

// newCounts counts by what the carriers can and what packages cost.
func newCounts(in *Input) counts {
	return counts{costs: costing{caps: in.Capabilities}, money: newPricing(in.Fleet.Prices)}
}

// kindCount is the count of a kind that the plan has. There are few kinds, so
// that looking through a list takes less time than a map does.
type kindCount struct {
	kind spec.Kind
	n    KindCount
}

// counts counts the cards that the plan has.
func (p *Plan) counts() *counts {
	n := &counts{}
	for i := range p.Cards {
		n.card(&p.Cards[i])
	}
	return n
}

// card counts one card.
func (n *counts) card(c *Card) {
	if len(c.Attention) > 0 {
		n.summary.Attention++
	}
	if len(c.Drift) > 0 {
		n.summary.Drifted++
	}
	for i := range c.Actions {
		n.action(&c.Actions[i])
	}
	n.tally.card(c)
	if slices.ContainsFunc(c.Actions, func(a Action) bool { return a.Kind == spec.Adopt }) {
		n.adopted++
		if c.Memory.Binding.Unconfirmed == state.OnTrust {
			n.trusted.add(spec.Removals, c)
		}
	}
	n.costs.card(c)
	n.money.card(c)
}

func (n *counts) action(a *Action) {
	k := n.of(a.Kind)
	k.Planned++
	if a.Guarded {
		k.Guarded++
		n.summary.Guarded++
	}
	if a.Approved {
		k.Approved++
		n.summary.Approved++
	}
}

func (n *counts) of(kind spec.Kind) *KindCount {
	for i := range n.kinds {
		if n.kinds[i].kind == kind {
			return &n.kinds[i].n
		}
	}
	n.kinds = append(n.kinds, kindCount{kind: kind})
	return &n.kinds[len(n.kinds)-1].n
}

// summaryOf is the summary of the plan whose cards were counted.
func (n *counts) summaryOf(p *Plan) Summary {
	s := n.summary
	s.Cards, s.Unchanged, s.Unread, s.ByKind = p.Total, p.Unchanged, p.Unread, make(map[spec.Kind]KindCount, len(n.kinds))
	for _, k := range n.kinds {
		s.ByKind[k.kind] = k.n
	}
	for i := range p.Numbers {
		if len(p.Numbers[i].Attention) > 0 {
			s.Attention++
		}
	}
	return s
}

// Summary counts the plan's actions.
func (p *Plan) Summary() Summary {
	if p.summary == nil {
		return p.counts().summaryOf(p)
	}
	s := *p.summary
	s.ByKind = maps.Clone(s.ByKind)
	return s
}
