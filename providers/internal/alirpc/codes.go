package alirpc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
)

// codeThrottle is the gateway's; there are Throttling.User, Throttling.Api and others.
const codeThrottle = "Throttling"

// Remedies that many codes share.
const (
	AskOperators     = "ask Alibaba Cloud, with the request id"
	CheckCredentials = "check access_key_id and access_key_secret"
)

// Meaning is what a code says. Whether a call is repeated follows from its
// cause and effect: throttled and unavailable ones pass later.
type Meaning struct {
	Cause providers.Cause
	// Unsure: a changing call that got this answer may have had its effect.
	Unsure bool
	Text   string // in plain English; the carrier's words in brackets; what to do
	// Quotes: the code says little without the carrier's own message.
	Quotes bool
}

// Codes are a product's codes.
type Codes map[string]Meaning

// Gateway lists the codes of the gateway in front of every product (ALIDOC
// 25491 "common errors", and the public error tables of other RPC products).
// The codes beginning with Throttling are not in it; see API.
func Gateway() Codes {
	const denied, unavailable = providers.Denied, providers.Unavailable
	return Codes{
		"InvalidAccessKeyId.NotFound": {Cause: denied, Text: "there is no such access key; " + CheckCredentials},
		"InvalidAccessKeyId.Inactive": {Cause: denied, Text: "the access key is switched off; switch it on, or use another"},
		"MissingAccessKeyId":          {Cause: denied, Text: "the call came without an access key; " + CheckCredentials},
		"SignatureDoesNotMatch":       {Cause: denied, Text: "the signature is wrong; check access_key_secret"},
		"IncompleteSignature":         {Cause: denied, Text: "the signature is wrong; check access_key_secret"},
		"InvalidTimeStamp.Expired":    {Cause: denied, Text: "this machine's clock is more than 15 minutes off; set it right"},
		"InvalidTimeStamp.Format":     {Cause: denied, Text: "the gateway can't read the time of the call; please report this"},
		// Something on the way may have sent the call twice, and the first have passed.
		"SignatureNonceUsed":          {Cause: unavailable, Unsure: true, Text: "the gateway got the same call twice"},
		"Forbidden.RAM":               {Cause: denied, Text: "the RAM user may not call this; grant it the action"},
		"Forbidden.AccessKeyDisabled": {Cause: denied, Text: "the access key is switched off; switch it on, or use another"},
		"InvalidVersion":              {Cause: denied, Text: "the gateway doesn't know this version of the API; check endpoint"},
		"InvalidAction.NotFound":      {Cause: denied, Text: "the gateway doesn't know this action; check endpoint, and whether the product is still served"},
		"InvalidApi.NotFound":         {Cause: denied, Text: "the gateway doesn't know this action; check endpoint, and whether the product is still served"},
		"UnsupportedOperation":        {Cause: denied, Text: "the gateway no longer has this action; check endpoint, and whether the product is still served"},
		"UnsupportedHTTPMethod":       {Cause: denied, Text: "the gateway doesn't take POST; check endpoint"},
		"ServiceUnavailable":          {Cause: unavailable, Unsure: true, Text: "the carrier's service is out of order"},
		"InternalError":               {Cause: unavailable, Unsure: true, Text: "the gateway failed within"},
	}
}

// Retired reports whether the gateway says of a call that there is no such
// action: "Specified api is not found, please check your url and method"
// (InvalidAction.NotFound, in the public error tables of Alibaba's RPC products;
// InvalidApi.NotFound is a GUESS, its twin in other styles), or "The specified
// action is not supported" (UnsupportedOperation, ALIDOC 25933).
func Retired(err error) bool {
	return IsCode(err, "InvalidAction.NotFound") || IsCode(err, "InvalidApi.NotFound") || IsCode(err, "UnsupportedOperation")
}

// IsCode reports whether the carrier answered with the code.
func IsCode(err error, code string) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Code == code
}

// meaning finds a code, in the product's table first.
func (a *API) meaning(code string) Meaning {
	if m, ok := a.Codes[code]; ok {
		return m
	}
	if m, ok := Gateway()[code]; ok {
		return m
	}
	if code == codeThrottle || strings.HasPrefix(code, codeThrottle+".") {
		return Meaning{Cause: providers.Throttled, Text: "too many calls for the account, which its RAM users share; lower requests_per_second"}
	}
	// A code in no document: nothing is known of how far the call got.
	return Meaning{Cause: providers.Refused, Unsure: true, Text: "a code that no document has", Quotes: true}
}

// explain turns a code that is no success into an error. Credentials in the
// carrier's words do not show.
func (a *API) explain(c call, head *Envelope) *providers.Error {
	clean := func(t Text) string { return shorten(a.hide.Replace(string(t))) }
	m := a.meaning(string(head.Code))
	if m.Quotes {
		m.Text = fmt.Sprintf("%s; the carrier says %q", m.Text, clean(Text(head.says())))
	}
	effect := providers.EffectNone
	if c.changing && m.Unsure {
		effect = providers.EffectUnknown
	}
	return &providers.Error{
		Call: c.action, Code: clean(head.Code), Message: m.Text, RequestID: clean(head.RequestID), Effect: effect, Cause: m.Cause,
	}
}

// Refuse is a change that is refused here, before any request.
func Refuse(call, why string) error {
	return &providers.Error{Call: call, Message: why, Effect: providers.EffectNone, Cause: providers.Refused}
}

// Receipt reads the second verdict that a success carries: false is a refusal.
func Receipt(action string, head *Envelope, done Flag, field string) (providers.Receipt, error) {
	id := string(head.RequestID)
	if done.On {
		return providers.Receipt{RequestID: id}, nil
	}
	return providers.Receipt{}, &providers.Error{
		Call: action, Code: string(head.Code), RequestID: id, Effect: providers.EffectNone, Cause: providers.Refused,
		Message: "the carrier took the call but didn't do it (" + field + " is false); look at the card in the console",
	}
}

// shorten keeps a foreign text to a length that a line can hold.
func shorten(s string) string {
	const most = 120
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}
