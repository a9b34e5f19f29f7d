package xuyu

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
)

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// issuerAt is an issuer in front of a handler.
func issuerAt(t *testing.T, h http.HandlerFunc) *issuer {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL + "/connect/token")
	require.NoError(t, err)
	network := &http.Transport{}
	t.Cleanup(network.CloseIdleConnections)
	return &issuer{
		endpoint: u, credential: credential{id: "id", secret: "s3cret", scope: defaultScope},
		env: providers.Env{Now: time.Now, Random: func(p []byte) {
			for i := range p {
				p[i] = 0xAB
			}
		}},
		transport: carrierhttp.New(carrierhttp.Options{Base: network, Now: time.Now, Sleep: sleep, UserAgent: "cardfleet/1"}),
		veil:      &veil{},
	}
}

// The form of S003's samples, byte by byte but for the boundary.
func TestTokenRequestIsTheDocuments(t *testing.T) {
	var got *http.Request
	var body string
	i := issuerAt(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body) // short
		got, body = r, string(data)
		_, _ = io.WriteString(w, `{"access_token":"access_token","expires_in":7200,"token_type":"Bearer"}`) // 响应示例
	})
	before := time.Now()
	token, err := i.token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "access_token", token.value)
	assert.WithinDuration(t, before.Add(7140*time.Second), token.due, 5*time.Second, "a minute before it runs out")
	assert.Equal(t, "POST /connect/token", got.Method+" "+got.URL.RequestURI())
	assert.Equal(t, "no-cache", got.Header.Get("Cache-Control"))
	assert.Empty(t, got.Header.Get("Authorization"))

	kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	require.NoError(t, err)
	assert.Equal(t, "multipart/form-data", kind)
	b := params["boundary"]
	part := func(name, value string) string {
		return "--" + b + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	assert.Equal(t, part("grant_type", "client_credentials")+part("client_Id", "id")+part("client_secret", "s3cret")+
		part("scope", "iot.cardservice.all iot.paymentservice.all")+"--"+b+"--\r\n", body)
	_, err = multipart.NewReader(strings.NewReader(body), b).ReadForm(1 << 20)
	require.NoError(t, err)
}

func TestTokenRepliesInEverySpelling(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"access_token":"t","expires_in":7200,"token_type":"Bearer"}`:   7200 * time.Second,
		`{"access_token":"t","expire_in":3600,"token_type":"bearer"}`:    3600 * time.Second, // 目前access_token的有效期通过返回的expire_in来传达
		`{"access_token":"t","expires_in":"86400"}`:                      24 * time.Hour,
		`{"access_token":"t","expires_in":1e99}`:                         366 * 24 * time.Hour,
		`{"access_token":"t"}`:                                           0,
		`{"access_token":"t","expires_in":null,"expire_in":"x"}`:         0,
		`{"access_token":"t","expires_in":-5}`:                           0,
		`{"access_token":"t","expires_in":0,"expire_in":60,"scope":"x"}`: time.Minute,
	} {
		var r tokenReply
		require.NoError(t, r.decode([]byte(body)), body)
		assert.Equal(t, want, r.life(), body)
	}
	for body, want := range map[string]string{
		``:                        "the answer is empty",
		`{"access_token":"t`:      "cut off",
		`[]`:                      "odd shape",
		`{}`:                      "no access_token",
		`{"access_token":null}`:   "no access_token",
		`{"access_token":{}}`:     "an object stands where a text should",
		`{"access_token":"a\nb"}`: "no header can carry",
		`{"access_token":"停"}`:    "no header can carry",
		`{"access_token":"t","token_type":"mac"}`: "not Bearer",
		// The document's own sample, with the quotes that its page made of it.
		`{“access_token”:”access_token”,”expires_in”:7200,”token_type”:”Bearer”}`: "no JSON",
	} {
		var r tokenReply
		assert.ErrorContains(t, r.decode([]byte(body)), want, body)
	}
}

func TestShortTokensAreRenewedATenthEarly(t *testing.T) {
	at := time.Unix(1000, 0)
	assert.Equal(t, at.Add(9*time.Second), due(at, 10*time.Second))
	assert.Equal(t, at.Add(9*time.Minute), due(at, 10*time.Minute))
	assert.Equal(t, at.Add(59*time.Minute), due(at, time.Hour))
	assert.Zero(t, due(at, 0), "one whose life isn't told lasts until it is refused")
}

