package alirpcsim

import (
	"crypto/hmac"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// skew is how far a call's Timestamp may be from the gateway's clock.
const skew = 15 * time.Minute

// admit checks what the gateway checks before it looks at the card, in the RPC
// style or in the newer one.
func (g *Gateway) admit(w *carriersim.World, c *call) *Refusal {
	if f := c.format(); f != "JSON" && f != "XML" {
		return notValid("Format")
	}
	signed := g.checkRPC
	if c.acs3 {
		signed = g.checkACS3
	}
	for _, check := range []func(*carriersim.World, *call) *Refusal{signed, g.checkNonce, g.checkAction} {
		if no := check(w, c); no != nil {
			return no
		}
	}
	return nil
}

func notValid(name string) *Refusal {
	return &Refusal{Status: 400, Code: "Invalid" + name, Message: "Specified parameter " + name + " is not valid."}
}

// checkRPC checks the public parameters and the signature of the RPC style.
func (g *Gateway) checkRPC(w *carriersim.World, c *call) *Refusal {
	for _, name := range public() {
		if c.q.Get(name) == "" {
			return missing(name)
		}
	}
	for _, f := range [][2]string{{"Version", g.Version}, {"SignatureMethod", "HMAC-SHA1"}, {"SignatureVersion", "1.0"}} {
		if c.q.Get(f[0]) != f[1] {
			return notValid(f[0])
		}
	}
	if no := checkTime(w, c); no != nil {
		return no
	}
	secret, no := secretOf(w, c)
	if no != nil {
		return no
	}
	if !hmac.Equal([]byte(Signature(c.method, secret, c.q)), []byte(c.q.Get("Signature"))) {
		return unmatched(stringToSign(c.method, c.q))
	}
	return nil
}

// checkACS3 checks the headers and the signature of the newer style, and adds
// what they say to the parameters. GUESS: the codes are those of the parameters
// that the headers stand for.
func (g *Gateway) checkACS3(w *carriersim.World, c *call) *Refusal {
	said := parseAuthorization(c.header.Get("Authorization"))
	c.q.Set("AccessKeyId", said.credential)
	for header, name := range map[string]string{
		"x-acs-action": "Action", "x-acs-version": "Version", "x-acs-date": "Timestamp", "x-acs-signature-nonce": "SignatureNonce",
	} {
		c.q.Set(name, c.header.Get(header))
	}
	for _, name := range []string{"Action", "Version", "Timestamp", "SignatureNonce"} {
		if c.q.Get(name) == "" {
			return missing(name)
		}
	}
	if c.q.Get("Version") != g.Version {
		return notValid("Version")
	}
	if no := checkTime(w, c); no != nil {
		return no
	}
	return checkAuthorization(w, c, said)
}

// checkAuthorization holds the signature to what has to be signed: the host,
// each header that begins with x-acs-, and the body by its hash.
func checkAuthorization(w *carriersim.World, c *call, said authorization) *Refusal {
	switch {
	case said.algorithm == "":
		return missing("Authorization")
	case said.algorithm != acs3:
		return incomplete("the algorithm is " + acs3)
	case said.credential == "" || said.signature == "" || len(said.signed) == 0:
		return incomplete("Authorization has no Credential, SignedHeaders or Signature")
	case !slices.IsSorted(said.signed):
		return incomplete("SignedHeaders are not sorted")
	case !slices.Contains(said.signed, "host"):
		return incomplete("host is not signed")
	}
	for _, name := range slices.Sorted(maps.Keys(c.header)) {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-acs-") && !slices.Contains(said.signed, name) {
			return incomplete(name + " is not signed")
		}
	}
	if c.header.Get("x-acs-content-sha256") != hashed(c.body) {
		return incomplete("x-acs-content-sha256 is not the SHA-256 of the body")
	}
	secret, no := secretOf(w, c)
	if no != nil {
		return no
	}
	if text := acs3StringToSign(c.canonicalRequest(said.signed)); !hmac.Equal([]byte(acs3Signature(secret, text)), []byte(said.signature)) {
		return unmatched(text)
	}
	return nil
}

func incomplete(why string) *Refusal {
	return &Refusal{Status: 400, Code: "IncompleteSignature", Message: "The request signature does not conform to Aliyun standards: " + why + "."}
}

func unmatched(text string) *Refusal {
	return &Refusal{Status: 400, Code: "SignatureDoesNotMatch", Message: "Specified signature is not matched with our calculation. server string to sign is:" + text}
}

func secretOf(w *carriersim.World, c *call) (string, *Refusal) {
	secret, ok := w.Secret(c.q.Get("AccessKeyId"))
	if !ok {
		return "", &Refusal{Status: 404, Code: "InvalidAccessKeyId.NotFound", Message: "Specified access key is not found."}
	}
	return secret, nil
}

// checkTime wants yyyy-MM-ddTHH:mm:ssZ to the letter, without milliseconds, which
// time.Parse would let pass.
func checkTime(w *carriersim.World, c *call) *Refusal {
	const form = "2006-01-02T15:04:05Z"
	at, err := time.Parse(form, c.q.Get("Timestamp"))
	if err != nil || at.Format(form) != c.q.Get("Timestamp") {
		return &Refusal{Status: 400, Code: "InvalidTimeStamp.Format", Message: "Specified time stamp or date value is not well formatted."}
	}
	now := w.Clock()
	if now.IsZero() {
		return nil // a world without a clock
	}
	if at.Sub(now).Abs() > skew {
		return &Refusal{Status: 400, Code: "InvalidTimeStamp.Expired", Message: "Specified time stamp or date value is expired."}
	}
	return nil
}

func (g *Gateway) checkNonce(w *carriersim.World, c *call) *Refusal {
	if !g.nonces.first(c.q.Get("SignatureNonce"), w.Clock()) {
		return &Refusal{Status: 400, Code: "SignatureNonceUsed", Message: "Specified signature nonce was used already."}
	}
	return nil
}

// checkAction is stricter than the carrier in one thing: a parameter that the
// action doesn't have is refused, not ignored, so that a misspelt one shows.
func (g *Gateway) checkAction(_ *carriersim.World, c *call) *Refusal {
	a, ok := g.Actions[c.q.Get("Action")]
	if slices.Contains(g.Elsewhere, c.q.Get("Action")) {
		return &Refusal{Status: 501, Code: "NotSimulated", Message: "The real product has this action; the simulator doesn't."}
	}
	if !ok {
		return notFound()
	}
	for _, name := range a.Required {
		if c.q.Get(name) == "" {
			return missing(name)
		}
	}
	known := slices.Concat(public(), a.Required, a.Optional,
		[]string{"Format", "RegionId", "SignatureType", "SecurityToken", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId"})
	for _, name := range slices.Sorted(maps.Keys(c.q)) {
		if !slices.Contains(known, name) {
			return g.Invalid("the action has no parameter " + name)
		}
	}
	if c.q.Has("Iccid") {
		if _, err := spec.ParseICCID(c.q.Get("Iccid")); err != nil {
			return g.Invalid("Iccid: " + err.Error())
		}
	}
	return nil
}
