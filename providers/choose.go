package providers

import "github.com/cardfleet/cardfleet/spec"

// worthAsking is how many calls reading card by card must take before the list's
// first page is asked for, to see how long the list is. A list that turns out to
// be too long then has cost one call in twenty.
const worthAsking = 20

// Mix is how a number of cards are read. Its zero value reads none.
type Mix struct {
	// Pages are the calls of a list.
	Pages int
	// Of Listed cards the list tells everything that is wanted. Completed cards
	// take further calls for what the list doesn't tell. Single cards are read by
	// calls of their own alone.
	Listed, Completed, Single int
	// Calls are all of the calls, if none has to be repeated, and each card takes
	// as many as it may.
	Calls int
	// Left are the cards for which the calls don't suffice.
	Left int
}

// Cards is how many cards are read.
func (m Mix) Cards() int { return m.Listed + m.Completed + m.Single }

// use is how much of a card a list tells.
type use int

const (
	none  use = iota // nothing that saves calls
	part             // what the list doesn't tell can be asked for by itself
	whole            // all that is wanted
)

// Choose picks the mix of calls that reads the most of the wanted cards, the
// first ones first, and of those with equally many the one with the fewest calls.
// A list of the account's cards, of which there are total, serves only for
// attributes that it tells; a total below 0 is unknown, and rules it out. Most is
// the most calls; 0 for no limit.
//
// It takes it for granted that the list has every wanted card. One that it
// doesn't have takes calls of its own.
func Choose(caps spec.Capabilities, wants []Want, total, most int) Mix {
	one := mixOf(wants, 0, most, func(w Want) (int, use) { return caps.CallsToRead(w.Attrs), none })
	if caps.ListTells == 0 || caps.ListPage <= 0 || total < 0 {
		return one
	}
	pages := max(1, (total+caps.ListPage-1)/caps.ListPage)
	if most > 0 && pages > most {
		return one
	}
	list := mixOf(wants, pages, most, func(w Want) (int, use) { return callsAfterList(caps, w.Attrs) })
	if list.Left < one.Left || list.Left == one.Left && list.Calls < one.Calls {
		return list
	}
	return one
}

// mixOf adds up what the wants take, after so many pages of a list; calls is
// what one takes, and of what use the list is for it.
func mixOf(wants []Want, pages, most int, calls func(Want) (int, use)) Mix {
	m := Mix{Pages: pages, Calls: pages}
	full := false
	for _, w := range wants {
		n, list := calls(w)
		full = full || most > 0 && list != whole && m.Calls+n > most
		switch {
		case list == whole:
			m.Listed++
		case full:
			m.Left++
			continue
		case list == part:
			m.Completed++
		default:
			m.Single++
		}
		m.Calls += n
	}
	return m
}

// callsAfterList is how many calls it takes to read attrs of a card that the
// list told, and what those are for.
func callsAfterList(caps spec.Capabilities, attrs spec.Attr) (int, use) {
	asked := caps.Reads
	for a := range caps.AfterList {
		asked |= a // the binding, where the device in use is watched in its place
	}
	missing := attrs & asked &^ caps.ListTells
	if missing == 0 {
		return 0, whole
	}
	calls := 0
	for a, n := range caps.AfterList {
		if missing.Has(a) {
			missing &^= a
			calls += n
		}
	}
	if missing != 0 {
		return caps.CallsToRead(attrs), none
	}
	return calls, part
}
