package cmiot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// operation is one of the changes of a card's status, which single calls and
// batches number differently (CMIOT_API23S03, CMIOT_API23S06; PHP-V5).
type operation struct {
	kind          spec.Kind
	single, batch string      // operType
	target        spec.Switch // whether the card is in service afterwards
}

func operationOf(k spec.Kind) (operation, bool) {
	switch k {
	case spec.Stop:
		return operation{kind: k, single: "0", batch: "9", target: spec.Off}, true // 已激活→停机
	case spec.Resume:
		return operation{kind: k, single: "1", batch: "11", target: spec.On}, true // 停机→已激活
	default:
		return operation{}, false
	}
}

// Do implements [providers.Provider]. A change is done when the carrier has
// taken the order for it; how the order went, readings show within Settle.
func (p *v5) Do(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	op, ok := operationOf(c.Kind)
	if !ok {
		return providers.Receipt{}, providers.Refuse(string(c.Kind), "OneLink has no call for this")
	}
	until, ok := p.cooldown.begin(c.ICCID, p.env.Now())
	if !ok {
		return p.tooSoon(ctx, op, c.ICCID, until)
	}
	receipt, err := p.batches.do(ctx, p, op, c.ICCID)
	p.cooldown.end(c.ICCID, p.env.Now(), err)
	return receipt, err
}

// tooSoon answers a change that the carrier would refuse, for one made here a
// short while ago. It is done where the card is so already.
func (p *v5) tooSoon(ctx context.Context, op operation, iccid spec.ICCID, until time.Time) (providers.Receipt, error) {
	if p.is(ctx, op, iccid) {
		return providers.Receipt{Already: true}, nil
	}
	return providers.Receipt{}, providers.Refuse(callChange, fmt.Sprintf(
		"the card was changed a short while ago, and the carrier refuses the next change of it until %s (write_cooldown is %s); apply again then",
		until.In(china()).Format("15:04:05 MST"), p.cooldown.period))
}

// is reports whether the card is so already: false where the carrier doesn't say.
func (p *v5) is(ctx context.Context, op operation, iccid spec.ICCID) bool {
	reading, err := p.status(ctx, iccid)
	return err == nil && reading.Lifecycle.InService() == op.target
}

// single changes one card by a call of its own.
func (p *v5) single(ctx context.Context, op operation, iccid spec.ICCID) (providers.Receipt, error) {
	if err := p.checkNumber(ctx, iccid); err != nil {
		return providers.Receipt{}, err
	}
	params := p.card(iccid)
	params["operType"] = op.single
	answer, err := change[rows[orderRow]](ctx, p, callChange, iccid, params)
	switch {
	case err == nil:
		return receipt(answer.Result[0]), nil
	case providers.ProofOf(err) == providers.AlreadySo, mayBeAlready(err) && p.is(context.WithoutCancel(ctx), op, iccid):
		return providers.Receipt{RequestID: providers.RequestIDOf(err), Already: true}, nil
	default:
		return providers.Receipt{}, err
	}
}

// checkNumber refuses the change of a card that would be named by another card's
// number. Where the carrier doesn't say whose a number is, it stands: what it names
// was read by it.
func (p *v5) checkNumber(ctx context.Context, iccid spec.ICCID) error {
	declared := p.msisdn(iccid)
	if declared == "" {
		return nil
	}
	if told := p.numbers(ctx, []spec.ICCID{iccid})[iccid]; told != "" && told != declared {
		return otherNumber(declared, told)
	}
	return nil
}

func otherNumber(declared, told string) error {
	return providers.Refuse(callNumbers, fmt.Sprintf(
		"the card's number is %s by the carrier, and msisdn is %s, which names another card; correct msisdn, or omit it", carriercall.Shorten(told), declared))
}

// receipt is the order's number, or the echo of the card that the manual of
// 2020 has in its place.
func receipt(order orderRow) providers.Receipt {
	if order.OrderNum != "" {
		return providers.Receipt{RequestID: string(order.OrderNum)}
	}
	return providers.Receipt{RequestID: string(order.MSISDN)}
}

// mayBeAlready reports whether a refusal may mean that the card is in the
// wanted state: 12089 is about its status, and a code that no document has may
// say anything.
func mayBeAlready(err error) bool {
	return providers.IsCode(err, codeWrongState) || isRefused(err) && providers.EffectOf(err) == providers.EffectUnknown
}

// cooldown keeps the carrier's rule that a card which was changed isn't changed
// again for a while, for the changes of this process. The plan and apply know of
// the others' from the state.
type cooldown struct {
	period time.Duration

	mu   sync.Mutex
	last map[spec.ICCID]time.Time
}

// begin notes that a change of the card starts, unless one was made, or
// started, less than the period ago: ok is then false, until when the rule holds.
func (c *cooldown) begin(iccid spec.ICCID, now time.Time) (until time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, changed := c.last[iccid]; changed && now.Sub(last) < c.period {
		return last.Add(c.period), false
	}
	if c.last == nil {
		c.last = map[spec.ICCID]time.Time{}
	}
	c.last[iccid] = now
	return time.Time{}, true
}

// end notes how the change went: one that certainly changed nothing starts no
// cool-down.
func (c *cooldown) end(iccid spec.ICCID, now time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && providers.EffectOf(err) == providers.EffectNone {
		delete(c.last, iccid)
		return
	}
	c.last[iccid] = now
}
