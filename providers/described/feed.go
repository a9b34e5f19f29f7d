package described

import (
	"context"
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
	return p.until(ctx, from, func(page *pageOf) bool {
		cards := make([]spec.ICCID, 0, len(page.rows))
		for _, row := range page.rows {
			own, _ := rowScopes(row, page.got)
			if iccid, err := (&teller{Definition: p.def, r: p.def.list.row, ctx: own}).whose(""); err == nil && iccid != "" {
				cards = append(cards, iccid)
			}
		}
		return yield(cards)
	})
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
