package stored

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// unanswered is the reason of a doubt that replay finds; see [state.Unanswered].
const unanswered = state.Unanswered

// acceptedUnseen is its reason where the carrier has accepted the call.
const acceptedUnseen = "the carrier accepted it, and nothing more is recorded: the run is under way, or it ended before"

// Replay returns the snapshot with the records applied in their order. It
// leaves s as it is, and applying the same records again changes nothing.
// Records of an older serial are left out: the snapshot holds them already.
//
// An intent that no outcome ends becomes a [state.Doubt] of its card. A put ends the
// intents of its card that stand before it, since [state.Backend] showed them as
// doubts to whoever wrote the put. A commit raises the serial.
//
// A record of version 1 is about a row: the card at that provider block. What
// such records leave at several blocks is in [state.Snapshot.Doubled].
func Replay(s *state.Snapshot, records []state.Record) (*state.Snapshot, error) {
	return replayBeside(s, 0, records)
}

// replayBeside is Replay for a snapshot of which s has no more than the cards
// that the records name; others is how many rows it has besides.
func replayBeside(s *state.Snapshot, others int, records []state.Record) (*state.Snapshot, error) {
	if s == nil {
		s = &state.Snapshot{}
	}
	r := replay{before: s, serial: s.Serial, fleet: s.Fleet, count: len(s.Cards) + len(s.Doubled) + others, cards: map[spec.ICCID]*replayed{}}
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
	fleet  state.Fleet
	cards  map[spec.ICCID]*replayed
	recent []*replayed // touched since the last commit
	count  int         // rows, as of the last commit
}

// replayed is one card under replay. It has one row, but where records of
// version 1, or the snapshot, have it at several provider blocks.
type replayed struct {
	iccid   spec.ICCID
	rows    []row
	counted int  // rows in replay.count
	recent  bool // in replay.recent
}

// row is a card at one provider block.
type row struct {
	provider spec.ProviderName
	card     *state.Card // nil where there is none
	open     []*state.Record
}

func (r *replay) touch(iccid spec.ICCID) *replayed {
	c, ok := r.cards[iccid]
	if !ok {
		c = &replayed{iccid: iccid, rows: r.rowsBefore(iccid)}
		c.counted = len(c.rows)
		r.cards[iccid] = c
	}
	if !c.recent {
		c.recent = true
		r.recent = append(r.recent, c)
	}
	return c
}

// rowsBefore are the card's rows in the snapshot.
func (r *replay) rowsBefore(iccid spec.ICCID) []row {
	if card := r.before.Card(iccid); card != nil {
		return []row{{provider: card.Provider, card: card}}
	}
	var rows []row
	for i := range r.before.Doubled {
		if c := &r.before.Doubled[i]; c.ICCID == iccid {
			rows = append(rows, row{provider: c.Provider, card: c})
		}
	}
	return rows
}

func (r *replay) apply(rec *state.Record) error {
	if rec.Serial > r.serial {
		return fmt.Errorf("it follows serial %d, and no commit before it makes that of serial %d", rec.Serial, r.serial)
	}
	switch rec.Type {
	case state.CommitRecord:
		return r.commit(rec)
	case state.RunRecord:
		return nil
	}
	id := rec.ID()
	row := r.touch(id.ICCID).of(id, rec.Version)
	switch rec.Type {
	case state.IntentRecord:
		if rec.Intent.UnderWay() {
			row.answer(rec.Action) // the carrier has accepted it since
		}
		row.open = append(row.open, rec)
	case state.OutcomeRecord:
		row.answer(rec.Action)
		if rec.Card != nil {
			// The card is as the run left it, who knew of every intent before:
			// one changes a card at a time, and starts from what a replay says.
			row.put(upgraded(rec.Card, rec.Version))
		}
	case state.PutRecord:
		row.put(upgraded(rec.Card, rec.Version))
	case state.DropRecord:
		row.put(nil)
	}
	return nil
}

// of is the row that a record of that version is about. One of version 1 is
// about the card at that provider block; a later one about the card, which then
// has no other row.
func (c *replayed) of(id spec.CardID, version int) *row {
	at := slices.IndexFunc(c.rows, func(r row) bool { return r.provider == id.Provider })
	if version > state.FirstRecordVersion && (len(c.rows) > 1 || at < 0 && len(c.rows) == 1) {
		c.rows, at = []row{c.joined(id.Provider, at)}, 0
	}
	if at < 0 {
		at = len(c.rows)
		c.rows = append(c.rows, row{provider: id.Provider})
	}
	return &c.rows[at]
}

