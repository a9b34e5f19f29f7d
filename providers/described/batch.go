package described

import (
	"context"
	"errors"
	"slices"

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
// unless the definition says that it isn't there then. One whose id isn't known, or is
// none of the carrier's any more, is left to be read by itself, as is one whose row can't
// be read.
func (p *provider) ReadBatch(ctx context.Context, cards []spec.ICCID) ([]spec.Reading, error) {
	asked, values := p.batchable(cards)
	if len(asked) == 0 {
		return make([]spec.Reading, len(cards)), nil
	}
	readings, err := p.askBatch(ctx, asked, values)
	if err != nil || len(asked) == len(cards) {
		return readings, err
	}
	all, next := make([]spec.Reading, len(cards)), 0
	for i, card := range cards {
		if next < len(asked) && asked[next] == card {
			all[i], next = readings[next], next+1
		}
	}
	return all, nil
}

// batchable are the cards whose ids are known that a batch takes, as expressions see
// them, in their order.
func (p *provider) batchable(cards []spec.ICCID) (asked []spec.ICCID, values []cty.Value) {
	taken := slices.DeleteFunc(slices.Clone(p.def.lookups), func(l *lookup) bool { return !l.many() || !p.def.prepares(l) })
	for _, card := range cards {
		k := p.card(card)
		if slices.ContainsFunc(taken, func(l *lookup) bool { return k.ids[l.name] == "" }) {
			continue
		}
		asked, values = append(asked, card), append(values, k.value())
	}
	return asked, values
}

func (p *provider) askBatch(ctx context.Context, cards []spec.ICCID, values []cty.Value) ([]spec.Reading, error) {
	b := p.def.batch
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
	told := make(map[spec.ICCID][]spec.Reading, len(rows)) // by what may be one card
	for _, r := range rows {
		told[r.ICCID.Stem()] = append(told[r.ICCID.Stem()], r)
	}
	readings := make([]spec.Reading, len(cards))
	for i, card := range cards {
		r, ok := rowOf(card, told[card.Stem()])
		ids := p.card(card).ids
		switch {
		case ok && r.Unread != "" && r.Unread != rowsDiffer:
			r = spec.Reading{} // its own reading may say more than its row
		case ok && r.Lifecycle == spec.NotFound && len(ids) > 0:
			r = spec.Reading{} // its id may have changed
		case ok && len(ids) > 0:
			r.ICCID, r.CarrierIDs = card, ids
		case ok:
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

// rowOf is what was told of a card, or of what names the same card without its check
// digit, or with it, where that is one.
func rowOf(card spec.ICCID, told []spec.Reading) (row spec.Reading, ok bool) {
	same := 0
	for _, r := range told {
		switch {
		case r.ICCID == card:
			return r, true
		case r.ICCID.SameCard(card):
			row, same = r, same+1
		}
	}
	return row, same == 1
}
