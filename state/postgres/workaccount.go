package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Account is an account that this process holds by a lease, which it renews until
// it is released or lost. It is a [state.Journal] and [state.Leased]. It may be used
// by many goroutines.
//
// Whatever it writes is checked in its own transaction against the lease's token,
// with the account's row locked, so that whoever takes the account over waits for
// what is on its way and finds it. That protects the database. The carrier is
// protected by [Account.Assure], asked right before each call leaves.
type Account struct {
	w     *Work
	name  string
	token int64
	heart *stored.Heartbeat
	own   *workJournal // for records of no run

	lost     chan struct{}
	loseOnce sync.Once
	released chan struct{}
	watched  chan struct{} // closed once nobody looks at the lease any more

	mu    sync.Mutex
	hands []hand // slices that were given out, and aren't finished
}

// hand is a slice by its key.
type hand struct {
	run int64
	n   int
}

// A lease is renewed twice a beat, and counted on for a tenth less than it holds.
const (
	renewalsInBeat = 2
	marginOfLease  = 10
)

// Claim takes the account where nobody holds it, or where its lease has run out,
// and raises the token. Both results are nil where somebody holds it, or where it
// is paused. info is JSON for people who ask who has it.
func (w *Work) Claim(ctx context.Context, account, worker string, info []byte) (*Account, error) {
	begun := w.b.env.Now()
	a := &Account{w: w, name: account, lost: make(chan struct{}), released: make(chan struct{}), watched: make(chan struct{})}
	err := w.pool.QueryRow(ctx, "INSERT INTO "+w.b.table("work_accounts")+` AS a (state_id, account, token, worker, info, renewed, expires)
		VALUES ($1, $2, 1, $3, $4, clock_timestamp(), clock_timestamp() + $5::interval)
		ON CONFLICT (state_id, account) DO UPDATE SET token = a.token + 1, worker = excluded.worker, info = excluded.info,
			renewed = clock_timestamp(), expires = clock_timestamp() + $5::interval
			WHERE (a.expires IS NULL OR a.expires <= clock_timestamp()) AND a.paused_by IS NULL
		RETURNING token, set_config('synchronous_commit', 'on', true)`,
		w.id, account, worker, info, w.b.leaseOf()).Scan(&a.token, nil)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // somebody else has it, as mostly
	}
	if err != nil {
		return nil, w.during("take the account "+account, err)
	}
	if a.own, err = a.journal(nil, ""); err != nil {
		return nil, err
	}
	a.heart = stored.Keep(w.pulse(), begun, a.renew)
	go a.watch()
	return a, nil
}

// pulse is how the lease of an account is kept.
func (w *Work) pulse() stored.Pulse {
	lease := w.b.leaseOf()
	return stored.Pulse{
		Every: w.b.beat / renewalsInBeat, GiveUp: lease - lease/marginOfLease,
		Now: w.b.env.Now, Ticker: w.b.env.Ticker, Gone: errTakenOver, Sleep: w.b.env.Sleep, Away: w.away,
	}
}

// watch has the account be lost with its lease.
func (a *Account) watch() {
	defer close(a.watched)
	select {
	case <-a.heart.Lost():
		a.lose()
	case <-a.released:
	}
}

// lose says that the account isn't ours any more.
func (a *Account) lose() { a.loseOnce.Do(func() { close(a.lost) }) }

// alive reports whether the account may be counted on, by the clock.
func (a *Account) alive() bool {
	select {
	case <-a.lost:
		return false
	case <-a.released:
		return false
	default:
		return a.heart.Alive()
	}
}

// renew puts off the lease's end. It is a transaction for each account: two of them
// in one could wait for each other's records.
func (a *Account) renew(ctx context.Context) error {
	tag, err := a.w.pool.Exec(ctx, "UPDATE "+a.w.b.table("work_accounts")+` SET renewed = clock_timestamp(), expires = clock_timestamp() + $4::interval
		WHERE state_id = $1 AND account = $2 AND token = $3`, a.w.id, a.name, a.token, a.w.b.leaseOf())
	if err == nil && tag.RowsAffected() == 0 {
		return errTakenOver
	}
	return err
}

// Name is the account's.
func (a *Account) Name() string { return a.name }

