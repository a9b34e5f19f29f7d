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
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
)

// Account is what calls to all of a block's products share: credentials,
// limits, the world outside. Make one with [NewAccount].
type Account struct {
	keyID, secret, region string
	env                   providers.Env
	transport             *carrierhttp.Transport
	limits                providers.Limits
	hide                  *strings.Replacer
}

// NewAccount reads the settings that blocks of Alibaba's products share (see
// [Credentials]); what is wrong with them gathers in s. Blocks with one key at
// one endpoint share their limits.
func NewAccount(s *providers.Settings, region string, endpoint *url.URL, defaults providers.Limits, env providers.Env) *Account {
	limits := s.Limits(defaults)
	a := &Account{
		keyID: s.Credential("access_key_id"), secret: s.Credential("access_key_secret"), region: region,
		env: env, limits: limits,
	}
	a.hide = strings.NewReplacer()
	if a.secret != "" && a.keyID != "" {
		a.hide = strings.NewReplacer(a.secret, "[secret]", a.keyID, "[access key]")
	}
	a.transport = carrierhttp.New(limits.Transport(env, endpoint, a.keyID))
	return a
}

// Limits is what the account keeps to.
func (a *Account) Limits() providers.Limits { return a.limits }

// Now is the time.
func (a *Account) Now() time.Time { return a.env.Now() }

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

// call is one call of an action.
type call struct {
	action   string
	params   map[string]string
	changing bool
}

func (c call) limited() carrierhttp.Call {
	return carrierhttp.Call{Function: c.action, Changing: c.changing}
}

// ReplyTo is a pointer to a reply's type.
type ReplyTo[R any] interface {
	*R
	Reply
}

// Read makes a call that changes nothing, and repeats it where it failed for a
// passing reason.
func Read[R any, P ReplyTo[R]](ctx context.Context, a *API, action string, params map[string]string) (R, error) {
	return send[R, P](ctx, a, call{action: action, params: params})
}

// Change makes a call that changes something. It is repeated only where it
// certainly had no effect.
func Change[R any, P ReplyTo[R]](ctx context.Context, a *API, action string, params map[string]string) (R, error) {
	return send[R, P](ctx, a, call{action: action, params: params, changing: true})
}

func send[R any, P ReplyTo[R]](ctx context.Context, a *API, c call) (answer R, err error) {
	policy := carrierhttp.Policy{
		Retries: a.limits.Retries, Judge: judge, Sleep: a.env.Sleep, Random: a.env.Random,
		Throttled: func() { a.transport.Throttled(c.limited()) },
	}
	err = policy.Do(ctx, func() error {
		answer = *new(R) // nothing of a failed attempt's answer may stay
		return a.attempt(ctx, c, P(&answer))
	})
	return answer, err
}

// judge decides from what happened to the card, never from the HTTP status.
func judge(err error) carrierhttp.Verdict {
	var e *providers.Error
	if !errors.As(err, &e) {
		return carrierhttp.Verdict{}
	}
	passing := e.Cause == providers.Throttled || e.Cause == providers.Unavailable
	return carrierhttp.Verdict{
		Again:     passing && e.Effect == providers.EffectNone,
		Throttled: e.Cause == providers.Throttled,
		After:     e.RetryAfter,
	}
}

func (a *API) attempt(ctx context.Context, c call, r Reply) error {
	req, err := a.request(ctx, c)
	if err != nil {
		return err
	}
	resp, err := a.transport.Send(req, c.limited())
	if err != nil {
		return unanswered(c, err)
	}
	defer func() { _ = resp.Body.Close() }() // in memory already, so neither this nor reading fails
	body, _ := io.ReadAll(resp.Body)
	after := carrierhttp.RetryAfter(resp.Header, a.env.Now())
	if err := Decode(body, a.OK, r); err != nil {
		return undecodable(c, after, fmt.Errorf("HTTP %d: %w", resp.StatusCode, err))
	}
	if r.Head().succeeded(a.OK) {
		return nil
	}
	refusal := a.explain(c, r.Head())
	refusal.RetryAfter = after
	return refusal
}

// request makes a signed request: a POST with every parameter in the query
// string and no body, as the SDK sends all of Dyiotapi's actions (JAVA).
func (a *API) request(ctx context.Context, c call) (*http.Request, error) {
	u := *a.Endpoint
	u.Path = strings.TrimSuffix(u.Path, "/") + "/"
	u.RawQuery = signedQuery(http.MethodPost, a.secret, a.params(c))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "", nil)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = &u, u.Host
	return req, nil
}

// params are the action's parameters and those of every call.
func (a *API) params(c call) map[string]string {
	params := map[string]string{
		"Action":           c.action,
		"Version":          a.Version,
		"Format":           "JSON",
		"AccessKeyId":      a.keyID,
		"SignatureMethod":  "HMAC-SHA1",
		"SignatureVersion": "1.0",
		"SignatureNonce":   a.nonce(),
		"Timestamp":        a.env.Now().UTC().Format(time.RFC3339), // yyyy-MM-ddTHH:mm:ssZ
	}
	if a.region != "" {
		params["RegionId"] = a.region
	}
	maps.Copy(params, c.params)
	return params
}

func (a *API) nonce() string {
	var b [16]byte
	a.env.Random(b[:])
	return hex.EncodeToString(b[:])
}

// unanswered is a request to which no whole answer came.
func unanswered(c call, err error) error {
	var failed *carrierhttp.Error
	effect := providers.EffectNone
	if c.changing && (!errors.As(err, &failed) || failed.Sent) {
		effect = providers.EffectUnknown
	}
	return &providers.Error{Call: c.action, Effect: effect, Cause: providers.Unavailable, Err: err}
}

// undecodable is an answer that is none of the gateway's: a proxy's page, half
// of a reply. It says nothing of what happened.
func undecodable(c call, after time.Duration, err error) error {
	e := &providers.Error{Call: c.action, RetryAfter: after, Effect: providers.EffectNone, Cause: providers.Unavailable, Err: err}
	if c.changing {
		e.Effect = providers.EffectUnknown
	}
	return e
}
