package described_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

// told is a report that keeps what it is told.
type told struct{ mistakes []string }

func (r *told) ErrorAt(at hcl.Range, summary, format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Sprintf("line %d: %s: ", at.Start.Line, summary)+fmt.Sprintf(format, args...))
}

func (r *told) HCL(diags hcl.Diagnostics) bool {
	for _, d := range diags {
		line := 0
		if d.Subject != nil {
			line = d.Subject.Start.Line
		}
		r.mistakes = append(r.mistakes, fmt.Sprintf("line %d: %s: %s", line, d.Summary, d.Detail))
	}
	return diags.HasErrors()
}

func (r *told) Broken() bool { return false }

// compile compiles a text, and returns what is wrong with it.
func compile(t testing.TB, text string) (*described.Definition, []string) {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(text), "x.carrier.hcl", hcl.InitialPos)
	require.False(t, diags.HasErrors(), "%v", diags)
	content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "carrier", LabelNames: []string{"name"}}}})
	require.False(t, diags.HasErrors(), "%v", diags)
	var r told
	d := described.Compile(content.Blocks[0], []byte(text), &r)
	return d, r.mistakes
}

// well compiles a text that has no mistake.
func well(t testing.TB, text string) *described.Definition {
	t.Helper()
	d, mistakes := compile(t, text)
	require.Empty(t, mistakes)
	return d
}

// example is the example of the language's page, as it stands.
func example(t testing.TB) *described.Definition {
	t.Helper()
	text, err := os.ReadFile("testdata/example.carrier.hcl")
	require.NoError(t, err)
	return well(t, string(text))
}

const (
	iccid   = spec.ICCID("8942310000000000001")
	device  = "861536030196001"
	another = "867194030000017"
)

// sims is a small carrier with the wire of the example.
type sims struct {
	mu     sync.Mutex
	calls  []string
	status string
	lock   any // of the card's device
	class  string
	tokens int
	lapsed int // requests that find their token lapsed
	fault  func(w http.ResponseWriter, r *http.Request) bool
}

func newSims() *sims {
	return &sims{status: "active", lock: map[string]string{"imei": device + "|ANONYMOUS"}, class: "s1.slow"}
}

func (s *sims) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := r.Method + " " + r.URL.Path
	s.calls = append(s.calls, call)
	w.Header().Set("X-Request-Id", fmt.Sprintf("r%d", len(s.calls)))
	if s.fault != nil && s.fault(w, r) {
		return
	}
	body, _ := io.ReadAll(r.Body)
	switch {
	case call == "POST /auth":
		s.tokens++
		answer(w, 200, map[string]any{"apiKey": "api-key-of-all", "token": fmt.Sprintf("token-number-%d", s.tokens), "operatorId": "OP0012345678"})
	case r.Header.Get("X-Soracom-Token") != fmt.Sprintf("token-number-%d", s.tokens) || s.lapsed > 0:
		s.lapsed = max(s.lapsed-1, 0)
		answer(w, 401, map[string]any{"code": "AUM0002", "message": "token of " + r.Header.Get("X-Soracom-Token") + " is invalid"})
	case call == "GET /query/sims":
		answer(w, 200, []any{s.sim()})
	case strings.HasPrefix(call, "GET /sims/"):
		s.get(w, call)
	default:
		s.change(w, call, body)
	}
}

func (s *sims) get(w http.ResponseWriter, call string) {
	if call != "GET /sims/"+string(iccid) {
		answer(w, 404, map[string]any{"code": "SEM0001", "message": "No such resource found"})
		return
	}
	answer(w, 200, s.sim())
}

func (s *sims) change(w http.ResponseWriter, call string, body []byte) {
	var b struct{ IMEI, SpeedClass string }
	_ = json.Unmarshal(body, &b)
	switch call[strings.LastIndex(call, "/")+1:] {
	case "deactivate":
		s.status = "inactive"
	case "activate":
		s.status = "active"
	case "set_imei_lock":
		s.lock = map[string]string{"imei": b.IMEI}
	case "unset_imei_lock":
		s.lock = nil
	case "update_speed_class":
		s.class = b.SpeedClass
	}
	answer(w, 200, s.sim())
}

func (s *sims) sim() map[string]any {
	return map[string]any{
		"simId": iccid, "status": s.status, "imeiLock": s.lock, "speedClass": s.class, "createdTime": 1764403200000,
		"profiles": map[string]any{string(iccid): map[string]any{"arcClientPeerPrivateKey": "cGVlci1wcml2YXRlLWtleQ=="}},
	}
}

func (s *sims) count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if strings.HasPrefix(c, call) {
			n++
		}
	}
	return n
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

const authKey = "secret-key-of-the-account"

