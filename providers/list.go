package providers

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/spec"
)

// list reads what a list tells with fewer calls than asking card by card takes.
// What it leaves, for whatever reason, is read by itself afterwards.
func (r *reader) list(ctx context.Context, parallel int) {
	r.able, r.listed = r.provider.Capabilities(), map[int]spec.Reading{}
	pager, first := r.firstPage(ctx)
	follower, follows := r.provider.(Follower)
	if follows = follows && pager == nil && r.worthListing(); !follows && first == nil {
		r.chosen(r.choose(nil))
		return
	}
	at := newPlaces(r.wants)
	if follows {
		mix := r.follow(ctx, follower, at)
		r.spent = mix.Pages
		r.chosen(mix)
		return
	}
	mix := r.choose(first)
	r.chosen(mix)
	r.spent = max(mix.Pages, 1)
	r.pages(ctx, pager, mix.Pages, first, at, parallel)
}

func (r *reader) chosen(mix Mix) {
	if r.options.Chosen != nil {
		r.options.Chosen(mix)
	}
}

// pages reads the list's pages behind the first.
func (r *reader) pages(ctx context.Context, pager Pager, pages int, first *Page, at *places, parallel int) {
	r.told(first.Cards, at)
	var group errgroup.Group
	group.SetLimit(parallel)
	for number := 2; number <= pages; number++ {
		group.Go(func() error { r.page(ctx, pager, number, at); return nil })
	}
	_ = group.Wait() // workers report through readings and listed
}

// choose is the mix, now that the list's first page says how long it is.
func (r *reader) choose(first *Page) Mix {
	if first == nil {
		return Choose(r.able, r.wants, -1, r.options.MostCalls)
	}
	if n := len(first.Cards); n > 0 && n < first.Total {
		r.able.ListPage = n // as long as the carrier makes it
	}
	mix := Choose(r.able, r.wants, first.Total, r.options.MostCalls)
	if mix.Pages == 0 {
		mix.Calls++ // for the look at a list that is too long
	}
	return mix
}

// page reads a page of the list. One that can't be read leaves its cards to be
// read by themselves.
func (r *reader) page(ctx context.Context, pager Pager, number int, at *places) {
	if ctx.Err() != nil {
		return
	}
	page, err := pager.Page(ctx, number)
	if ctx.Err() == nil {
		r.judge(err) // a call cut short says nothing of the carrier
	}
	if err == nil {
		r.told(page.Cards, at)
	}
}

// firstPage asks for the list's first page, where the list could be of use at
// all; nil where it couldn't, or can't be had.
func (r *reader) firstPage(ctx context.Context) (Pager, *Page) {
	pager, ok := r.provider.(Pager)
	if !ok || !r.worthListing() {
		return nil, nil
	}
	page, err := pager.Page(ctx, 1)
	if err != nil || page.Total < 0 {
		return nil, nil // what is wrong shows again, card by card
	}
	r.judge(nil)
	return pager, &page
}

// worthListing reports whether a list of the wanted cards alone would save enough
// calls for its first page to be asked for.
func (r *reader) worthListing() bool {
	return Choose(r.able, r.wants, -1, 0).Calls >= worthAsking && Choose(r.able, r.wants, len(r.wants), r.options.MostCalls).Pages > 0
}

// told takes what a page says of wanted cards: as their reading, where that is
// all that is wanted, and else to be completed. It returns those of which it took
// something.
func (r *reader) told(cards []spec.Reading, at *places) (taken []int) {
	r.mu.Lock()
	r.found = r.found || len(cards) > 0 // so the account and the address are right
	r.mu.Unlock()
	for _, reading := range cards {
		i, wanted := at.of(reading.ICCID)
		if !wanted || !conclusive(reading) || !reading.Tells(r.wants[i].Attrs&r.able.ListTells) {
			continue
		}
		reading.ICCID = r.wants[i].ICCID // as it is wanted, whether or not the list has its check digit
		_, list := callsAfterList(r.able, r.wants[i].Attrs)
		r.mu.Lock()
		_, again := r.listed[i]
		again = again || r.readings[i].ICCID != ""
		switch {
		case again: // on two pages, as cards move while a list is read
		case list == whole:
			reading.Provider = r.options.Provider
			r.readings[i] = reading
			r.answers.read = true
		case list == part:
			r.listed[i] = reading
		}
		r.mu.Unlock()
		if !again && list == whole {
			r.progress()
		}
		if !again && list != none {
			taken = append(taken, i)
		}
	}
	return taken
}

// conclusive reports whether a list says where a card stands. Where the list
// doesn't, the card's own reading may.
func conclusive(listed spec.Reading) bool {
	return listed.Known() && listed.Tells(spec.AttrActive) && listed.Lifecycle != "" && listed.Lifecycle != spec.UnknownLifecycle
}
