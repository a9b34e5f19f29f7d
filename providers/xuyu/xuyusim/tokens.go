package xuyusim

import (
	"crypto/subtle"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// sampleLife is S003's sample: "expires_in":7200.
const sampleLife = 7200 * time.Second

// grant is what a token stands for.
type grant struct {
	account string
	scopes  []string
	until   time.Time // zero: for good
}

// ServeHTTP is POST /connect/token (S003 获取access_token, 第三方应用).
func (t Tokens) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	t.open()
	if preflight(rw, r) {
		return
	}
	form, no := t.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	arrived := carriersim.Request{
		Carrier: "xuyu", Action: "token", Params: map[string]string{"grant_type": form["grant_type"], "scope": form["scope"]},
	}
	faulty := wire(func(code string) *refusal { return oauth(code, code) })
	t.World.Serve(rw, r, faulty, arrived, func() carriersim.Outcome { return carriersim.Outcome{Answer: carriersim.JSON(t.give(form))} })
}

// oauth is a refusal of OAuth 2.0 (RFC 6749 §5.2). GUESS: S003 has none for
// this endpoint, whose path is IdentityServer's.
func oauth(code, why string) *refusal {
	return &refusal{http.StatusBadRequest, body{"error": code, "error_description": why}}
}

func (t Tokens) admit(r *http.Request) (map[string]string, *refusal) {
	if r.Method != http.MethodPost {
		return nil, &refusal{http.StatusMethodNotAllowed, body{"error": "invalid_request"}}
	}
	if r.URL.Path != "" && r.URL.Path != "/" || r.URL.RawQuery != "" {
		return nil, &refusal{http.StatusNotFound, body{"error": "invalid_request"}}
	}
	form, no := multipartForm(r)
	if no != nil {
		return nil, no
	}
	account, ok := t.World.Account(form["client_Id"])
	if !ok || subtle.ConstantTimeCompare([]byte(account.Secret), []byte(form["client_secret"])) == 0 {
		return nil, oauth("invalid_client", "unknown client or wrong secret")
	}
	for _, scope := range strings.Split(form["scope"], " ") {
		if !slices.Contains(permissions(), scope) {
			return nil, oauth("invalid_scope", scope)
		}
	}
	return form, nil
}

// multipartForm reads the form of the document's samples: multipart, exactly
// these four fields in this spelling, once each. Two of the samples are wrong,
// and are told why.
func multipartForm(r *http.Request) (map[string]string, *refusal) {
	contentType := r.Header.Get("Content-Type")
	if strings.Count(strings.ToLower(contentType), "boundary=") > 1 {
		return nil, oauth("invalid_request", "the Content-Type names two boundaries: curl -F adds its own, so leave out -H 'content-type: …'")
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return nil, oauth("invalid_request", "the form must be multipart/form-data")
	}
	if err := r.ParseMultipartForm(1 << 20); err != nil || len(r.MultipartForm.File) > 0 {
		return nil, oauth("invalid_request", "the form can't be read")
	}
	form := map[string]string{}
	for name, values := range r.MultipartForm.Value {
		form[name] = values[0]
		if strings.Contains(values[0], "--"+params["boundary"]) {
			return nil, oauth("invalid_request", "a boundary stands within "+name+": a line break (CRLF) has to stand before each of them")
		}
	}
	return form, checkFields(form, r.MultipartForm.Value)
}

// checkFields: 第三方应用 has these four fields. The web flow's are others.
func checkFields(form map[string]string, given map[string][]string) *refusal {
	if grant := form["grant_type"]; grant != "" && grant != "client_credentials" {
		return oauth("unsupported_grant_type", "grant_type 是 固定填写 client_credentials; authorization_code is the web flow (网站应用), in which a person signs in")
	}
	fields := []string{"grant_type", "client_Id", "client_secret", "scope"}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(fields, name) || len(given[name]) != 1 {
			return oauth("invalid_request", "the form can't have "+name+", or not as often; it has "+strings.Join(fields, ", "))
		}
	}
	for _, name := range fields {
		if form[name] == "" {
			return oauth("invalid_request", "the form has no "+name)
		}
	}
	return nil
}

// preflight answers what a browser asks before it sends the document's
// Javascript sample, whose header cache-control no page may send unasked (Fetch,
// CORS-preflight). GUESS: that the carrier allows pages of every origin.
func preflight(rw http.ResponseWriter, r *http.Request) (done bool) {
	if r.Header.Get("Origin") == "" {
		return false
	}
	rw.Header().Set("Access-Control-Allow-Origin", "*")
	if r.Method != http.MethodOptions {
		return false
	}
	rw.Header().Set("Access-Control-Allow-Methods", http.MethodPost)
	rw.Header().Set("Access-Control-Allow-Headers", "cache-control")
	rw.WriteHeader(http.StatusNoContent)
	return true
}

// give makes a token and answers with it, in the form of S003 响应示例.
func (t Tokens) give(form map[string]string) body {
	life := t.TokenLife
	if life == 0 {
		life = sampleLife
	}
	value := fmt.Sprintf("xuyu-access-token-%08d", t.World.Serial())
	g := grant{account: form["client_Id"], scopes: strings.Split(form["scope"], " ")}
	if now := t.World.Clock(); !now.IsZero() {
		g.until = now.Add(life)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grants[value] = g
	return body{"access_token": value, "expires_in": int(life.Seconds()), "token_type": "Bearer"}
}

// granted is what a token stands for, where it is one and still lasts.
func (s *Shingsou) granted(token string) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[token]
	return g, ok && (g.until.IsZero() || s.World.Clock().Before(g.until))
}

// allows reports whether a scope covers a permission: the same, or all of
// something that it is part of.
func (g grant) allows(permission string) bool {
	return slices.ContainsFunc(g.scopes, func(scope string) bool {
		part, all := strings.CutSuffix(scope, "all")
		return scope == permission || all && strings.HasPrefix(permission, part)
	})
}

// permissions are S003 权限码表, openid and profile of 应用权限(默认), and the
// one of 定位, which only that operation's own chapter has.
func permissions() []string {
	return strings.Fields(`
	openid profile
	iot.cardservice.all
	iot.cardservice.datacard.all iot.cardservice.datacard.generate iot.cardservice.datacard.transfer
	iot.cardservice.datacard.history iot.cardservice.datacard.get
	iot.cardservice.flowcard.all iot.cardservice.flowcard.tags iot.cardservice.flowcard.categories
	iot.cardservice.flowcard.types iot.cardservice.flowcard.reality iot.cardservice.flowcard.importhistory
	iot.cardservice.flowcard.import iot.cardservice.flowcard.network iot.cardservice.flowcard.transfer
	iot.cardservice.flowcard.data iot.cardservice.flowcard.patch iot.cardservice.flowcard.put
	iot.cardservice.flowcard.detail iot.cardservice.flowcard.get iot.cardservice.flowcard.transferhistory
	iot.cardservice.flowcard.status iot.cardservice.flowcard.location
	iot.paymentservice.order.get iot.paymentservice.order.statistic iot.paymentservice.order.all iot.paymentservice.all`)
}
