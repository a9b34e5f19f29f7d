// Package workers carries out runs that were handed over, on any number of machines.
//
// A run's changes are cut into slices, account by account ([HandOver]). A worker
// ([Run]) takes an account by a lease, carries out its slices one after the other, and
// gives it back when nothing is left. Who may call a carrier is decided by the lease's
// token, which is checked with each record of the journal and looked at right before
// each call leaves. River starts accounts on whichever worker is free, wakes those that
// wait for a window, and elects who looks at the timetables; no promise rests on it.
//
// What is done with an action is [run.Carriers.CarryOut]'s business, as for a run
// that nobody hands over.
package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// Options are what a worker needs. Each field has to be set, but for those with a
// word about that.
type Options struct {
	Work     *postgres.Work
	History  state.Chronicler
	Name     string // of the worker: who has an account
	Info     []byte // JSON for who looks
	Accounts string // a glob; "" is all
	// Lacks are the provider blocks that this worker can't call, and why: an account with
	// changes of such a block is left to others.
	Lacks  map[spec.ProviderName]string
	Once   bool // ends when nothing is left that could begin
	Fleet  *spec.Fleet
	Config string // [ConfigDigest]
	// Open opens the fleet's carriers anew, so that an account's pace starts empty.
	Open func() (run.Carriers, error)
	Env  run.Env
	// Watcher is told what is done in an account.
	Watcher func(account string) run.Watcher
	// Say is told what happens, a sentence at a time.
	Say func(text string)
	// Began is told of the worker once it works; nil is nobody.
	Began func(*Worker)
	// Check runs the check of a schedule; nil leaves checks to others.
	Check func(ctx context.Context, name string) error
	// Ended is told of a run that nobody follows and that has ended: once, whichever
	// worker did the last of it. One that is lost just then tells nobody. nil is nobody.
	Ended func(ctx context.Context, r *postgres.WorkRun, info *Info)
	// KeepRuns is for how long runs that have ended are kept; 0 is for ever.
	KeepRuns time.Duration
	// Trace follows actions; nil follows none.
	Trace apply.Trace
	// Parked is told of an account in which a run can't go on; nil is nobody.
	Parked func(account string)
}

// Worker is one that runs.
type Worker struct {
	o       *Options
	ctx     context.Context //nolint:containedctx // a job of River's ends long before what it starts
	started time.Time
	river   *starter
	checked map[string]time.Time // by schedule, the last time that was looked at; only Run's goroutine has it
	away    bool                 // the database doesn't answer, and that was said; only Run's goroutine has it
	foreign map[string]bool      // what was said of runs for other configurations; only Run's goroutine has it

	mu       sync.Mutex
	held     map[string]*holder
	looked   time.Time               // when the database answered last
	accounts []postgres.AccountState // as it said then
	alone    map[string]time.Time    // since when an account with work that isn't paused is seen without a holder
	lacking  map[string]bool         // accounts that are left to others
	group    sync.WaitGroup
	errs     []error
}

// sweepEvery is how often a worker looks for accounts that nobody holds.
const sweepEvery = time.Second

// Run works until ctx ends; then calls under way come to their end, and accounts are
// given back.
func Run(ctx context.Context, o Options) error {
	w := &Worker{o: &o, ctx: ctx, started: o.Env.Now(), held: map[string]*holder{}, alone: map[string]time.Time{}, lacking: map[string]bool{}, checked: map[string]time.Time{}, foreign: map[string]bool{}}
	var err error
	if w.river, err = startRiver(ctx, w); err != nil {
		return err
	}
	if o.Began != nil {
		o.Began(w)
	}
	folded, pruned := o.Env.Now(), time.Time{}
	for ctx.Err() == nil {
		more, err := w.sweep(ctx)
		if ctx.Err() == nil {
			w.answered(err)
		}
		if now := o.Env.Now(); now.Sub(pruned) >= pruneEvery {
			pruned = now
			w.prune(ctx, now)
		}
		if o.Once && err == nil && !more {
			break
		}
		if now := o.Env.Now(); now.Sub(folded) >= foldEvery {
			folded = now
			w.fold(ctx)
		}
		_ = o.Env.Sleep(ctx, sweepEvery)
	}
	err = w.river.stop(ctx) // first: a job of it may take an account
	w.group.Wait()
	durable, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	w.fold(durable)
	return errors.Join(err, errors.Join(w.errs...))
}

