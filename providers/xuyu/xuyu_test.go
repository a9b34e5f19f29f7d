package xuyu_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/providers/xuyu"
	"github.com/cardfleet/cardfleet/providers/xuyu/xuyusim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	iccid = spec.ICCID("898600D6991330004146") // China Mobile's, with its letter
	key   = "0123456789abcdef0123456789abcdef"

	clientID     = "the-client-id"
	clientSecret = "the-client-secret"
	subscription = "the-subscription-key"
)

// credentials are the test's application.
func credentials() map[string]any {
	return map[string]any{"client_id": clientID, "client_secret": clientSecret, "subscription_key": subscription}
}

// simulated opens a provider in front of a simulated carrier.
func simulated(t testing.TB, s *xuyusim.Shingsou, settings map[string]any) providers.Provider {
	all := credentials()
	maps.Copy(all, settings)
	return providertest.Simulated(t, xuyu.Type(), s.Carrier(), all)
}

// serving opens a provider in front of a handler that also gives tokens.
func serving(t *testing.T, settings map[string]any, h http.HandlerFunc) providers.Provider {
	var tokens atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_, _ = fmt.Fprintf(w, `{"access_token":"secret-token-%d","expires_in":7200,"token_type":"Bearer"}`, tokens.Add(1))
			return
		}
		h(w, r)
	}))
	t.Cleanup(server.Close)
	all := map[string]any{"endpoint": server.URL, "token_endpoint": server.URL + "/token", "retries": 0}
	return providertest.Open(t, xuyu.Type(), credentials(), all, settings)
}

// answering opens a provider in front of a carrier that always gives one answer.
func answering(t *testing.T, status int, body string) providers.Provider {
	return serving(t, nil, providertest.Answers(status, body).ServeHTTP)
}

func world() *carriersim.World {
	return &carriersim.World{Cards: []carriersim.Card{{ICCID: iccid, MSISDN: "1064633113571"}}, Now: time.Now, Record: true}
}

func shingsou() *xuyusim.Shingsou { return &xuyusim.Shingsou{World: world()} }

func stop() providers.Change {
	return providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: iccid, Key: key}
}

func subscribe() providers.Change {
	return providers.Change{Change: spec.Change{Kind: spec.Subscribe, To: "100M"}, ICCID: iccid, Key: key}
}

func causeOf(err error) providers.Cause {
	cause, _ := providers.CauseOf(err)
	return cause
}

func TestMissingCredentialsAreNamedWithTheirVariables(t *testing.T) {
	config := spec.ProviderConfig{Name: "xuyu.a", Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 7}}}
	p, diagnostics := xuyu.Type().Open(config, providertest.Env(nil, nil))
	assert.Nil(t, p)
	require.Len(t, diagnostics, 3)
	for i, name := range []string{"client_id", "client_secret", "subscription_key"} {
		assert.Contains(t, diagnostics[i].Detail, name)
		assert.Contains(t, diagnostics[i].Detail, "XUYU_"+strings.ToUpper(name))
		assert.Equal(t, 7, diagnostics[i].Subject.Start.Line)
	}
	p, diagnostics = xuyu.Type().Open(config, providertest.Env(nil, map[string]string{
		"XUYU_CLIENT_ID": "id", "XUYU_CLIENT_SECRET": "secret", "XUYU_SUBSCRIPTION_KEY": "key",
	}))
	assert.NotNil(t, p)
	assert.Empty(t, diagnostics)
}

func TestSecretsAreMarkedSo(t *testing.T) {
	for _, s := range xuyu.Type().Schema.Settings {
		assert.Equal(t, s.Name == "client_secret" || s.Name == "subscription_key", s.Secret, s.Name)
		assert.NotEmpty(t, s.Doc, s.Name)
	}
}

