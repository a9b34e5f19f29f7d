package stored

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// unanswered is the reason of a doubt that replay finds.
const unanswered = "the run ended before an answer came"

// Replay returns the snapshot with the records applied in their order. It
// leaves s as it is, and applying the same records again changes nothing.
// Records of an older serial are left out: the snapshot holds them already.
//
// An intent that no outcome ends becomes a [state.Doubt] of its card. A put ends the
// intents of its card that stand before it, since [state.Backend] showed them as
// doubts to whoever wrote the put. A commit raises the serial.
func Replay(s *state.Snapshot, records []state.Record) (*state.Snapshot, error) {
	if s == nil {
		s = &state.Snapshot{}
	}
	r := replay{before: s, serial: s.Serial, count: len(s.Cards), cards: map[spec.CardID]*replayed{}}
	for i := range records {
		rec := &records[i]
		err := checkRecord(rec)
		if err == nil && rec.Serial >= r.serial {
			err = r.apply(rec)
		}
		if err != nil {
			return nil, fmt.Errorf("replay record %d of serial %d: %w", rec.Seq, rec.Serial, err)
		}
	}
	return r.merge(), nil
}

// replay collects what the records make of the cards they name, so that the
// snapshot is walked once, however many records there are.
type replay struct {
	before *state.Snapshot
	serial uint64
	cards  map[spec.CardID]*replayed
	recent []*replayed // touched since the last commit
	count  int         // cards, as of the last commit
}

// replayed is one card under replay.
type replayed struct {
	id      spec.CardID
	card    *state.Card // nil where there is none
	open    []*state.Record
	counted bool // in replay.count
	recent  bool // in replay.recent
}

func (r *replay) touch(id spec.CardID) *replayed {
	c, ok := r.cards[id]
	if !ok {
		card := r.before.Card(id)
		c = &replayed{id: id, card: card, counted: card != nil}
		r.cards[id] = c
	}
	if !c.recent {
		c.recent = true
		r.recent = append(r.recent, c)
	}
	return c
}

func (r *replay) apply(rec *state.Record) error {
	if rec.Serial > r.serial {
		return fmt.Errorf("it follows serial %d, and no commit before it makes that of serial %d", rec.Serial, r.serial)
	}
	if rec.Type == state.CommitRecord {
		return r.commit(rec)
	}
	c := r.touch(rec.ID())
	switch rec.Type {
	case state.IntentRecord:
		c.open = append(c.open, rec)
	case state.OutcomeRecord:
		c.answer(rec.Action)
		if rec.Card != nil {
			// The card is as the run left it, who knew of every intent before:
			// one changes a card at a time, and starts from what a replay says.
			c.card, c.open = rec.Card, nil
		}
	case state.PutRecord:
		c.card, c.open = rec.Card, nil
	case state.DropRecord:
		c.card, c.open = nil, nil
	}
	return nil
}

// commit makes the edits, and ends the serial: an intent that is open by then
// is a doubt of the new snapshot.
func (r *replay) commit(rec *state.Record) error {
	for i := range rec.Commit.Put {
		c := r.touch(rec.Commit.Put[i].ID())
		c.card, c.open = &rec.Commit.Put[i], nil
	}
	for _, id := range rec.Commit.Drop {
		c := r.touch(id)
		c.card, c.open = nil, nil
	}
	for _, c := range r.recent {
		c.card, c.open, c.recent = c.result(), nil, false
		switch managed := c.card != nil; {
		case managed && !c.counted:
			r.count++
		case !managed && c.counted:
			r.count--
		}
		c.counted = c.card != nil
	}
	r.recent = r.recent[:0]
	r.serial++
	if rec.Commit.Cards != r.count {
		return fmt.Errorf("it says that the state has %d cards then, and it has %d: it is not of this state", rec.Commit.Cards, r.count)
	}
	return nil
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
func (c *replayed) result() *state.Card {
	if len(c.open) == 0 {
		return c.card
	}
	card := state.Card{Provider: c.id.Provider, ICCID: c.id.ICCID}
	if c.card != nil {
		card = *c.card
	}
	card.Doubts = slices.Clone(card.Doubts)
	for _, rec := range c.open {
		addDoubt(&card, doubtOf(rec))
	}
	return &card
}

// addDoubt leaves out one that is known: replaying twice is replaying once, and
// a call that was repeated is in doubt since it was first made.
func addDoubt(c *state.Card, d state.Doubt) {
	if !slices.ContainsFunc(c.Doubts, func(old state.Doubt) bool { return old.Change == d.Change }) {
		c.Doubts = append(c.Doubts, d)
	}
}

// merge is the snapshot with the touched cards as they are now.
func (r *replay) merge() *state.Snapshot {
	touched := slices.SortedFunc(maps.Keys(r.cards), spec.CardID.Compare)
	var e state.Edits
	for _, id := range touched {
		if card := r.cards[id].result(); card != nil {
			e.Put = append(e.Put, *card)
		} else {
			e.Drop = append(e.Drop, id)
		}
	}
	return &state.Snapshot{Lineage: r.before.Lineage, Serial: r.serial, Cards: e.Merge(r.before.Cards)}
}
