package described

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
)

// waitFor looks what becomes of a change that the carrier has accepted, until it
// is done or has failed. Neither within the time leaves it in doubt: it is never
// sent again.
func (p *provider) waitFor(ctx context.Context, c providers.Change, ch *change, vars map[string]cty.Value, got *answer) (providers.Receipt, error) {
	vars = maps.Clone(vars)
	vars[rootAccepted] = got.value
	ticket := ""
	if ch.wait.ticket != nil {
		ticket = ch.wait.ticket.text(p.accepted(vars, got))
		if p.secret(ticket) {
			return providers.Receipt{}, p.waiting(c, got.requestID, "the carrier accepted it, and its ticket has a secret of the settings in it, so nothing is asked by that")
		}
		if ticket == "" {
			return providers.Receipt{}, p.waiting(c, got.requestID, "the carrier accepted it, and its reply has no ticket to ask by")
		}
		vars[rootTicket] = cty.StringVal(ticket)
	}
	if c.Accepted != nil {
		if err := c.Accepted(context.WithoutCancel(ctx), ticket); err != nil {
			return providers.Receipt{}, p.waiting(c, got.requestID, "the carrier accepted it, and that could not be written down: "+err.Error())
		}
	}
	return p.poll(ctx, c, ch, vars, got.requestID)
}

// doneAtOnce reports whether the carrier's answer says that there is nothing to
// wait for.
func (p *provider) doneAtOnce(w *wait, vars map[string]cty.Value, got *answer) bool {
	return w.unless.holds(p.accepted(vars, got))
}

// accepted is what expressions see of the answer to a change.
func (p *provider) accepted(vars map[string]cty.Value, got *answer) *hcl.EvalContext {
	scope := p.scope(vars)
	scope.Variables[rootAccepted], scope.Variables[rootReply] = got.value, got.value
	return scope
}

// goOn waits for a change that an earlier run sent.
func (p *provider) goOn(ctx context.Context, c providers.Change, ch *change) (providers.Receipt, error) {
	k := p.card(c.ICCID)
	vars := map[string]cty.Value{
		rootChange: changeValue(c), rootTicket: cty.StringVal(c.Ticket), rootAccepted: ch.wait.lasts(c.Ticket),
	}
	if err := p.resolve(ctx, k, ch.wait.request); err != nil {
		return providers.Receipt{}, p.waiting(c, "", err.Error())
	}
	vars[rootCard] = k.value()
	return p.poll(ctx, c, ch, vars, "")
}

// lasting has it that the request takes nothing of the carrier's answer but the ticket: a
// later run has no more of it. Where no ticket is said, what the request takes is the ticket.
func (c *compiler) lasting(w *wait) {
	for _, e := range w.request.all() {
		for _, t := range e.Variables() {
			if t.RootName() != rootAccepted {
				continue
			}
			if w.ticket == nil && byNames(t) && (len(t) > 2 || stepName(t[1]) == "text") {
				w.ticket = &expression{Expression: &hclsyntax.ScopeTraversalExpr{Traversal: t, SrcRange: t.SourceRange()}, roots: map[string]bool{rootAccepted: true}}
			}
			if !w.ticket.is(t) {
				c.report.ErrorAt(t.SourceRange(), "Not known to a later run",
					"A later run goes on waiting, and has nothing of the answer but its ticket. Write ticket = … with what this takes of %s, and ticket here.", spelled(t))
			}
		}
	}
}

// lasts is what a later run has of the carrier's answer: its ticket, where that stood.
func (w *wait) lasts(ticket string) cty.Value {
	v := cty.StringVal(ticket)
	t, ok := w.ticket.reference()
	if !ok || t.RootName() != rootAccepted {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	for _, step := range slices.Backward(t[1:]) {
		v = cty.ObjectVal(map[string]cty.Value{stepName(step): v})
	}
	return v
}

func (p *provider) poll(ctx context.Context, c providers.Change, ch *change, vars map[string]cty.Value, requestID string) (providers.Receipt, error) {
	w := ch.wait
	last := "the carrier hasn't said yet what became of it"
	for end := p.Now().Add(w.longest); ; {
		got, err := p.ask(ctx, ask{name: "wait for " + string(c.Kind), card: c.ICCID, request: w.request, vars: vars, takes: &w.takes})
		switch {
		case err == nil && w.until.holds(got.ctx):
			return providers.Receipt{RequestID: requestID}, nil
		case err == nil && w.failed.holds(got.ctx):
			message := tidy(p.hide(p.def.message.text(got.ctx), got.made))
			return providers.Receipt{}, &providers.Error{Call: string(c.Kind), RequestID: requestID, Proof: providers.Declined, Cause: providers.Refused, Code: got.code, Message: "the carrier accepted it, and it failed there: " + message}
		case err != nil:
			last = err.Error()
		}
		if !p.Now().Add(w.every).Before(end) || p.pauseFor(ctx, max(w.every, time.Second)) != nil {
			return providers.Receipt{}, p.waiting(c, requestID, last)
		}
	}
}

// waiting is a change that was accepted, and of which nobody knows more.
func (p *provider) waiting(c providers.Change, requestID, why string) error {
	return &providers.Error{
		Call: string(c.Kind), RequestID: requestID, Proof: providers.ProvesNothing, Cause: providers.Unavailable, Accepted: true,
		Message: fmt.Sprintf("accepted by the carrier, and not known to be done: %s", why),
	}
}
