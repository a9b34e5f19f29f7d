package xuyu

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
	"github.com/cardfleet/cardfleet/providers/internal/lenient"
)

const callToken = "token"

// tokens holds the one token that every call of a run shares. Whoever finds it
// due or refused renews it, and everybody else waits for that one answer.
//
// It isn't singleflight: there a waiter can't leave when its context ends,
// unless the renewal goes on in a goroutine that outlives the call.
type tokens struct {
	fetch func(ctx context.Context) (token, error)
	now   func() time.Time

	mu      sync.Mutex
	current token
	renewal *renewal // nil where none is under way
}

type token struct {
	value string
	due   time.Time // when to renew it; zero for only once it is refused
}

// renewal is one under way; done closes when its outcome is known.
type renewal struct {
	done  chan struct{}
	value string
	err   error
	// left reports that whoever made it was interrupted, which is no answer.
	left bool
}

// get returns a token other than the refused one ("" refuses none). Where the
// current one was renewed since, that is the answer; so one refusal that many
// notice renews once.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	for {
		value, r, mine := t.join(refused)
		if value != "" {
			return value, nil
		}
		if mine {
			t.renew(ctx, r)
			return r.value, r.err
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return "", &providers.Error{Call: callToken, Effect: providers.EffectNone, Cause: providers.Unavailable, Err: ctx.Err()}
		}
		if !r.left {
			return r.value, r.err
		}
	}
}

// join returns the token where there is one to use, else the renewal under
// way, or a new one that is the caller's to make.
func (t *tokens) join(refused string) (value string, r *renewal, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.current
	if c.value != "" && c.value != refused && (c.due.IsZero() || t.now().Before(c.due)) {
		return c.value, nil, false
	}
	if t.renewal != nil {
		return "", t.renewal, false
	}
	t.renewal = &renewal{done: make(chan struct{})}
	return "", t.renewal, true
}

func (t *tokens) renew(ctx context.Context, r *renewal) {
	fresh, err := t.fetch(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.current = fresh
	}
	r.value, r.err, r.left = fresh.value, err, err != nil && ctx.Err() != nil
	t.renewal = nil
	close(r.done)
}

// credential is an application's (S003 创建应用).
type credential struct{ id, secret, scope string }

// issuer gets tokens.
type issuer struct {
	endpoint   *url.URL
	credential credential
	env        providers.Env
	transport  *carrierhttp.Transport
	veil       *veil
}

// token asks for a token once. It touches no card, so its errors say so.
func (i *issuer) token(ctx context.Context) (token, error) {
	at := i.env.Now() // before the call: the token's life begins when it is made
	req, err := i.request(ctx)
	if err != nil {
		return token{}, err
	}
	resp, err := i.transport.RoundTrip(req)
	if err != nil {
		return token{}, &providers.Error{Call: callToken, Effect: providers.EffectNone, Cause: providers.Unavailable, Err: err}
	}
	defer func() { _ = resp.Body.Close() }() // in memory already, so neither this nor reading fails
	body, _ := io.ReadAll(resp.Body)
	var r tokenReply
	decoded := r.decode(body)
	if resp.StatusCode != http.StatusOK || r.Error != "" {
		return token{}, i.refusal(resp, r)
	}
	if decoded != nil {
		return token{}, &providers.Error{
			Call: callToken, Effect: providers.EffectNone, Cause: providers.Unavailable, Err: fmt.Errorf("HTTP %d: %w", resp.StatusCode, decoded),
		}
	}
	i.veil.add(string(r.AccessToken))
	return token{value: string(r.AccessToken), due: due(at, r.life())}, nil
}

// due is when a token is renewed: a minute before it runs out, or a tenth of a
// short life. Zero where no life was told.
func due(at time.Time, life time.Duration) time.Time {
	if life <= 0 {
		return time.Time{}
	}
	return at.Add(life - min(life/10, time.Minute))
}

