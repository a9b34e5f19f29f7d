package all_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/internal/logs"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

// TestNoSecretReachesALog has every provider read, list and change cards, with
// credentials of any characters, at a carrier that from some request on answers with
// the request itself: no credential, signature or token is in what an observer is
// told, in any spelling.
func TestNoSecretReachesALog(t *testing.T) {
	for _, provider := range all.Types() {
		t.Run(provider.Schema.Type, func(t *testing.T) {
			lines := 0
			rapid.Check(t, func(t *rapid.T) {
				lines += tryWithSecrets(t, provider)
			})
			assert.Positive(t, lines, "something was said")
		})
	}
}

func tryWithSecrets(t *rapid.T, provider providers.Type) (lines int) {
	const iccid = spec.ICCID("89860617030017300008")
	world := &carriersim.World{Open: true, Cards: []carriersim.Card{{ICCID: iccid, IMEI: "861536030196001"}}}
	carrier := simulated(world, provider.Schema.Type)
	settings := map[string]any{"retries": 1, "requests_per_second": 100000.0}
	w := &wiretap{from: rapid.IntRange(1, 6).Draw(t, "echoes from"), as: rapid.SampledFrom([]string{"json", "text", "xml", "page", "not at all"}).Draw(t, "echoes as")}
	for _, name := range []string{carrier.SecretSetting, carrier.KeySetting} {
		if name != "" {
			secret := rapid.StringMatching(`[A-Za-z0-9+/=&%._~!<>"-]{12,40}`).Draw(t, name)
			settings[name] = secret
			w.keep(secret)
		}
	}
	w.network = providertest.InProcess{Handler: carriersim.Serve([]carriersim.Carrier{carrier})}
	env := providertest.Env(w, nil)
	env.Sleep = func(context.Context, time.Duration) error { return nil }
	var log bytes.Buffer
	to := logs.New(logs.Options{
		Level: logs.Trace, To: &log, JSON: rapid.Bool().Draw(t, "as JSON"), Now: time.Now,
		Clean: func(line string) string { return line }, Lost: func(err error) { t.Error(err) },
	})
	said := &hearsay{}
	env.Observer = providers.Observers(logs.Calls(to), said)
	block := carrier.Point(providertest.Block(provider, settings), "http://carrier.localhost")
	p, diags := provider.Open(block, env)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	tryAll(t, p, iccid)
	said.text.WriteString(log.String())
	text := said.text.String()
	for secret := range w.secrets {
		for _, form := range spec.SecretForms(secret) {
			require.NotContains(t, text, form, "of %q", secret)
		}
	}
	return strings.Count(log.String(), "\n")
}

// tryAll makes every kind of call once; what comes of it is of no interest.
func tryAll(t *rapid.T, p providers.Provider, iccid spec.ICCID) {
	able := p.Capabilities()
	_, _ = p.Read(t.Context(), iccid, spec.AttrActive|spec.AttrPackages|spec.AttrBinding)
	if lister, ok := p.(providers.Lister); ok {
		_ = lister.List(t.Context(), func(spec.Reading) error { return nil })
	}
	for _, kind := range able.Changes {
		change := spec.Change{Kind: kind}
		switch kind.Attr() {
		case spec.AttrBinding:
			change.From, change.To = "861536030196001", "861536030196027"
		case spec.AttrPackages:
			change.To = "10002"
		}
		_, _ = p.Do(t.Context(), providers.Change{Change: change, ICCID: iccid, Key: strings.Repeat("k", 32)})
	}
}

func simulated(world *carriersim.World, kind string) carriersim.Carrier {
	for _, c := range all.Simulators(world) {
		if c.Type == kind {
			return c
		}
	}
	panic("no simulated carrier for " + kind)
}

// hearsay is all that an observer is told, as it is told.
type hearsay struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *hearsay) say(parts ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintln(&h.text, parts...)
}

func (h *hearsay) Waiting(ctx context.Context, x *providers.Exchange) context.Context {
	h.say(x.Call)
	return ctx
}

func (h *hearsay) Leaving(_ context.Context, x *providers.Exchange) {
	h.say(x.CallsItself(), x.Request())
}

func (h *hearsay) Ended(_ context.Context, x *providers.Exchange) {
	h.say(x.RequestID)
	if x.Failed != nil {
		h.say(x.Failed)
	}
	if x.Answer != nil {
		h.say(x.Answer())
	}
}

func (h *hearsay) Repeats(_ context.Context, x *providers.Exchange, _ time.Duration) { h.say(x.Failed) }

// wiretap notes what of the requests and answers is secret, and from some request
// on answers with the request.
type wiretap struct {
	network http.RoundTripper
	from    int
	as      string

	mu      sync.Mutex
	seen    int
	secrets map[string]bool
}

// shortest is the length from which a value is looked for: a shorter one may be a
// part of anything.
const shortest = 8

func (w *wiretap) keep(secret string) {
	if w.secrets == nil {
		w.secrets = map[string]bool{}
	}
	if len(secret) >= shortest {
		w.secrets[secret] = true
	}
}

// RoundTrip implements [http.RoundTripper].
func (w *wiretap) RoundTrip(req *http.Request) (*http.Response, error) {
	dump, err := httputil.DumpRequestOut(req, true)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.seen++
	echo := w.seen >= w.from && w.as != "not at all"
	w.notice(req, string(dump))
	w.mu.Unlock()
	if echo {
		return w.echo(req, string(dump)), nil
	}
	resp, err := w.network.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	w.noticeMembers(body)
	w.mu.Unlock()
	return resp, err
}

// proves are the names of headers that say who sent a request.
var proves = regexp.MustCompile(`(?i)^authorization$|key$|token$`)

// notice keeps what of a request proves who sent it.
func (w *wiretap) notice(req *http.Request, dump string) {
	for name, values := range req.Header {
		if proves.MatchString(name) && !strings.Contains(strings.ToLower(name), "idempotency") {
			_, credential, found := strings.Cut(values[0], " ")
			if w.keep(values[0]); found {
				w.keep(credential)
			}
		}
	}
	query, _ := url.ParseQuery(req.URL.RawQuery)
	for _, name := range []string{"Signature", "token", "password"} {
		w.keep(query.Get(name))
	}
	_, body, _ := strings.Cut(dump, "\r\n\r\n")
	w.noticeMembers([]byte(body))
}

// noticeMembers keeps the members of JSON that are tokens, or get one.
func (w *wiretap) noticeMembers(body []byte) {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(strings.ToLower(name), member)
			}
		case []any:
			for _, item := range v {
				walk(name, item)
			}
		case string:
			if strings.HasSuffix(name, "token") || strings.HasSuffix(name, "password") || strings.HasSuffix(name, "apikey") {
				w.keep(v)
			}
		}
	}
	walk("", value)
}

func (w *wiretap) echo(req *http.Request, dump string) *http.Response {
	kind, body := "application/json", ""
	switch w.as {
	case "json":
		text, _ := json.Marshal(map[string]any{"code": "ECHO", "message": dump, "url": req.URL.String(), "headers": req.Header})
		body = string(text)
	case "text":
		kind, body = "text/plain", dump
	case "xml":
		var escaped bytes.Buffer
		_ = xml.EscapeText(&escaped, []byte(dump))
		kind, body = "application/xml", "<answer><message>"+escaped.String()+"</message></answer>"
	case "page":
		kind, body = "text/html", "<html><body>"+dump+"</body></html>"
	}
	return &http.Response{
		StatusCode: http.StatusBadGateway, Status: "502 Bad Gateway", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {kind}, "X-Echo": {req.URL.RawQuery}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}
