package xuyu

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/providers/providertest"
)

// issuerAt is an issuer in front of a handler.
func issuerAt(t *testing.T, h http.HandlerFunc) *issuer {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL + "/connect/token")
	require.NoError(t, err)
	network := &http.Transport{}
	t.Cleanup(network.CloseIdleConnections)
	env := providertest.Env(network, nil)
	env.Random = func(p []byte) {
		for i := range p {
			p[i] = 0xAB
		}
	}
	return &issuer{
		Client: carriercall.New(providers.Limits{}, env, u, ""), endpoint: u, random: env.Random,
		credential: credential{id: "id", secret: "s3cret", scope: defaultScope},
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
	token, err := i.token(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, "access_token", token.Value)
	assert.WithinDuration(t, before.Add(7140*time.Second), token.Due, 5*time.Second, "a minute before it runs out")
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
		i.Veil.Add("s3cret")
		_, err := i.token(t.Context(), "")
		var e *providers.Error
		require.ErrorAs(t, err, &e, name)
		assert.Equal(t, "token", e.Call, name)
		assert.Equal(t, row.cause, e.Cause, name)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err), name)
		assert.ErrorContains(t, err, row.want, name)
		assert.NotContains(t, err.Error(), "s3cret", name)
		if row.cause == providers.Throttled {
			assert.Equal(t, 7*time.Second, e.RetryAfter)
		}
	}
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
