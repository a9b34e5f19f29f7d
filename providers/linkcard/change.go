package linkcard

import (
	"context"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/spec"
)

// Do implements [providers.Provider].
func (p *provider) Do(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	switch c.Kind {
	case spec.Stop:
		return p.service(ctx, actionStop, c.ICCID, spec.Off)
	case spec.Resume:
		return p.resume(ctx, c.ICCID)
	case spec.Subscribe:
		return p.subscribe(ctx, c)
	default:
		return providers.Receipt{}, providers.Refuse(string(c.Kind), "Linkcard has no call for this")
	}
}

// service takes a card out of service (使用中 → 主动停用) or back into it
// (主动停用 and 达量停用 → 复用, ALIDOC 374305).
func (p *provider) service(ctx context.Context, action string, iccid spec.ICCID, want spec.Switch) (providers.Receipt, error) {
	r, err := alirpc.Change[switchReply](ctx, p.api, action, named(iccid))
	if err == nil {
		var receipt providers.Receipt
		if receipt, err = alirpc.Receipt(action, &r.Envelope, r.Data, "Data"); err == nil {
			return receipt, nil
		}
	}
	if !refusedByState(err) || !p.isAlready(ctx, iccid, want) {
		return providers.Receipt{}, err
	}
	return providers.Receipt{RequestID: providers.RequestIDOf(err), Already: true}, nil
}

// resume puts a card back into service. One that was stopped since it was moved to
// another device (换绑停用) is refused that, with whatever code, and takes the call that accepts the
// device (换绑复用, ALIDOC api-rebindresumesinglecard).
func (p *provider) resume(ctx context.Context, iccid spec.ICCID) (providers.Receipt, error) {
	receipt, err := p.service(ctx, actionResume, iccid, spec.On)
	if cause, known := providers.CauseOf(err); err == nil || !known || cause != providers.Refused {
		return receipt, err
	}
	card, unread := p.detail(ctx, iccid)
	if unread != nil || !p.reading(iccid, card.Status, card.OsStatus).ForDevice {
		return receipt, err // the refusal stands
	}
	return p.service(ctx, actionRebind, iccid, spec.On)
}

// refusedByState reports whether the carrier refused a change in a way that a
// card which is in that state already would be. No document has a code for
// that: GUESS, it is the general one, or Data is false.
func refusedByState(err error) bool {
	return providers.IsCode(err, codeProcess) || providers.IsCode(err, codeOK)
}

// isAlready looks whether the card is as a refused change would make it. Only
// the owner's own stop counts as stopped: what the carrier stopped is out of
// service for another reason, and would come back without the owner.
func (p *provider) isAlready(ctx context.Context, iccid spec.ICCID, want spec.Switch) bool {
	card, err := p.detail(ctx, iccid)
	if err != nil {
		return false // the refusal stands
	}
	is, _ := lifecycle(card.Status, card.OsStatus)
	if want == spec.Off {
		return is == spec.SuspendedByOwner
	}
	return is == spec.Active
}

// subscribe renews the card's own package, or orders one on top. Which of the
// two the id means is seen from the card: its CredentialNo (套餐凭证) is its own
// package, and anything else an OfferCode (ALIDOC 425525). SerialNo names the
// order: "编号需唯一且保持幂等性", so the carrier takes a repeated one for the same.
func (p *provider) subscribe(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	if c.To == "" || c.Key == "" {
		return providers.Receipt{}, providers.Refuse(actionRenew, "the call must name a package, and a key of its own")
	}
	card, err := p.detail(ctx, c.ICCID)
	if err != nil {
		return providers.Receipt{}, err // of a reading, so the card is as it was
	}
	params := named(c.ICCID)
	params["SerialNo"] = c.Key
	params["BuyNum"] = "1" // one period or one package: the only number that every kind of order takes
	if c.To == string(card.CredentialNo) {
		params["RechargeType"] = "STANDARD" // 续订套餐
	} else {
		params["RechargeType"] = "OVERLAY" // 订购叠加包
		params["OfferCode"] = c.To
	}
	r, err := alirpc.Change[renewReply](ctx, p.api, actionRenew, params)
	if err != nil {
		return providers.Receipt{}, err
	}
	return providers.Receipt{RequestID: string(r.RequestID)}, nil
}
