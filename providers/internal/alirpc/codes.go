package alirpc

import (
	"strings"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

// codeThrottle is the gateway's; there are Throttling.User, Throttling.Api and others.
const codeThrottle = "Throttling"

// Remedies that many codes share.
const (
	AskOperators     = "ask Alibaba Cloud, with the request id"
	CheckCredentials = "check access_key_id and access_key_secret"
)

// Codes are a product's codes.
type Codes map[string]carriercall.Meaning

// Gateway lists the codes of the gateway in front of every product (ALIDOC
// 25491 "common errors", and the public error tables of other RPC products).
// The codes beginning with Throttling, Missing and Invalid are not all in it; see
// API.meaning.
func Gateway() Codes {
	const denied, unavailable = providers.Denied, providers.Unavailable
	const unseen = providers.NeverSeen // refused before the product saw the call
	return Codes{
		"InvalidAccessKeyId.NotFound": {Cause: denied, Proof: unseen, Text: "there is no such access key; " + CheckCredentials},
		"InvalidAccessKeyId.Inactive": {Cause: denied, Proof: unseen, Text: "the access key is switched off; switch it on, or use another"},
		"MissingAccessKeyId":          {Cause: denied, Proof: unseen, Text: "the call came without an access key; " + CheckCredentials},
		"SignatureDoesNotMatch":       {Cause: denied, Proof: unseen, Text: "the signature is wrong; check access_key_secret"},
		"IncompleteSignature":         {Cause: denied, Proof: unseen, Text: "the signature is wrong; check access_key_secret"},
		"InvalidTimeStamp.Expired":    {Cause: denied, Proof: unseen, Text: "this machine's clock is more than 15 minutes off; set it right"},
		"InvalidTimeStamp.Format":     {Cause: denied, Proof: unseen, Text: "the gateway can't read the time of the call; please report this"},
		// Something on the way may have sent the call twice, and the first have passed.
		"SignatureNonceUsed":          {Cause: unavailable, Text: "the gateway got the same call twice"},
		"Forbidden.RAM":               {Cause: denied, Proof: unseen, Text: "the RAM user may not call this; grant it the action"},
		"Forbidden.AccessKeyDisabled": {Cause: denied, Proof: unseen, Text: "the access key is switched off; switch it on, or use another"},
		"InvalidVersion":              {Cause: denied, Proof: unseen, Text: "the gateway doesn't know this version of the API; check endpoint"},
		"InvalidAction.NotFound":      {Cause: denied, Proof: unseen, Text: "the gateway doesn't know this action; check endpoint, and whether the product is still served"},
		"InvalidApi.NotFound":         {Cause: denied, Proof: unseen, Text: "the gateway doesn't know this action; check endpoint, and whether the product is still served"},
		"UnsupportedOperation":        {Cause: denied, Proof: unseen, Text: "the gateway no longer has this action; check endpoint, and whether the product is still served"},
		"UnsupportedHTTPMethod":       {Cause: denied, Proof: unseen, Text: "the gateway doesn't take POST; check endpoint"},
		"ServiceUnavailable":          {Cause: unavailable, Text: "the carrier's service is out of order"},
		"InternalError":               {Cause: unavailable, Text: "the gateway failed within"},
	}
}

// Retired reports whether the gateway says of a call that there is no such
// action: "Specified api is not found, please check your url and method"
// (InvalidAction.NotFound, in the public error tables of Alibaba's RPC products;
// InvalidApi.NotFound is a GUESS, its twin in other styles), or "The specified
// action is not supported" (UnsupportedOperation, ALIDOC 25933).
func Retired(err error) bool {
	return providers.IsCode(err, "InvalidAction.NotFound", "InvalidApi.NotFound", "UnsupportedOperation")
}

// meaning finds a code, in the product's table first. Says is the text beside it.
func (a *API) meaning(code, says string) carriercall.Meaning {
	if m, ok := a.Codes[code]; ok {
		return m
	}
	if m, ok := Gateway()[code]; ok {
		return m
	}
	if code == codeThrottle || strings.HasPrefix(code, codeThrottle+".") {
		return carriercall.Meaning{
			Cause: providers.Throttled, Proof: providers.NeverSeen, Text: "too many calls for the account, which its RAM users share; lower requests_per_second",
		}
	}
	if m, ok := malformed(code); ok {
		return m
	}
	return carriercall.Undocumented(code, says)
}

// malformed is what the gateway says of a parameter that is missing or that it
// can't take: Missing<Name> and Invalid<Name>, the latter often with a word more
// (InvalidSecurityToken.Expired). It looks at parameters before it hands a call to
// the product (ALIDOC 25491), so the call had no effect. Where the parameter is
// one of every call, no other call fares better.
func malformed(code string) (m carriercall.Meaning, ok bool) {
	m = carriercall.Meaning{
		Cause: providers.Refused, Proof: providers.NeverSeen, Quotes: true,
		Text: "the gateway misses a parameter of the call, and refused it before the product saw it; please report this",
	}
	name, missing := strings.CutPrefix(code, "Missing")
	if !missing {
		name, ok = strings.CutPrefix(code, "Invalid")
		m.Text = "the gateway can't take a parameter of the call, and refused it before the product saw it; check the value that it names"
	}
	if !missing && !ok || name == "" || name[0] != '.' && (name[0] < 'A' || name[0] > 'Z') {
		return carriercall.Meaning{}, false
	}
	for _, common := range []string{"AccessKey", "SecurityToken", "Signature", "TimeStamp", "Timestamp", "Action", "Version", "Api", "Format", "Region"} {
		if strings.HasPrefix(name, common) {
			m.Cause, m.Text = providers.Denied, "the gateway refuses what every call has; "+CheckCredentials+", region and endpoint"
		}
	}
	return m, true
}

// explain turns a code that is no success into an error.
func (a *API) explain(c carriercall.Call, head *Envelope) *providers.Error {
	code, says := string(head.Code), head.says()
	e := a.Explain(c, a.meaning(code, says), code, says)
	e.RequestID = a.Clean(c, string(head.RequestID))
	return e
}

// Receipt reads the second verdict that a success carries: false is a refusal.
func Receipt(action string, head *Envelope, done Flag, field string) (providers.Receipt, error) {
	id := string(head.RequestID)
	if done.On {
		return providers.Receipt{RequestID: id}, nil
	}
	return providers.Receipt{}, &providers.Error{
		Call: action, Code: string(head.Code), RequestID: id, Proof: providers.Declined, Cause: providers.Refused,
		Message: "the carrier took the call but didn't do it (" + field + " is false); look at the card in the console",
	}
}
