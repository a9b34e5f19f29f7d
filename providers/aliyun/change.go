package aliyun

import (
	"context"
	"errors"
	"fmt"

	"github.com/cardfleet/cardfleet/providers"
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
		return p.stopResume(ctx, c.ICCID, p.resumeOption)
	case spec.Subscribe:
		return p.subscribe(ctx, c)
	default:
		return providers.Receipt{}, refuse(string(c.Kind), "Dyiotapi has no call for this")
	}
}

// changeBind moves a card from the device From to the device To. The call
// names both, so the carrier refuses it where the card is bound to another.
func (p *provider) changeBind(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	if c.From == "" || c.To == "" {
		return providers.Receipt{}, refuse(actionBind, "the call must name the device that the card is bound to and the new one")
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
		return providers.Receipt{}, refuse(actionBind, "the call must name the device that the card is bound to")
	}
	return p.modBind(ctx, map[string]string{
		"Iccid":     string(c.ICCID),
		"OpionType": "unBind", // sic
		"Imei":      c.From,
	})
}

func (p *provider) modBind(ctx context.Context, params map[string]string) (providers.Receipt, error) {
	r, err := change[modBindReply](ctx, p.cards, actionBind, params)
	if err != nil {
		return providers.Receipt{}, err
	}
	return receipt(actionBind, &r.envelope, r.IotModBind.IsModSuccess, "IsModSuccess")
}

func (p *provider) stopResume(ctx context.Context, iccid spec.ICCID, option string) (providers.Receipt, error) {
	const action = "DoIotUserStopResume"
	r, err := change[stopResumeReply](ctx, p.cards, action, map[string]string{"Iccid": string(iccid), "OptionType": option})
	if err != nil {
		return providers.Receipt{}, err
	}
	return receipt(action, &r.envelope, r.Result.ControlResult, "ControlResult")
}

// subscribe orders a package that takes effect at once: EffCode 1000 is
// 立即生效; AUTO_ORD would queue it behind those not yet in effect (ALIDOC 62927).
// OutId is the caller's own serial; whether the carrier takes a repeated one
// for the same order is a GUESS, so nothing here relies on it.
func (p *provider) subscribe(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	const action = "DoIotRecharge"
	if c.To == "" || c.Key == "" {
		return providers.Receipt{}, refuse(action, "the call must name a package, and a key of its own")
	}
	r, err := change[rechargeReply](ctx, p.cards, action, map[string]string{
		"Iccid":    string(c.ICCID),
		"OfferIds": c.To,
		"EffCode":  "1000",
		"OutId":    c.Key,
		"Amount":   "0", // only packages of any size take one (ALIDOC 62927)
	})
	if err != nil {
		return providers.Receipt{}, err
	}
	return providers.Receipt{RequestID: string(r.RequestID)}, nil
}

// ensureRegistered uploads a device unless the carrier knows it: only an
// uploaded one can be bound (ALIDOC 63922). Nothing of this touches a card, so
// its errors say EffectNone. An upload whose answer was lost is looked up and
// made once more if it didn't arrive.
func (p *provider) ensureRegistered(ctx context.Context, imei string) error {
	var failed error
	for range 2 {
		known, err := read[imeiExistReply](ctx, p.cards, "DoIotIsImeiExist", map[string]string{"Imei": imei})
		if err != nil {
			return err
		}
		if known.IotImeiExist.IsImeiExist.on {
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
	r, err := change[postImeiReply](ctx, p.cards, action, params)
	if isCode(err, codeHasIMEI) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = receipt(action, &r.envelope, r.IotPostImei.IsPostSuccess, "IsPostSuccess")
	return err
}

// untouched says of a failure before the card's own call that the card is as it was.
func untouched(err error) error {
	var e *providers.Error
	if !errors.As(err, &e) {
		return err
	}
	none := *e
	none.Effect = providers.EffectNone
	return &none
}

// receipt reads the second verdict that an OK carries: false is a refusal.
func receipt(action string, head *envelope, done flag, field string) (providers.Receipt, error) {
	id := string(head.RequestID)
	if done.on {
		return providers.Receipt{RequestID: id}, nil
	}
	return providers.Receipt{}, &providers.Error{
		Call: action, Code: string(head.Code), RequestID: id, Effect: providers.EffectNone, Cause: providers.Refused,
		Message: "the carrier took the call but didn't do it (" + field + " is false); look at the card in the console",
	}
}

// refuse is a change that is refused here, before any request.
func refuse(call, why string) error {
	return &providers.Error{Call: call, Message: why, Effect: providers.EffectNone, Cause: providers.Refused}
}

func isCode(err error, code string) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Code == code
}
