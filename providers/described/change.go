package described

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// Do implements [providers.Provider]. The changing request leaves once, but where
// carriercall knows that it had no effect, or a reading shows the old value after
// the carrier refused its token.
func (p *provider) Do(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	ch := p.def.changes[c.Kind]
	if ch == nil {
		return providers.Receipt{}, providers.Refuse(string(c.Kind), "the definition has no such change")
	}
	if c.Ticket != "" && ch.wait != nil {
		return p.goOn(ctx, c, ch)
	}
	k := p.card(c.ICCID)
	vars, err := p.prepare(ctx, k, ch, c)
	if err != nil {
		return providers.Receipt{}, unsent(ch, err)
	}
	a := ask{name: string(c.Kind), card: c.ICCID, request: ch.request, vars: vars, takes: &ch.takes, change: ch}
	got, err := p.ask(ctx, a)
	for sent := 1; err != nil && p.mayGoAgain(ctx, c, got, err, sent); sent++ {
		got, err = p.ask(ctx, a)
	}
	return p.receipt(ctx, c, ch, vars, got, err)
}

// mayGoAgain reports whether a change that was sent so many times may be sent again:
// the carrier refused its token, once, or said that there were too many calls, and a
// reading shows the old value.
func (p *provider) mayGoAgain(ctx context.Context, c providers.Change, got *answer, err error, sent int) bool {
	var e *providers.Error
	switch {
	case !errors.As(err, &e):
		return false
	case got.stale && sent == 1 && providers.EffectOf(err) == providers.EffectNone && p.showsOld(ctx, c):
		_, _ = p.tokens.Get(ctx, got.token) // where it fails, the call fails with it
		return true
	case got.label == labelThrottled && e.Proof == providers.ProvesNothing && sent <= p.Limits().Retries:
		wait := min(max(e.RetryAfter, shortestPause<<sent), longestAsked)
		return p.pauseFor(ctx, wait) == nil && p.showsOld(ctx, c)
	}
	return false
}

// The pauses before a change is sent again that an answer with HTTP 200 called one
// too many: the first, which doubles, and the longest that a carrier may ask for.
const (
	shortestPause = time.Second
	longestAsked  = time.Minute
)

// receipt is what became of a change that was sent.
func (p *provider) receipt(ctx context.Context, c providers.Change, ch *change, vars map[string]cty.Value, got *answer, err error) (providers.Receipt, error) {
	switch {
	case providers.ProofOf(err) == providers.AlreadySo && err != nil:
		return providers.Receipt{RequestID: got.requestID, Already: true}, nil //nolint:nilerr // as wanted is done
	case err != nil:
		return providers.Receipt{}, err
	case ch.wait != nil && !p.doneAtOnce(ch.wait, vars, got):
		return p.waitFor(ctx, c, ch, vars, got)
	}
	// HTTP's 202 is no word of when, and where the definition has none either, a
	// reading of now may well be of before the change.
	later := got.status == http.StatusAccepted && ch.wait == nil && p.settle == 0
	return providers.Receipt{RequestID: got.requestID, Accepted: later}, nil
}

// unsent is a change that wasn't sent: the card is as it was.
func unsent(ch *change, err error) error {
	var e *providers.Error
	if errors.As(err, &e) {
		clone := *e
		clone.Proof = providers.NeverSeen
		return &clone
	}
	return &providers.Error{Call: string(ch.kind), Proof: providers.NeverSeen, Cause: providers.Refused, Message: "not sent", Err: err}
}

// prepare makes all that a changing request takes: ids, steps, and what is read
// right before it.
func (p *provider) prepare(ctx context.Context, k *known, ch *change, c providers.Change) (map[string]cty.Value, error) {
	vars := map[string]cty.Value{rootChange: changeValue(c)}
	if err := p.resolve(ctx, k, ch.request); err != nil {
		return nil, err
	}
	if ch.reading {
		out, err := p.readCard(ctx, c.ICCID, p.def.Capabilities().Reads)
		switch {
		case err != nil:
			return nil, fmt.Errorf("the card could not be read before it: %w", err)
		case out.reading.Lifecycle == spec.NotFound:
			return nil, errNoCard
		}
		vars[rootReading] = readingValue(out)
	}
	steps := map[string]cty.Value{}
	for _, list := range [][]*step{p.def.steps, ch.steps} {
		for _, s := range list {
			if err := p.step(ctx, k, s, vars, steps); err != nil {
				return nil, fmt.Errorf("step %s: %w", s.name, err)
			}
		}
	}
	vars[rootSteps] = cty.ObjectVal(steps)
	vars[rootCard] = k.value()
	return vars, nil
}

// step makes a request before a change, unless what it would do is so already.
func (p *provider) step(ctx context.Context, k *known, s *step, vars, steps map[string]cty.Value) error {
	if err := p.resolve(ctx, k, s.request); err != nil {
		return err
	}
	vars[rootCard], vars[rootSteps] = k.value(), cty.ObjectVal(steps)
	if s.unless != nil && !s.unless.needs(rootReply) && s.unless.holds(p.scope(vars)) {
		return nil
	}
	got, err := p.ask(ctx, ask{name: "step " + s.name, card: k.iccid, request: s.request, vars: vars, takes: &s.takes})
	if err != nil && !(s.unless != nil && got.ctx != nil && s.unless.holds(got.ctx)) {
		return err
	}
	steps[s.name] = got.value
	return nil
}

// changeValue is a change as expressions see it.
func changeValue(c providers.Change) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"kind": cty.StringVal(string(c.Kind)), "from": textOrNull(c.From), "to": textOrNull(c.To), "key": textOrNull(c.Key),
	})
}

// readingValue is what was read right before a change.
func readingValue(t *told) cty.Value {
	imei := cty.NullVal(cty.String)
	if t.reading.Tells(spec.AttrBinding) {
		imei = cty.StringVal(string(t.reading.IMEI))
	}
	ids := make([]cty.Value, 0, len(t.reading.Packages))
	for i := range t.reading.Packages {
		ids = append(ids, cty.StringVal(t.reading.Packages[i].ID))
	}
	attrs := map[string]cty.Value{"imei": imei, "status": textOrNull(t.status), "keep": t.keep}
	if t.reading.Tells(spec.AttrPackages) {
		attrs["packages"] = cty.TupleVal(ids)
	} else {
		attrs["packages"] = cty.NullVal(cty.List(cty.String))
	}
	return cty.ObjectVal(attrs)
}

// showsOld reports whether a reading shows the value that the change replaces.
func (p *provider) showsOld(ctx context.Context, c providers.Change) bool {
	if !p.Capabilities().Reads.Has(c.Kind.Attr()) {
		return false
	}
	reading, err := p.Read(ctx, c.ICCID, c.Kind.Attr())
	return err == nil && c.PendingIn(reading)
}
