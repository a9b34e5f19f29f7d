package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Work is what workers share of a state: runs that were handed over, whose slices
// wait to be carried out; who holds which account; and what was recorded of the
// calls. Make one with [Backend.Work]. It may be used by many goroutines.
type Work struct {
	b    *Backend
	pool *pgxpool.Pool
	id   int64 // of the state
}

// ErrNoRun says that no run has that id, or that several begin with it.
var ErrNoRun = errors.New("there is no such run")

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

var errLater = errors.New("later")

// Work opens the state for workers. It makes the schema and the state's row where
// they are missing, as a first run does.
func (b *Backend) Work(ctx context.Context) (*Work, error) { return nil, errLater }

// Close ends its connections. Nothing is in use by then.
func (w *Work) Close() { w.pool.Close() }

// Pool is its connections, for what else is in the database.
func (w *Work) Pool() *pgxpool.Pool { return w.pool }

// Schema is the schema of its tables.
func (w *Work) Schema() string { return w.b.schema }

// State is the state's number in the schema, and its name.
func (w *Work) State() (id int64, name string) { return w.id, w.b.name }

// HandOver stores the run with its slices, all or nothing, under the state's lock,
// which the caller holds.
func (w *Work) HandOver(ctx context.Context, h HandOver) (number int64, err error) {
	return 0, errLater
}

// Runs lists the runs that go on, and with ended the others too, the newest first.
func (w *Work) Runs(ctx context.Context, ended bool) ([]WorkRun, error) { return nil, errLater }

// Run is the run with that id, of which the beginning will do. The error is
// [ErrNoRun] where there is none.
func (w *Work) Run(ctx context.Context, id string) (*WorkRun, error) { return nil, errLater }

// OpenSlices visits the slices that aren't finished, by run, account and N; of all
// runs for "".
func (w *Work) OpenSlices(ctx context.Context, run string, visit func(*WorkSlice) error) error {
	return errLater
}

// Results visits what came after the result of that ID, in the order in which it
// was finished.
func (w *Work) Results(ctx context.Context, run string, after int64, visit func(*WorkResult) error) error {
	return errLater
}

// Touching are the calls under way on these cards and devices, of accounts whose
// leases are good.
func (w *Work) Touching(ctx context.Context, keys []string) ([]UnderWay, error) {
	return nil, errLater
}

// UnderWay are the run's calls under way.
func (w *Work) UnderWay(ctx context.Context, run string) ([]UnderWay, error) { return nil, errLater }

// Cancel has no more of the run's slices be given out. What is left of it is for
// the caller to end.
func (w *Work) Cancel(ctx context.Context, run, by string) error { return errLater }

// Retry lets the run go on in an account that can't; in all of them for "".
func (w *Work) Retry(ctx context.Context, run, account string) error { return errLater }

// Pause keeps the account from being taken, and its slices from being given out,
// or ends that.
func (w *Work) Pause(ctx context.Context, account, by string, paused bool) error { return errLater }

// Accounts lists the accounts that somebody holds, or that have work.
func (w *Work) Accounts(ctx context.Context) ([]AccountState, error) { return nil, errLater }

// Account is an account that this process holds by a lease, which it renews until
// it is released or lost. It is a [state.Journal] and [state.Leased].
type Account struct {
	w     *Work
	name  string
	token int64
}

// Claim takes the account where nobody holds it. Both results are nil where
// somebody does, or where it is paused.
func (w *Work) Claim(ctx context.Context, account, worker string, info []byte) (*Account, error) {
	return nil, errLater
}

// Name is the account's.
func (a *Account) Name() string { return a.name }

// Token is the number of its lease, which rises at each change of hands.
func (a *Account) Token() int64 { return a.token }

// Append implements [state.Journal].
func (a *Account) Append(ctx context.Context, records ...state.Record) error { return errLater }

// Close implements [state.Journal]. The lease is kept.
func (a *Account) Close() error { return nil }

// Assure implements [state.Leased].
func (a *Account) Assure(ctx context.Context) error { return errLater }

// Lost implements [state.Leased].
func (a *Account) Lost() <-chan struct{} { return nil }

// ForRun is the journal for records of that run: run is what the history says of
// it, and id the run's that was handed over.
func (a *Account) ForRun(run *state.Run, id string) state.Journal { return a }

// Doubts are the cards with calls that an earlier holder left without an outcome.
func (a *Account) Doubts(ctx context.Context) ([]spec.ICCID, error) { return nil, errLater }

// Memories is what the state has of the cards now; nothing for those that it
// doesn't have.
func (a *Account) Memories(ctx context.Context, iccids []spec.ICCID) (map[spec.ICCID]*state.Card, error) {
	return nil, errLater
}

// Next is the account's next slice that may start, of runs with that configuration
// and slices of at most that version, and which actions of it are superseded; nil
// where none may now.
func (a *Account) Next(ctx context.Context, config string, version int) (*WorkSlice, []Superseded, error) {
	return nil, nil, errLater
}

// Finish ends the slice, or keeps what is left of it, and the run with its last.
func (a *Account) Finish(ctx context.Context, s *WorkSlice, f Finished) error { return errLater }

// Park says why the run can't go on in this account; see [Work.Retry].
func (a *Account) Park(ctx context.Context, run, why string) error { return errLater }

// Outcomes are those of the run's actions that others need, as far as they are known.
func (w *Work) Outcomes(ctx context.Context, run string, actions []string) (map[string]string, error) {
	return nil, errLater
}

// Release gives the lease back.
func (a *Account) Release(ctx context.Context) error { return errLater }

// Fold commits what workers recorded, where the state's lock is free this instant.
func (w *Work) Fold(ctx context.Context) (bool, error) { return false, errLater }

// Due reports whether the check of that name and due time is this caller's to run:
// it is for the first that asks.
func (w *Work) Due(ctx context.Context, name string, due time.Time) (mine bool, err error) {
	return false, errLater
}

// LastDue is the latest due time that somebody asked for; zero for none.
func (w *Work) LastDue(ctx context.Context, name string) (time.Time, error) {
	return time.Time{}, errLater
}

// Prune forgets the runs that ended before.
func (w *Work) Prune(ctx context.Context, before time.Time) (runs int, err error) {
	return 0, errLater
}

// PrintSchema is the DDL that brings a schema of that version up to date; 0 is
// one that isn't there yet.
func (b *Backend) PrintSchema(from int) string { return "" }

var _ interface {
	state.Journal
	state.Leased
} = (*Account)(nil)
