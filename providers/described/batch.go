package described

import (
	"context"
	"errors"

	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// errNoRows is a reply without the rows that the definition takes of it.
var errNoRows = errors.New("the reply doesn't tell the cards' rows")

// BatchSize implements [providers.Batcher].
func (p *provider) BatchSize() int {
	if p.def.batch == nil {
		return 0
	}
	return p.def.batch.size
}

// ReadBatch implements [providers.Batcher]. A card that the reply lacks is unread,
// unless the definition says that it isn't there then.
func (p *provider) ReadBatch(ctx context.Context, cards []spec.ICCID) ([]spec.Reading, error) {
	b := p.def.batch
	values := make([]cty.Value, len(cards))
	for i, card := range cards {
		values[i] = p.card(card).value()
	}
	got, err := p.ask(ctx, ask{name: "batch", request: b.request, vars: map[string]cty.Value{rootCards: cty.TupleVal(values)}, takes: &b.takes})
	if err != nil {
		return nil, err
	}
	v, err := b.rows.value(got.ctx)
	if err != nil || v.IsNull() || !v.Type().IsTupleType() && !v.Type().IsListType() {
		return nil, p.untold("batch", got, errNoRows)
	}
	return p.batchOf(cards, p.rowsOf(b.row, v.AsValueSlice(), got)), nil
}

// batchOf are the readings of cards, in their order.
func (p *provider) batchOf(cards []spec.ICCID, rows []spec.Reading) []spec.Reading {
	told := make(map[spec.ICCID]spec.Reading, len(rows))
	for _, r := range rows {
		told[r.ICCID.Stem()] = r
	}
	readings := make([]spec.Reading, len(cards))
	for i, card := range cards {
		r, ok := told[card.Stem()]
		switch {
		case ok && r.ICCID.SameCard(card):
			r.ICCID = card
		case p.def.batch.missing:
			r = spec.Reading{ICCID: card, At: p.Now(), Lifecycle: spec.NotFound}
		default:
			r = spec.Reading{ICCID: card, Unread: "the carrier's reply about many cards lacks this one"}
		}
		readings[i] = r
	}
	return readings
}
