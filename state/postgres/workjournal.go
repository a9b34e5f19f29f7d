package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// errTakenOver says that an account isn't this process's any more.
var errTakenOver = errors.New("the account is another worker's by now, or its lease has run out, so nothing more is written")

// writer writes what all accounts of this process record: whoever comes while a
// group is on its way, or before its time, is in the next one. So the cost is that
// of a transaction a group, whatever the number of accounts. It starts no goroutine.
type writer struct {
	w    *Work
	name string // of this process, among the writers of the state

	turn   chan struct{} // full while somebody writes; guards what follows
	groups int64         // how many were begun
	begun  time.Time     // the last
	told   map[string]bool

	mu   sync.Mutex // guards next; never held while writing
	next *workGroup
}

func newWriter(w *Work, name string) *writer {
	return &writer{w: w, name: name, turn: make(chan struct{}, 1), told: map[string]bool{}}
}

// workGroup is the rows that one statement writes.
type workGroup struct {
	accounts []*Account
	indexes  map[*Account]int32 // in accounts
	rows     []workRow
	done     chan struct{}
	err      error // once done is closed
	lost     map[*Account]bool
}

// workRow is a record on its way.
type workRow struct {
	account                       *Account
	card, kind, action, run, told string
	packed                        []byte
	toldRun                       []byte // what the history says of the run; packed
}

// append writes the rows of one account, and returns once they are durable.
func (w *writer) append(a *Account, rows []workRow) error {
	g, leads := w.join(a, rows)
	if leads {
		w.write(g)
	}
	<-g.done
	if g.lost[a] {
		return errTakenOver
	}
	return g.err
}

// join adds the rows to the next group, which whoever founds it leads.
func (w *writer) join(a *Account, rows []workRow) (g *workGroup, leads bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == nil {
		w.next, leads = &workGroup{indexes: map[*Account]int32{}, lost: map[*Account]bool{}, done: make(chan struct{})}, true
	}
	g = w.next
	if _, known := g.indexes[a]; !known {
		g.indexes[a] = int32(len(g.accounts)) + 1 //nolint:gosec // as many as the process has accounts; arrays count from 1
		g.accounts = append(g.accounts, a)
	}
	g.rows = append(g.rows, rows...)
	return g, leads
}

// write waits for its turn and its time, closes the group to others and writes it.
func (w *writer) write(g *workGroup) {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	env := &w.w.b.env
	if wait := w.w.b.group - env.Now().Sub(w.begun); wait > 0 && env.Sleep != nil {
		_ = env.Sleep(context.Background(), min(wait, w.w.b.group)) // its context never ends
	}
	w.begun = env.Now()
	w.mu.Lock()
	w.next = nil
	w.mu.Unlock()
	w.groups++
	if g.err = w.persist(g); g.err != nil {
		for _, a := range g.accounts {
			a.lose() // what the database has of them isn't known
		}
	}
	close(g.done)
}

// The pauses between two attempts to reach a database that is away.
const (
	firstAway   = 250 * time.Millisecond
	longestAway = 2 * time.Second
)

// persist writes the group, and where the database is away tries again for as long
// as leases hold.
func (w *writer) persist(g *workGroup) error {
	var waited time.Duration
	for pause := firstAway; ; pause = min(2*pause, longestAway) {
		if !g.dropLost() {
			return nil // each of them says so
		}
		err := w.once(g)
		if err == nil {
			w.w.away(nil)
			return nil
		}
		if !passing(err) || w.w.b.env.Sleep == nil || waited > w.w.b.leaseOf() {
			return fmt.Errorf("record what is done: %w", err)
		}
		w.w.away(err)
		if w.w.b.env.Sleep(context.Background(), pause) != nil {
			return err
		}
		waited += pause
	}
}

// dropLost leaves out the rows of accounts that can't be counted on any more. It
// reports whether any are left.
func (g *workGroup) dropLost() bool {
	for _, a := range g.accounts {
		if !a.alive() {
			g.lost[a] = true
		}
	}
	return len(g.lost) < len(g.accounts)
}

// appendTypes are those of the parameters of work_append.
var appendTypes = []string{
	"bigint", "text", "bigint", "text[]", "bigint[]", "int[]", "text[]", "text[]", "text[]", "text[]", "text[]", "bytea[]", "text[]", "bytea[]",
}