func TestHeadersThatNoRequestCanCarryAreMistakes(t *testing.T) {
	for name, settings := range map[string]map[string]any{
		"Invalid header name": {"subscription_key_header": "X Key"},
		"Invalid credentials": {"subscription_key": "from-a-file\n"},
	} {
		config := spec.ProviderConfig{Name: "xuyu", Settings: map[string]any{"client_id": "i", "client_secret": "s", "subscription_key": "k"}}
		maps.Copy(config.Settings, settings)
		_, diagnostics := xuyu.Type().Open(config, providertest.Env(nil, nil))
		require.Len(t, diagnostics, 1)
		assert.Equal(t, name, diagnostics[0].Summary)
		assert.NotContains(t, diagnostics[0].Detail, "from-a-file")
	}
	_, diagnostics := xuyu.Type().Open(spec.ProviderConfig{Name: "xuyu", Settings: map[string]any{
		"client_id": "i", "client_secret": "s", "subscription_key": "k", "subscription_key_header": "authorization",
	}}, providertest.Env(nil, nil))
	require.Len(t, diagnostics, 1)
	assert.Contains(t, diagnostics[0].Detail, "carries the token")
}

// What leaves the program, against S003 and the contract's table.
func TestRequestsOnTheWire(t *testing.T) {
	var got *http.Request
	var body string
	p := serving(t, nil, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body) // a short body can't fail
		got, body = r, string(data)
		_, _ = io.WriteString(w, `{"code":200,"status":"0","operator":"cmcc","items":[],"total":0}`)
	})
	read := func() error { _, err := p.Read(t.Context(), iccid, 0); return err }
	do := func(c providers.Change) func() error {
		return func() error { _, err := p.Do(t.Context(), c); return err }
	}
	for _, row := range []struct {
		call               func() error
		method, path, body string
	}{
		{read, "GET", "/cardservice/flowcard/898600D6991330004146/status", ""},
		{func() error { _, err := p.Read(t.Context(), iccid, spec.AttrPackages); return err }, "GET", "/cardservice/flowcard/898600D6991330004146/packages", ""},
		{func() error { return p.(providers.Lister).List(t.Context(), nil) }, "GET", "/cardservice/flowcard?page=1&size=100", ""},
		{do(stop()), "POST", "/cardservice/flowcard/898600D6991330004146/network", `{"action":"stop"}`},
		{do(providers.Change{Change: spec.Change{Kind: spec.Resume}, ICCID: iccid}), "POST", "/cardservice/flowcard/898600D6991330004146/network", `{"action":"resume"}`},
		{do(subscribe()), "POST", "/paymentservice/order", `{"iccid":"898600D6991330004146","package":"100M","outId":"` + key + `"}`},
	} {
		require.NoError(t, row.call(), row.path)
		assert.Equal(t, row.method, got.Method, row.path)
		assert.Equal(t, row.path, got.URL.RequestURI())
		assert.Equal(t, row.body, body)
		assert.Equal(t, "Bearer secret-token-1", got.Header.Get("Authorization"), "one token serves them all")
		assert.Equal(t, subscription, got.Header.Get("Ocp-Apim-Subscription-Key"))
		assert.Equal(t, "cardfleet/1.2.3", got.UserAgent())
		assert.Equal(t, row.body != "", got.Header.Get("Content-Type") == "application/json; charset=utf-8")
	}
}

func TestSubscriptionKeysHeaderIsASetting(t *testing.T) {
	s := shingsou()
	s.KeyHeader = "X-Shingsou-Key"
	_, err := simulated(t, s, map[string]any{"subscription_key_header": "X-Shingsou-Key"}).Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	_, err = simulated(t, s, nil).Read(t.Context(), iccid, 0)
	assert.ErrorContains(t, err, "HTTP 401")
}