// request is the form of S003 第三方应用: multipart, client_Id with its capital I
// (the web flow's is client_id), and cache-control as in each of its samples.
func (i *issuer) request(ctx context.Context) (*http.Request, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	var boundary [16]byte
	i.env.Random(boundary[:])
	err := form.SetBoundary(hex.EncodeToString(boundary[:]))
	for _, f := range [][2]string{
		{"grant_type", "client_credentials"}, {"client_Id", i.credential.id}, {"client_secret", i.credential.secret}, {"scope", i.credential.scope},
	} {
		err = errors.Join(err, form.WriteField(f[0], f[1]))
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return nil, err // memory doesn't fail
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.endpoint.String(), bytes.NewReader(body.Bytes()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// refusal is an answer without a token. S003 has no codes for it; those of
// OAuth 2.0 (RFC 6749 §5.2) fit /connect/token, which is IdentityServer's path.
func (i *issuer) refusal(resp *http.Response, r tokenReply) error {
	e := &providers.Error{
		Call: callToken, Code: shorten(i.veil.hide(string(r.Error))), Effect: providers.EffectNone, Cause: providers.Denied,
		RetryAfter: carrierhttp.RetryAfter(resp.Header, i.env.Now()),
	}
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests:
		e.Cause, e.Message = providers.Throttled, "too many calls; lower requests_per_second"
	case code >= 500 || code == http.StatusRequestTimeout:
		e.Cause, e.Message = providers.Unavailable, fmt.Sprintf("HTTP %d: the carrier failed within (接口内部错误)", code)
	case tokenErrors()[string(r.Error)] != "":
		e.Message = tokenErrors()[string(r.Error)]
	case r.Error != "":
		e.Message = fmt.Sprintf("a code that no document has; the carrier says %q", shorten(i.veil.hide(string(r.Description))))
	default:
		e.Message = fmt.Sprintf("HTTP %d: no token was given; check token_endpoint, client_id and client_secret", code)
	}
	return e
}

func tokenErrors() map[string]string {
	return map[string]string{
		"invalid_client":         "the application is unknown, or its secret is wrong; check client_id and client_secret",
		"invalid_scope":          "a permission is unknown, or the application doesn't have it; check scope and the application's permissions (应用权限)",
		"unauthorized_client":    "the application may not take a token this way; ask Shingsou to allow client_credentials",
		"invalid_grant":          "the application may not take a token this way; ask Shingsou to allow client_credentials",
		"unsupported_grant_type": "the endpoint doesn't give tokens this way; check token_endpoint",
		"invalid_request":        "the endpoint can't read the request; check token_endpoint",
	}
}

// tokenReply is the answer of S003 响应示例. The text above the sample spells
// expire_in, the sample expires_in.
type tokenReply struct {
	AccessToken text `json:"access_token"`
	ExpiresIn   text `json:"expires_in"`
	ExpireIn    text `json:"expire_in"`
	TokenType   text `json:"token_type"`
	Error       text `json:"error"`
	Description text `json:"error_description"`
}

func (r *tokenReply) decode(body []byte) error {
	if err := json.Unmarshal(body, r); err != nil {
		return lenient.Describe(err, len(body))
	}
	switch {
	case r.AccessToken == "":
		return errors.New("the answer has no access_token")
	case strings.ContainsFunc(string(r.AccessToken), func(c rune) bool { return c <= ' ' || c > '~' }):
		return errors.New("the answer's access_token holds characters that no header can carry")
	case r.TokenType != "" && !strings.EqualFold(string(r.TokenType), "Bearer"):
		return errors.New("the answer's token_type is not Bearer")
	}
	return nil
}

// life is how long the token lasts; 0 where the reply doesn't tell. S003 gives
// 24 hours, "within 3600 seconds", 7200 and "an hour, up to a year", so only
// the reply counts.
func (r *tokenReply) life() time.Duration {
	for _, said := range []text{r.ExpiresIn, r.ExpireIn} {
		var seconds float64
		if err := json.Unmarshal([]byte(said), &seconds); err == nil && seconds > 0 {
			const year = 366 * 24 * time.Hour
			return time.Duration(min(seconds, year.Seconds()) * float64(time.Second))
		}
	}
	return 0
}