// answered says that the database can't be asked, and that it can again: each once.
func (w *Worker) answered(err error) {
	switch away := err != nil; {
	case away == w.away:
		return
	case away:
		w.o.Say(fmt.Sprintf("the database can't be asked, and is tried again each second: %v", err))
	default:
		w.o.Say("the database answers again")
	}
	w.away = err != nil
}

// sayForeign says which runs' actions in an account this worker leaves alone, since they
// are for another configuration than its own: once for each.
func (w *Worker) sayForeign(a *postgres.AccountState) {
	for _, config := range a.Configs {
		key := a.Account + " " + config
		if config == w.o.Config || w.foreign[key] {
			continue
		}
		w.foreign[key] = true
		w.o.Say(fmt.Sprintf("%s has actions for configuration %s, and this worker has configuration %s: it leaves them alone. To have it do them, update its checkout and start it anew", a.Account, config, w.o.Config))
	}
}

// endWithin is for how long a worker that ends tries to reach the database.
const endWithin = 10 * time.Second

// foldEvery is how often the state takes over what workers recorded.
const foldEvery = 20 * time.Second

func (w *Worker) fold(ctx context.Context) {
	if _, err := w.o.Work.Fold(ctx); err != nil && ctx.Err() == nil {
		w.o.Say(fmt.Sprintf("the state could not take over what was recorded; it stays where it is: %v", err))
	}
}

// pruneEvery is how often a worker forgets old runs.
const pruneEvery = 24 * time.Hour

// prune forgets the runs that ended longer ago than runs are kept.
func (w *Worker) prune(ctx context.Context, now time.Time) {
	if w.o.KeepRuns == 0 {
		return
	}
	n, err := w.o.Work.Prune(ctx, now.Add(-w.o.KeepRuns))
	switch {
	case err != nil && ctx.Err() == nil:
		w.o.Say(fmt.Sprintf("old runs could not be forgotten, and are tried again tomorrow: %v", err))
	case n > 0:
		w.o.Say(fmt.Sprintf("runs that ended longer ago than the history is kept are forgotten: %d", n))
	}
}

// Held are the accounts that the worker holds.
func (w *Worker) Held() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := make([]string, 0, len(w.held))
	for name := range w.held {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Looked is when the database last answered; zero for never.
func (w *Worker) Looked() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looked
}

// Seen is an account as the database last told of it.
type Seen struct {
	Name           string
	Ready, Waiting int           // actions that could start now, and that may not yet
	Mine           bool          // this worker holds it
	Lease          time.Duration // since its lease was renewed; 0 where nobody holds it
	// Alone is for how long this worker has seen it with work and without a holder.
	Alone time.Duration
}

// Accounts are those with work or a holder, by name, as the database last told.
func (w *Worker) Accounts() []Seen {
	now := w.o.Env.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]Seen, len(w.accounts))
	for i := range w.accounts {
		a := &w.accounts[i]
		list[i] = Seen{Name: a.Account, Ready: a.Left, Waiting: a.Waiting, Mine: a.Live && a.Worker == w.o.Name}
		if a.Live {
			list[i].Lease = a.Now.Sub(a.Renewed) + now.Sub(w.looked)
		}
		if since, alone := w.alone[a.Account]; alone {
			list[i].Alone = now.Sub(since)
		}
	}
	return list
}

// note keeps what the database says of the accounts.
func (w *Worker) note(accounts []postgres.AccountState, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked, w.accounts = now, accounts
	alone := make(map[string]time.Time, len(w.alone))
	for i := range accounts {
		a := &accounts[i]
		if a.Live || a.Left == 0 || a.PausedBy != "" {
			continue
		}
		if alone[a.Account] = now; !w.alone[a.Account].IsZero() {
			alone[a.Account] = w.alone[a.Account]
		}
	}
	w.alone = alone
}

