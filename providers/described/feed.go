package described

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// feeds reports whether the list can be asked for what has changed alone.
func (l *list) feeds() bool {
	return l.request != nil && l.request.takes(rootSince) || l.window != nil && (l.window.from.needs(rootSince) || l.window.to.needs(rootSince))
}

// FeedsChanges implements [providers.ChangeFeed].
func (p lister) FeedsChanges() bool { return p.def.list.feeds() }

// Changed implements [providers.ChangeFeed]. Of a row only its card counts: what it
// tells may be what changed, and not where the card stands.
func (p lister) Changed(ctx context.Context, since time.Time, yield func(cards []spec.ICCID) bool) error {
	from, err := p.since(since)
	if err != nil {
		return listError("", err)
	}
	windows, err := p.windows(from)
	if err != nil {
		return listError("", err)
	}
	each := func(page *pageOf) error {
		cards, err := p.cardsOn(page)
		if err == nil && !yield(cards) {
			err = errEnough
		}
		return err
	}
	for _, w := range windows {
		if err := p.changedWithin(ctx, w, from, each); err != nil {
			return enough(err)
		}
	}
	return nil
}

// changedWithin goes over what changed within a stretch of time. A card that changes
// while its list is read by pages is moved on it, and those behind it move up: the
// one that comes to stand on a page that was read already would be told on none. So
// a stretch with more cards than a page has is halved, until each page is whole by
// itself, and the later half is asked for last: a card that changes meanwhile is in
// the half before, or in the last one.
func (p lister) changedWithin(ctx context.Context, w stretch, since cty.Value, yield func(*pageOf) error) error {
	if w == (stretch{}) || p.def.list.next != nil {
		return p.walk(ctx, position{number: 1, window: w.value(), since: since}, yield)
	}
	page, err := p.page(ctx, position{number: 1, window: w.value(), since: since})
	if err != nil {
		return err
	}
	if err := yield(page); err != nil || !page.more {
		return err
	}
	if w.last {
		w.to = p.clock()
	}
	early, late, ok := w.halves()
	if !ok {
		return p.walkTwice(ctx, position{number: 1, window: w.value(), since: since}, yield)
	}
	if err := p.changedWithin(ctx, early, since, yield); err != nil {
		return err
	}
	return p.changedWithin(ctx, late, since, yield)
}

// mostWalks is how often a list is read that changes while it is read.
const mostWalks = 5

// walkTwice reads the pages of a stretch that can't be halved until they tell the
// same twice: then none moved up.
func (p lister) walkTwice(ctx context.Context, at position, yield func(*pageOf) error) error {
	var last []spec.ICCID
	for walk := range mostWalks {
		var cards []spec.ICCID
		err := p.walk(ctx, at, func(page *pageOf) error {
			on, err := p.cardsOn(page)
			if err != nil {
				return err
			}
			cards = append(cards, on...)
			return yield(page)
		})
		if err != nil {
			return err
		}
		if walk > 0 && slices.Equal(cards, last) {
			return nil
		}
		last = cards
	}
	return listError("", fmt.Errorf("the list changed each of %d times that it was read", mostWalks))
}

// cardsOn are the cards of a page, however much is told of each. A row that doesn't
// say whose it is may be of any card, so it is an error; what isn't a card's number is
// not one of ours.
func (p lister) cardsOn(page *pageOf) ([]spec.ICCID, error) {
	cards := make([]spec.ICCID, 0, len(page.rows))
	for _, row := range page.rows {
		own, _ := rowScopes(row, page.got)
		t := &teller{Definition: p.def, r: p.def.list.row, ctx: own}
		iccid, err := t.whose("")
		switch {
		case err == nil:
			cards = append(cards, iccid)
		case strings.TrimSpace(t.text(t.r.iccid)) == "":
			return nil, listError(page.got.requestID, fmt.Errorf("a row of the list of changes: %w", err))
		}
	}
	return cards, nil
}

// since is a time as the list's request takes it.
func (p lister) since(at time.Time) (cty.Value, error) {
	text := cty.StringVal(timeText(at))
	e := p.def.list.since
	if e == nil {
		return text, nil
	}
	ctx := p.scope(map[string]cty.Value{rootSince: text})
	if err := p.def.letValues(ctx); err != nil {
		return cty.NilVal, err
	}
	return e.value(ctx)
}
