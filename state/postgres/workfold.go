package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// What workers recorded gets into the snapshot and the history with a commit: of
// whoever has the state's lock, or of [Work.Fold], which does nothing else.

const (
	// mostFolded is how many records one fold takes at most.
	mostFolded = 50000

	// A fold waits for nobody, and a process that stops in the middle of one keeps
	// others waiting for no longer than that.
	foldWaits = "SET LOCAL lock_timeout = '1s'; SET LOCAL idle_in_transaction_session_timeout = '10s'"
)

var (
	errBusy  = errors.New("the state is another run's now")
	errWhole = errors.New("the state has to be committed whole")
)

// Fold commits what workers recorded, where the state's lock is free this instant,
// and reports whether it did. It does so at most [mostFolded] records at once. Where a run
// that ended by itself left a journal, that run's next one commits both.
func (w *Work) Fold(ctx context.Context) (bool, error) {
	err := w.write(ctx, "take over what workers recorded", func(tx pgx.Tx) error { return w.fold(ctx, tx) })
	var said *pgconn.PgError
	switch {
	case errors.Is(err, errBusy), errors.As(err, &said) && said.Code == "55P03": // lock_not_available
		return false, nil
	case errors.Is(err, errWhole):
		return w.foldWhole(ctx)
	default:
		return err == nil, err
	}
}

// foldWhole is Fold for a state that is to be encrypted, is of an older format, or
// has cards at several provider blocks.
func (w *Work) foldWhole(ctx context.Context) (bool, error) {
	unlock, err := w.b.Lock(ctx, state.LockInfo{Operation: "fold", Version: w.b.env.Version, Created: w.b.env.Now()})
	var locked *state.LockedError
	if errors.As(err, &locked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = unlock() }() // it runs out by itself
	s, err := w.b.Read(ctx)
	if err != nil {
		return false, err
	}
	if err := w.b.Commit(ctx, s, state.Edits{}); err != nil {
		return false, err
	}
	return true, nil
}

func (w *Work) fold(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, foldWaits); err != nil {
		return err
	}
	token := stored.NewUUID(w.b.env.Random)
	if err := w.leaseWithin(ctx, tx, token); err != nil {
		return err
	}
	c := &commit{Backend: w.b, token: token, fold: true}
	present, err := c.head(ctx, tx, len(migrations), "FOR NO KEY UPDATE")
	if err != nil {
		return err
	}
	upTo, err := w.foldUpTo(ctx, tx)
	if err != nil {
		return err
	}
	if c.work, err = c.workRecords(ctx, tx, w.id, w.box, "r.seq <= $2", upTo); err != nil {
		return err
	}
	if err := c.foldOf(ctx, tx, present, upTo); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM "+w.b.table("leases")+" WHERE state_id = $1 AND token = $2", w.id, token)
	return err
}

// leaseWithin takes the state's lease for as long as the transaction goes on.
// Nobody sees it: whoever wants the lock meanwhile waits for the transaction.
func (w *Work) leaseWithin(ctx context.Context, tx pgx.Tx, token string) error {
	tag, err := tx.Exec(ctx, `
		INSERT INTO `+w.b.table("leases")+` AS held (state_id, token, lock_id, info, renewed, expires)
		SELECT $1, $2::uuid, '', '{}', clock_timestamp(), clock_timestamp()
		WHERE NOT EXISTS (SELECT FROM `+w.b.table("journal")+` WHERE state_id = $1)
		ON CONFLICT (state_id) DO UPDATE SET (token, lock_id, info, renewed, expires)
			= (excluded.token, excluded.lock_id, excluded.info, excluded.renewed, excluded.expires)
			WHERE held.expires < clock_timestamp()`, w.id, token)
	if err == nil && tag.RowsAffected() == 0 {
		return errBusy
	}
	return err
}

// foldUpTo is the number up to which records are folded.
func (w *Work) foldUpTo(ctx context.Context, tx pgx.Tx) (upTo uint64, err error) {
	return upTo, tx.QueryRow(ctx, "SELECT coalesce((SELECT seq FROM "+w.b.table("work_records")+" WHERE state_id = $1 ORDER BY seq OFFSET $2 LIMIT 1), seq) FROM "+
		w.b.table("work_heads")+" WHERE state_id = $1", w.id, mostFolded-1).Scan(&upTo)
}

