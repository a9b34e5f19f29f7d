package state

import (
	"fmt"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// unanswered is the reason of a doubt that replay finds.
const unanswered = "the run ended before an answer came"

// Replay returns the snapshot with the records applied in their order. It
// leaves s as it is, and applying the same records again changes nothing.
// Records of another serial are left out: the snapshot holds them already.
//
// An intent that no outcome ends becomes a [Doubt] of its card. A put ends the
// intents of its card that stand before it, since [Backend] showed them as
// doubts to whoever wrote the put.
func Replay(s *Snapshot, records []Record) (*Snapshot, error) {
	if s == nil {
		s = &Snapshot{}
	}
	r := replay{before: s, cards: map[spec.CardID]*replayed{}}
	for i := range records {
		rec := &records[i]
		if err := rec.check(); err != nil {
			return nil, fmt.Errorf("replay record %d of serial %d: %w", rec.Seq, rec.Serial, err)
		}
		if rec.Serial == s.Serial {
			r.apply(rec)
		}
	}
	return r.merge(), nil
}

// replay collects what the records make of the cards they name, so that the
// snapshot is walked once, however many records there are.
type replay struct {
	before *Snapshot
	cards  map[spec.CardID]*replayed
}

// replayed is one card under replay.
type replayed struct {
	card *Card // nil where there is none
	open []*Record
}

func (r *replay) touch(id spec.CardID) *replayed {
	c, ok := r.cards[id]
	if !ok {
		c = &replayed{card: r.before.Card(id)}
		r.cards[id] = c
	}
	return c
}

func (r *replay) apply(rec *Record) {
	c := r.touch(rec.ID())
	switch rec.Type {
	case IntentRecord:
		c.open = append(c.open, rec)
	case OutcomeRecord:
		c.answer(rec.Action)
		if rec.Card != nil {
			// The card is as the run left it, who knew of every intent before:
			// one changes a card at a time, and starts from what a replay says.
			c.card, c.open = rec.Card, nil
		}
	case PutRecord:
		c.card, c.open = rec.Card, nil
	case DropRecord:
		c.card, c.open = nil, nil
	}
}

// answer ends the action's intent: the last one, since ids of actions are a
// plan's, and an earlier run may have left an intent with the same id.
func (c *replayed) answer(action string) {
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i].Action == action {
			c.open = slices.Delete(c.open, i, i+1)
			return
		}
	}
}

// result is the card as the records leave it; nil for one that isn't managed.
func (c *replayed) result(id spec.CardID) *Card {
	if len(c.open) == 0 {
		return c.card
	}
	card := Card{Provider: id.Provider, ICCID: id.ICCID}
	if c.card != nil {
		card = *c.card
	}
	card.Doubts = slices.Clone(card.Doubts)
	for _, rec := range c.open {
		card.addDoubt(rec.doubt())
	}
	return &card
}

// addDoubt leaves out one that is known: replaying twice is replaying once, and
// a call that was repeated is in doubt since it was first made.
func (c *Card) addDoubt(d Doubt) {
	if !slices.ContainsFunc(c.Doubts, d.same) {
		c.Doubts = append(c.Doubts, d)
	}
}

// merge walks the cards of before and the touched ones side by side.
func (r *replay) merge() *Snapshot {
	after := &Snapshot{Lineage: r.before.Lineage, Serial: r.before.Serial}
	touched := make([]spec.CardID, 0, len(r.cards))
	for id := range r.cards {
		touched = append(touched, id)
	}
	slices.SortFunc(touched, spec.CardID.Compare)

	old := r.before.Cards
	after.Cards = make([]Card, 0, len(old)+len(touched))
	for _, id := range touched {
		i := 0
		for i < len(old) && old[i].ID().Compare(id) < 0 {
			i++
		}
		after.Cards = append(after.Cards, old[:i]...)
		if old = old[i:]; len(old) > 0 && old[0].ID() == id {
			old = old[1:]
		}
		if card := r.cards[id].result(id); card != nil {
			after.Cards = append(after.Cards, *card)
		}
	}
	after.Cards = append(after.Cards, old...)
	return after
}

// ID is the identity of the card that the record is about.
func (r *Record) ID() spec.CardID {
	if r.Card != nil {
		return r.Card.ID()
	}
	return spec.CardID{Provider: r.Provider, ICCID: r.ICCID}
}

// check refuses a record that can't be understood.
func (r *Record) check() error {
	switch {
	case r.Version != RecordVersion:
		return fmt.Errorf("it has version %d, and this program knows version %d: use the version of cardfleet that wrote it, or a newer one", r.Version, RecordVersion)
	case r.ID() == spec.CardID{}:
		return fmt.Errorf("the %s names no card", r.Type)
	case r.ICCID != "" && r.ID() != spec.CardID{Provider: r.Provider, ICCID: r.ICCID}:
		return fmt.Errorf("the %s of %s/%s holds %s/%s", r.Type, r.Provider, r.ICCID, r.Card.Provider, r.Card.ICCID)
	}
	return r.checkType()
}

func (r *Record) checkType() error {
	switch r.Type {
	case IntentRecord:
		if r.Intent == nil {
			return fmt.Errorf("the intent for card %s doesn't say what", r.ICCID)
		}
	case PutRecord:
		if r.Card == nil {
			return fmt.Errorf("the put of card %s holds no card", r.ICCID)
		}
	case OutcomeRecord, DropRecord:
	default:
		return fmt.Errorf("its type %q is unknown", r.Type)
	}
	return nil
}

// doubt is what is left of an intent that nothing ended.
func (r *Record) doubt() Doubt {
	return Doubt{
		Kind: r.Intent.Kind, From: r.Intent.From, To: r.Intent.To, Key: r.Intent.Key,
		Since: r.At, Reason: unanswered,
	}
}
