package workers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// holder is an account that this worker holds.
type holder struct {
	o        *Options
	account  *postgres.Account
	carriers run.Carriers
	since    time.Time // when it took the account
	infos    map[string]*Info
	watcher  run.Watcher
	finished func(run string, info *Info) // is told of a run that has no more for this account now
	worked   *piece                       // the last that was finished, whose run that wasn't told of

	mu    sync.Mutex // guards what a piece notes while its actions are under way, and piece
	piece *piece     // that is carried out; nil between two
}

// halt has nothing more begun of the slice under way.
func (h *holder) halt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.piece != nil {
		h.piece.stop()
	}
}

// runUnderWay is the run whose slice is carried out; "" between two.
func (h *holder) runUnderWay() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.piece == nil {
		return ""
	}
	return h.piece.slice.Run
}

func (h *holder) setPiece(p *piece) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.piece = p
}

// How long an account without work is kept, and how often it is looked at: what
// waits for another account's action comes soon.
const (
	idleFor   = 2 * time.Second
	lookEvery = 250 * time.Millisecond
)

// afterOthers is how long an account that changes hands rests, so that the calls of the
// one before and those of its new holder aren't too many in one second.
const afterOthers = time.Second

// run carries out slices until there is none, until ctx ends, or until the lease is
// lost. Calls under way come to their end.
func (h *holder) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lost := h.account.Lost()
	go func() {
		select {
		case <-lost:
			cancel(run.ErrLeaseLost)
		case <-ctx.Done():
		}
	}()
	defer h.tellWorked("")
	if h.account.Token() > 1 { // the limits are the account's, whoever called last
		_ = h.o.Env.Sleep(ctx, afterOthers)
	}
	idle := time.Duration(0)
	for ctx.Err() == nil && idle < idleFor {
		worked, err := h.next(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			return err
		case worked:
			idle = 0
			continue
		}
		idle += lookEvery
		_ = h.o.Env.Sleep(ctx, lookEvery)
	}
	if errors.Is(context.Cause(ctx), run.ErrLeaseLost) {
		return run.ErrLeaseLost
	}
	return nil
}

// next carries out the next slice; worked is false where there is none now.
func (h *holder) next(ctx context.Context) (worked bool, err error) {
	slice, superseded, err := h.account.Next(ctx, h.o.Config, Version)
	if err != nil || slice == nil {
		h.tellWorked("")
		return false, err
	}
	h.tellWorked(slice.Run)
	p := &piece{w: h, slice: slice, superseded: map[string]string{}}
	for _, s := range superseded {
		p.superseded[s.Action] = s.By
	}
	if p.info, err = h.infoOf(ctx, slice.Run); err != nil {
		return false, err
	}
	if p.cards, err = decodeCards(slice.Cards); err != nil {
		return false, h.account.Park(ctx, slice.Run, err.Error())
	}
	if err := p.prepare(ctx); err != nil {
		return false, err
	}
	if slice.Cancelled { // and isn't halted, since it begins nothing
		return true, h.settle(ctx, p)
	}
	within, stop := context.WithCancel(ctx)
	defer stop()
	p.stop = stop
	h.setPiece(p)
	defer h.setPiece(nil)
	return true, h.carryOut(within, p)
}

// prepare reads what the state has of the slice's cards.
func (p *piece) prepare(ctx context.Context) (err error) {
	if !p.slice.Cancelled {
		if err := p.w.lacks(p.cards); err != nil {
			return err
		}
	}
	p.own = actionsOf(p.cards)
	p.memories, err = p.w.account.Memories(ctx, iccidsOf(p.cards))
	return err
}

// tellWorked tells that the run of which slices were carried out has no more of them for
// this account now, unless it is the one that goes on.
func (h *holder) tellWorked(goesOn string) {
	if p := h.worked; p != nil && p.slice.Run != goesOn {
		h.worked = nil
		h.finished(p.slice.Run, p.info)
	}
}

// lackError says that an account has changes of a provider block that this worker can't
// call.
type lackError struct {
	provider spec.ProviderName
	why      string
}

func (e *lackError) Error() string {
	return fmt.Sprintf("it has changes of provider %s, which this worker can't call: %s", e.provider, e.why)
}

// lacks is a *lackError where one of the cards is such a block's: of blocks that share an
// account, this worker may have the credentials of some.
func (h *holder) lacks(cards []*card) error {
	for _, c := range cards {
		if why := h.o.Lacks[c.Provider]; why != "" {
			return &lackError{c.Provider, why}
		}
	}
	return nil
}

func (h *holder) carryOut(ctx context.Context, p *piece) error {
	todo, err := p.judge(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // it was halted, and nothing of it had begun
	case err != nil:
		return err
	}
	defer p.endInTime(h.o.Env.Sleep)()
	report := h.carriers.CarryOut(ctx, h.o.Env, &pieceWatcher{Watcher: h.watcher, p: p}, p.asRun(todo))
	f, err := p.finished(report, ctx.Err() != nil)
	if err != nil {
		return err
	}
	if report.Broken != nil {
		return report.Broken // and whoever takes the account next settles it
	}
	durable := context.WithoutCancel(ctx)
	if err := h.account.Finish(durable, p.slice, f); err != nil {
		return err
	}
	h.worked = p
	if p.stuck != "" {
		h.o.Say(h.account.Name() + ": run " + p.slice.Run + " can't go on here: " + p.stuck)
		if h.o.Parked != nil {
			h.o.Parked(h.account.Name())
		}
		return h.account.Park(durable, p.slice.Run, p.stuck)
	}
	return nil
}

func (h *holder) infoOf(ctx context.Context, id string) (*Info, error) {
	if info := h.infos[id]; info != nil {
		return info, nil
	}
	r, err := h.o.Work.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	info, err := InfoOf(r)
	if err != nil {
		return nil, err
	}
	h.infos[id] = info
	return info, nil
}

// pieceWatcher notices that the carrier refuses the account itself.
type pieceWatcher struct {
	run.Watcher
	p *piece
}

// Finished implements [run.Watcher].
func (w *pieceWatcher) Finished(r apply.Result) {
	if r.Denied {
		w.p.w.mu.Lock()
		if w.p.stuck == "" {
			w.p.stuck = r.Reason
		}
		w.p.w.mu.Unlock()
		return
	}
	if r.Outcome != apply.NotStarted {
		w.Watcher.Finished(r)
	}
}
