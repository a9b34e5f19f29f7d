package aliyunsim

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1" // the documented method
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// skew is how far a call's Timestamp may be from the gateway's clock.
const skew = 15 * time.Minute

// refusal is an answer that isn't OK.
type refusal struct {
	status  int
	code    string
	message string
}

// answer is the body of a successful reply, beside RequestId, Code and Message.
type answer map[string]any

// action is one call of an API: its parameters, and what it does.
type action struct {
	required, optional []string
	// do reports whether it changed something.
	do func(w *carriersim.World, q url.Values) (a answer, changed bool, no *refusal)
}

// gateway is the part that both APIs share: it checks a call as Alibaba's RPC
// gateway does, and answers in its shapes.
type gateway struct {
	version string
	actions map[string]action

	nonces nonces
}

func (g *gateway) serve(w *carriersim.World, rw http.ResponseWriter, r *http.Request) {
	id := fmt.Sprintf("475C4B95-FB6E-4B2A-B0C6-%012X", w.Serial()) // in the form of the document's sample
	q, no := g.admit(w, r)
	if no != nil {
		no.write(rw, id)
		return
	}
	visit, err := w.Arrive(r.Context(), request(q))
	if err != nil {
		return // the caller has gone
	}
	if !visit.Fault.Kind.Done() {
		g.fail(rw, id, visit.Fault)
		return
	}
	body, changed, no := g.actions[q.Get("Action")].do(w, q)
	if changed {
		w.Effect(visit)
	}
	if no != nil {
		no.write(rw, id)
		return
	}
	deliver(rw, success(id, body), visit.Fault.Kind)
}

// fail answers a call that has no effect because of a fault.
func (g *gateway) fail(rw http.ResponseWriter, id string, f carriersim.Fault) {
	switch f.Kind {
	case carriersim.LostBefore:
		panic(http.ErrAbortHandler) // how a handler cuts the connection
	case carriersim.Throttle:
		if f.RetryAfter > 0 {
			rw.Header().Set("Retry-After", strconv.Itoa(int(time.Duration(f.RetryAfter).Seconds()+0.999)))
		}
		(&refusal{400, "Throttling.User", "Request was denied due to user flow control."}).write(rw, id)
	default:
		coded(f.Kind.Code()).write(rw, id)
	}
}

// deliver sends the answer of a call that was carried out, or loses it.
func deliver(rw http.ResponseWriter, body []byte, kind carriersim.FaultKind) {
	switch kind {
	case carriersim.LostAfter:
		panic(http.ErrAbortHandler)
	case carriersim.HTML5xx:
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(http.StatusBadGateway)
		_, _ = rw.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"))
	case carriersim.Truncated:
		write(rw, http.StatusOK, body[:len(body)/2])
	default:
		write(rw, http.StatusOK, body)
	}
}

// success has the Message of the documents' own sample, which is no mistake:
// who reads it for the outcome has misread the documents.
func success(id string, a answer) []byte {
	body := answer{"RequestId": id, "Code": "OK", "Message": "ServiceUnavailable"}
	for name, v := range a {
		body[name] = v
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings, numbers and booleans only
	}
	return data
}

func (r *refusal) write(rw http.ResponseWriter, id string) {
	data, err := json.Marshal(map[string]string{"RequestId": id, "Code": r.code, "Message": r.message})
	if err != nil {
		panic(err) // strings only
	}
	write(rw, r.status, data)
}

func write(rw http.ResponseWriter, status int, body []byte) {
	rw.Header().Set("Content-Type", "application/json;charset=utf-8")
	rw.WriteHeader(status)
	_, _ = rw.Write(body) // a caller that has gone doesn't want it
}

// admit checks what the gateway checks before it looks at the action.
func (g *gateway) admit(w *carriersim.World, r *http.Request) (url.Values, *refusal) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		return nil, &refusal{405, "UnsupportedHTTPMethod", "This http method is not supported."}
	}
	if r.URL.Path != "/" {
		return nil, &refusal{404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."}
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &refusal{400, "InvalidParameter", "The query string is malformed."}
	}
	checks := []func(*carriersim.World, string, url.Values) *refusal{g.checkForm, g.checkTime, g.checkSignature, g.checkAction}
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

func (g *gateway) checkForm(_ *carriersim.World, _ string, q url.Values) *refusal {
	for name, values := range q {
		if len(values) > 1 {
			return &refusal{400, "InvalidParameter", "The parameter " + name + " is given twice."}
		}
	}
	for _, name := range public() {
		if q.Get(name) == "" {
			return &refusal{400, "Missing" + name, name + " is mandatory for this action."}
		}
	}
	fixed := [][2]string{{"Format", "JSON"}, {"Version", g.version}, {"SignatureMethod", "HMAC-SHA1"}, {"SignatureVersion", "1.0"}}
	for _, f := range fixed {
		if q.Get(f[0]) != f[1] {
			return &refusal{400, "Invalid" + f[0], "Specified parameter " + f[0] + " is not valid."}
		}
	}
	return nil
}

func (g *gateway) checkTime(w *carriersim.World, _ string, q url.Values) *refusal {
	at, err := time.Parse("2006-01-02T15:04:05Z", q.Get("Timestamp"))
	if err != nil {
		return &refusal{400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."}
	}
	now := w.Clock()
	if now.IsZero() {
		return nil // a world without a clock
	}
	if at.Sub(now).Abs() > skew {
		return &refusal{400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."}
	}
	return nil
}

func (g *gateway) checkSignature(w *carriersim.World, method string, q url.Values) *refusal {
	secret, ok := w.Secret(q.Get("AccessKeyId"))
	if !ok {
		return &refusal{404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."}
	}
	text := stringToSign(method, q)
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(text))
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(q.Get("Signature"))) {
		return &refusal{400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation. server string to sign is:" + text}
	}
	if !g.nonces.first(q.Get("SignatureNonce"), w.Clock()) {
		return &refusal{400, "SignatureNonceUsed", "Specified signature nonce was used already."}
	}
	return nil
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
func (g *gateway) checkAction(_ *carriersim.World, _ string, q url.Values) *refusal {
	a, ok := g.actions[q.Get("Action")]
	if !ok {
		return &refusal{404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."}
	}
	for _, name := range a.required {
		if q.Get(name) == "" {
			return invalid(name + " is mandatory for this action")
		}
	}
	known := slices.Concat(public(), a.required, a.optional,
		[]string{"RegionId", "SignatureType", "SecurityToken", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId"})
	for name := range q {
		if !slices.Contains(known, name) {
			return invalid("the action has no parameter " + name)
		}
	}
	if q.Has("Iccid") {
		if _, err := spec.ParseICCID(q.Get("Iccid")); err != nil {
			return invalid("Iccid: " + err.Error())
		}
	}
	return nil
}

// request is what the world keeps of a call: no credentials, no signature.
func request(q url.Values) carriersim.Request {
	params := map[string]string{}
	for name := range q {
		if !slices.Contains(public(), name) {
			params[name] = q.Get(name)
		}
	}
	return carriersim.Request{
		Carrier: "aliyun", Action: q.Get("Action"), ICCID: spec.ICCID(strings.ToUpper(q.Get("Iccid"))), Params: params,
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
