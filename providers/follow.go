package providers

import (
	"context"

	"github.com/cardfleet/cardfleet/spec"
)

// Follower is a [Lister] whose pages follow one another: none can be asked for
// before the page in front of it, and nobody says how many there are.
type Follower interface {
	// Follow calls yield with what each page tells, one page after the other. Where
	// yield returns false, it asks for no further page, and that is no error.
	Follow(ctx context.Context, yield func(cards []spec.Reading) bool) error
}

// follow reads what a list tells whose length nobody knows beforehand, and returns
// the mix of calls that this and the rest take. A list is left once every card is
// told, once as many pages in a row told none as reading the rest takes calls, or once
// its pages have cost more than they saved, and a twentieth of what reading card by
// card takes: that much is lost at worst.
func (r *reader) follow(ctx context.Context, f Follower, at *places) Mix {
	bound := Choose(r.able, r.wants, -1, r.options.MostCalls).Calls / worthAsking
	pages, saved, told := 0, 0, 0
	rest, idle := 0, 0 // calls that the cards take that aren't told yet, pages in a row that told none
	for i := range r.wants {
		rest += r.able.CallsToRead(r.wants[i].Attrs)
	}
	err := f.Follow(ctx, func(cards []spec.Reading) bool {
		pages++
		idle++
		r.judge(nil)
		for _, i := range r.told(cards, at) {
			told++
			calls, _ := r.callsLeft(i)
			saved += r.able.CallsToRead(r.wants[i].Attrs) - calls
			rest -= r.able.CallsToRead(r.wants[i].Attrs)
			idle = 0
		}
		spent := r.options.MostCalls > 0 && pages >= r.options.MostCalls
		return told < len(at.exact) && pages < bound+saved && (told == 0 || idle < rest) && !spent && ctx.Err() == nil
	})
	if err != nil {
		pages++ // what is wrong with it shows again, card by card
	}
	return mixOf(r.wants, pages, r.options.MostCalls, func(w Want) (int, use) { return r.callsLeft(at.exact[w.ICCID]) })
}

// callsLeft is how many calls a card takes now that a list was read, and of what
// use the list was for it.
func (r *reader) callsLeft(i int) (int, use) {
	if r.readings[i].ICCID != "" {
		return 0, whole
	}
	if _, listed := r.listed[i]; listed {
		return callsAfterList(r.able, r.wants[i].Attrs)
	}
	return r.able.CallsToRead(r.wants[i].Attrs), none
}
