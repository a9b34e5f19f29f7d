package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Next is the account's next slice that may start, of runs with that configuration
// and slices of at most that version, and what is superseded in its run; nil where
// none may now. It is by the run's priority and number, and N. It is in this holder's
// hands until Finish or Park; where the account changes hands before that, the next
// holder is given it. Of a run that was cancelled it gives what an earlier holder had
// begun and left; see [WorkSlice.Cancelled].
func (a *Account) Next(ctx context.Context, config string, version int) (*WorkSlice, []Superseded, error) {
	return a.next(ctx, config, version, false)
}

// NextCancelled is [Account.Next] for cancelled runs alone.
func (a *Account) NextCancelled(ctx context.Context, config string, version int) (*WorkSlice, error) {
	s, _, err := a.next(ctx, config, version, true)
	return s, err
}

func (a *Account) next(ctx context.Context, config string, version int, cancelled bool) (*WorkSlice, []Superseded, error) {
	s := &WorkSlice{Account: a.name}
	var from *time.Time
	var waits, body []byte
	var last *int64
	var by *string
	err := a.persist(ctx, "take the next slice", func(ctx context.Context) error {
		runs, ns := a.inHand()
		return a.w.pool.QueryRow(ctx, "SELECT n.*, set_config('synchronous_commit', 'on', true) FROM "+a.w.b.table("work_next")+
			"($1::bigint, $2::text, $3::bigint, $4::text, $5::int, $6::bigint[], $7::int[], $8::boolean) AS n",
			a.w.id, a.name, a.token, config, version, runs, ns, cancelled).
			Scan(&s.Run, &s.Number, &s.Priority, &s.N, &s.part, &s.Actions, &from, &waits, &body, &last, &by, nil)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if s.NotBefore = zeroTime(from); by != nil {
		s.Cancelled, s.CancelledBy = true, *by
	}
	if err := a.w.openSlice(s, waits, body); err != nil {
		return nil, nil, err
	}
	var superseded []Superseded
	if last != nil {
		if superseded, err = a.w.supersededIn(ctx, s.Number, *last); err != nil {
			return nil, nil, a.w.during("read what is superseded", err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hands = append(a.hands, hand{s.Number, s.N})
	return s, superseded, nil
}

// inHand are the slices that were given out, by run and number.
func (a *Account) inHand() (runs []int64, ns []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	runs, ns = []int64{}, []int{}
	for _, h := range a.hands {
		runs, ns = append(runs, h.run), append(ns, h.n)
	}
	return runs, ns
}

func (a *Account) putDown(which func(hand) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hands = slices.DeleteFunc(a.hands, which)
}

// finishTypes are those of the parameters of work_finish.
var finishTypes = []string{
	"bigint", "text", "bigint", "bigint", "int", "int", "bytea", "int", "int", "int", "int", "int",
	"bytea", "int", "timestamptz", "bytea", "text[]", "text[]",
}

// Finish ends the slice, or keeps what is left of it to be given out again, and ends
// the run with its last. s is what Next gave.
func (a *Account) Finish(ctx context.Context, s *WorkSlice, f Finished) error {
	var rest, restWaits []byte
	var restActions *int
	var restFrom *time.Time
	if f.Left != nil {
		left := *f.Left
		left.Account, left.N = s.Account, s.N
		var err error
		if restWaits, rest, err = a.w.sliceBody(s.Run, &left); err != nil {
			return err
		}
		restActions, restFrom = &left.Actions, nullTime(left.NotBefore)
	}
	result := a.w.box.packSmall(f.Results, resultName(s.Number, a.name, s.N))
	actions, outcomes := []string{}, []string{}
	for action, outcome := range f.Outcomes {
		actions, outcomes = append(actions, a.w.box.key(action)), append(outcomes, outcome)
	}
	n := &f.Counts
	err := a.persist(ctx, "finish a slice", func(ctx context.Context) error {
		_, err := a.w.pool.Exec(ctx, a.w.calling("work_finish", finishTypes...), a.w.id, a.name, a.token, s.Number, s.N, s.part, result,
			n.Done, n.Failed, n.Dropped, n.NotStarted, n.InDoubt, rest, restActions, restFrom, restWaits, actions, outcomes)
		return err
	})
	if err == nil {
		a.putDown(func(h hand) bool { return h == hand{s.Number, s.N} })
	}
	return err
}

// Park says why the run can't go on in this account; see [Work.Retry]. Its slices
// aren't in this holder's hands any more.
func (a *Account) Park(ctx context.Context, run, why string) error {
	number, err := a.w.numbered(ctx, "park a run", run)
	if err != nil {
		return err
	}
	err = a.persist(ctx, "park a run", func(ctx context.Context) error {
		_, err := a.w.pool.Exec(ctx, a.w.calling("work_park", "bigint", "text", "bigint", "bigint", "bytea"), a.w.id, a.name, a.token, number,
			a.w.box.packText(why, partName(number, a.name)))
		return err
	})
	if err == nil {
		a.putDown(func(h hand) bool { return h.run == number })
	}
	return err
}