// foldOf commits c.work, which are the records up to that number, to the rows that
// they name.
func (c *commit) foldOf(ctx context.Context, tx pgx.Tx, present head, upTo uint64) error {
	if !slices.ContainsFunc(c.work, func(r workRecord) bool { return !r.open }) {
		return errBusy // there is nothing to do
	}
	sealing := c.env.Sealer != nil && present.vault == nil
	if present.serial > 0 && (sealing || present.format < presentFormat) {
		return errWhole
	}
	before, err := c.cardsOf(ctx, tx, present, c.work.cards())
	if err != nil {
		return err
	}
	if len(before.Doubled) > 0 {
		return errWhole
	}
	before.Workers = upTo
	after, err := c.work.onto(before, func(*workRecord) bool { return false })
	if err != nil {
		return err
	}
	c.s, c.edits, c.others = before, state.Difference(before, after), present.cards-len(before.Cards)
	c.lineage = cmp.Or(present.lineage, stored.NewUUID(c.env.Random))
	c.next = head{
		id: present.id, lineage: c.lineage, serial: present.serial + 1, cards: present.cards, vault: present.vault, sealed: present.sealed,
		format: presentFormat, fleet: present.fleet,
	}
	rows := c.edits
	if sealing || present.format < presentFormat { // a state without a commit, whose rows are none
		if rows, err = c.beginAnew(ctx, tx, present, sealing); err != nil {
			return err
		}
	}
	return c.write(ctx, tx, present, rows)
}

// cards are those that the records name.
func (all workRecords) cards() []spec.ICCID {
	var named []spec.ICCID
	for i := range all {
		if iccid := all[i].ID().ICCID; iccid != "" {
			named = append(named, iccid)
		}
	}
	slices.Sort(named)
	return slices.Compact(named)
}

// cardsOf is the snapshot with no more than those cards.
func (b *Backend) cardsOf(ctx context.Context, tx pgx.Tx, h head, iccids []spec.ICCID) (*state.Snapshot, error) {
	if h.serial > 0 && h.format < presentFormat {
		return b.cards(ctx, tx, h)
	}
	keys := make([]string, len(iccids))
	for i, iccid := range iccids {
		if keys[i] = string(iccid); h.vault != nil {
			keys[i] = h.vault.id(keys[i])
		}
	}
	rows, err := tx.Query(ctx, "SELECT iccid, from_serial, card, sealed FROM "+b.table("cards")+
		" WHERE state_id = $1 AND iccid = ANY ($2) AND to_serial = $3", h.id, keys, int64(forever))
	if err != nil {
		return nil, err
	}
	var cards []state.Card
	var id string
	var from uint64
	var text, sealed []byte
	var reader stored.CardReader
	_, err = pgx.ForEachRow(rows, []any{&id, &from, &text, &sealed}, func() error {
		var card state.Card
		var err error
		if h.vault != nil {
			card, err = h.vault.openCard(&reader, id, from, slices.Clone(sealed))
		} else {
			card, err = reader.Read(text)
		}
		cards = append(cards, card)
		return err
	})
	if err != nil {
		return nil, err
	}
	return stored.SnapshotOf(stored.Header{Version: presentFormat, Lineage: h.lineage, Serial: h.serial, Fleet: h.fleet}, cards)
}

// partial is what [Backend.Read] reads, with no more than those cards, and with the
// doubts that are wanted.
func (b *Backend) partial(ctx context.Context, tx pgx.Tx, x *box, iccids []spec.ICCID, doubts func(*workRecord) bool) (*state.Snapshot, error) {
	h, err := b.head(ctx, tx, len(migrations), "")
	if err != nil {
		return nil, err
	}
	s, err := b.cardsOf(ctx, tx, h, iccids)
	if err != nil {
		return nil, err
	}
	_, journal, err := b.lines(ctx, tx, h)
	if err != nil {
		return nil, err
	}
	wanted := make(map[spec.ICCID]bool, len(iccids))
	var keys []string
	for _, iccid := range iccids {
		wanted[iccid] = true
		keys = append(keys, x.keys(string(iccid))...)
	}
	journal = slices.DeleteFunc(journal, func(r state.Record) bool { return !wanted[r.ID().ICCID] })
	if s, err = stored.Replay(s, journal); err != nil {
		return nil, err
	}
	work, err := b.workRecords(ctx, tx, h.id, x, "r.card = ANY ($2)", keys)
	if err != nil {
		return nil, err
	}
	return work.onto(s, doubts)
}

// namedByWorkers are the cards that s has otherwise than the rows, by what workers
// recorded. A call that was under way when s was read left its card as it was.
func (c *commit) namedByWorkers() []spec.ICCID {
	var named []spec.ICCID
	for i := range c.work {
		r := &c.work[i]
		if iccid := r.ID().ICCID; iccid != "" && (!r.open || c.showsDoubt(r)) {
			named = append(named, iccid)
		}
	}
	return named
}

// showsDoubt reports whether s has the call in doubt.
func (c *commit) showsDoubt(r *workRecord) bool { return inDoubt(c.s.Card(r.ID().ICCID), r) }

func inDoubt(card *state.Card, r *workRecord) bool {
	return card != nil && slices.ContainsFunc(card.Doubts, func(d state.Doubt) bool { return d.Change == r.Intent.Change })
}

// settled reports whether the edits end a doubt that s has: whoever made them knew
// of it.
func (c *commit) settled(r *workRecord) bool {
	card, named := c.edits.Card(r.ID().ICCID)
	return !c.fold && named && c.showsDoubt(r) && !inDoubt(card, r)
}

// stays reports whether the record stays a row: a call without an outcome, which is
// under way or in doubt.
func (c *commit) stays(r *workRecord) bool { return r.open && !c.settled(r) }

