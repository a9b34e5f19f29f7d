package state

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// unanswered is the reason of a doubt that replay finds.
const unanswered = "the run ended before an answer came"

// Replay returns the snapshot with the records applied in their order. It
// leaves s as it is, and applying the same records again changes nothing.
// Records of an older serial are left out: the snapshot holds them already.
//
// An intent that no outcome ends becomes a [Doubt] of its card. A put ends the
// intents of its card that stand before it, since [Backend] showed them as
// doubts to whoever wrote the put. A commit raises the serial.
func Replay(s *Snapshot, records []Record) (*Snapshot, error) {
	if s == nil {
		s = &Snapshot{}
	}
	r := replay{before: s, serial: s.Serial, count: len(s.Cards), cards: map[spec.CardID]*replayed{}}
	for i := range records {
		rec := &records[i]
		err := rec.check()
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
	before *Snapshot
	serial uint64
	cards  map[spec.CardID]*replayed
	recent []*replayed // touched since the last commit
	count  int         // cards, as of the last commit
}

// replayed is one card under replay.
type replayed struct {
	id      spec.CardID
	card    *Card // nil where there is none
	open    []*Record
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

func (r *replay) apply(rec *Record) error {
	if rec.Serial > r.serial {
		return fmt.Errorf("it follows serial %d, and no commit before it makes that of serial %d", rec.Serial, r.serial)
	}
	if rec.Type == CommitRecord {
		return r.commit(rec)
	}
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
	return nil
}

// commit makes the edits, and ends the serial: an intent that is open by then
// is a doubt of the new snapshot.
func (r *replay) commit(rec *Record) error {
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
func (c *replayed) result() *Card {
	if len(c.open) == 0 {
		return c.card
	}
	card := Card{Provider: c.id.Provider, ICCID: c.id.ICCID}
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

// merge is the snapshot with the touched cards as they are now.
func (r *replay) merge() *Snapshot {
	touched := slices.SortedFunc(maps.Keys(r.cards), spec.CardID.Compare)
	var e Edits
	for _, id := range touched {
		if card := r.cards[id].result(); card != nil {
			e.Put = append(e.Put, *card)
		} else {
			e.Drop = append(e.Drop, id)
		}
	}
	return &Snapshot{Lineage: r.before.Lineage, Serial: r.serial, Cards: e.merge(r.before.Cards)}
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
	case r.Type == CommitRecord:
		return r.checkCommit()
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

func (r *Record) checkCommit() error {
	if r.Commit == nil {
		return errors.New("the commit doesn't say what")
	}
	return r.Commit.Check()
}

// doubt is what is left of an intent that nothing ended.
func (r *Record) doubt() Doubt {
	return Doubt{
		Kind: r.Intent.Kind, From: r.Intent.From, To: r.Intent.To, Key: r.Intent.Key,
		Since: r.At, Reason: unanswered,
	}
}