func TestDocumentsWordsComeWithTheirNumber(t *testing.T) {
	for value, want := range map[string]spec.Reading{
		`{"operator":"cmcc","status":"0"}`:               {Lifecycle: spec.Active, Status: "0 正常"},
		`{"operator":"CTCC","status":170000}`:            {Lifecycle: spec.SuspendedByCarrier, Status: "170000 局方原因停机", Reason: "局方原因停机"},
		`{"operator":"cucc","status":9}`:                 {Lifecycle: spec.UnknownLifecycle, Status: "9"},
		`{"operator":"cmcc","status":"99"}`:              {Lifecycle: spec.NotFound, Status: "99 号码不存在"},
		`{"operator":"cbn","status":"0"}`:                {Lifecycle: spec.UnknownLifecycle, Status: `0 (operator "cbn")`},
		`{"status":"正常","iccid":"898600d6991330004146"}`: {Lifecycle: spec.UnknownLifecycle, Status: `正常 (operator "")`},
	} {
		got, err := answering(t, 200, value).Read(t.Context(), iccid, 0)
		require.NoError(t, err, value)
		assert.WithinDuration(t, time.Now(), got.At, time.Minute)
		got.At = time.Time{}
		want.ICCID, want.Has = iccid, spec.AttrActive
		assert.Equal(t, want, got, value)
	}
}

func TestAnswerAboutAnotherCardIsNotBelieved(t *testing.T) {
	_, err := answering(t, 200, `{"iccid":"89860617030017300391","operator":"cmcc","status":"0"}`).Read(t.Context(), iccid, 0)
	assert.ErrorContains(t, err, `another card, "89860617030017300391"`)
}

func TestPackagesAreAskedForOnlyWhereWanted(t *testing.T) {
	s := shingsou()
	s.World.Cards[0].Packages = []spec.Package{{ID: "100M", Name: "100 MB"}}
	p := simulated(t, s, nil)
	reading, err := p.Read(t.Context(), iccid, spec.AttrActive)
	require.NoError(t, err)
	assert.Equal(t, spec.AttrActive, reading.Has)
	assert.Zero(t, s.World.Count("packages"))
	reading, err = p.Read(t.Context(), iccid, spec.AttrPackages)
	require.NoError(t, err)
	assert.True(t, reading.Tells(spec.AttrPackages))
	assert.Equal(t, []spec.Package{{ID: "100M", Name: "100 MB"}}, reading.Packages)
}

// 404 as a code is about the card, HTTP 404 without one about the address.
func TestWrongAddressIsNoMissingCard(t *testing.T) {
	for _, status := range []int{200, 404} {
		reading, err := answering(t, status, `{"code":404,"name":"NotFound","description":"未找到内容"}`).Read(t.Context(), iccid, 0)
		require.NoError(t, err)
		assert.Equal(t, spec.NotFound, reading.Lifecycle)
	}
	for _, body := range []string{"", "<html>", `{"statusCode":404,"message":"Resource not found"}`, `{"title":"Not Found","status":404}`} {
		_, err := answering(t, 404, body).Read(t.Context(), iccid, 0)
		require.Error(t, err, body)
		assert.ErrorContains(t, err, "HTTP 404", body)
		assert.ErrorContains(t, err, "check endpoint and operations")
		assert.Equal(t, providers.Refused, causeOf(err))
		_, err = answering(t, 404, body).Do(t.Context(), stop())
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err), "nobody was there to do it")
	}
}

func TestRefusedCredentialsAreBothNamed(t *testing.T) {
	s := shingsou()
	p := simulated(t, s, nil)
	s.World.Admit(carriersim.Account{ID: clientID, Secret: clientSecret, Key: "another"}) // from now on
	_, err := p.Do(t.Context(), stop())
	require.Error(t, err)
	assert.Equal(t, providers.Denied, causeOf(err))
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	for _, name := range []string{"subscription_key", "client_id", "未授权,因为没有传入subscriptionKey或access_token"} {
		assert.ErrorContains(t, err, name)
	}
	assert.Equal(t, 8, s.World.Count("token"), "it is renewed several times, and no more")
}

