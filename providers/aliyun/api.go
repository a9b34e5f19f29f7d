package aliyun

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

// account is what calls to both APIs share: credentials, limits, the world outside.
type account struct {
	keyID, secret, region string
	env                   providers.Env
	transport             *carrierhttp.Transport
	retries               int
	codes                 map[string]meaning
	hide                  *strings.Replacer
}

// api is one of Alibaba's RPC APIs.
type api struct {
	*account
	endpoint *url.URL
	version  string
}

// call is one call of an action.
type call struct {
	action   string
	params   map[string]string
	changing bool
}

// replyTo is a pointer to a reply's type.
type replyTo[R any] interface {
	*R
	reply
}

// read makes a call that changes nothing, and repeats it where it failed for a
// passing reason.
func read[R any, P replyTo[R]](ctx context.Context, a *api, action string, params map[string]string) (R, error) {
	return send[R, P](ctx, a, call{action: action, params: params})
}

// change makes a call that changes something. It is repeated only where it
// certainly had no effect.
func change[R any, P replyTo[R]](ctx context.Context, a *api, action string, params map[string]string) (R, error) {
	return send[R, P](ctx, a, call{action: action, params: params, changing: true})
}

func send[R any, P replyTo[R]](ctx context.Context, a *api, c call) (answer R, err error) {
	policy := carrierhttp.Policy{
		Retries: a.retries, Judge: judge, Sleep: a.env.Sleep, Random: a.env.Random, Throttled: a.transport.Throttled,
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

func (a *api) attempt(ctx context.Context, c call, r reply) error {
	req, err := a.request(ctx, c)
	if err != nil {
		return err
	}
	resp, err := a.transport.RoundTrip(req)
	if err != nil {
		return unanswered(c, err)
	}
	defer func() { _ = resp.Body.Close() }() // in memory already, so neither this nor reading fails
	body, _ := io.ReadAll(resp.Body)
	after := carrierhttp.RetryAfter(resp.Header, a.env.Now())
	if err := decode(body, r); err != nil {
		return undecodable(c, after, fmt.Errorf("HTTP %d: %w", resp.StatusCode, err))
	}
	if r.head().Code == codeOK {
		return nil
	}
	refusal := explain(a.codes, c.action, c.changing, r.head(), a.hide)
	refusal.RetryAfter = after
	return refusal
}

// request makes a signed request: a POST with every parameter in the query
// string and no body, as the SDK sends all of Dyiotapi's actions (JAVA).
func (a *api) request(ctx context.Context, c call) (*http.Request, error) {
	u := *a.endpoint
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
func (a *api) params(c call) map[string]string {
	params := map[string]string{
		"Action":           c.action,
		"Version":          a.version,
		"Format":           "JSON",
		"RegionId":         a.region,
		"AccessKeyId":      a.keyID,
		"SignatureMethod":  "HMAC-SHA1",
		"SignatureVersion": "1.0",
		"SignatureNonce":   a.nonce(),
		"Timestamp":        a.env.Now().UTC().Format(time.RFC3339), // yyyy-MM-ddTHH:mm:ssZ
	}
	maps.Copy(params, c.params)
	return params
}

func (a *api) nonce() string {
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
