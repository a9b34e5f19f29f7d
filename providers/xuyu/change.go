package xuyu

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// Do implements [providers.Provider].
func (p *provider) Do(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	values := map[string]string{"iccid": string(c.ICCID)}
	switch c.Kind {
	case spec.Stop:
		return p.change(ctx, p.call(opStop, values))
	case spec.Resume:
		return p.change(ctx, p.call(opResume, values))
	case spec.Subscribe:
		if c.To == "" || c.Key == "" {
			return providers.Receipt{}, providers.Refuse(opSubscribe, "the call must name a package, and a key of its own")
		}
		values["package"], values["key"] = c.To, c.Key
		return p.change(ctx, p.call(opSubscribe, values))
	default:
		return providers.Receipt{}, providers.Refuse(string(c.Kind), "Shingsou has no call for this")
	}
}

// change makes a changing call. Where the carrier took it, its reply still says
// whether it was done, and an order whether it is paid.
func (p *provider) change(ctx context.Context, c call) (providers.Receipt, error) {
	c.changing = true
	var order string
	id, err := p.send(ctx, c, func(root json.RawMessage) error {
		if err := p.verdict(c, root); err != nil {
			return err
		}
		if c.name != opSubscribe {
			return nil
		}
		order = p.Clean(c.named(), wordAt(root, around(c.result), "orderId"))
		return p.paid(c, root, order)
	})
	if err != nil {
		return providers.Receipt{}, err
	}
	return providers.Receipt{RequestID: cmp.Or(order, id)}, nil
}

// verdict reads the value at the operation's result: 200 and true are done,
// false is a refusal, anything else a code.
func (p *provider) verdict(c call, root json.RawMessage) error {
	said := wordAt(root, around(c.result), last(c.result))
	switch strings.ToLower(said) {
	case codeOK, "true", "ok", "success":
		return nil
	case "":
		return fmt.Errorf("the answer has nothing at %q that says whether it was done", c.result)
	case "false":
		return &providers.Error{
			Call: c.name, Proof: providers.Declined, Cause: providers.Refused,
			Message: "the carrier took the call but didn't do it (" + c.result + " is false); look at the card in the portal",
		}
	}
	var h head
	if object, ok := at(root, around(c.result)); ok {
		h.read(object)
	}
	h.Code = text(said)
	return p.explain(c, h)
}

// paid refuses to call an order done that waits for its payment: S003 在线订购套餐
// goes through an order and a payment link (创建支付请求). Neither is the card as it
// was for good, since whoever opens the link pays: the effect is unknown, the
// plan says so with the link, and it settles itself once the package shows.
func (p *provider) paid(c call, root json.RawMessage, order string) error {
	link, owed := unpaid(root, around(c.result))
	if !owed {
		return nil
	}
	message := "the order waits for its payment, so the card doesn't have the package yet; pay it, or cancel it in the portal"
	if order != "" {
		message = fmt.Sprintf("order %s: %s", order, message)
	}
	if link != "" {
		message += ": " + p.Clean(c.named(), link)
	}
	return &providers.Error{Call: c.name, RequestID: order, Proof: providers.ProvesNothing, Cause: providers.Refused, Message: message, Waits: true}
}

// unpaid looks for signs that an order is still to be paid, beside the result
// and in the object data. GUESSES, all of them: S003 names the payment request
// and has nothing of its reply.
func unpaid(root json.RawMessage, beside string) (link string, owed bool) {
	for _, path := range slices.Compact([]string{beside, strings.TrimPrefix(beside+".data", ".")}) {
		for _, name := range []string{"payUrl", "paymentUrl", "payLink", "paymentLink", "codeUrl", "qrCode"} {
			if link = wordAt(root, path, name); link != "" {
				return link, true
			}
		}
		if strings.EqualFold(wordAt(root, path, "paid"), "false") {
			return "", true
		}
		for _, name := range []string{"payStatus", "orderStatus"} {
			if slices.Contains([]string{"unpaid", "pending", "待支付", "未支付"}, strings.ToLower(wordAt(root, path, name))) {
				return "", true
			}
		}
	}
	return "", false
}

// last is the last name of a dotted path.
func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
