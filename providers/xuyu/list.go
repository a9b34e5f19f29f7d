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

// List implements [providers.Lister]. A page may hold fewer cards than asked for.
func (p *provider) List(ctx context.Context, yield func(spec.Reading) error) error {
	walk := providers.Walk[spec.Reading]{Call: opList, Remedy: "check {page} in operations.list"}
	return providers.ListPages(ctx, p, walk, yield)
}

// Page implements [providers.Pager].
func (p *provider) Page(ctx context.Context, number int) (providers.Page, error) {
	var page pageReply
	c := p.call(opList, map[string]string{"page": strconv.Itoa(number), "size": strconv.Itoa(pageSize)})
	if _, err := p.send(ctx, c, func(root json.RawMessage) error { return page.read(root, c.result) }); err != nil {
		return providers.Page{}, fmt.Errorf("page %d: %w", number, err)
	}
	told := providers.Page{Total: page.total}
	for i, iccid := range page.iccids {
		told.Cards = append(told.Cards, p.listed(iccid, page.cards[i]))
	}
	return told, nil
}

// listed is what the list tells of a card: no packages, and its status where it has one.
func (p *provider) listed(iccid spec.ICCID, card cardReply) spec.Reading {
	r := p.reading(iccid, card)
	if card.Status == "" {
		r.Has, r.Lifecycle, r.Status, r.Reason = 0, "", "", ""
	}
	return r
}
