package described_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// fickle is a carrier that answers changes as it likes, and makes them or not.
type fickle struct {
	mu      sync.Mutex
	stopped bool
	device  string
	answers []reaction
	log     []string // "POST 500", "GET old", "GET new"
	old     func(*fickle) bool
}

// reaction is what a changing request meets.
type reaction struct {
	status int
	body   string
	effect bool
	lost   bool
}

func (f *fickle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path == "/login" {
		answer(w, 200, map[string]any{"token": "token-of-the-fickle"})
		return
	}
	if r.Method == http.MethodGet {
		what := "GET new"
		if f.old(f) {
			what = "GET old"
		}
		f.log = append(f.log, what)
		status := 1
		if f.stopped {
			status = 2
		}
		answer(w, 200, map[string]any{"code": 0, "iccid": iccid, "status": status, "device": f.device})
		return
	}
	at := reaction{status: 500}
	if len(f.answers) > 0 {
		at, f.answers = f.answers[0], f.answers[1:]
	}
	f.log = append(f.log, fmt.Sprintf("%s %d", r.Method, at.status))
	if at.effect {
		f.effect(r)
	}
	if at.lost {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(at.status)
	_, _ = w.Write([]byte(at.body))
}

func (f *fickle) effect(r *http.Request) {
	var b struct{ To string }
	_ = json.NewDecoder(r.Body).Decode(&b)
	switch {
	case strings.HasSuffix(r.URL.Path, "/stop"):
		f.stopped = true
	case strings.HasSuffix(r.URL.Path, "/bind"):
		f.device = b.To
	}
}

// someOutcomes are outcomes as people write them, right and wrong, in any order.
func someOutcomes(t *rapid.T) string {
	var b strings.Builder
	for i := range rapid.IntRange(0, 5).Draw(t, "outcomes") {
		label := rapid.SampledFrom([]string{"throttled", "denied", "not-found", "mismatch", "already", "refused", "unavailable", "done"}).Draw(t, "label")
		when := rapid.SampledFrom([]string{
			`reply.status >= 400`, `reply.status == 429`, `reply.status >= 500`, `contains([401, 403], reply.status)`, `reply.status == 200`,
			`reply.json.code == "9"`, `reply.json.code != "0"`, `try(reply.json.code, "") == ""`, `code == "9"`, `reply.json.nothing`, `length(reply.text) > 5`,
		}).Draw(t, "when")
		fmt.Fprintf(&b, "  outcome %q { when = %s || reply.status == %d }\n", label, when, 600+i)
	}
	return b.String()
}

func fickleDefinition(t *rapid.T) string {
	token, refused := "", ""
	if rapid.Bool().Draw(t, "token") {
		refused = rapid.SampledFrom([]string{"reply.status == 401", "reply.status >= 400", `reply.json.code == "9"`}).Draw(t, "refused")
		token = "  token {\n    request = { path = \"/login\" }\n    value = { t = reply.json.token }\n    refused = " + refused + "\n  }\n"
	}
	names := rapid.Bool().Draw(t, "names_prior")
	return fmt.Sprintf(`carrier "fickle" {
  endpoint = "https://fickle.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    iccid   = reply.json.iccid
    status  = reply.json.status
    imei    = reply.json.device
    none    = { imei = reply.json.device == "" }
  }
  lifecycle = { "1" = "active", "2" = "suspended-by-owner" }
  change "stop" {
    done        = reply.status == 200
    names_prior = %t
    request     = { method = "POST", path = "/cards/${card.iccid}/stop" }
  }
  change "change-bind" {
    done        = reply.status == 200
    names_prior = %t
    request     = { method = "PUT", path = "/cards/${card.iccid}/bind", json = { to = change.to } }
  }
  code = try(reply.json.code, null)
%s%s}
`, names, names, token, someOutcomes(t))
}

func someReactions(t *rapid.T) []reaction {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) reaction {
		return reaction{
			status: rapid.SampledFrom([]int{200, 202, 204, 301, 400, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503}).Draw(t, "status"),
			body:   rapid.SampledFrom([]string{"", "{}", `{"code":0}`, `{"code":"9"}`, "<html>", "null"}).Draw(t, "body"),
			effect: rapid.Bool().Draw(t, "effect"), lost: rapid.Bool().Draw(t, "lost"),
		}
	}), 0, 6).Draw(t, "reactions")
}

