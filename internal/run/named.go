package run

import (
	"errors"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Names finds rows of the state as people name cards: by an ICCID in any
// spelling, PROVIDER/ICCID, an address, a block's address for each of its cards,
// or a glob over any of these, in which * stands for any characters and ? for one.
type Names struct {
	rows      []state.Card
	byAddress map[string][]int // made when a name is an address
}

// NamesOf are the names of rows, which are by ICCID and provider.
func NamesOf(rows []state.Card) *Names { return &Names{rows: rows} }

// Find returns the rows that are named, by ICCID and provider: none where the
// state has none of that name. The error is a [*Refusal]: the name is of no
// form that a card's has, or it is an ICCID without its check digit that may be
// several cards of the state.
func (n *Names) Find(name string) ([]state.Card, error) {
	if strings.ContainsAny(name, "*?") {
		return n.glob(name), nil
	}
	provider, text, at := strings.Cut(name, "/")
	if !at {
		provider, text = "", name
	}
	iccid, err := spec.ParseICCID(text)
	if err == nil {
		return n.card(name, spec.ProviderName(provider), iccid)
	}
	if rows := n.at(n.addresses()[name]); len(rows) > 0 || strings.HasPrefix(name, "card.") {
		return rows, nil
	}
	return nil, &Refusal{Reason: NoName, Name: name, Why: err.Error()}
}

// Look is Find for a reader: an ICCID that may be several cards names them all.
func (n *Names) Look(name string) ([]state.Card, error) {
	rows, err := n.Find(name)
	var several *Refusal
	if !errors.As(err, &several) || several.Reason != SeveralNamed {
		return rows, err
	}
	named := make(map[spec.CardID]bool, len(several.Rows))
	for _, id := range several.Rows {
		named[id] = true
	}
	for i := range n.rows {
		if named[n.rows[i].ID()] {
			rows = append(rows, n.rows[i])
		}
	}
	return rows, nil
}

// addresses finds the rows by address, and by their block's.
func (n *Names) addresses() map[string][]int {
	if n.byAddress != nil {
		return n.byAddress
	}
	n.byAddress = make(map[string][]int, len(n.rows))
	for i := range n.rows {
		address := n.rows[i].Address
		n.byAddress[address] = append(n.byAddress[address], i)
		if block, _, keyed := strings.Cut(address, "["); keyed {
			n.byAddress[block] = append(n.byAddress[block], i)
		}
	}
	return n.byAddress
}

func (n *Names) at(places []int) []state.Card {
	picked := make([]state.Card, 0, len(places))
	for _, i := range places {
		picked = append(picked, n.rows[i])
	}
	return picked
}

func (n *Names) glob(glob string) []state.Card {
	if rows := n.at(n.addresses()[glob]); len(rows) > 0 {
		return rows // its key holds such a character
	}
	var picked []state.Card
	g := globOf(glob)
	for i := range n.rows {
		if c := &n.rows[i]; g.names(c.Address, c.Provider, c.ICCID) {
			picked = append(picked, *c)
		}
	}
	return picked
}

// nameGlob is a glob over addresses, ICCIDs, and PROVIDER/ICCID.
type nameGlob struct {
	address, iccid string
	provider, at   string // of PROVIDER/ICCID; "" for none
}

func globOf(glob string) nameGlob {
	g := nameGlob{address: glob, iccid: strings.ToUpper(glob)}
	if provider, iccid, both := cutLast(glob, "/"); both {
		g.provider, g.at = provider, strings.ToUpper(iccid)
	}
	return g
}

// names reports whether the glob names the card at that address and provider.
func (g nameGlob) names(address string, provider spec.ProviderName, iccid spec.ICCID) bool {
	return plan.GlobMatches(g.address, address) || plan.GlobMatches(g.iccid, string(iccid)) ||
		g.provider != "" && plan.GlobMatches(g.provider, string(provider)) && plan.GlobMatches(g.at, string(iccid))
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

// card finds the rows of one card. The spelling that the state has comes first:
// what only looks like it isn't meant then.
func (n *Names) card(name string, provider spec.ProviderName, iccid spec.ICCID) ([]state.Card, error) {
	at, _ := slices.BinarySearchFunc(n.rows, iccid.Stem(), func(c state.Card, stem spec.ICCID) int { return strings.Compare(string(c.ICCID), string(stem)) })
	var exact, alike []state.Card
	for ; at < len(n.rows) && n.rows[at].ICCID.Stem() == iccid.Stem(); at++ {
		c := n.rows[at]
		switch {
		case provider != "" && c.Provider != provider:
		case c.ICCID == iccid:
			exact = append(exact, c)
		case c.ICCID.SameCard(iccid):
			alike = append(alike, c)
		}
	}
	if len(exact) > 0 {
		return exact, nil
	}
	for i := range alike {
		if alike[i].ICCID != alike[0].ICCID {
			return nil, &Refusal{Reason: SeveralNamed, Name: name, Rows: idsOf(alike)}
		}
	}
	return alike, nil
}

func idsOf(rows []state.Card) []spec.CardID {
	ids := make([]spec.CardID, 0, len(rows))
	for i := range rows {
		ids = append(ids, rows[i].ID())
	}
	return ids
}

// All are the rows that any of the names names, each once, by ICCID and
// provider. A name of no row ends it with the error that none makes of the name.
func (n *Names) All(names []string, none func(name string) error) ([]state.Card, error) {
	var picked []state.Card
	for _, name := range names {
		rows, err := n.Find(name)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, none(name)
		}
		picked = append(picked, rows...)
	}
	slices.SortFunc(picked, func(a, b state.Card) int { return a.ID().Compare(b.ID()) })
	return slices.CompactFunc(picked, func(a, b state.Card) bool { return a.ID() == b.ID() }), nil
}

// notInState refuses a name of no row of the state.
func notInState(name string) error { return &Refusal{Reason: NotInState, Name: name} }
