package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// What was done to cards is in the journal until a commit, which makes rows of
// the table history of it, in the same transaction. A row without an iccid says
// that a run began; the rows behind it are that run's, by serial and entry.

// historyRow is an entry as the table has it, before it is written.
type historyRow struct {
	serial, entry uint64
	at            time.Time
	iccid         *string // the key; nil for a run's
	text          []byte
}

// addEvents adds what the journal adds to the history.
func (c *commit) addEvents(ctx context.Context, tx pgx.Tx) error {
	var rows []historyRow
	err := stored.Entries(c.records, func(e *state.Entry) error {
		row, err := historyRowOf(e)
		if err == nil {
			rows = append(rows, row)
		}
		return err
	})
	if err != nil {
		return err
	}
	more, err := c.workRows(ctx, tx)
	if rows = append(rows, more...); err != nil || len(rows) == 0 {
		return err
	}
	return c.copyEvents(ctx, tx, rows)
}

// workRows are the entries of what workers recorded, behind those of the journal.
func (c *commit) workRows(ctx context.Context, tx pgx.Tx) ([]historyRow, error) {
	if len(c.work) == 0 {
		return nil, nil
	}
	x, err := c.boxOf(ctx, tx, c.next.id)
	if err != nil {
		return nil, err
	}
	runs, err := c.toldRuns(ctx, tx, c.next.id, x, c.work)
	if err != nil {
		return nil, err
	}
	entries := c.work.entries(runs, c.s.Serial, stored.LastSeq(c.records), func(r *workRecord) bool { return !c.stays(r) })
	rows := make([]historyRow, len(entries))
	for i := range entries {
		if rows[i], err = historyRowOf(&entries[i].Entry); err != nil {
			return nil, err
		}
		rows[i].at = entries[i].at
	}
	return rows, nil
}

func historyRowOf(e *state.Entry) (historyRow, error) {
	row := historyRow{serial: e.Serial, entry: e.Seq, at: e.At()}
	var said any = e.Run
	if e.Event != nil {
		iccid := string(e.Event.ICCID)
		said, row.iccid = e.Event, &iccid
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(said); err != nil {
		return row, err
	}
	row.text = bytes.TrimSpace(text.Bytes())
	return row, nil
}

// copyEvents writes the rows, sealed where the state is.
func (c *commit) copyEvents(ctx context.Context, tx pgx.Tx, rows []historyRow) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{c.schema, "history"}, []string{"state_id", "serial", "entry", "at", "iccid", "event", "sealed"},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			r := &rows[i]
			if c.next.vault == nil {
				return []any{c.next.id, r.serial, r.entry, r.at, r.iccid, r.text, nil}, nil
			}
			key := ""
			if r.iccid != nil {
				key = c.next.vault.id(*r.iccid)
				r.iccid = &key
			}
			return []any{c.next.id, r.serial, r.entry, r.at, r.iccid, nil, c.next.vault.sealRow(eventName(key, r.entry), r.serial, r.text)}, nil
		}))
	return err
}

// eventName is what a sealed entry is bound to, besides its serial, so that none
// can be moved.
func eventName(key string, entry uint64) string {
	return "history " + key + " " + strconv.FormatUint(entry, 10)
}

// sealedAtOnce is how many entries are sealed in one step, once a state is to be
// encrypted.
const sealedAtOnce = 10000