// endWork ends the records that the new snapshot holds, and seals the data key of
// what workers share for whom the configuration now says.
func (c *commit) endWork(ctx context.Context, tx pgx.Tx) error {
	if err := c.resealWork(ctx, tx); err != nil || len(c.work) == 0 {
		return err
	}
	stay := []int64{}
	for i := range c.work {
		if c.stays(&c.work[i]) {
			stay = append(stay, int64(c.work[i].Seq)) //nolint:gosec // the database counts in bigint
		}
	}
	_, err := tx.Exec(ctx, "DELETE FROM "+c.table("work_records")+" WHERE state_id = $1 AND seq <= $2 AND seq <> ALL ($3)", c.next.id, c.s.Workers, stay)
	return err
}

func (c *commit) resealWork(ctx context.Context, tx pgx.Tx) error {
	if c.fold || c.env.Sealer == nil {
		return nil
	}
	var key []byte
	if err := tx.QueryRow(ctx, "SELECT work_key FROM "+c.table("states")+" WHERE id = $1", c.next.id).Scan(&key); err != nil || key == nil {
		return err
	}
	v, err := openVault(key, workLineage(c.next.id), c.env.Sealer, c.env.Random)
	if err != nil {
		return err
	}
	if key, err = v.sealKey(c.env.Sealer); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE "+c.table("states")+" SET work_key = $2 WHERE id = $1", c.next.id, key)
	return err
}

// toldRuns are what the history says of the runs that records are of.
func (b *Backend) toldRuns(ctx context.Context, tx pgx.Tx, id int64, x *box, records workRecords) (map[string]*state.Run, error) {
	runs := map[string]*state.Run{}
	var tolds []string
	for i := range records {
		if told := records[i].told; runs[told] == nil {
			runs[told] = &state.Run{ID: told, Operation: "worker", Started: records[i].At}
			tolds = append(tolds, told)
		}
	}
	rows, err := tx.Query(ctx, "SELECT told, run FROM "+b.table("work_told")+" WHERE state_id = $1 AND told = ANY ($2)", id, tolds)
	if err != nil {
		return nil, err
	}
	var told string
	var packed []byte
	_, err = pgx.ForEachRow(rows, []any{&told, &packed}, func() error {
		text, err := x.unpack(packed, toldName(told))
		if err != nil {
			return err
		}
		run := &state.Run{}
		runs[told] = run
		return json.Unmarshal(text, run)
	})
	return runs, err
}

// workEntries are what the records add to the history: by run, in the order in which
// those begin here, each behind an entry that says so. open has the calls without an
// outcome be entries too. They are of that serial, and follow the entry of that number.
func (all workRecords) entries(runs map[string]*state.Run, serial, after uint64, open func(*workRecord) bool) []workEntry {
	var order []string
	byRun := map[string][]workEntry{}
	tells := all.tellingEvents(open)
	for i := range all {
		r := &all[i]
		e := r.event(open)
		if e == nil || !tells[i] {
			continue
		}
		if byRun[r.told] == nil {
			order = append(order, r.told)
			byRun[r.told] = []workEntry{{Entry: state.Entry{Run: runs[r.told]}, at: later(runs[r.told].Started, e.At)}}
		}
		byRun[r.told] = append(byRun[r.told], workEntry{Entry: state.Entry{Run: runs[r.told], Event: e}, at: e.At})
	}
	var list []workEntry
	for _, told := range order {
		list = append(list, byRun[told]...)
	}
	for i := range list {
		list[i].Serial, list[i].Seq = serial, after+uint64(i)+1
	}
	return list
}

// changeInRun is a change of a card in a run.
type changeInRun struct {
	told   string
	iccid  spec.ICCID
	change spec.Change
}

// tellingEvents are the places of the records that say last what became of a change in a
// run. What a worker left without an answer, the next one finds out, or does again: that
// is one action. What became of another run's call is told besides.
func (all workRecords) tellingEvents(open func(*workRecord) bool) map[int]bool {
	last := make(map[changeInRun]int, len(all))
	tells := make(map[int]bool, len(all))
	for i := range all {
		e := all[i].event(open)
		if e == nil {
			continue
		}
		change := changeInRun{all[i].told, e.ICCID, e.Change}
		before, known := last[change]
		if known {
			delete(tells, before)
		}
		if tells[i] = true; known || !e.Settles {
			last[change] = i
		}
	}
	return tells
}

// workEntry is an entry, and the time by which it is found.
type workEntry struct {
	state.Entry
	at time.Time
}

// later is the later time. An entry that says again that a run began is as old as
// what follows it, and so is kept as long.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// event is what the record adds to the history; nil for nothing.
func (r *workRecord) event(open func(*workRecord) bool) *state.Event {
	switch {
	case r.Type != state.IntentRecord:
		return r.Event
	case r.answered, r.open && !open(r):
		return nil
	default:
		e := stored.Left(&r.Record)
		return &e
	}
}