// Token is the number of its lease, which rises at each change of hands.
func (a *Account) Token() int64 { return a.token }

// Append implements [state.Journal], for records of no run; see [Account.ForRun].
func (a *Account) Append(ctx context.Context, records ...state.Record) error {
	return a.own.Append(ctx, records...)
}

// Close implements [state.Journal]. The lease is kept; see [Account.Release].
func (a *Account) Close() error { return nil }

// ForRun is the journal for records of that run: run is what the history says of
// it, and id names the run that was handed over; see [Work.UnderWay].
func (a *Account) ForRun(run *state.Run, id string) state.Journal {
	j, err := a.journal(run, id)
	if err != nil {
		return unwritable{err}
	}
	return j
}

// Assure implements [state.Leased].
func (a *Account) Assure(ctx context.Context) error {
	select {
	case <-a.lost:
		return stored.ErrLeaseLost
	case <-a.released:
		return stored.ErrLeaseLost
	default:
		return a.heart.Assure(ctx)
	}
}

// Lost implements [state.Leased].
func (a *Account) Lost() <-chan struct{} { return a.lost }

// Release gives the lease back, so that anybody may take the account at once. What
// was in hand is given out again. It may be called twice.
func (a *Account) Release(ctx context.Context) error {
	a.mu.Lock()
	select {
	case <-a.released:
		a.mu.Unlock()
		return nil
	default:
		close(a.released)
	}
	a.mu.Unlock()
	a.heart.Stop()
	<-a.watched
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.w.b.beat)
	defer cancel()
	_, err := a.w.pool.Exec(ctx, "UPDATE "+a.w.b.table("work_accounts")+" SET expires = NULL WHERE state_id = $1 AND account = $2 AND token = $3",
		a.w.id, a.name, a.token)
	if err != nil {
		return fmt.Errorf("give back the account %s: %w; its lease runs out by itself within %s", a.name, err, a.w.b.leaseOf())
	}
	return nil
}

// persist makes attempts while the lease holds, each in its time.
func (a *Account) persist(ctx context.Context, doing string, attempt func(ctx context.Context) error) error {
	if !a.alive() {
		return fmt.Errorf("%s: account %s: %w", doing, a.name, errTakenOver)
	}
	err := a.heart.Persist(func(err error) bool { return ctx.Err() == nil && passing(err) }, func() error {
		ctx, cancel := context.WithTimeout(ctx, a.w.b.beat)
		defer cancel()
		return attempt(ctx)
	})
	err = a.w.during(doing, err)
	if errors.Is(err, errTakenOver) {
		a.lose()
	}
	return err
}

// Doubts are the cards with calls that an earlier holder left without an outcome,
// by ICCID.
func (a *Account) Doubts(ctx context.Context) ([]spec.ICCID, error) {
	var found []spec.ICCID
	err := a.w.read(ctx, "look for calls without an outcome in the account "+a.name, func(tx pgx.Tx) error {
		records, err := a.w.b.workRecords(ctx, tx, a.w.id, a.w.box, "r.account = $2 AND r.token < $3 AND "+a.w.b.isOpen(), a.name, a.token)
		for i := range records {
			found = append(found, records[i].ID().ICCID)
		}
		return err
	})
	slices.Sort(found)
	return slices.Compact(found), err
}

// Memories is what the state has of the cards now: the snapshot, what an earlier
// run left in the journal, and what workers recorded. A call of this account, or of
// one whose lease has run out, that has no outcome is a doubt. Of a card that the
// state doesn't have, or has at several provider blocks, there is nothing.
func (a *Account) Memories(ctx context.Context, iccids []spec.ICCID) (map[spec.ICCID]*state.Card, error) {
	s := &state.Snapshot{}
	err := a.w.read(ctx, "read cards", func(tx pgx.Tx) (err error) {
		s, err = a.w.b.partial(ctx, tx, a.w.box, iccids, func(r *workRecord) bool { return !r.live || r.account == a.name })
		return err
	})
	if err != nil {
		return nil, err
	}
	found := make(map[spec.ICCID]*state.Card, len(iccids))
	for _, iccid := range iccids {
		if c := s.Card(iccid); c != nil {
			found[iccid] = c
		}
	}
	return found, nil
}