func TestRefusedTokensAreRenewedForAChangeAsWell(t *testing.T) {
	s := shingsou()
	p := simulated(t, s, nil)
	_, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	s.Expire()
	_, err = p.Do(t.Context(), stop())
	require.NoError(t, err)
	assert.Equal(t, 2, s.World.Count("token"))
	assert.Equal(t, 1, s.World.Count("stop"))
}

func TestCodeOfARefusedTokenInABodyRenewsItToo(t *testing.T) {
	var calls atomic.Int64
	p := serving(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1); r.Header.Get("Authorization") == "Bearer secret-token-1" {
			_, _ = io.WriteString(w, `{"code":401}`)
			return
		}
		_, _ = io.WriteString(w, `{"operator":"cmcc","status":0}`)
	})
	_, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.EqualValues(t, 2, calls.Load())
}

func TestVerdictsOfAChange(t *testing.T) {
	for body, want := range map[string]struct {
		err    string
		effect providers.Effect
	}{
		`{"code":200}`:                {},
		`{"code":"200"}`:              {},
		`{"Code":200,"x":1}`:          {},
		`{"code":false}`:              {"false", providers.EffectUnknown}, // no document has such a code
		`{"code":422}`:                {"请求实体错误", providers.EffectNone},
		`{"code":417}`:                {"服务器内部错误", providers.EffectUnknown},
		`{"code":500}`:                {"接口内部错误", providers.EffectUnknown},
		`{"code":10000}`:              {"接收人账户不存在", providers.EffectNone},
		`{"code":777,"message":"no"}`: {`the carrier says "no"`, providers.EffectUnknown},
		`{}`:                          {`nothing at "code"`, providers.EffectUnknown},
		`[]`:                          {`nothing at "code"`, providers.EffectUnknown},
		`{"code":{}}`:                 {`nothing at "code"`, providers.EffectUnknown},
		``:                            {"the answer is empty", providers.EffectUnknown},
		`{"code":20`:                  {"cut off after 10 bytes", providers.EffectUnknown},
	} {
		_, err := answering(t, 200, body).Do(t.Context(), stop())
		if want.err == "" {
			assert.NoError(t, err, body)
			continue
		}
		require.Error(t, err, body)
		assert.ErrorContains(t, err, want.err, body)
		assert.Equal(t, want.effect, providers.EffectOf(err), body)
	}
}

func TestCarriersCodeComesBeforeTheHTTPStatus(t *testing.T) {
	_, err := answering(t, 500, `{"code":422}`).Do(t.Context(), stop())
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	assert.ErrorContains(t, err, "stop: 422")
	_, err = answering(t, 500, `{"code":200}`).Do(t.Context(), stop())
	assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err), "the two contradict each other")
}

func TestUnpaidOrderIsNotDone(t *testing.T) {
	s := shingsou()
	s.Unpaid = true
	_, err := simulated(t, s, nil).Do(t.Context(), subscribe())
	require.Error(t, err)
	assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err), "whoever opens the link pays")
	assert.ErrorContains(t, err, "waits for its payment")
	assert.True(t, providers.Waits(err), "no time that passes shows that it had no effect")
	assert.ErrorContains(t, err, "https://h5.shingsou.com/pay/1")
	order, _ := s.World.Ordered(key)
	assert.Equal(t, order.Number, providers.RequestIDOf(err))
	assert.Equal(t, 1, s.World.Count("subscribe"))

	for body, owed := range map[string]bool{
		`{"code":200,"orderId":"1"}`:                              false,
		`{"code":200,"orderId":"1","payUrl":""}`:                  false,
		`{"code":200,"orderId":"1","payUrl":null,"paid":true}`:    false,
		`{"code":200,"orderId":"1","PayUrl":"u"}`:                 true,
		`{"code":200,"data":{"orderId":"1","qrCode":"weixin:/"}}`: true,
		`{"code":200,"paid":false}`:                               true,
		`{"code":200,"orderStatus":"待支付"}`:                        true,
		`{"code":200,"data":{"payStatus":"Unpaid"}}`:              true,
	} {
		_, err := answering(t, 200, body).Do(t.Context(), subscribe())
		assert.Equal(t, owed, err != nil, body)
	}
	_, err = answering(t, 200, `{"code":200,"payUrl":"u"}`).Do(t.Context(), stop())
	assert.NoError(t, err, "only orders are paid")
}

