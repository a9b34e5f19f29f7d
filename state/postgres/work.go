package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Work is what workers share of a state: runs that were handed over, whose slices
// wait to be carried out; who holds which account; and what was recorded of the
// calls. Make one with [Backend.Work]. It may be used by many goroutines.
type Work struct {
	b      *Backend
	pool   *pgxpool.Pool
	id     int64 // of the state
	box    *box
	writer *writer

	mu         sync.Mutex
	down       bool                       // the database is away, and somebody was told
	superseded map[int64]supersededOfARun // by the run's number
}

// ErrNoRun says that no run has that id, or that several begin with it.
var ErrNoRun = errors.New("there is no such run")

// ErrSeveralRuns says that several runs begin with that id. It is an [ErrNoRun] too.
var ErrSeveralRuns = fmt.Errorf("%w: the ids of several begin so", ErrNoRun)

// WorkRun is a run that was handed over to workers.
type WorkRun struct {
	ID             string
	Number         int64 // rises with each run that is handed over; [Work.HandOver] gives it
	Priority       int   // a higher one goes first
	Created, Ended time.Time
	Config         string // the digest that a worker's configuration must have
	Version        int    // of the form of the slices
	Info           []byte // the caller's JSON, sealed where the state is
	Cancelled      time.Time
	CancelledBy    string
	Failed         string        // why it ended without its rest; "" otherwise
	Accounts       []WorkAccount // by name
}

// WorkAccount is how far a run is in one account. The counts are of actions.
type WorkAccount struct {
	Account                                                            string
	Actions, Done, Failed, Dropped, NotStarted, InDoubt, Left, Waiting int
	// NotBefore is the first moment at which one of those waiting may start; zero
	// where none waits. Waits says for what, in words.
	NotBefore time.Time
	Waits     string
	// Stuck says why this account's part of the run can't go on; "" where it can.
	Stuck string
}

// WorkSlice is some of a run's actions in one account, in their order.
type WorkSlice struct {
	Run      string
	Number   int64 // of the run
	Priority int   // of the run
	Account  string
	N        int // counts the account's slices in the run, from 0
	Actions  int // in Cards
	Cards    []byte
	// NotBefore is when it may start; zero is at once. Waits says for what it waits.
	NotBefore time.Time
	Waits     string
	// Keys are the cards and devices that it touches, "iccid:…" and "imei:…"; see
	// [Work.Touching].
	Keys []string

	// Begun says that somebody has begun it, who may be lost. [Account.Next] doesn't say it.
	Begun bool
	// Cancelled says that the run was, once an earlier holder of the account had begun
	// the slice: it is to be said what became of that, and nothing more is begun.
	Cancelled   bool
	CancelledBy string

	part int // how often it was done in part; set by [Account.Next]
}

// HandOver is a run with its slices.
type HandOver struct {
	Run        WorkRun
	Slices     func(yield func(*WorkSlice) error) error // by account and N
	Superseded []Superseded
}

// Superseded is an action of an earlier run that run By no longer wants.
type Superseded struct{ Run, Action, By string }

// WorkResult is what became of a slice, or of the part of it that is done.
type WorkResult struct {
	ID           int64 // rises in the order in which they were finished
	Run, Account string
	N            int
	Results      []byte
}

// UnderWay is a call whose outcome isn't recorded yet.
type UnderWay struct {
	Account, Worker string
	ICCID           spec.ICCID
	Action, Run     string
	Change          spec.Change
	Since           time.Time
}

// AccountState is an account that somebody holds, or that has work.
type AccountState struct {
	Account               string
	Token                 int64
	Worker                string
	WorkerInfo            []byte
	Held, Live            bool      // Live: its lease hasn't run out
	Renewed, Expires, Now time.Time // by the database's clock
	PausedBy              string    // "" where it isn't paused
	Left                  int       // actions that could start now
	Waiting               int       // actions in slices that may not start yet
	NextAt                time.Time // when the first of those may
	Configs               []string  // the digests of the runs with work now
	Oldest                time.Time // since when the oldest of that is there
	// Cancelled are the runs that were cancelled and haven't ended, in whatever
	// account: some of their slices are still done.
	Cancelled []string
}

// Finished is how a slice ended.
type Finished struct {
	Results []byte
	Counts  WorkCounts
	// Left is the rest of the slice, to be done later; nil for none.
	Left *WorkSlice
	// Outcomes are those of actions that others need, by the actions' ids.
	Outcomes map[string]string
}

// WorkCounts counts actions by what became of them.
type WorkCounts struct{ Done, Failed, Dropped, NotStarted, InDoubt int }