// sweep has accounts with work started that nobody holds. more reports whether
// anything may still be done here soon.
func (w *Worker) sweep(ctx context.Context) (more bool, err error) {
	accounts, err := w.o.Work.Accounts(ctx)
	if err != nil {
		return false, err
	}
	now := w.o.Env.Now()
	w.note(accounts, now)
	for i := range accounts {
		a := &accounts[i]
		if !w.serves(a.Account) {
			continue
		}
		w.sayForeign(a)
		soon := a.Left > 0 && slices.Contains(a.Configs, w.o.Config) || a.Waiting > 0 && a.NextAt.Sub(a.Now) < 10*time.Second
		more = more || soon && a.PausedBy == ""
		if h := w.holder(a.Account); h != nil && (a.PausedBy != "" || slices.Contains(a.Cancelled, h.runUnderWay())) {
			h.halt()
		}
		if !w.startable(a) {
			continue
		}
		w.river.start(ctx, a)
		if w.waited(a.Account) {
			w.take(ctx, a.Account)
		}
	}
	return more || len(w.Held()) > 0, w.checks(ctx, now)
}

// holder is the account where this worker holds it; nil where it doesn't.
func (w *Worker) holder(account string) *holder {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held[account]
}

// serves reports whether the account is one of this worker's.
func (w *Worker) serves(account string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Matches(w.o.Accounts, account) && !w.lacking[account]
}

// leave leaves an account to others from now on.
func (w *Worker) leave(account string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lacking[account] = true
}

// startable reports whether nobody holds an account that has work for this worker.
func (w *Worker) startable(a *postgres.AccountState) bool {
	return !a.Live && a.Left > 0 && a.PausedBy == "" && slices.Contains(a.Configs, w.o.Config)
}

// waited reports whether the account was left to others for as long as this worker's
// patience goes.
func (w *Worker) waited(account string) bool {
	patience, now := w.patience(), w.o.Env.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	since, seen := w.alone[account]
	return patience == 0 || seen && now.Sub(since) >= patience
}

// patience is for how long a worker leaves an account to those who hold fewer: one
// that holds none takes it at once.
func (w *Worker) patience() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(min(len(w.held), 10)) * 500 * time.Millisecond
}

// take takes an account, where nobody else has by now.
func (w *Worker) take(ctx context.Context, name string) {
	w.mu.Lock()
	_, held := w.held[name]
	w.mu.Unlock()
	if held || ctx.Err() != nil {
		return
	}
	account, err := w.o.Work.Claim(ctx, name, w.o.Name, w.o.Info)
	switch {
	case err != nil:
		w.o.Say(fmt.Sprintf("%s could not be taken: %v", name, err))
		return
	case account == nil:
		return
	}
	carriers, err := w.o.Open()
	if err != nil {
		w.fail(errors.Join(err, account.Release(ctx)))
		return
	}
	h := &holder{o: w.o, account: account, carriers: carriers, since: w.o.Env.Now(), infos: map[string]*Info{}, watcher: w.o.Watcher(name), finished: w.finished}
	w.mu.Lock()
	w.held[name] = h
	delete(w.alone, name)
	w.mu.Unlock()
	w.o.Say(fmt.Sprintf("%s is held here (token %d)", name, account.Token()))
	w.group.Go(func() { w.hold(ctx, h) })
}

// hold works in an account, and gives it back.
func (w *Worker) hold(ctx context.Context, h *holder) {
	err := h.run(ctx)
	lacks, _ := errors.AsType[*lackError](err)
	if lacks != nil {
		w.leave(h.account.Name())
	}
	durable, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	released := h.account.Release(durable)
	w.mu.Lock()
	delete(w.held, h.account.Name())
	w.mu.Unlock()
	switch {
	case lacks != nil:
		w.o.Say(fmt.Sprintf("%s is left to other workers: %v", h.account.Name(), err))
	case err != nil:
		w.o.Say(fmt.Sprintf("%s is given up: %v", h.account.Name(), err))
	case released != nil:
		w.o.Say(fmt.Sprintf("%s could not be given back, and its lease runs out: %v", h.account.Name(), released))
	default:
		w.o.Say(h.account.Name() + " is given back")
	}
}