// serving opens a provider of the definition in front of a handler.
func serving(t testing.TB, d *described.Definition, h http.Handler, settings map[string]any) providers.Provider {
	t.Helper()
	return providertest.Serving(t, d.Type(), "endpoint", h, settings)
}

func opened(t testing.TB, d *described.Definition, h http.Handler) providers.Provider {
	t.Helper()
	return serving(t, d, h, map[string]any{"auth_key_id": "keyId-x", "auth_key": authKey})
}

func change(kind spec.Kind, from, to string) providers.Change {
	return providers.Change{Change: spec.Change{Kind: kind, From: from, To: to}, ICCID: iccid, Key: "0123456789abcdef0123456789abcdef"}
}

func TestThePagesExampleLoadsAndPassesItsSample(t *testing.T) {
	d := example(t)
	assert.Equal(t, 1, d.Samples())
	assert.Empty(t, d.Test())
	able := d.Capabilities()
	assert.Equal(t, spec.AttrBinding|spec.AttrActive|spec.AttrPackages, able.Reads)
	assert.Equal(t, []spec.Kind{spec.Resume, spec.Subscribe, spec.ChangeBind, spec.Stop, spec.Unbind}, able.Changes)
	assert.True(t, able.KeepsAccount)
	assert.True(t, able.OnePackage)
	assert.True(t, able.Lists)
}

func TestACardIsReadWithItsDevice(t *testing.T) {
	s := newSims()
	p := opened(t, example(t), s)
	reading, err := p.Read(t.Context(), iccid, spec.AttrBinding|spec.AttrPackages)
	require.NoError(t, err)
	assert.Equal(t, spec.Active, reading.Lifecycle)
	assert.Equal(t, spec.IMEI(device), reading.IMEI)
	assert.Equal(t, []spec.Package{{ID: "s1.slow"}}, reading.Packages)
	assert.Equal(t, map[string]string{"sim_id": string(iccid)}, reading.CarrierIDs)
	_, err = p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, 1, s.count("GET /query/sims"), "the id is asked for once")
	assert.Equal(t, 1, s.count("POST /auth"), "and the token")
}

func TestEveryChangeOfTheExampleIsMade(t *testing.T) {
	s := newSims()
	p := opened(t, example(t), s)
	for _, c := range []providers.Change{
		change(spec.Stop, "", ""), change(spec.Resume, "", ""), change(spec.ChangeBind, device, another), change(spec.Subscribe, "", "s1.fast"), change(spec.Unbind, another, ""),
	} {
		receipt, err := p.Do(t.Context(), c)
		require.NoError(t, err, "%s", c.Kind)
		assert.NotEmpty(t, receipt.RequestID)
		reading, err := p.Read(t.Context(), iccid, p.Capabilities().Reads)
		require.NoError(t, err)
		_, done := c.SeenIn(reading)
		assert.True(t, done, "%s: %+v", c.Kind, reading)
	}
	assert.Equal(t, 1, s.count("POST /sims/"+string(iccid)+"/set_imei_lock"))
}

func TestACardThatTheCarrierDoesntHaveIsNotFound(t *testing.T) {
	p := opened(t, example(t), newSims())
	reading, err := p.Read(t.Context(), "8942310000000000009", 0)
	require.NoError(t, err)
	assert.Equal(t, spec.NotFound, reading.Lifecycle)
}

func TestARefusedTokenIsAskedForAnewOnce(t *testing.T) {
	s := newSims()
	p := opened(t, example(t), s)
	_, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	s.lapsed = 1
	_, err = p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, 2, s.tokens)

	s.lapsed = 1
	_, err = p.Do(t.Context(), change(spec.Stop, "", ""))
	require.NoError(t, err, "a reading shows that the first had no effect")
	assert.Equal(t, "inactive", s.status)
	assert.Equal(t, 2, s.count("POST /sims/"+string(iccid)+"/deactivate"))
}

func TestALoginThatIsRefusedSaysWhatToLookAt(t *testing.T) {
	d := well(t, `carrier "x" {
  endpoint = "https://x.example"
  setting "key" {}
  token {
    request = { method = "POST", path = "/login", json = { key = setting.key } }
    value   = { t = reply.json.token }
  }
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  code = reply.json.code
  outcome "denied" { when = code == "40101" }
  outcome "done" { when = code == "0" }
  message = reply.json.message
}
`)
	p := serving(t, d, providertest.Answers(200, `{"code": 40101, "message": "no such key: `+authKey+`"}`), map[string]any{"key": authKey})
	_, err := p.Read(t.Context(), iccid, spec.AttrActive)
	require.ErrorContains(t, err, "token: 40101: the carrier gives no token for these settings; what it says of it is hidden")
	require.NotContains(t, err.Error(), authKey)
}

