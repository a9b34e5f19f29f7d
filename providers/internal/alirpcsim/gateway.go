// Package alirpcsim is the gateway in front of the simulated products of Alibaba
// Cloud: it checks a call as the RPC gateway does (signature, nonce, time stamp,
// parameters), lets the world's faults happen to it, and answers in its shapes.
//
// It is written from the documents, never from our client, and knows no
// product: those give it their [Action]s. What no document states is called a
// GUESS where it stands.
package alirpcsim

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1" // the documented method
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// skew is how far a call's Timestamp may be from the gateway's clock.
const skew = 15 * time.Minute

// Answer is the body of a reply, or part of it.
type Answer map[string]any

// Refusal is an answer that is no success.
type Refusal struct {
	Status  int // HTTP's
	Code    string
	Message string
	// More is what the product's refusals have beside RequestId, Code and Message.
	More Answer
}

// Action is one call of a product: its parameters, and what it does.
type Action struct {
	Required, Optional []string
	// Do reports whether it changed something.
	Do func(w *carriersim.World, q url.Values) (a Answer, changed bool, no *Refusal)
}

// Gateway is one product's API.
type Gateway struct {
	Carrier string // whose limit its calls count towards: "aliyun"
	Version string
	Actions map[string]Action
	// Success is what every success has beside RequestId.
	Success Answer
	// Coded is the product's refusal with a code.
	Coded func(code string) *Refusal
	// Invalid is the product's refusal of a parameter, saying which.
	Invalid func(why string) *Refusal

	nonces nonces
}

// OrOpen is the world, or an open one in memory where it is nil.
func OrOpen(w *carriersim.World) *carriersim.World {
	if w == nil {
		return &carriersim.World{Open: true}
	}
	return w
}

// Serve answers one request.
func (g *Gateway) Serve(w *carriersim.World, rw http.ResponseWriter, r *http.Request) {
	id := fmt.Sprintf("475C4B95-FB6E-4B2A-B0C6-%012X", w.Serial()) // in the form of the document's sample
	q, no := g.admit(w, r)
	if no != nil {
		no.write(rw, id)
		return
	}
	w.Serve(rw, r, g.wire(id), g.request(q), func() carriersim.Outcome {
		if slices.Contains(w.Retired, q.Get("Action")) {
			return carriersim.Outcome{Refuse: notFound().answers(id)}
		}
		body, changed, no := g.Actions[q.Get("Action")].Do(w, q)
		if no != nil {
			return carriersim.Outcome{Changed: changed, Refuse: no.answers(id)}
		}
		return carriersim.Outcome{Changed: changed, Answer: marshal(Answer{"RequestId": id}, g.Success, body)}
	})
}

const contentType = "application/json;charset=utf-8"

func (g *Gateway) wire(id string) carriersim.Wire {
	throttled := &Refusal{Status: 400, Code: "Throttling.User", Message: "Request was denied due to user flow control."}
	return carriersim.Wire{
		ContentType: contentType, Throttled: throttled.answers(id),
		Coded: func(rw http.ResponseWriter, code string) { g.Coded(code).write(rw, id) },
	}
}

// notFound is how the gateway refuses an action that it doesn't have, or no longer.
func notFound() *Refusal {
	return &Refusal{Status: 404, Code: "InvalidAction.NotFound", Message: "Specified api is not found, please check your url and method."}
}

func (r *Refusal) write(rw http.ResponseWriter, id string) {
	head := Answer{"RequestId": id, "Code": r.Code}
	if r.Message != "" {
		head["Message"] = r.Message
	}
	carriersim.Write(rw, r.Status, contentType, marshal(head, r.More))
}

// answers is how the refusal is sent.
func (r *Refusal) answers(id string) func(http.ResponseWriter) {
	return func(rw http.ResponseWriter) { r.write(rw, id) }
}

func marshal(parts ...Answer) []byte {
	body := Answer{}
	for _, p := range parts {
		maps.Copy(body, p)
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings, numbers, booleans and lists of them only
	}
	return data
}

// admit checks what the gateway checks before it looks at the action.
func (g *Gateway) admit(w *carriersim.World, r *http.Request) (url.Values, *Refusal) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		return nil, &Refusal{Status: 405, Code: "UnsupportedHTTPMethod", Message: "This http method is not supported."}
	}
	if r.URL.Path != "/" {
		return nil, notFound()
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &Refusal{Status: 400, Code: "InvalidParameter", Message: "The query string is malformed."}
	}
	checks := []func(*carriersim.World, string, url.Values) *Refusal{g.checkForm, g.checkTime, g.checkSignature, g.checkAction}
	for _, check := range checks {
		if no := check(w, r.Method, q); no != nil {
			return nil, no
		}
	}
	return q, nil
}