// finished has the end of a run told, where it has ended and nobody follows it. Who
// asks first tells, which is kept as the time of a check is.
func (w *Worker) finished(run string, info *Info) {
	if w.o.Ended == nil {
		return
	}
	w.group.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 30*time.Second+followedFor)
		defer cancel()
		r, err := w.endOf(ctx, run)
		if err == nil && r != nil && !info.Detached {
			err = w.untilLeft(ctx, run)
		}
		mine := false
		if err == nil && r != nil {
			mine, err = w.o.Work.Due(ctx, postgres.EndOf(r.ID), r.Ended)
		}
		if w.untold(run, err); mine {
			w.o.Ended(ctx, r, info)
		}
	})
}

// endOf is the run where it has ended and nobody has told of that; nil else.
func (w *Worker) endOf(ctx context.Context, run string) (*postgres.WorkRun, error) {
	r, err := w.o.Work.Run(ctx, run)
	if err != nil || r.Ended.IsZero() {
		return nil, err
	}
	told, err := w.o.Work.LastDue(ctx, postgres.EndOf(r.ID))
	if err != nil || !told.Before(r.Ended) {
		return nil, err
	}
	return r, nil
}

// untilLeft waits for as long as somebody follows a run that has ended and hasn't told of
// that: it takes them half a second, unless they are lost.
func (w *Worker) untilLeft(ctx context.Context, run string) error {
	for {
		follows, err := followed(ctx, w.o.Work, run, w.o.Env.Now())
		if err != nil || !follows {
			return err
		}
		if r, err := w.endOf(ctx, run); err != nil || r == nil {
			return err
		}
		if w.o.Env.Sleep(w.ctx, followEvery) != nil {
			return nil //nolint:nilerr // it ends, and tells before that: who follows finds that told
		}
	}
}

// untold says why nobody was told of a run's end; nothing where err is nil.
func (w *Worker) untold(run string, err error) {
	if err != nil {
		w.o.Say(fmt.Sprintf("it could not be looked whether run %s has ended, so nobody is told: %v", run, err))
	}
}

func (w *Worker) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
	w.o.Say(err.Error())
}

// checks runs the checks that are due. One that was due while nobody looked is made
// up, once.
func (w *Worker) checks(ctx context.Context, now time.Time) error {
	for i := range w.o.Fleet.Schedules {
		s := &w.o.Fleet.Schedules[i]
		due, err := w.due(ctx, s, now)
		if err != nil {
			return err
		}
		if due.IsZero() {
			continue
		}
		w.river.check(ctx, s.Name, due)
		if now.Sub(due) > 10*time.Second { // whatever River does
			w.check(ctx, s.Name, due)
		}
	}
	return nil
}

// due is the last time of the schedule that came and that nobody looked at; zero for
// none. The database is asked once, and where a time has come since it was.
func (w *Worker) due(ctx context.Context, s *spec.Schedule, now time.Time) (time.Time, error) {
	if last, asked := w.checked[s.Name]; asked && w.lastDue(s, last, now).IsZero() {
		return time.Time{}, nil
	}
	last, err := w.o.Work.LastDue(ctx, s.Name)
	if err != nil {
		return time.Time{}, err
	}
	w.checked[s.Name] = last
	return w.lastDue(s, last, now), nil
}

// lastDue is the last time of the schedule that came since it was looked at last, or
// since the worker began where nobody ever did; zero for none.
func (w *Worker) lastDue(s *spec.Schedule, last, now time.Time) (due time.Time) {
	if last.IsZero() {
		last = w.started.Add(-time.Minute)
	}
	for next := s.At.Next(last); !next.IsZero() && !next.After(now); next = s.At.Next(next) {
		due = next
	}
	return due
}

// check runs a check, where nobody else has.
func (w *Worker) check(ctx context.Context, name string, due time.Time) {
	if w.o.Check == nil {
		return
	}
	mine, err := w.o.Work.Due(ctx, name, due)
	if err != nil || !mine {
		return
	}
	w.o.Say(fmt.Sprintf("check %s of %s begins", name, due.UTC().Format(time.RFC3339)))
	w.group.Go(func() {
		if err := w.o.Check(ctx, name); err != nil && ctx.Err() == nil {
			w.o.Say(fmt.Sprintf("check %s: %v", name, err))
		}
	})
}
