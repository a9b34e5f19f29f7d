package described

import (
	"context"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/spec"
)

// preparedAtOnce is how many look-ups of many cards are under way at once: the
// account's own limits are below it.
const preparedAtOnce = 16

// Prepare implements [providers.Preparer]: ids that nobody knows yet are asked for
// many at once, where the definition says how.
func (p *provider) Prepare(ctx context.Context, cards []spec.ICCID) {
	for _, l := range p.def.lookups {
		if !l.many() || !p.def.prepares(l) {
			continue
		}
		unknown := p.without(l, cards)
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(preparedAtOnce)
		for part := range slices.Chunk(unknown, l.size) {
			group.Go(func() error { return p.lookUpMany(ctx, l, part) })
		}
		// The first failure ends them: what is wrong shows again, card by card.
		_ = group.Wait()
	}
}

// many reports whether the look-up asks for many cards at once.
func (l *lookup) many() bool { return l.size > 1 && l.values != nil && !l.request.takes(rootCard) }

// prepares reports whether reading a card takes the look-up.
func (d *Definition) prepares(l *lookup) bool {
	takes := func(r *request) bool { return r != nil && (r.card[l.name] || r.takes(rootCards)) }
	return takes(d.read.request) || d.batch != nil && takes(d.batch.request) ||
		slices.ContainsFunc(d.lookups, func(other *lookup) bool { return other != l && other.request.card[l.name] })
}

// without are the cards whose id nobody knows.
func (p *provider) without(l *lookup, cards []spec.ICCID) []*known {
	var unknown []*known
	for _, card := range cards {
		if k := p.card(card); k.ids[l.name] == "" {
			unknown = append(unknown, k)
		}
	}
	return unknown
}

// lookUpMany asks for the ids of some cards with one call. A card that the reply
// lacks is asked for by itself, as it is read: only then isn't it there.
func (p *provider) lookUpMany(ctx context.Context, l *lookup, cards []*known) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	values := make([]cty.Value, len(cards))
	for i, k := range cards {
		values[i] = k.value()
	}
	got, err := p.ask(ctx, ask{name: "lookup " + l.name, request: l.request, vars: map[string]cty.Value{rootCards: cty.TupleVal(values)}, takes: &l.takes})
	if err != nil {
		return err
	}
	ids, err := l.all(got)
	if err != nil {
		return p.untold("lookup "+l.name, got, err)
	}
	for _, k := range cards {
		if id := ids[string(k.iccid)]; !blank(id) && !p.secret(id) {
			p.ids.set(k.iccid, l.name, id)
		}
	}
	return nil
}
