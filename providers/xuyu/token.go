package xuyu

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/providers/internal/lenient"
)

const callToken = "token"

// credential is an application's (S003 创建应用).
type credential struct{ id, secret, scope string }

// issuer gets tokens.
type issuer struct {
	*carriercall.Client
	endpoint   *url.URL
	credential credential
	random     func([]byte)
}

// token asks for a token once.
func (i *issuer) token(ctx context.Context, _ string) (carriercall.Token, error) {
	at := i.Now() // before the call: the token's life begins when it is made
	var r tokenReply
	err := i.Send(ctx, carriercall.Call{Name: callToken, Awaited: true}, i.request, func(got carriercall.Answer) error {
		r = tokenReply{}
		odd := r.decode(got.Body)
		if got.Status != http.StatusOK || r.Error != "" {
			return i.refusal(got.Status, r)
		}
		return odd
	})
	if err != nil {
		return carriercall.Token{}, err
	}
	i.Veil.Add(string(r.AccessToken))
	return carriercall.Token{Value: string(r.AccessToken), Due: carriercall.Due(at, r.life())}, nil
}

// request is the form of S003 第三方应用: multipart, client_Id with its capital I
// (the web flow's is client_id), and cache-control as in each of its samples.
func (i *issuer) request(ctx context.Context) (*http.Request, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	var boundary [16]byte
	i.random(boundary[:])
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
func (i *issuer) refusal(status int, r tokenReply) error {
	m := carriercall.Meaning{Cause: providers.Denied}
	switch {
	case status == http.StatusTooManyRequests:
		m.Cause, m.Text = providers.Throttled, "too many calls; lower requests_per_second"
	case status >= 500 || status == http.StatusRequestTimeout:
		m.Cause, m.Text = providers.Unavailable, fmt.Sprintf("HTTP %d: the carrier failed within (接口内部错误)", status)
	case tokenErrors()[string(r.Error)] != "":
		m.Text = tokenErrors()[string(r.Error)]
	case r.Error != "":
		if m = carriercall.Undocumented(string(r.Error), string(r.Description)); m.Cause == providers.Refused {
			m.Cause = providers.Denied
		}
	default:
		m.Text = fmt.Sprintf("HTTP %d: no token was given; check token_endpoint, client_id and client_secret", status)
	}
	return i.Explain(carriercall.Call{Name: callToken}, m, string(r.Error), string(r.Description))
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
