package plan

import (
	"fmt"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// unneeded finds the approval blocks of whose cards none needs its approval any
// more, so that no old block lies in wait for a later mistake. A plan of a part
// can't tell, nor can a card that wasn't read, needs attention or is in doubt.
func unneeded(p *Plan, in Input) spec.Diagnostics {
	if len(in.Fleet.Approvals) == 0 || in.Select.Partial() || in.RefreshOnly {
		return nil
	}
	needs := approvalNeeds(p, in)
	var diags spec.Diagnostics
	for _, a := range in.Fleet.Approvals {
		needed := slices.ContainsFunc(a.Cards, func(c spec.ApprovedCard) bool {
			n := needs[c.ICCID]
			return n.unclear || slices.Contains(n.kinds, a.Action)
		})
		if needed {
			continue
		}
		place := a.Source
		diags = append(diags, spec.Diagnostic{
			Severity: spec.Warning, Summary: "Approval isn't needed any more", Subject: &place,
			Detail: fmt.Sprintf("None of the cards of approval %q needs its approval of %s: nothing of that kind is planned for them. Delete the block, so that it approves nothing later that nobody has in mind now.", a.Name, a.Action),
		})
	}
	return diags
}

// need is what is known of a card that an approval block names.
type need struct {
	kinds   []spec.Kind // of its guarded actions
	unclear bool        // whether it needs an approval can't be told now
}

// approvalNeeds looks at the cards that approval blocks name, and at no other.
func approvalNeeds(p *Plan, in Input) map[spec.ICCID]need {
	needs := map[spec.ICCID]need{}
	for _, a := range in.Fleet.Approvals {
		for _, c := range a.Cards {
			needs[c.ICCID] = need{}
		}
	}
	add := func(iccid spec.ICCID, change func(*need)) {
		if n, named := needs[iccid]; named {
			change(&n)
			needs[iccid] = n
		}
	}
	unclear := func(n *need) { n.unclear = true }
	p.eachAction(func(c *Card, a *Action) {
		if a.Guarded {
			add(c.ICCID, func(n *need) { n.kinds = append(n.kinds, a.Kind) })
		}
	})
	for i := range p.Cards {
		if c := &p.Cards[i]; len(c.Attention)+len(c.Memory.Doubts) > 0 {
			add(c.ICCID, unclear)
		}
	}
	for i := range in.Live {
		if in.Live[i].Unread != "" {
			add(in.Live[i].ICCID, unclear)
		}
	}
	dark := func(id spec.CardID) {
		if slices.ContainsFunc(in.Incomplete, func(inc Incomplete) bool { return inc.Provider == id.Provider }) {
			add(id.ICCID, unclear)
		}
	}
	if len(in.Incomplete) > 0 {
		for i := range in.Fleet.Cards {
			dark(in.Fleet.Cards[i].ID())
		}
		for i := 0; in.Prior != nil && i < len(in.Prior.Cards); i++ {
			dark(in.Prior.Cards[i].ID())
		}
	}
	return needs
}
