package described

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// ids are the carrier's own ids of cards that this run has learned, by card. An
// id that is "" was wrong: what the state has of it counts no more.
type ids struct {
	mu    sync.Mutex
	cards map[spec.ICCID]map[string]string
}

func (i *ids) of(card spec.ICCID) map[string]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.cards[card])
}

func (i *ids) set(card spec.ICCID, name, id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cards == nil {
		i.cards = map[spec.ICCID]map[string]string{}
	}
	if i.cards[card] == nil {
		i.cards[card] = map[string]string{}
	}
	i.cards[card][name] = id
}

// errNoCard is a card that the carrier doesn't have.
var errNoCard = errors.New("the carrier has no such card")

// known is what is known of a card: what the state remembers, and what this run
// has learned since.
type known struct {
	iccid spec.ICCID
	key   providers.Key
	ids   map[string]string
	// remembered says that an id in use was not asked for now.
	remembered bool
}

func (k *known) value() cty.Value { return cardValue(k.iccid, k.key, k.ids) }

func (p *provider) card(iccid spec.ICCID) *known {
	k := &known{iccid: iccid, key: p.key(iccid), ids: map[string]string{}}
	learned := p.ids.of(iccid)
	for _, l := range p.def.lookups {
		id, ok := learned[l.name]
		if !ok {
			id = k.key.IDs[l.name]
		}
		if id != "" {
			k.ids[l.name] = id
		}
	}
	return k
}

// resolve looks up what a request takes of the card, once a card. Its error is
// [errNoCard] where the carrier has no such card.
func (p *provider) resolve(ctx context.Context, k *known, r *request) error {
	for _, l := range p.def.lookups {
		if !r.card[l.name] {
			continue
		}
		if k.ids[l.name] != "" {
			k.remembered = true
			continue
		}
		if err := p.resolve(ctx, k, l.request); err != nil {
			return err
		}
		id, err := p.lookUp(ctx, k, l)
		if err != nil {
			return err
		}
		k.ids[l.name] = id
		p.ids.set(k.iccid, l.name, id)
	}
	return nil
}

func (p *provider) lookUp(ctx context.Context, k *known, l *lookup) (string, error) {
	name := "lookup " + l.name
	vars := map[string]cty.Value{rootCard: k.value(), rootCards: cty.TupleVal([]cty.Value{k.value()})}
	got, err := p.ask(ctx, ask{name: name, card: k.iccid, request: l.request, vars: vars, takes: &l.takes})
	switch {
	case err != nil && got.label == labelNotFound && got.carriers:
		return "", errNoCard
	case err != nil:
		return "", err
	}
	text, err := l.find(got, k.iccid)
	if err != nil {
		return "", &providers.Error{Call: name, Proof: providers.NeverSeen, Cause: providers.Refused, RequestID: got.requestID, Message: "the reply doesn't tell the card's " + l.name, Err: err}
	}
	if blank(text) {
		return "", errNoCard
	}
	if p.secret(text) {
		return "", &providers.Error{Call: name, Proof: providers.NeverSeen, Cause: providers.Refused, RequestID: got.requestID, Message: "the card's " + l.name + " has a secret of the settings in it, so nothing is asked by it, and the state doesn't keep it"}
	}
	return text, nil
}

// secret reports whether a text has a secret in it.
func (p *provider) secret(text string) bool { return p.hide(text, nil) != text }

// find takes the card's id from a reply; "" where the carrier has none.
func (l *lookup) find(got *answer, iccid spec.ICCID) (string, error) {
	if l.value != nil {
		v, err := l.value.value(got.ctx)
		text, _ := textOf(orNull(v))
		return text, err
	}
	ids, err := l.all(got)
	return ids[string(iccid)], err
}

// all are the ids that a reply tells of many cards, by their ICCIDs.
func (l *lookup) all(got *answer) (map[string]string, error) {
	v, err := l.values.value(got.ctx)
	if err != nil {
		return nil, err
	}
	values, err := mapOf(v)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	ids := make(map[string]string, len(values))
	for iccid, v := range values {
		ids[iccid], _ = textOf(orNull(v))
	}
	return ids, nil
}

// forget drops ids that turned out wrong, and reports whether there were any.
func (p *provider) forget(k *known, r *request) bool {
	if !k.remembered {
		return false
	}
	for _, l := range p.def.lookups {
		if r.card[l.name] {
			delete(k.ids, l.name)
			p.ids.set(k.iccid, l.name, "")
		}
	}
	k.remembered = false
	return true
}
