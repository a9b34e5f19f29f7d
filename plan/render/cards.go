package render

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// sorted are the places of a plan's cards by where they are shown.
type sorted struct {
	irreversible        []int32
	final               bool // of the irreversible there are others than unbinds
	attention, changing *grouping
	drifted, noted      *grouping
	// last is the address of the last card; unordered says that the cards aren't
	// in the order of their addresses, as those of a plan that was made are.
	last      string
	unordered bool
}

// newSorted is for a plan's cards, each of which is to be added in the plan's
// order. from is how many cards have to be alike to be shown as a group.
func newSorted(from int) *sorted {
	s := &sorted{
		attention: newGrouping(from, ofAttention), changing: newGrouping(from, ofChange),
		drifted: newGrouping(from, ofDrift), noted: newGrouping(from, ofNotes),
	}
	s.attention.folds = 1 // what is said of one card isn't hidden behind what is said of another
	return s
}

func (s *sorted) add(n int, c *plan.Card) {
	s.unordered = s.unordered || c.Address < s.last
	s.last = c.Address
	switch {
	case closes(c):
		s.final = s.final || !closeAccounts([]*plan.Card{c})
		s.irreversible = append(s.irreversible, int32(n))
	case len(c.Actions) > 0:
		s.changing.add(n, c)
	}
	if len(c.Drift) > 0 {
		s.drifted.add(n, c)
	}
	if len(c.Attention) > 0 {
		s.attention.add(n, c)
	} else if len(c.Actions) == 0 && len(c.Notes) > 0 {
		s.noted.add(n, c)
	}
}

// apart are the groups of a grouping, and the places of the other cards.
func (s *sorted) apart(p plan.Source, g *grouping) (many []alike, single []int32, err error) {
	many, single = g.groups()
	single, err = s.byAddress(p, single)
	return many, single, err
}

// byAddress puts places in the order of the cards' addresses.
func (s *sorted) byAddress(p plan.Source, places []int32) ([]int32, error) {
	if !s.unordered {
		return places, nil
	}
	addresses := make(map[int32]string, len(places))
	err := p.Visit(places, func(n int, c *plan.Card) error {
		addresses[int32(n)] = c.Address
		return nil
	})
	slices.SortFunc(places, func(a, b int32) int { return cmp.Compare(addresses[a], addresses[b]) })
	return places, err
}

func closes(c *plan.Card) bool {
	for i := range c.Actions {
		if c.Actions[i].Irreversible() {
			return true
		}
	}
	return false
}

// closeAccounts reports whether each of the cards is to lose its account.
func closeAccounts(cards []*plan.Card) bool {
	final := func(a plan.Action) bool { return a.Final }
	return !slices.ContainsFunc(cards, func(c *plan.Card) bool { return slices.ContainsFunc(c.Actions, final) })
}

// named is a card's address, with its ICCID where the address hasn't that.
func named(c *plan.Card) string { return safe.Text(c.Address) + iccidOf(c) }

func iccidOf(c *plan.Card) string {
	if strings.Contains(c.Address, string(c.ICCID)) {
		return ""
	}
	return " (" + safe.Text(string(c.ICCID)) + ")"
}
