// Package alirpc is the RPC style that Alibaba Cloud's products share: signed
// calls with every parameter in the query string, replies with a code that
// decides, and the gateway in front of them all.
//
// It knows no product's actions: providers/aliyun and providers/linkcard are
// written on top of it. Start reading at [API]; api.go is a call, sign.go its
// signature, reply.go the answers, codes.go what their codes mean, values.go
// the forms of dates and card numbers.
package alirpc

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// Account is what calls to all of a block's products share: credentials, and
// the client with its limits and the world outside. Make one with [NewAccount].
type Account struct {
	*carriercall.Client
	keyID, region string
	signer        *signer
	random        func([]byte)
}

// NewAccount reads the settings that blocks of Alibaba's products share (see
// [Credentials]); what is wrong with them gathers in s. Blocks with one key at
// one endpoint share their limits.
func NewAccount(s *providers.Settings, region string, endpoint *url.URL, defaults providers.Limits, env providers.Env) *Account {
	keyID, secret := s.Credential("access_key_id"), s.Credential("access_key_secret")
	a := &Account{keyID: keyID, region: region, signer: newSigner(secret), random: env.Random}
	a.Client = carriercall.New(s.Limits(defaults), env, endpoint, keyID)
	a.Veil.Add(keyID, secret)
	return a
}

// API is one product's API.
type API struct {
	*Account
	Endpoint *url.URL
	Version  string
	// OK is the code of a success: "OK" or "200".
	OK string
	// Codes are the product's own; see [Gateway] for the others.
	Codes Codes
}

// ReplyTo is a pointer to a reply's type.
type ReplyTo[R any] interface {
	*R
	Reply
}

// Read makes a call that changes nothing, and repeats it where it failed for a
// passing reason.
func Read[R any, P ReplyTo[R]](ctx context.Context, a *API, action string, params map[string]string) (R, error) {
	return send[R, P](ctx, a, carriercall.Call{Name: action}, params)
}

// Change makes a call that changes something. It is repeated only where it
// certainly had no effect.
func Change[R any, P ReplyTo[R]](ctx context.Context, a *API, action string, params map[string]string) (R, error) {
	return send[R, P](ctx, a, carriercall.Call{Name: action, Changing: true}, params)
}

func send[R any, P ReplyTo[R]](ctx context.Context, a *API, c carriercall.Call, params map[string]string) (answer R, err error) {
	c.Card, c.Sending = spec.ICCID(params["Iccid"]), a.Sending()
	build := func(ctx context.Context) (*http.Request, error) {
		req := a.request(ctx, c.Name, params)
		tell(c.Sending, req.URL)
		return req, nil
	}
	err = a.Make(ctx, c, build, func(got carriercall.Answer) error {
		answer = *new(R) // nothing of a failed attempt's answer may stay
		if err := Decode(got.Body, a.OK, P(&answer)); err != nil {
			return err
		}
		head := P(&answer).Head()
		if c.Sending != nil {
			c.Sending.RequestID = string(head.RequestID)
		}
		if !head.succeeded(a.OK) {
			return a.explain(c, head)
		}
		return nil
	})
	return answer, err
}

// tell tells those who look on what of a request is secret: its signature, the last part
// of its query.
func tell(s *carriercall.Sending, u *url.URL) {
	if s == nil {
		return
	}
	_, escaped, _ := strings.Cut(u.RawQuery, "&Signature=")
	if signature, err := url.QueryUnescape(escaped); err == nil && signature != "" {
		s.Secrets = []string{signature}
	}
}

// request makes a signed request: a POST with every parameter in the query
// string and no body, as the SDK sends all of Dyiotapi's actions (JAVA).
func (a *API) request(ctx context.Context, action string, params map[string]string) *http.Request {
	u := *a.Endpoint
	u.Path = strings.TrimSuffix(u.Path, "/") + "/"
	u.RawQuery = a.signer.query(a.params(action, params))
	req := &http.Request{
		Method: http.MethodPost, URL: &u, Host: u.Host, Header: make(http.Header, 2), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return req.WithContext(ctx)
}

// params are the action's parameters and those of every call.
func (a *API) params(action string, its map[string]string) []param {
	params := append(make([]param, 0, 16),
		param{"AccessKeyId", a.keyID},
		param{"Action", action},
		param{"Format", "JSON"},
		param{"SignatureMethod", "HMAC-SHA1"},
		param{"SignatureNonce", a.nonce()},
		param{"SignatureVersion", "1.0"},
		param{"Timestamp", a.Now().UTC().Format(time.RFC3339)}, // yyyy-MM-ddTHH:mm:ssZ
		param{"Version", a.Version},
	)
	if a.region != "" {
		params = append(params, param{"RegionId", a.region})
	}
	for name, value := range its {
		params = append(params, param{name, value})
	}
	return params
}

func (a *API) nonce() string {
	var b [16]byte
	a.random(b[:])
	return hex.EncodeToString(b[:])
}