// nowhere is a journal that keeps nothing.
type nowhere struct{}

func (nowhere) Append(context.Context, ...state.Record) error { return nil }
func (nowhere) Close() error                                  { return nil }

// Whatever the expressions say: each changing request is seen once by the server,
// unless it answered 429 or 503, or the next reading showed the old value.
func TestAChangingRequestIsSeenOnceWhateverTheExpressionsSay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := fickleDefinition(rt)
		d, mistakes := compile(t, text)
		if len(mistakes) > 0 {
			return // outcomes that can't hold are mistakes
		}
		kind := rapid.SampledFrom([]spec.Kind{spec.Stop, spec.ChangeBind}).Draw(rt, "kind")
		f := &fickle{device: device, answers: someReactions(rt)}
		f.old = func(f *fickle) bool {
			if kind == spec.Stop {
				return !f.stopped
			}
			return f.device == device
		}
		now := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
		var mu sync.Mutex
		env := providertest.Env(providertest.InProcess{Handler: f}, nil)
		env.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		env.Sleep = func(ctx context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
			return ctx.Err()
		}
		p := providertest.OpenOn(t, d.Type(), env)
		carryOut(p, kind, env)
		seenOnce(rt, f.log, text)
	})
}

// carryOut applies one change of the card.
func carryOut(p providers.Provider, kind spec.Kind, env providers.Env) {
	c := spec.Change{Kind: kind}
	if kind == spec.ChangeBind {
		c.From, c.To = device, another
	}
	memory := state.Card{Provider: "fickle", ICCID: iccid, Address: "card.x", Binding: state.BoundTo(device)}
	apply.Run(context.Background(), apply.Options{
		Plan: &plan.Plan{Cards: []plan.Card{{
			Address: "card.x", Provider: "fickle", ICCID: iccid, Memory: memory, Actions: []plan.Action{{ID: "a1", Change: c, Key: "0123"}},
		}}},
		Memory:    func(int, *plan.Card) *state.Card { return &memory },
		Providers: map[spec.ProviderName]providers.Provider{"fickle": p}, Journal: nowhere{}, Now: env.Now, Sleep: env.Sleep,
	})
}

// seenOnce looks for a changing request that was sent again without cause.
func seenOnce(t *rapid.T, log []string, text string) {
	last := -1
	for i, line := range log {
		if strings.HasPrefix(line, "GET") {
			continue
		}
		if last >= 0 {
			passed := strings.HasSuffix(log[last], " 429") || strings.HasSuffix(log[last], " 503")
			if !passed && !slices.Contains(log[last:i], "GET old") {
				t.Fatalf("sent again without cause: %v\n%s", log, text)
			}
		}
		last = i
	}
}