func TestOrderIsNamedInItsReceipt(t *testing.T) {
	receipt, err := answering(t, 200, `{"code":200,"orderId":4711}`).Do(t.Context(), subscribe())
	require.NoError(t, err)
	assert.Equal(t, "4711", receipt.RequestID)
}

func TestChangesWithoutWhatTheyNeedAreRefusedHere(t *testing.T) {
	s := shingsou()
	p := simulated(t, s, nil)
	for _, c := range []providers.Change{{Change: spec.Change{Kind: spec.Subscribe}, ICCID: iccid, Key: key}, {Change: spec.Change{Kind: spec.Subscribe, To: "p"}, ICCID: iccid}} {
		_, err := p.Do(t.Context(), c)
		require.Error(t, err)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	}
	assert.Empty(t, s.World.Requests())
}

// list collects a listing.
func list(t *testing.T, p providers.Provider) (cards []spec.Reading, err error) {
	err = p.(providers.Lister).List(t.Context(), func(r spec.Reading) error { cards = append(cards, r); return nil })
	return cards, err
}

func TestListHasEachCardOnceAndItsStatus(t *testing.T) {
	s := shingsou()
	for i := range 250 {
		s.World.Cards = append(s.World.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("898603%014d", i)), Status: spec.SuspendedByOwner})
	}
	s.World.Cards = append(s.World.Cards, carriersim.Card{ICCID: "89860617030017300390", Account: "somebody's"})
	p := simulated(t, s, nil)
	cards, err := list(t, p)
	require.NoError(t, err)
	assert.Equal(t, 3, s.World.Count("list"), "pages of 100")
	seen := map[spec.ICCID]bool{}
	for _, c := range cards {
		assert.False(t, seen[c.ICCID], c.ICCID)
		seen[c.ICCID] = true
		assert.Equal(t, spec.AttrActive, c.Has)
		assert.Equal(t, c.ICCID == iccid, c.Lifecycle == spec.Active, "%+v", c)
		assert.False(t, c.At.IsZero())
	}
	assert.Len(t, seen, 251, "somebody else's card isn't in it")
	assert.True(t, p.Capabilities().Lists)
}

