package aliyun

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

const actionBind = "DoIotChgBindOrUnBind"

// Do implements [providers.Provider].
func (p *provider) Do(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	switch c.Kind {
	case spec.ChangeBind:
		return p.changeBind(ctx, c)
	case spec.Unbind:
		return p.unbind(ctx, c)
	case spec.Stop:
		return p.stopResume(ctx, c.ICCID, p.stopOption)
	case spec.Resume:
		return p.resume(ctx, c.ICCID)
	case spec.Subscribe:
		return p.subscribe(ctx, c)
	default:
		return providers.Receipt{}, providers.Refuse(string(c.Kind), "Dyiotapi has no call for this")
	}
}

// changeBind moves a card from the device From to the device To. The call
// names both, so the carrier refuses it where the card is bound to another.
func (p *provider) changeBind(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	if c.From == "" || c.To == "" {
		return providers.Receipt{}, providers.Refuse(actionBind, "the call must name the device that the card is bound to and the new one")
	}
	if p.register {
		if err := p.ensureRegistered(ctx, c.To); err != nil {
			return providers.Receipt{}, fmt.Errorf("register the new device: %w", err)
		}
	}
	return p.modBind(ctx, map[string]string{
		"Iccid":     string(c.ICCID),
		"OpionType": "chgBind", // sic, without the t (DoIotChgBindOrUnBind, 请求参数)
		"Imei":      c.From,
		"NewImei":   c.To,
	})
}

// unbind takes the card's device away, and so closes its account for good:
// "解绑操作会导致销户" (DoIotChgBindOrUnBind).
func (p *provider) unbind(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	if c.From == "" {
		return providers.Receipt{}, providers.Refuse(actionBind, "the call must name the device that the card is bound to")
	}
	return p.modBind(ctx, map[string]string{
		"Iccid":     string(c.ICCID),
		"OpionType": "unBind", // sic
		"Imei":      c.From,
	})
}

func (p *provider) modBind(ctx context.Context, params map[string]string) (providers.Receipt, error) {
	r, err := alirpc.Change[modBindReply](ctx, p.cards, actionBind, params)
	if err != nil {
		return providers.Receipt{}, err
	}
	return alirpc.Receipt(actionBind, &r.Envelope, r.IotModBind.IsModSuccess, "IsModSuccess")
}

func (p *provider) stopResume(ctx context.Context, iccid spec.ICCID, option string) (providers.Receipt, error) {
	const action = "DoIotUserStopResume"
	r, err := alirpc.Change[stopResumeReply](ctx, p.cards, action, map[string]string{"Iccid": string(iccid), "OptionType": option})
	if err != nil {
		return providers.Receipt{}, err
	}
	return alirpc.Receipt(action, &r.Envelope, r.Result.ControlResult, "ControlResult")
}

// resume puts a card back into service. One that the carrier stopped for its
// device is none of its owner's stops, so the carrier refuses that, with whatever
// code; then, and only where the card's status still says so, it is
// DoIotUnbindResume that does.
func (p *provider) resume(ctx context.Context, iccid spec.ICCID) (providers.Receipt, error) {
	receipt, err := p.stopResume(ctx, iccid, p.resumeOption)
	if cause, known := providers.CauseOf(err); err == nil || !known || cause != providers.Refused {
		return receipt, err
	}
	card, unread := p.Read(ctx, iccid, spec.AttrActive)
	if unread != nil || !card.ForDevice {
		return receipt, err // the refusal stands
	}
	const action = "DoIotUnbindResume"
	r, err := alirpc.Change[unbindResumeReply](ctx, p.cards, action, map[string]string{"Iccid": string(iccid)})
	if err != nil {
		return providers.Receipt{}, err
	}
	return alirpc.Receipt(action, &r.Envelope, r.Data, "Data")
}

// subscribe orders a package that takes effect at once: EffCode 1000 is
// 立即生效; AUTO_ORD would queue it behind those not yet in effect (ALIDOC 62927).
// OutId is the caller's own serial; whether the carrier takes a repeated one
// for the same order is a GUESS, so nothing here relies on it.
func (p *provider) subscribe(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	const action = "DoIotRecharge"
	if c.To == "" || c.Key == "" {
		return providers.Receipt{}, providers.Refuse(action, "the call must name a package, and a key of its own")
	}
	r, err := alirpc.Change[rechargeReply](ctx, p.cards, action, map[string]string{
		"Iccid":    string(c.ICCID),
		"OfferIds": c.To,
		"EffCode":  "1000",
		"OutId":    c.Key,
		"Amount":   "0", // only packages of any size take one (ALIDOC 62927)
	})
	if err != nil {
		return providers.Receipt{}, err
	}
	if denies(string(r.IotRecharge.OrderResult)) {
		return providers.Receipt{}, undecided(action, &r)
	}
	return providers.Receipt{RequestID: string(r.RequestID)}, nil
}

// denies reports whether a result that no document lists the values of says that
// nothing came of it. Code OK beside it says that the order was taken.
func denies(result string) bool {
	switch strings.ToLower(strings.TrimSpace(result)) {
	case "false", "0", "n", "no", "fail", "failed", "failure", "error", "失败", "订购失败":
		return true
	default:
		return false
	}
}

// undecided is an order that the carrier took, and calls no success: whether it
// comes to anything is unknown, and its number is what to ask by.
func undecided(action string, r *rechargeReply) error {
	order := r.IotRecharge.OrderNo
	message := fmt.Sprintf("the carrier took the order, and says that its result is %q (OrderResult)", carriercall.Shorten(string(r.IotRecharge.OrderResult)))
	if order != "" {
		message = fmt.Sprintf("order %s: %s", carriercall.Shorten(string(order)), message)
	}
	return &providers.Error{
		Call: action, Code: string(r.Code), RequestID: string(r.RequestID), Proof: providers.ProvesNothing, Cause: providers.Refused,
		Message: message + "; look at the card's packages in the console",
	}
}

// ensureRegistered uploads a device unless the carrier knows it: only an
// uploaded one can be bound (ALIDOC 63922). Nothing of this touches a card, so
// its errors say EffectNone. An upload whose answer was lost is looked up and
// made once more if it didn't arrive.
func (p *provider) ensureRegistered(ctx context.Context, imei string) error {
	var failed error
	for range 2 {
		known, err := alirpc.Read[imeiExistReply](ctx, p.cards, "DoIotIsImeiExist", map[string]string{"Imei": imei})
		if err != nil {
			return err
		}
		if known.IotImeiExist.IsImeiExist.On {
			return nil
		}
		failed = p.upload(ctx, imei)
		if failed == nil || providers.EffectOf(failed) == providers.EffectNone {
			return failed
		}
	}
	return untouched(failed)
}

func (p *provider) upload(ctx context.Context, imei string) error {
	const action = "DoIotPostImei"
	params := map[string]string{"Imei": imei, "DeviceType": p.deviceType, "Comments": "cardfleet"}
	r, err := alirpc.Change[postImeiReply](ctx, p.cards, action, params)
	if providers.IsCode(err, codeHasIMEI) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = alirpc.Receipt(action, &r.Envelope, r.IotPostImei.IsPostSuccess, "IsPostSuccess")
	return err
}

// untouched says of a failure before the card's own call that the card is as it was.
func untouched(err error) error {
	var e *providers.Error
	if !errors.As(err, &e) {
		return err
	}
	none := *e
	none.Proof = providers.NeverSeen
	return &none
}