// sealEvents seals the entries of before the state was encrypted.
func (c *commit) sealEvents(ctx context.Context, tx pgx.Tx) error {
	for {
		found, err := tx.Query(ctx, "DELETE FROM "+c.table("history")+` WHERE state_id = $1 AND (serial, entry) IN (
			SELECT serial, entry FROM `+c.table("history")+` WHERE state_id = $1 AND event IS NOT NULL ORDER BY serial, entry LIMIT $2
		) RETURNING serial, entry, at, iccid, event`, c.next.id, sealedAtOnce)
		if err != nil {
			return err
		}
		rows, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (r historyRow, err error) {
			return r, row.Scan(&r.serial, &r.entry, &r.at, &r.iccid, &r.text)
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := c.copyEvents(ctx, tx, rows); err != nil {
			return err
		}
	}
}

// Events implements [state.Chronicler].
func (b *Backend) Events(ctx context.Context, q state.EventQuery, visit func(*state.Entry) error) error {
	visit = onceBegun(q, visit)
	err := b.within(ctx, toRead, func(tx pgx.Tx) error {
		h, err := b.present(ctx, tx)
		if err != nil || h.id == 0 {
			return err
		}
		if h.schema >= formatted {
			if err := b.storedEvents(ctx, tx, h, q, visit); err != nil {
				return err
			}
		}
		last := uint64(0)
		err = b.journalEvents(ctx, tx, h, q, func(e *state.Entry) error {
			last = max(last, e.Seq)
			return visit(e)
		})
		if err != nil || h.schema < workable {
			return err
		}
		return b.workEvents(ctx, tx, h, q, last, visit)
	})
	if err != nil {
		return fmt.Errorf("read the history of the state %s: %w", b.place(), err)
	}
	return nil
}

// onceBegun leaves out what says again that a run began: the history has that with
// each commit of a run that workers carry out.
func onceBegun(q state.EventQuery, visit func(*state.Entry) error) func(*state.Entry) error {
	begun := map[string]bool{}
	return func(e *state.Entry) error {
		if e.Event == nil && e.Run != nil {
			if begun[e.Run.ID] || e.At().Before(q.Since) {
				return nil
			}
			begun[e.Run.ID] = true
		}
		return visit(e)
	}
}

// workEvents visits what workers recorded since the last commit, behind the entry of
// that number.
func (b *Backend) workEvents(ctx context.Context, tx pgx.Tx, h head, q state.EventQuery, after uint64, visit func(*state.Entry) error) error {
	x, err := b.boxOf(ctx, tx, h.id)
	if err != nil {
		return err
	}
	where, args := "true", []any(nil)
	if len(q.ICCIDs) > 0 {
		var keys []string
		for _, iccid := range q.ICCIDs {
			for _, spelling := range spellings(iccid) {
				keys = append(keys, x.keys(string(spelling))...)
			}
		}
		where, args = "r.card = ANY ($2)", []any{keys}
	}
	records, err := b.workRecords(ctx, tx, h.id, x, where, args...)
	if err != nil || len(records) == 0 {
		return err
	}
	runs, err := b.toldRuns(ctx, tx, h.id, x, records)
	if err != nil {
		return err
	}
	wanted := stored.Wanted(q)
	for _, e := range records.entries(runs, h.serial, after, func(*workRecord) bool { return true }) {
		if wanted(&e.Entry) {
			if err := visit(&e.Entry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Backend) journalEvents(ctx context.Context, tx pgx.Tx, h head, q state.EventQuery, visit func(*state.Entry) error) error {
	rows, err := tx.Query(ctx, "SELECT records FROM "+b.table("journal")+" WHERE state_id = $1 ORDER BY line", h.id)
	if err != nil {
		return err
	}
	var text, line []byte
	_, err = pgx.ForEachRow(rows, []any{&line}, func() error {
		text = append(text, line...)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = b.codec.JournalEntries(bytes.NewReader(text), b.place(), stored.Header{Lineage: h.lineage, Serial: h.serial}, q, visit)
	return err
}

// storedEvents visits the rows that are wanted.
func (b *Backend) storedEvents(ctx context.Context, tx pgx.Tx, h head, q state.EventQuery, visit func(*state.Entry) error) error {
	r := &eventRows{Backend: b, head: h, runs: map[[2]uint64]*state.Run{}, q: q}
	where, args := " WHERE h.state_id = $1 AND h.at >= $2", []any{h.id, q.Since}
	if len(q.ICCIDs) > 0 {
		where += " AND h.iccid = ANY($3)"
		args = append(args, r.keys())
	}
	if q.Run != "" {
		from, to, err := r.span(ctx, tx)
		if err != nil || from == nil {
			return err
		}
		where += fmt.Sprintf(" AND (h.serial, h.entry) >= (%d, %d)", from[0], from[1])
		if to != nil {
			where += fmt.Sprintf(" AND (h.serial, h.entry) < (%d, %d)", to[0], to[1])
		}
	}
	rows, err := tx.Query(ctx, "SELECT h.serial, h.entry, h.iccid, h.event, h.sealed, r.serial, r.entry, r.event, r.sealed FROM "+b.table("history")+` h
		LEFT JOIN LATERAL (
			SELECT serial, entry, event, sealed FROM `+b.table("history")+` r
			WHERE r.state_id = h.state_id AND r.iccid IS NULL AND (r.serial, r.entry) <= (h.serial, h.entry) ORDER BY r.serial DESC, r.entry DESC LIMIT 1
		) r ON true`+where+" ORDER BY h.serial, h.entry", args...)
	if err != nil {
		return err
	}
	var e, run eventRow
	var iccid *string
	var runSerial, runEntry *uint64
	_, err = pgx.ForEachRow(rows, []any{&e.serial, &e.entry, &iccid, &e.event, &e.sealed, &runSerial, &runEntry, &run.event, &run.sealed}, func() error {
		if e.key = ""; iccid != nil {
			e.key = *iccid
		}
		var of *state.Run
		if runSerial != nil {
			run.serial, run.entry = *runSerial, *runEntry
			var err error
			if of, err = r.run(&run); err != nil {
				return err
			}
		}
		return r.visit(&e, of, visit)
	})
	return err
}

// eventRow is a row of the history as it is read.
type eventRow struct {
	serial, entry uint64
	key           string // "" for a run's
	event, sealed []byte
}

// eventRows reads the rows of one query.
type eventRows struct {
	*Backend
	head head
	q    state.EventQuery
	runs map[[2]uint64]*state.Run
}

// keys are what the rows of the wanted cards have for an iccid, in each spelling.
func (r *eventRows) keys() []string {
	var keys []string
	for _, iccid := range r.q.ICCIDs {
		for _, spelling := range spellings(iccid) {
			key := string(spelling)
			keys = append(keys, key)
			if r.head.vault != nil {
				keys = append(keys, r.head.vault.id(key))
			}
		}
	}
	return keys
}

// spellings are what may name the same card as the ICCID.
func spellings(iccid spec.ICCID) []spec.ICCID {
	list := []spec.ICCID{iccid}
	if stem := iccid.Stem(); stem != iccid {
		return append(list, stem)
	}
	for _, digit := range "0123456789ABCDEF" {
		list = append(list, iccid+spec.ICCID(digit))
	}
	return list
}

// span is where the wanted run begins first, and where the run behind its last entry
// does; nil for none. A run that workers carry out is in many commits, and others
// are between them.
func (r *eventRows) span(ctx context.Context, tx pgx.Tx) (from, to *[2]uint64, err error) {
	rows, err := tx.Query(ctx, "SELECT serial, entry, event, sealed FROM "+r.table("history")+
		" WHERE state_id = $1 AND iccid IS NULL ORDER BY serial, entry", r.head.id)
	if err != nil {
		return nil, nil, err
	}
	var row eventRow
	_, err = pgx.ForEachRow(rows, []any{&row.serial, &row.entry, &row.event, &row.sealed}, func() error {
		at := [2]uint64{row.serial, row.entry}
		run, err := r.run(&row)
		switch {
		case err != nil:
			return err
		case run.ID == r.q.Run:
			if to = nil; from == nil {
				from = &at
			}
		case from != nil && to == nil:
			to = &at
		}
		return nil
	})
	return from, to, err
}

// read decodes what a row says.
func (r *eventRows) read(row *eventRow, into any) error {
	text := row.event
	if row.sealed != nil {
		if r.head.vault == nil {
			return state.ErrSealed
		}
		var err error
		if text, err = r.head.vault.openRow(eventName(row.key, row.entry), row.serial, bytes.Clone(row.sealed)); err != nil {
			return fmt.Errorf("row %d/%d of %s: %w", row.serial, row.entry, r.table("history"), err)
		}
	} else if r.codec.Enforced() {
		return state.ErrPlain
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("row %d/%d of %s: %w", row.serial, row.entry, r.table("history"), err)
	}
	return nil
}

func (r *eventRows) run(row *eventRow) (*state.Run, error) {
	at := [2]uint64{row.serial, row.entry}
	if run, known := r.runs[at]; known {
		return run, nil
	}
	run := &state.Run{}
	if err := r.read(row, run); err != nil {
		return nil, err
	}
	r.runs[at] = run
	return run, nil
}

func (r *eventRows) visit(row *eventRow, run *state.Run, visit func(*state.Entry) error) error {
	if r.q.Run != "" && (run == nil || run.ID != r.q.Run) {
		return nil
	}
	e := &state.Entry{Serial: row.serial, Seq: row.entry, Run: run}
	if row.key != "" {
		e.Event = &state.Event{}
		if err := r.read(row, e.Event); err != nil {
			return err
		}
	}
	return visit(e)
}

var _ state.Chronicler = (*Backend)(nil)