// once writes the group. It may come after an attempt whose answer was lost.
func (w *writer) once(g *workGroup) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.w.b.beat)
	defer cancel()
	accounts, tokens := make([]string, len(g.accounts)), make([]int64, len(g.accounts))
	byName := make(map[string]*Account, len(g.accounts))
	for i, a := range g.accounts {
		accounts[i], tokens[i], byName[a.name] = a.name, a.token, a
	}
	c := w.columns(g)
	var lost []string
	err := w.w.pool.QueryRow(ctx, w.w.calling("work_append", appendTypes...),
		w.w.id, w.name, w.groups, accounts, tokens, c.accounts, c.cards, c.kinds, c.actions, c.runs, c.tolds, c.packed, c.newTolds, c.newRuns).
		Scan(nil, &lost)
	if err != nil {
		return err
	}
	for _, name := range lost {
		g.lost[byName[name]] = true
		byName[name].lose()
	}
	for _, told := range c.newTolds {
		w.told[told] = true
	}
	return nil
}

// workColumns are the rows by column.
type workColumns struct {
	accounts                           []int32
	cards, kinds, actions, runs, tolds []string
	packed                             [][]byte
	newTolds                           []string
	newRuns                            [][]byte
}

func (w *writer) columns(g *workGroup) workColumns {
	c := workColumns{newTolds: []string{}, newRuns: [][]byte{}}
	added := map[string]bool{}
	for i := range g.rows {
		r := &g.rows[i]
		if g.lost[r.account] {
			continue
		}
		c.accounts, c.packed = append(c.accounts, g.indexes[r.account]), append(c.packed, r.packed)
		c.cards, c.kinds, c.actions = append(c.cards, r.card), append(c.kinds, r.kind), append(c.actions, r.action)
		c.runs, c.tolds = append(c.runs, r.run), append(c.tolds, r.told)
		if r.toldRun != nil && !w.told[r.told] && !added[r.told] {
			added[r.told] = true
			c.newTolds, c.newRuns = append(c.newTolds, r.told), append(c.newRuns, r.toldRun)
		}
	}
	return c
}

// workJournal is an account's journal for the records of one run.
type workJournal struct {
	a    *Account
	run  string // that was handed over
	told string // what the history names it
	row  []byte // what the history says of it; packed

	mu      sync.Mutex
	records *stored.RecordWriter
}

func (a *Account) journal(run *state.Run, id string) (*workJournal, error) {
	j := &workJournal{a: a, run: id, records: stored.NewRecordWriter()}
	if run == nil {
		return j, nil
	}
	text, err := json.Marshal(run)
	if err != nil {
		return nil, err
	}
	j.told, j.row = run.ID, a.w.box.pack(text, toldName(run.ID))
	return j, nil
}

// toldName is what a run of the history is bound to.
func toldName(told string) string { return "told\n" + told }

// Append implements [state.Journal].
func (j *workJournal) Append(ctx context.Context, records ...state.Record) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("record what is done: %w", err)
	}
	if len(records) == 0 {
		return nil
	}
	rows := make([]workRow, 0, len(records))
	for i := range records {
		row, err := j.rowOf(&records[i])
		if err != nil {
			return fmt.Errorf("record what is done: %w", err)
		}
		if row.kind != kindRun || records[i].Event != nil {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil // the run alone, which goes with its first record
	}
	if err := j.a.w.writer.append(j.a, rows); err != nil {
		return fmt.Errorf("account %s: %w", j.a.name, err)
	}
	return nil
}

// rowOf is the record as a row.
func (j *workJournal) rowOf(r *state.Record) (row workRow, err error) {
	if row.kind, err = kindOf(r); err != nil {
		return row, err
	}
	r.Version = state.RecordVersion
	iccid := r.ID().ICCID
	if r.Type == state.RunRecord && r.Event != nil {
		iccid = r.Event.ICCID
	}
	x := j.a.w.box
	row.account, row.card, row.action = j.a, x.key(string(iccid)), x.key(r.Action)
	row.run, row.told, row.toldRun = j.run, j.told, j.row
	j.mu.Lock()
	defer j.mu.Unlock()
	text, err := j.records.Text(r)
	if err != nil {
		return row, err
	}
	row.packed = x.pack(text, recordName(row.card, j.a.name, j.a.token))
	return row, nil
}

// Close implements [state.Journal]. All is written by then, and the account kept.
func (j *workJournal) Close() error { return nil }

// unwritable is the journal of a run that can't be told.
type unwritable struct{ err error }

func (u unwritable) Append(context.Context, ...state.Record) error { return u.err }
func (u unwritable) Close() error                                  { return nil }