// public are the parameters that every call has (公共请求参数).
func public() []string {
	return []string{"Action", "Version", "Format", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp", "Signature"}
}

func (g *Gateway) checkForm(_ *carriersim.World, _ string, q url.Values) *Refusal {
	for name, values := range q {
		if len(values) > 1 {
			return &Refusal{Status: 400, Code: "InvalidParameter", Message: "The parameter " + name + " is given twice."}
		}
	}
	for _, name := range public() {
		if q.Get(name) == "" {
			return &Refusal{Status: 400, Code: "Missing" + name, Message: name + " is mandatory for this action."}
		}
	}
	fixed := [][2]string{{"Format", "JSON"}, {"Version", g.Version}, {"SignatureMethod", "HMAC-SHA1"}, {"SignatureVersion", "1.0"}}
	for _, f := range fixed {
		if q.Get(f[0]) != f[1] {
			return &Refusal{Status: 400, Code: "Invalid" + f[0], Message: "Specified parameter " + f[0] + " is not valid."}
		}
	}
	return nil
}

func (g *Gateway) checkTime(w *carriersim.World, _ string, q url.Values) *Refusal {
	at, err := time.Parse("2006-01-02T15:04:05Z", q.Get("Timestamp"))
	if err != nil {
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

func (g *Gateway) checkSignature(w *carriersim.World, method string, q url.Values) *Refusal {
	secret, ok := w.Secret(q.Get("AccessKeyId"))
	if !ok {
		return &Refusal{Status: 404, Code: "InvalidAccessKeyId.NotFound", Message: "Specified access key is not found."}
	}
	if !hmac.Equal([]byte(Signature(method, secret, q)), []byte(q.Get("Signature"))) {
		text := stringToSign(method, q)
		return &Refusal{Status: 400, Code: "SignatureDoesNotMatch", Message: "Specified signature is not matched with our calculation. server string to sign is:" + text}
	}
	if !g.nonces.first(q.Get("SignatureNonce"), w.Clock()) {
		return &Refusal{Status: 400, Code: "SignatureNonceUsed", Message: "Specified signature nonce was used already."}
	}
	return nil
}

// Signature is what a call's parameters are to be signed with.
func Signature(method, secret string, q url.Values) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(stringToSign(method, q)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// stringToSign is written from the document (RPC signature 1.0), not taken
// from our client, so that a mistake in one doesn't hide in the other.
func stringToSign(method string, q url.Values) string {
	var pairs []string
	for name, values := range q {
		if name != "Signature" {
			pairs = append(pairs, percent(name)+"="+percent(values[0]))
		}
	}
	slices.SortFunc(pairs, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return cmp.Compare(nameA, nameB)
	})
	return method + "&" + percent("/") + "&" + percent(strings.Join(pairs, "&"))
}

// percent is url.QueryEscape with the three differences that the document
// lists: a space is %20, * is %2A, ~ stays.
func percent(s string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
}

// checkAction is stricter than the carrier in one thing: a parameter that the
// action doesn't have is refused, not ignored, so that a misspelt one shows.
func (g *Gateway) checkAction(_ *carriersim.World, _ string, q url.Values) *Refusal {
	a, ok := g.Actions[q.Get("Action")]
	if !ok {
		return notFound()
	}
	for _, name := range a.Required {
		if q.Get(name) == "" {
			return g.Invalid(name + " is mandatory for this action")
		}
	}
	known := slices.Concat(public(), a.Required, a.Optional,
		[]string{"RegionId", "SignatureType", "SecurityToken", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId"})
	for name := range q {
		if !slices.Contains(known, name) {
			return g.Invalid("the action has no parameter " + name)
		}
	}
	if q.Has("Iccid") {
		if _, err := spec.ParseICCID(q.Get("Iccid")); err != nil {
			return g.Invalid("Iccid: " + err.Error())
		}
	}
	return nil
}

// request is what the world keeps of a call: no credentials, no signature.
func (g *Gateway) request(q url.Values) carriersim.Request {
	params := map[string]string{}
	for name := range q {
		if !slices.Contains(public(), name) {
			params[name] = q.Get(name)
		}
	}
	return carriersim.Request{
		Carrier: g.Carrier, Action: q.Get("Action"), ICCID: spec.ICCID(strings.ToUpper(q.Get("Iccid"))), Params: params,
	}
}

// nonces remembers the nonces of the last 15 to 30 minutes, which is as long
// as a call with one can come again.
type nonces struct {
	mu       sync.Mutex
	seed     maphash.Seed
	now, old map[uint64]struct{} // hashes: a million nonces take 40 MB rather than 150
	since    time.Time
}

func (n *nonces) first(nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now == nil {
		n.seed, n.now, n.since = maphash.MakeSeed(), map[uint64]struct{}{}, now
	}
	if now.Sub(n.since) > 2*skew {
		n.old, n.now, n.since = n.now, map[uint64]struct{}{}, now
	}
	h := maphash.String(n.seed, nonce)
	_, seen := n.now[h]
	_, before := n.old[h]
	n.now[h] = struct{}{}
	return !seen && !before
}