// A sample names what matters of a request: a nonce beside it is no mistake.
func TestASampleHasTheFieldsOfABodyThatItNames(t *testing.T) {
	text := `carrier "x" {
  endpoint = "https://x.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  lifecycle = { on = "active" }
  change "stop" { request = { method = "POST", path = "/stop", json = { card = card.iccid, op = "STOP", nonce = uuid(), deep = { a = 1, b = 2 } } } }
  sample "a stop" {
    card   = { iccid = "8942310000000000001" }
    change = { kind = "stop" }
    sends  = { json = { op = "STOP", deep = { a = 1, b = 2 } } }
    reply  = { status = 200 }
    gives  = { outcome = "done" }
  }
  sample "a card in service" {
    card  = { iccid = "8942310000000000001" }
    reply = { json = { status = "on" } }
    gives = { lifecycle = "active", status = "on" }
  }
}
`
	assert.Empty(t, well(t, text).Test())
	assert.Empty(t, well(t, text).Unsampled())
	for _, row := range []struct{ old, new, says string }{
		{`json = { op = "STOP"`, `json = { op = "START"`, `it sends json op = "STOP", and the sample wants "START"`},
		{`json = { op = "STOP"`, `json = { mode = 3`, `it sends no json mode, and the sample wants 3`},
		{`"STOP", deep = { a = 1, b = 2 }`, `"STOP", deep = { a = 1 }`, `it sends json deep = {"a":1,"b":2}, and the sample wants {"a":1}`},
		{`sends  = { json = { op = "STOP", deep = { a = 1, b = 2 } } }`, `sends = { json = ["STOP"] }`, `and the sample wants ["STOP"]`},
		{`reply = { json = { status = "on" } }`, `reply = { json = { state = "on" } }`, `it reads as a card that is unread (the reply doesn't tell the card's status: reply.json has no status); the sample gives lifecycle "active", status "on"`},
	} {
		d, _ := compile(t, strings.Replace(text, row.old, row.new, 1))
		failures := d.Test()
		require.Len(t, failures, 1, row.says)
		assert.Contains(t, failures[0].Problem, row.says)
	}
}

func TestACodeThatNobodyHasHeardOfMayNotReadAsDone(t *testing.T) {
	for when, fails := range map[string]bool{`code == "0"`: false, `contains(["0", "200"], code)`: false, `reply.json.ok == "true"`: false, `code != "1001"`: true, `!startswith(code, "E")`: true} {
		failures := well(t, `carrier "x" {
  endpoint = "https://x.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  change "stop" { request = { method = "POST", path = "/stop" } }
  code = reply.json.result.code
  outcome "refused" { when = code == "1001" }
  outcome "done" { when = `+when+` }
  sample "a stop" {
    card   = { iccid = "8942310000000000001" }
    change = { kind = "stop" }
    reply  = { json = { ok = true, result = { code = 0, text = "fine" } } }
    gives  = { outcome = "done" }
  }
}
`).Test()
		if !fails {
			assert.Empty(t, failures, when)
			continue
		}
		require.Len(t, failures, 1, when)
		assert.Contains(t, failures[0].Problem, "the reply with a result.code that nobody has heard of: it reads as done", when)
	}
}

// The row stands in the place of reply.json: what a reply has within data, a row
// may have itself.
func TestAListOfWhichNoRowReadsIsAnErrorAndNoEmptyFleet(t *testing.T) {
	text := `carrier "x" {
  endpoint = "https://x.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.data.status
  }
  list {
    request = { path = "/cards" }
    rows    = reply.json.rows
    more    = reply.json.more
    iccid   = row.iccid
  }
}
`
	rows := providertest.Answers(200, `{"more": false, "rows": [{"iccid": "`+string(iccid)+`", "status": "on"}]}`)
	list := func(text string) (cards []spec.Reading, err error) {
		lister, ok := serving(t, well(t, text), rows, nil).(providers.Lister)
		require.True(t, ok)
		err = lister.List(t.Context(), func(r spec.Reading) error {
			cards = append(cards, r)
			return nil
		})
		return cards, err
	}
	_, err := list(text)
	require.ErrorContains(t, err, "of the list's 1 row none reads: the reply doesn't tell the card's status: reply.json has no data; say in list what a row tells")
	cards, err := list(strings.Replace(text, "iccid   = row.iccid", "iccid = row.iccid\n    status = row.status", 1))
	require.NoError(t, err)
	require.Len(t, cards, 1)
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestATokenIsAskedForInClearOnlyWhereTheBlockSaysSo(t *testing.T) {
	text := `carrier "x" {
  endpoint = "https://x.example"
  setting "host" { secret = false }
  setting "key" {}
  token {
    request = { method = "POST", url = "http://${setting.host}/login", form = { key = setting.key } }
    value   = { t = reply.json.token }
  }
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
}
`
	d := well(t, text)
	var asked []string
	network := roundTrips(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.String())
		return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(`{"token": "t-0123456789", "status": "on"}`))}, nil
	})
	read := func(settings map[string]any) error {
		p := providertest.OpenOn(t, d.Type(), providertest.Env(network, nil), map[string]any{"key": authKey, "retries": 0}, settings)
		_, err := p.Read(t.Context(), iccid, spec.AttrActive)
		return err
	}
	require.ErrorContains(t, read(map[string]any{"host": "login.example"}), "goes by http to login.example, which isn't this machine, and nothing was sent")
	require.Empty(t, asked)
	require.NoError(t, read(map[string]any{"host": "127.0.0.1:8080"}))
	require.NoError(t, read(map[string]any{"host": "login.example", "allow_plaintext": true}))
	require.Contains(t, asked, "http://login.example/login")
}

