package workers

import (
	"context"
	"errors"
	"slices"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// settle says what became of a slice of a cancelled run that a lost worker had begun.
func (h *holder) settle(ctx context.Context, p *piece) error {
	if _, err := p.judge(ctx); err != nil { // which ends each action
		return err
	}
	f, err := p.counted()
	if err != nil {
		return err
	}
	h.worked = p
	return h.account.Finish(context.WithoutCancel(ctx), p.slice, f)
}

// cancelled is what became of an action that an earlier worker had in its hands when it
// was lost, of a run that was cancelled: shown is a reading, if there is one.
func (p *piece) cancelled(c *card, a *plan.Action, shown spec.Reading) *apply.Result {
	r := &apply.Result{Card: &c.Card, Action: a, Outcome: apply.NotStarted, Reason: "the run was cancelled by " + p.slice.CancelledBy}
	memory := p.memories[c.ICCID]
	if memory == nil {
		return r
	}
	at := slices.IndexFunc(memory.Doubts, func(d state.Doubt) bool { return d.Change == a.Change })
	if at < 0 || memory.Doubts[at].MayRepeat(&shown) {
		return r
	}
	r.Outcome, r.Reason, r.RequestID = apply.InDoubt, lostReason(&memory.Doubts[at]), memory.Doubts[at].RequestID
	return r
}

// Settle says of a run that was cancelled what became of what lost workers had begun of
// it, by what they recorded: no carrier is asked. An account that somebody holds is left
// to them. by is who settles.
func Settle(ctx context.Context, work *postgres.Work, history state.Chronicler, env run.Env, r *postgres.WorkRun, by string) error {
	o := &Options{Work: work, History: history, Env: env, Fleet: &spec.Fleet{}, Name: by}
	for i := range r.Accounts {
		if r.Accounts[i].Left == 0 {
			continue
		}
		account, err := work.Claim(ctx, r.Accounts[i].Account, by, nil)
		if err != nil {
			return err
		}
		if account == nil {
			continue
		}
		h := &holder{o: o, account: account, since: env.Now(), infos: map[string]*Info{}}
		if err := errors.Join(h.settleAll(ctx, r), account.Release(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// settleAll settles what lost workers left of cancelled runs in the account.
func (h *holder) settleAll(ctx context.Context, r *postgres.WorkRun) error {
	for {
		slice, err := h.account.NextCancelled(ctx, r.Config, r.Version)
		if err != nil || slice == nil {
			return err
		}
		p := &piece{w: h, slice: slice}
		if p.info, err = h.infoOf(ctx, slice.Run); err != nil {
			return err
		}
		if p.cards, err = decodeCards(slice.Cards); err != nil {
			return err
		}
		if err := p.prepare(ctx); err != nil {
			return err
		}
		if err := h.settle(ctx, p); err != nil {
			return err
		}
	}
}
