package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// unneeded finds the approval blocks of whose cards none needs its approval any
// more, so that no old block lies in wait for a later mistake. A plan of a part
// can't tell, nor can a card that wasn't read, needs attention or is in doubt.
func unneeded(d *Draft, in Input) (spec.Diagnostics, error) {
	if len(in.Fleet.Approvals) == 0 || in.Select.Partial() || in.RefreshOnly {
		return nil, nil
	}
	needs := needsOf{}
	for _, a := range in.Fleet.Approvals {
		for _, c := range a.Cards {
			needs.name(c.ICCID)
		}
	}
	if err := needs.look(d.each, in); err != nil {
		return nil, err
	}
	var diags spec.Diagnostics
	for _, a := range in.Fleet.Approvals {
		needed := slices.ContainsFunc(a.Cards, func(c spec.ApprovedCard) bool {
			n := needs.of(c.ICCID)
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
	return diags, nil
}

// need is what is known of a card that an approval block names.
type need struct {
	iccid   spec.ICCID  // as the block writes it
	kinds   []spec.Kind // of its guarded actions
	unclear bool        // whether it needs an approval can't be told now
}

// needsOf says what is known of cards that approvals name, in any spelling, and
// of no other: by the ICCID without its check digit.
type needsOf map[spec.ICCID][]need

func (n needsOf) name(iccid spec.ICCID) {
	if n.of(iccid).iccid == "" {
		n[iccid.Stem()] = append(n[iccid.Stem()], need{iccid: iccid})
	}
}

// of is what is known of a card as a block writes it.
func (n needsOf) of(iccid spec.ICCID) need {
	for _, one := range n[iccid.Stem()] {
		if one.iccid == iccid {
			return one
		}
	}
	return need{}
}

func (n needsOf) change(iccid spec.ICCID, change func(*need)) {
	named := n[iccid.Stem()]
	for i := range named {
		if named[i].iccid.SameCard(iccid) {
			change(&named[i])
		}
	}
}

// look finds out about the named cards; each visits those of the plan.
func (n needsOf) look(each func(visit func(*Card)), in Input) error {
	unclear := func(one *need) { one.unclear = true }
	each(func(c *Card) {
		for j := range c.Actions {
			if a := &c.Actions[j]; a.Guarded {
				n.change(c.ICCID, func(one *need) { one.kinds = append(one.kinds, a.Kind) })
			}
		}
		if len(c.Attention)+len(c.Memory.Doubts) > 0 {
			n.change(c.ICCID, unclear)
		}
	})
	for i := range in.Live {
		if in.Live[i].Unread != "" {
			n.change(in.Live[i].ICCID, unclear)
		}
	}
	dark := func(id spec.CardID) {
		gone := in.Fleet.Provider(id.Provider) == nil
		if gone || slices.ContainsFunc(in.Incomplete, func(inc Incomplete) bool { return inc.Provider == id.Provider }) {
			n.change(id.ICCID, unclear)
		}
	}
	for i := range in.Fleet.Cards {
		dark(in.Fleet.Cards[i].ID())
	}
	return in.prior(func(_ int, c *state.Card) error {
		dark(c.ID())
		return nil
	})
}

// cardNamed is the card of an action as the text of an approval names it.
func cardNamed(action string) spec.ICCID {
	if words := strings.Fields(action); len(words) > 2 {
		return spec.ICCID(words[2])
	}
	return ""
}
