package xuyu

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// pageSize is how many cards a page is asked for. GUESS, as that pages count from 1.
const pageSize = 100

// List implements [providers.Lister]. A page may hold fewer cards than asked
// for: the list ends with an empty page, or once it has as many as its total.
func (p *provider) List(ctx context.Context, yield func(spec.Reading) error) error {
	seen := map[spec.ICCID]bool{}
	for number := 1; ; number++ {
		page, err := p.page(ctx, number)
		if err != nil {
			return fmt.Errorf("page %d: %w", number, err)
		}
		before := len(seen)
		for i, iccid := range page.iccids {
			if seen[iccid] {
				continue
			}
			seen[iccid] = true
			if err := yield(p.listed(iccid, page.cards[i])); err != nil {
				return err
			}
		}
		if done, err := page.ends(len(seen), len(seen) > before); done {
			return err
		}
	}
}

// ends reports whether the list ends with this page. A list that ends early
// must not pass for the whole one.
func (r *pageReply) ends(seen int, grew bool) (done bool, err error) {
	switch {
	case r.total >= 0 && seen >= r.total:
		return true, nil
	case len(r.cards) == 0 && r.total > seen:
		return true, odd("the list ended after %d of %d cards; list again, since it may have changed meanwhile", seen, r.total)
	case len(r.cards) == 0:
		return true, nil
	case !grew:
		return true, odd("a page has only cards of the pages before it; check {page} in operations.list")
	default:
		return false, nil
	}
}

func odd(format string, args ...any) error {
	return &providers.Error{Call: opList, Message: fmt.Sprintf(format, args...), Proof: providers.NeverSeen, Cause: providers.Refused}
}

// Page implements [providers.Pager].
func (p *provider) Page(ctx context.Context, number int) (providers.Page, error) {
	page, err := p.page(ctx, number)
	if err != nil {
		return providers.Page{}, fmt.Errorf("page %d: %w", number, err)
	}
	told := providers.Page{Total: page.total}
	for i, iccid := range page.iccids {
		told.Cards = append(told.Cards, p.listed(iccid, page.cards[i]))
	}
	return told, nil
}

func (p *provider) page(ctx context.Context, number int) (pageReply, error) {
	var page pageReply
	c := p.call(opList, map[string]string{"page": strconv.Itoa(number), "size": strconv.Itoa(pageSize)})
	_, err := p.send(ctx, c, func(root json.RawMessage) error { return page.read(root, c.result) })
	return page, err
}

// listed is what the list tells of a card: no packages, and its status where it has one.
func (p *provider) listed(iccid spec.ICCID, card cardReply) spec.Reading {
	r := p.reading(iccid, card)
	if card.Status == "" {
		r.Has, r.Lifecycle, r.Status, r.Reason = 0, "", "", ""
	}
	return r
}