func TestListEndsWhereItShould(t *testing.T) {
	for name, row := range map[string]struct {
		pages []string // by number; the last one stands for all that follow
		want  int
		err   string
	}{
		"by its total":                 {[]string{`{"total":2,"items":[{"iccid":"89860617030017300390"},{"iccid":"89860617030017300391"}]}`}, 2, ""},
		"with an empty page":           {[]string{`{"items":[{"iccid":"89860617030017300390"}]}`, `{"items":[]}`}, 1, ""},
		"after short pages":            {[]string{`{"total":"2","items":[{"iccid":"89860617030017300390"}]}`, `{"total":2,"items":[{"iccid":"89860617030017300391"}]}`}, 2, ""},
		"empty":                        {[]string{`{"total":0,"items":[]}`}, 0, ""},
		"empty without a total":        {[]string{`{"items":[]}`}, 0, ""},
		"too early":                    {[]string{`{"total":3,"items":[{"iccid":"89860617030017300390"}]}`, `{"total":3,"items":[]}`}, 1, "the list ended after 1 of 3 cards"},
		"never, on one page":           {[]string{`{"items":[{"iccid":"89860617030017300390"}]}`}, 1, "check {page} in operations.list"},
		"with a card twice":            {[]string{`{"total":2,"items":[{"iccid":"89860617030017300390"},{"iccid":"89860617030017300390"}]}`, `{"total":2,"items":[{"iccid":"89860617030017300391"}]}`}, 2, ""},
		"at a card without its number": {[]string{`{"items":[{"iccid":"89860617030017300390"},{"iccid":"1"}]}`}, 0, "card 2 of the page has no valid iccid"},
		"at null":                      {[]string{`{"items":null}`}, 0, `nothing at "items"`},
		"at a reply of another shape":  {[]string{`{"items":{"a":1}}`}, 0, "odd shape"},
		"at a refusal":                 {[]string{`{"code":417}`}, 0, "page 1: list: 417"},
	} {
		p := serving(t, nil, func(w http.ResponseWriter, r *http.Request) {
			var n int
			_, _ = fmt.Sscan(r.URL.Query().Get("page"), &n)
			_, _ = io.WriteString(w, row.pages[min(n, len(row.pages))-1])
		})
		cards, err := list(t, p)
		assert.Len(t, cards, row.want, name)
		if row.err == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, row.err, name)
		}
	}
}

func TestListStopsWhereItsReaderDoes(t *testing.T) {
	enough := errors.New("enough")
	p := answering(t, 200, `{"items":[{"iccid":"89860617030017300390"},{"iccid":"89860617030017300391"}]}`)
	calls := 0
	err := p.(providers.Lister).List(t.Context(), func(r spec.Reading) error {
		calls++
		assert.Equal(t, spec.Reading{ICCID: r.ICCID, At: r.At}, r, "a list without a status tells none")
		return enough
	})
	assert.ErrorIs(t, err, enough)
	assert.Equal(t, 1, calls)
}

// another is Shingsou with other paths, verbs, bodies and replies than the
// modelled ones: it translates to the modelled carrier and wraps its replies.
func another(api http.Handler) http.Handler {
	type route struct{ method, path, body, wrap string }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		data, _ := io.ReadAll(r.Body) // short
		var in struct {
			Card, Do, Serial string
			Buy              []string
		}
		_ = json.Unmarshal(data, &in) // a GET has none
		routes := map[string]route{
			"PUT /v2/page":    {"GET", fmt.Sprintf("/cardservice/flowcard?page=%s&size=%s", field(data, "n"), field(data, "of")), "", `{"data":%s}`},
			"GET /v2/state":   {"GET", "/cardservice/flowcard/" + q.Get("card") + "/status", "", `{"data":[{"card":%s}]}`},
			"PATCH /v2/card":  {"POST", "/cardservice/flowcard/" + in.Card + "/network", `{"action":"` + in.Do + `"}`, `{"data":{"reply":%s,"done":true}}`},
			"POST /v2/offers": {"GET", "/cardservice/flowcard/" + in.Card + "/packages", "", `{"data":%s}`},
			"PUT /v2/buy":     {"POST", "/paymentservice/order", fmt.Sprintf(`{"iccid":%q,"package":%q,"outId":%q}`, in.Card, strings.Join(in.Buy, ""), in.Serial), `{"data":%s}`},
		}
		to, ok := routes[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		inner := httptest.NewRequest(to.method, to.path, strings.NewReader(to.body))
		inner.Header = r.Header.Clone()
		inner.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		api.ServeHTTP(recorder, inner)
		w.WriteHeader(recorder.Code)
		_, _ = fmt.Fprintf(w, to.wrap, recorder.Body.String())
	})
}

func field(data []byte, name string) string {
	var fields map[string]json.Number
	_ = json.Unmarshal(data, &fields) // of other calls: not there
	return fields[name].String()
}