// What stops whoever writes a definition is told: the code that it lacks, the name
// that a reply lacks, the redirect.
func TestAnUnreadCardSaysWhatTheDefinitionLacks(t *testing.T) {
	d := well(t, `carrier "x" {
  endpoint = "https://x.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    iccid   = reply.json.data.iccid
    status  = reply.json.data.status
  }
  code = reply.json.code
  outcome "done" { when = code == "0" }
  message = reply.json.message
}
`)
	for body, says := range map[string]string{
		`{"code": 5000, "message": "no such right", "data": null}`: "5000: no such right (HTTP 200, of which the definition says nothing): the reply doesn't tell whose it is",
		`{"code": 0, "data": {"id": "1"}}`:                         "read: the reply doesn't tell whose it is: reply.json.data has no iccid",
		`{"code": 0, "data": null}`:                                "read: the reply doesn't tell whose it is: reply.json.data is null",
		`{"code": 0, "data": {"iccid": "SIM-1"}}`:                  "read: the reply doesn't tell whose it is: iccid is no ICCID in it",
		`{"code": 0, "data": {"iccid": "` + string(iccid) + `"}}`:  "read: the reply doesn't tell the card's status: reply.json.data has no status",
	} {
		p := serving(t, d, providertest.Answers(200, body), nil)
		_, err := p.Read(t.Context(), iccid, spec.AttrActive)
		assert.ErrorContains(t, err, says, body)
	}
	_, err := serving(t, d, http.RedirectHandler("https://elsewhere.example", http.StatusFound), nil).Read(t.Context(), iccid, spec.AttrActive)
	require.ErrorContains(t, err, "HTTP 302, a redirect, which isn't followed")
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html>Please log in</html>")
	})
	_, err = serving(t, d, page, nil).Read(t.Context(), iccid, spec.AttrActive)
	require.ErrorContains(t, err, "the answer is none that the definition can read, but text/html: a proxy's page, perhaps, or the endpoint is another")
}

func TestOnlyAChangeThatTakesNoPriorDeviceBindsFirst(t *testing.T) {
	text, err := os.ReadFile("testdata/example.carrier.hcl")
	require.NoError(t, err)
	require.True(t, example(t).Capabilities().BindsFirst)
	const request = `set_imei_lock", json = { imei = change.to } }`
	require.Contains(t, string(text), request)
	body := func(json string) [2]string { return [2]string{request, "set_imei_lock\", json = " + json + " }"} }
	for name, edit := range map[string][2]string{
		"the body has it":      body(`{ old = change.from, imei = change.to }`),
		"by an index":          body(`{ old = change["from"], imei = change.to }`),
		"as it was read":       body(`{ old = reading.imei, imei = change.to }`),
		"as it is known":       body(`{ old = card.imei, imei = change.to }`),
		"the query has it":     {request, `set_imei_lock", query = { old = change.from }, json = { imei = change.to } }`},
		"the path has it":      {request, `set_imei_lock/${change.from}", json = { imei = change.to } }`},
		"every request has it": {`"X-Soracom-Token" = token.token }`, `"X-Soracom-Token" = token.token, "X-Old" = try(change.from, null) }`},
		"by a name":            {"  every {", "  let {\n    old = change.from\n  }\n  every {"},
		"it says so":           {request, request + "\n    names_prior = true"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(text), edit[0])
			changed := strings.Replace(string(text), edit[0], edit[1], 1)
			if name == "it says so" {
				changed = strings.Replace(changed, `change "change-bind" { request`, "change \"change-bind\" {\n    request", 1)
				changed = strings.Replace(changed, "names_prior = true }", "names_prior = true\n  }", 1)
			}
			assert.False(t, well(t, changed).Capabilities().BindsFirst)
		})
	}
}