// joined is one row in the place of all: the one at that index, or the first,
// with the doubts of the others and what is open there.
func (c *replayed) joined(provider spec.ProviderName, at int) row {
	one := row{provider: provider, card: c.rows[max(at, 0)].card}
	for _, r := range c.rows {
		one.open = append(one.open, r.open...)
		if r.card == nil || one.card == nil || len(r.card.Doubts) == 0 || r.card == one.card {
			continue
		}
		card := *one.card
		card.Doubts = slices.Clone(card.Doubts)
		for _, d := range r.card.Doubts {
			addDoubt(&card, d)
		}
		one.card = &card
	}
	return one
}

func (r *row) put(card *state.Card) { r.card, r.open = card, nil }

// commit makes the edits, and ends the serial: an intent that is open by then
// is a doubt of the new snapshot.
func (r *replay) commit(rec *state.Record) error {
	e := &rec.Commit.Edits
	for i := range e.Put {
		card := upgraded(&e.Put[i], rec.Version)
		r.touch(card.ICCID).of(card.ID(), rec.Version).put(card)
	}
	for _, id := range e.Drop {
		c := r.touch(id.ICCID)
		c.of(id, rec.Version).put(nil)
	}
	if e.Doubled != nil {
		r.putDoubled(*e.Doubled)
	}
	if e.Fleet != nil {
		r.fleet = *e.Fleet
	}
	for _, c := range r.recent {
		c.settle()
		r.count += len(c.rows) - c.counted
		c.counted, c.recent = len(c.rows), false
	}
	r.recent = r.recent[:0]
	r.serial++
	if rec.Commit.Cards != r.count {
		return fmt.Errorf("it says that the state has %d cards then, and it has %d: it is not of this state", rec.Commit.Cards, r.count)
	}
	return nil
}

// putDoubled puts the rows in the place of all doubled rows that there are.
func (r *replay) putDoubled(rows []state.Card) {
	for i := range r.before.Doubled {
		r.touch(r.before.Doubled[i].ICCID)
	}
	for _, c := range r.cards {
		if len(c.rows) > 1 {
			c.rows = nil
			r.touch(c.iccid)
		}
	}
	for i := range rows {
		c := r.touch(rows[i].ICCID)
		if i == 0 || rows[i-1].ICCID != rows[i].ICCID {
			c.rows = nil
		}
		c.rows = append(c.rows, row{provider: rows[i].Provider, card: &rows[i]})
	}
}

// settle makes doubts of what is open, and leaves out rows that are none.
func (c *replayed) settle() {
	var rows []row
	for _, r := range c.rows {
		if card := r.result(c.iccid); card != nil {
			rows = append(rows, row{provider: card.Provider, card: card})
		}
	}
	c.rows = rows
}

// answer ends the action's intent: the last one, since ids of actions are a
// plan's, and an earlier run may have left an intent with the same id.
func (r *row) answer(action string) {
	for i := len(r.open) - 1; i >= 0; i-- {
		if r.open[i].Action == action {
			r.open = slices.Delete(r.open, i, i+1)
			return
		}
	}
}

// result is the card as the records leave it; nil for one that isn't managed.
func (r *row) result(iccid spec.ICCID) *state.Card {
	if len(r.open) == 0 {
		return r.card
	}
	card := state.Card{Provider: r.provider, ICCID: iccid}
	if r.card != nil {
		card = *r.card
	}
	card.Doubts = slices.Clone(card.Doubts)
	for _, rec := range r.open {
		addDoubt(&card, doubtOf(rec))
	}
	return &card
}

// addDoubt leaves out one that is known: replaying twice is replaying once, and
// a call that was repeated is in doubt since it was first made.
func addDoubt(c *state.Card, d state.Doubt) {
	if !slices.ContainsFunc(c.Doubts, func(old state.Doubt) bool { return old.Change == d.Change }) {
		c.InDoubt(d)
	}
}

// merge is the snapshot with the touched cards as they are now.
func (r *replay) merge() *state.Snapshot {
	var e state.Edits
	doubled := slices.DeleteFunc(slices.Clone(r.before.Doubled), func(c state.Card) bool { return r.cards[c.ICCID] != nil })
	for _, iccid := range slices.Sorted(maps.Keys(r.cards)) {
		c := r.cards[iccid]
		c.settle()
		switch len(c.rows) {
		case 0:
			e.Drop = append(e.Drop, spec.CardID{ICCID: iccid})
		case 1:
			e.Put = append(e.Put, *c.rows[0].card)
		default:
			for _, row := range c.rows {
				doubled = append(doubled, *row.card)
			}
		}
	}
	if len(doubled) > 0 {
		slices.SortFunc(doubled, func(a, b state.Card) int { return a.ID().Compare(b.ID()) })
		e.Doubled = &doubled
	}
	after := e.Next(r.before, "")
	after.Serial, after.Fleet = r.serial, r.fleet
	return after
}