func TestRefusedTokensSayWhatToDo(t *testing.T) {
	for name, row := range map[string]struct {
		status int
		body   string
		cause  providers.Cause
		want   string
	}{
		"wrong secret":   {400, `{"error":"invalid_client"}`, providers.Denied, "check client_id and client_secret"},
		"wrong scope":    {400, `{"error":"invalid_scope"}`, providers.Denied, "check scope"},
		"another grant":  {400, `{"error":"unauthorized_client"}`, providers.Denied, "client_credentials"},
		"no such grant":  {400, `{"error":"unsupported_grant_type"}`, providers.Denied, "check token_endpoint"},
		"grant refused":  {400, `{"error":"invalid_grant"}`, providers.Denied, "client_credentials"},
		"odd request":    {400, `{"error":"invalid_request"}`, providers.Denied, "check token_endpoint"},
		"unknown":        {400, `{"error":"odd","error_description":"because of s3cret"}`, providers.Denied, `the carrier says "because of [hidden]"`},
		"error in a 200": {200, `{"error":"invalid_client"}`, providers.Denied, "check client_id"},
		"wrong address":  {404, `<html>`, providers.Denied, "HTTP 404: no token was given; check token_endpoint"},
		"throttled":      {429, ``, providers.Throttled, "lower requests_per_second"},
		"within":         {500, `{"error":"s3cret"}`, providers.Unavailable, "接口内部错误"},
		"a proxy's":      {502, `<html>`, providers.Unavailable, "HTTP 502"},
		"no JSON":        {200, `<html>`, providers.Unavailable, "HTTP 200: the answer is no JSON"},
		"slow":           {408, ``, providers.Unavailable, "HTTP 408"},
	} {
		i := issuerAt(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(row.status)
			_, _ = io.WriteString(w, row.body)
		})
		i.veil.add("s3cret")
		_, err := i.token(t.Context())
		var e *providers.Error
		require.ErrorAs(t, err, &e, name)
		assert.Equal(t, "token", e.Call, name)
		assert.Equal(t, row.cause, e.Cause, name)
		assert.Equal(t, providers.EffectNone, e.Effect, name)
		assert.ErrorContains(t, err, row.want, name)
		assert.NotContains(t, err.Error(), "s3cret", name)
		if row.cause == providers.Throttled {
			assert.Equal(t, 7*time.Second, e.RetryAfter)
		}
	}
}

// counted is tokens whose fetch takes a second and counts.
func counted(calls *atomic.Int64, life time.Duration) *tokens {
	return &tokens{now: time.Now, fetch: func(ctx context.Context) (token, error) {
		n := calls.Add(1)
		if err := sleep(ctx, time.Second); err != nil {
			return token{}, &providers.Error{Call: callToken, Effect: providers.EffectNone, Cause: providers.Unavailable, Err: err}
		}
		return token{value: string(rune('a' - 1 + n)), due: due(time.Now(), life)}, nil
	}}
}

func TestFiftyWorkersShareOneRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		all := func(refused, want string) {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					got, err := tokens.get(t.Context(), refused)
					assert.NoError(t, err)
					assert.Equal(t, want, got)
				})
			}
			wg.Wait()
		}
		all("", "a")
		assert.EqualValues(t, 1, calls.Load(), "at the start")
		time.Sleep(58 * time.Minute)
		all("", "a")
		assert.EqualValues(t, 1, calls.Load(), "while it lasts")
		time.Sleep(2 * time.Minute)
		all("", "b")
		assert.EqualValues(t, 2, calls.Load(), "before it runs out")
		all("b", "c")
		assert.EqualValues(t, 3, calls.Load(), "after it was refused")
		all("b", "c")
		assert.EqualValues(t, 3, calls.Load(), "those who noticed late take the new one")
	})
}

func TestFailedRenewalIsEverybodysAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("denied")
		var calls atomic.Int64
		tokens := &tokens{now: time.Now, fetch: func(ctx context.Context) (token, error) {
			calls.Add(1)
			return token{}, errors.Join(sleep(ctx, time.Second), failed)
		}}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				_, err := tokens.get(t.Context(), "")
				assert.ErrorIs(t, err, failed)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, calls.Load())
	})
}

func TestWhoIsInterruptedLeavesTheRenewalToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := tokens.get(ctx, "")
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		wg.Go(func() {
			got, err := tokens.get(t.Context(), "")
			assert.NoError(t, err)
			assert.Equal(t, "b", got)
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		assert.EqualValues(t, 2, calls.Load())
	})
}

func TestWaiterLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = tokens.get(t.Context(), "") }) // only takes its time
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := tokens.get(ctx, "")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
		wg.Wait()
	})
}

func FuzzTokenReply(f *testing.F) {
	for _, s := range []string{`{"access_token":"t","expires_in":7200,"token_type":"Bearer"}`, `{"error":"invalid_client"}`, "", "null", "[]", `{"access_token":1,"expire_in":"9e9"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r tokenReply
		if r.decode(body) != nil {
			return
		}
		req := &http.Request{Header: http.Header{}}
		req.Header.Set("Authorization", "Bearer "+string(r.AccessToken))
		if r.AccessToken == "" || strings.ContainsAny(string(r.AccessToken), "\r\n\x00") || r.life() < 0 {
			t.Errorf("%q passed: life %v", body, r.life())
		}
	})
}