// Work opens the state for workers. It makes the schema and the state's row where
// they are missing, as a first run does.
func (b *Backend) Work(ctx context.Context) (*Work, error) {
	w := &Work{b: b, superseded: map[int64]supersededOfARun{}}
	var key []byte
	err := b.within(ctx, toWrite, func(tx pgx.Tx) (err error) {
		if err := b.prepare(ctx, tx); err != nil {
			return err
		}
		key, err = b.prepareWork(ctx, tx, &w.id)
		return err
	})
	if err == nil {
		w.box, err = b.openBox(key, w.id)
	}
	if err == nil {
		w.pool, err = b.openPool(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open the state %s for workers: %w", b.place(), err)
	}
	w.writer = newWriter(w, stored.NewUUID(b.env.Random))
	return w, nil
}

// prepareWork makes what a state has of its workers, and returns the data key.
func (b *Backend) prepareWork(ctx context.Context, tx pgx.Tx, id *int64) (key []byte, err error) {
	err = tx.QueryRow(ctx, "SELECT id, work_key FROM "+b.table("states")+" WHERE name = $1 FOR NO KEY UPDATE", b.name).Scan(id, &key)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO "+b.table("work_heads")+" (state_id) VALUES ($1) ON CONFLICT DO NOTHING", *id); err != nil {
		return nil, err
	}
	if key != nil || b.env.Sealer == nil {
		return key, nil
	}
	v, err := newVault(workLineage(*id), b.env.Random)
	if err != nil {
		return nil, err
	}
	if key, err = v.sealKey(b.env.Sealer); err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, "UPDATE "+b.table("states")+" SET work_key = $2 WHERE id = $1", *id, key)
	return key, err
}

// openPool connects as the backend does, with as many connections as the
// connection string says (pool_max_conns), or few.
func (b *Backend) openPool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(b.connString)
	if err != nil {
		return nil, errors.New("the connection string can't be read") // which was read before; pgx's own words might hold the password
	}
	config.ConnConfig = b.conn.Copy()
	if !strings.Contains(b.connString, "pool_max_conns") {
		config.MaxConns = fewConns
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, explain(err)
	}
	return pool, nil
}

// fewConns is how many connections a worker has at most unless it is told.
const fewConns = 8

// Close ends its connections. Nothing is in use by then.
func (w *Work) Close() { w.pool.Close() }

// Pool is its connections, for what else is in the database.
func (w *Work) Pool() *pgxpool.Pool { return w.pool }

// Schema is the schema of its tables.
func (w *Work) Schema() string { return w.b.schema }

// State is the state's number in the schema, and its name.
func (w *Work) State() (id int64, name string) { return w.id, w.b.name }

// read runs f in a transaction that sees everything as of one instant.
func (w *Work) read(ctx context.Context, doing string, f func(tx pgx.Tx) error) error {
	return w.during(doing, pgx.BeginTxFunc(ctx, w.pool, pgx.TxOptions{BeginQuery: toRead}, f))
}

// write runs f in a transaction that is durable once it is committed.
func (w *Work) write(ctx context.Context, doing string, f func(tx pgx.Tx) error) error {
	return w.during(doing, pgx.BeginTxFunc(ctx, w.pool, pgx.TxOptions{BeginQuery: toWrite}, f))
}

// calling is a statement that calls a function of ours, whose parameters have these
// types. It is a transaction by itself, and sets for itself what [toWrite] sets. The
// types are said, since not every way of sending a statement asks the server for them.
func (w *Work) calling(function string, types ...string) string {
	places := make([]string, len(types))
	for i, t := range types {
		places[i] = "$" + strconv.Itoa(i+1) + "::" + t
	}
	return "SELECT set_config('synchronous_commit', 'on', true), " + w.b.table(function) + "(" + strings.Join(places, ", ") + ")"
}

// changedHands is what our functions raise where a token isn't the account's.
const changedHands = "CF001"

func (w *Work) during(doing string, err error) error {
	var said *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said) && said.Code == changedHands:
		return fmt.Errorf("%s: %w", doing, errTakenOver)
	default:
		return fmt.Errorf("%s in the state %s: %w", doing, w.b.place(), err)
	}
}

// away tells whoever is to know that the database is away, and that it is back:
// once, however many accounts wait for it.
func (w *Work) away(err error) {
	w.mu.Lock()
	changed := w.down != (err != nil)
	w.down = err != nil
	w.mu.Unlock()
	if changed && w.b.env.Away != nil {
		w.b.env.Away(err)
	}
}

// patience is for how long a database that is away is waited for where no lease says it.
const patience = 5 * time.Minute

// Patiently makes attempts at what somebody looks at who holds no lease: where the
// database is away, says so and tries again, for some minutes. What the attempt can't
// take back it must not do twice.
func (w *Work) Patiently(ctx context.Context, attempt func() error) error {
	var waited time.Duration
	waits := false
	for pause := firstAway; ; pause = min(2*pause, longestAway) {
		err := attempt()
		switch {
		case err == nil && waits:
			w.away(nil)
			return nil
		case err == nil, ctx.Err() != nil, !passing(err), w.b.env.Sleep == nil, waited >= patience:
			return err
		}
		w.away(err)
		waits = true
		if err := w.b.env.Sleep(ctx, pause); err != nil {
			return err
		}
		waited += pause
	}
}