func TestOverriddenOperationsRoundTrip(t *testing.T) {
	s := shingsou()
	carrier := s.Carrier()
	api := &carrier.Services[0]
	api.Handler = another(api.Handler)
	settings := credentials()
	maps.Copy(settings, map[string]any{
		"operations": map[string]any{
			"list":      map[string]any{"method": "put", "path": "/v2/page", "body": `{"n": {page}, "of": {size}}`, "result": "data.items"},
			"status":    map[string]any{"path": "/v2/state?card={iccid}", "result": "data.0.card"},
			"stop":      map[string]any{"method": "PATCH", "path": "/v2/card", "body": map[string]any{"card": "{iccid}", "do": "stop"}, "result": "data.done"},
			"resume":    map[string]any{"method": "PATCH", "path": "/v2/card", "body": map[string]any{"card": "{iccid}", "do": "resume"}, "result": "data.reply.code"},
			"packages":  map[string]any{"method": "POST", "path": "/v2/offers", "body": map[string]any{"card": "{iccid}"}, "result": "data.items"},
			"subscribe": map[string]any{"method": "PUT", "path": "/v2/buy", "body": map[string]any{"card": "{iccid}", "buy": []any{"{package}"}, "serial": "{key}"}, "result": "data.code"},
		},
	})
	p := providertest.Simulated(t, xuyu.Type(), carrier, settings)

	cards, err := list(t, p)
	require.NoError(t, err)
	require.Len(t, cards, 1)
	for _, step := range []struct {
		kind spec.Kind
		want spec.Lifecycle
	}{{spec.Stop, spec.SuspendedByOwner}, {spec.Resume, spec.Active}, {spec.Subscribe, spec.Active}} {
		receipt, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: step.kind, To: `100"M`}, ICCID: iccid, Key: key})
		require.NoError(t, err, step.kind)
		reading, err := p.Read(t.Context(), iccid, spec.AttrPackages)
		require.NoError(t, err)
		assert.Equal(t, step.want, reading.Lifecycle, step.kind)
		assert.Equal(t, step.kind == spec.Subscribe, reading.HasPackage(`100"M`), "%+v", reading.Packages)
		assert.Equal(t, step.kind == spec.Subscribe, receipt.RequestID != "", "the order's number beside the result")
	}
}

func TestFalseAtTheResultIsARefusal(t *testing.T) {
	p := serving(t, map[string]any{"operations": map[string]any{"stop": map[string]any{"result": "data.done"}}},
		func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"code":200,"data":{"done":false}}`)
		})
	_, err := p.Do(t.Context(), stop())
	assert.ErrorContains(t, err, "data.done is false")
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
}

func TestForeignTextHidesCredentialsAndTokens(t *testing.T) {
	echo := fmt.Sprintf(`{"code":"777 %[1]s","name":"%[2]s","description":"%[3]s secret-token-1 %[4]s"}`, clientSecret, subscription, clientID, strings.Repeat("x", 500))
	for _, p := range []providers.Provider{
		answering(t, 400, echo), answering(t, 200, echo),
		answering(t, 200, `{"iccid":"secret-token-1 the-subscription-key","operator":"cmcc","status":"0"}`),
		serving(t, nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", r.Header.Get("Authorization"))
			w.WriteHeader(http.StatusBadRequest)
		}),
	} {
		_, err := p.Read(t.Context(), iccid, 0)
		require.Error(t, err)
		for _, secret := range []string{clientID, clientSecret, subscription, "secret-token-1"} {
			assert.NotContains(t, err.Error(), secret)
		}
		assert.Less(t, len(err.Error()), 1000)
	}
}

func TestReadingIsRepeatedAndNothingOfAFailedAttemptStays(t *testing.T) {
	answers := []string{`{"code":417}`, `{"operator":"cmcc","iccid":"89860617030017300391"`, `{"status":"2"}`}
	p := serving(t, map[string]any{"retries": 2}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, answers[0])
		answers = answers[1:]
	})
	reading, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, `2 (operator "")`, reading.Status)
}