// No secret comes out, whatever the carrier echoes.
func TestNoSecretComesOutWhateverTheCarrierEchoes(t *testing.T) {
	d := well(t, `carrier "echo" {
  endpoint = "https://echo.example"
  setting "key" {}
  let { stamp = unix(now) }
  token {
    request = { method = "POST", path = "/login", form = { key = setting.key } }
    value   = { t = reply.json.token }
  }
  every { headers = { Authorization = "Basic ${base64encode("user:${setting.key}")}", "X-Token" = token.t } }
  sign {
    text = hmac_sha256(setting.key, "${request.path}${let.stamp}")
    into = query.sign
  }
  read {
    request  = { path = "/cards/${card.iccid}" }
    status   = reply.json.echo
    reason   = reply.json.echo
    packages = [reply.json.echo]
  }
  change "stop" { request = { method = "POST", path = "/stop/${card.iccid}" } }
  code    = try(reply.json.echo, null)
  message = reply.json.echo
}
`)
	var seen []string
	p := serving(t, d, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			answer(w, 200, map[string]any{"token": "token-of-the-echo", "operator": "operator-of-the-echo"})
			return
		}
		seen = []string{r.Header.Get("Authorization"), r.Header.Get("X-Token"), r.URL.Query().Get("sign"), authKey, "operator-of-the-echo"}
		w.Header().Set("X-Request-Id", strings.Join(seen, " "))
		status := 200
		if r.Method == http.MethodPost {
			status = 500
		}
		answer(w, status, map[string]any{"echo": strings.Join(seen, " ")})
	}), map[string]any{"key": authKey, "retries": 0})
	reading, err := p.Read(t.Context(), iccid, spec.AttrPackages)
	require.NoError(t, err)
	_, failed := p.Do(t.Context(), change(spec.Stop, "", ""))
	require.Error(t, failed)
	all := fmt.Sprintf("%+v %v", reading, failed)
	for _, secret := range seen {
		require.NotEmpty(t, secret)
		require.NotContains(t, all, secret)
	}
	require.False(t, reading.Tells(spec.AttrPackages), "what is left of an id without its secret is no package's")
}

// What is computed from a secret is as secret as it is, in the request and in what
// the carrier echoes of it.
func TestTryShowsNothingThatIsComputedFromASecret(t *testing.T) {
	for name, expr := range map[string]string{
		"base64": `base64encode(setting.key)`, "hash": `md5("${setting.key}x")`, "upper": `upper(setting.key)`, "reversed": `strrev(setting.key)`,
		"a part": `substr(setting.key, 2, 10)`, "in a list": `[for p in [setting.key] : "<${sha1(p)}&"][0]`, "let": `let.k`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, request := range []string{
				`path = "/cards", query = { k = %s }`, `path = "/cards/${%s}"`, `path = "/cards?k=${%s}"`, `path = "/cards", headers = { K = %s }`,
				`method = "POST", reads = true, path = "/cards", json = { k = [%s] }`, `method = "POST", reads = true, path = "/cards", form = { k = %s }`,
				`method = "POST", reads = true, path = "/cards", text = "k=${%s}"`,
			} {
				triedEcho(t, fmt.Sprintf(request, expr))
			}
		})
	}
}

// triedEcho tries a card at a carrier that answers with what it was sent.
func triedEcho(t *testing.T, request string) {
	t.Helper()
	d := well(t, `carrier "echo" {
  endpoint = "https://echo.example"
  setting "key" {}
  let { k = sha256("${setting.key}let") }
  read {
    request = { `+request+` }
    status  = reply.json.echo
    reason  = reply.json.raw
  }
  message = reply.json.echo
}
`)
	sent := ""
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		raw := strings.Join([]string{r.URL.RequestURI(), r.Header.Get("K"), string(body)}, " ")
		plain, _ := url.QueryUnescape(raw)
		var doc struct{ K []string }
		_ = json.Unmarshal(body, &doc) // where the request has JSON
		sent = plain + strings.Join(doc.K, " ")
		answer(w, 200, map[string]any{"echo": sent, "raw": raw})
	})
	server := httptest.NewServer(h)
	defer server.Close()
	config := providertest.Block(d.Type(), map[string]any{"key": authKey, "endpoint": server.URL})
	shown, _ := d.Try(t.Context(), config, providertest.Env(server.Client().Transport, nil), providers.Key{}, iccid)
	require.NotNil(t, shown)
	require.NoError(t, shown.Err, request)
	all := fmt.Sprintf("%+v", *shown)
	for _, word := range strings.FieldsFunc(sent, func(r rune) bool { return strings.ContainsRune("/?=[]{}\": ", r) }) {
		if len(word) > 6 && word != "application" {
			require.NotContains(t, all, word, request)
		}
	}
}
