package render

import (
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// sorted are a plan's cards by where they are shown.
type sorted struct{ irreversible, attention, drifted, changing, noted []*plan.Card }

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
		if len(c.Drift) > 0 {
			s.drifted = append(s.drifted, c)
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
	for i := range c.Actions {
		if c.Actions[i].Kind.Irreversible() {
			return true
		}
	}
	return false
}

// named is a card's address, with its ICCID where the address hasn't that.
func named(c *plan.Card) string { return safe.Text(c.Address) + iccidOf(c) }

func iccidOf(c *plan.Card) string {
	if strings.Contains(c.Address, string(c.ICCID)) {
		return ""
	}
	return " (" + safe.Text(string(c.ICCID)) + ")"
}
