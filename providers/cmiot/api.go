package cmiot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
)

// account is what the calls of both versions share: credentials, limits, the
// world outside.
type account struct {
	appid, password string
	endpoint        *url.URL
	env             providers.Env
	transport       *carrierhttp.Transport
	limits          providers.Limits
	codes           map[string]meaning
	serial          atomic.Uint32 // of the last transid
}

// Limits implements [providers.Paced].
func (a *account) Limits() providers.Limits { return a.limits }

// call is one call of a function.
type call struct {
	name     string // "userstatusrealsingle", "query/sim-status"
	params   map[string]string
	changing bool
}

func (c call) limited() carrierhttp.Call {
	return carrierhttp.Call{Function: c.name, Changing: c.changing}
}

// sender is one version of the API: it makes one request of a call, signed
// as that version wants it, and reads the answer into r.
type sender interface {
	attempt(ctx context.Context, c call, r reply) error
	policy(c call) carrierhttp.Policy
}

// replyTo is a pointer to a reply's type.
type replyTo[R any] interface {
	*R
	reply
}

// read makes a call that changes nothing, and repeats it where it failed for a
// passing reason.
func read[R any, P replyTo[R]](ctx context.Context, s sender, name string, params map[string]string) (R, error) {
	return send[R, P](ctx, s, call{name: name, params: params})
}

// change makes a call that changes something. It is repeated only where it
// certainly had no effect.
func change[R any, P replyTo[R]](ctx context.Context, s sender, name string, params map[string]string) (R, error) {
	return send[R, P](ctx, s, call{name: name, params: params, changing: true})
}

func send[R any, P replyTo[R]](ctx context.Context, s sender, c call) (answer R, err error) {
	err = s.policy(c).Do(ctx, func() error {
		answer = *new(R) // nothing of a failed attempt's answer may stay
		return s.attempt(ctx, c, P(&answer))
	})
	return answer, err
}

func (a *account) policy(c call) carrierhttp.Policy {
	return carrierhttp.Policy{
		Retries: a.limits.Retries, Judge: judge, Sleep: a.env.Sleep, Random: a.env.Random,
		Throttled: func() { a.transport.Throttled(c.limited()) },
	}
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

// transaction is the transid of one request.
type transaction struct {
	id string
	// short is the id without the appid, which no message shows: what a person
	// tells the carrier to find the request by.
	short string
}

// china is the zone of a transid's time. CMIOT_API2002 says YYYYMMDDHHMISS and
// no zone. GUESS: the carrier's own, whatever this machine's is.
func china() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// begin makes the transid of the next request: "appid+YYYYMMDDHHMISS+8位数字序列"
// (CMIOT_API2002). The serial counts up from a random start, so that it repeats
// neither within a run nor between two runs in one second.
func (a *account) begin() transaction {
	serial := a.serial.Add(1) % 100_000_000
	short := a.env.Now().In(china()).Format("20060102150405") + fmt.Sprintf("%08d", serial)
	return transaction{id: a.appid + short, short: short}
}

func randomSerial(random func([]byte)) uint32 {
	var b [4]byte
	random(b[:])
	return binary.LittleEndian.Uint32(b[:]) % 100_000_000
}

// url is the address of a function.
func (a *account) url(path string) *url.URL {
	u := *a.endpoint
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	return &u
}

// post makes a request. Both versions take GET and POST. POST it is: a
// transport repeats a GET by itself where a connection breaks, and what
// changes a card must not be sent twice.
func post(ctx context.Context, u *url.URL, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "", body)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = u, u.Host
	return req, nil
}

// exchange sends one request and reads its answer; secrets is what no error
// may show.
func (a *account) exchange(c call, t transaction, req *http.Request, r reply, secrets ...string) error {
	resp, err := a.transport.Send(req, c.limited())
	if err != nil {
		return unanswered(c, t, err)
	}
	defer func() { _ = resp.Body.Close() }() // in memory already, so neither this nor reading fails
	body, _ := io.ReadAll(resp.Body)
	after := carrierhttp.RetryAfter(resp.Header, a.env.Now())
	if resp.StatusCode == http.StatusTooManyRequests {
		return throttled(c, t, after)
	}
	if err := decode(body, r); err != nil {
		return undecodable(c, t, after, fmt.Errorf("HTTP %d: %w", resp.StatusCode, err))
	}
	if r.head().Status == codeOK {
		return nil
	}
	refusal := explain(a.codes, c, r.head(), a.hide(secrets))
	refusal.RequestID, refusal.RetryAfter = t.short, after
	return refusal
}

// hide blots out credentials in what the carrier says.
func (a *account) hide(secrets []string) *strings.Replacer {
	pairs := []string{a.password, "[password]"}
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, "[token]")
		}
	}
	return strings.NewReplacer(append(pairs, a.appid, "[appid]")...)
}

// unanswered is a request to which no whole answer came.
func unanswered(c call, t transaction, err error) error {
	var failed *carrierhttp.Error
	e := &providers.Error{Call: c.name, RequestID: t.short, Effect: providers.EffectNone, Cause: providers.Unavailable, Err: err}
	if c.changing && (!errors.As(err, &failed) || failed.Sent) {
		e.Effect = providers.EffectUnknown
	}
	return e
}

// undecodable is an answer that is none of the carrier's: a proxy's page, half
// of a reply. It says nothing of what happened.
func undecodable(c call, t transaction, after time.Duration, err error) error {
	e := &providers.Error{Call: c.name, RequestID: t.short, RetryAfter: after, Effect: providers.EffectNone, Cause: providers.Unavailable, Err: err}
	if c.changing {
		e.Effect = providers.EffectUnknown
	}
	return e
}

// throttled is HTTP 429. GUESS: v2's page says that limits exist, and neither
// how they are told nor a code of their own.
func throttled(c call, t transaction, after time.Duration) error {
	return &providers.Error{
		Call: c.name, Code: "HTTP 429", Message: "too many calls; lower requests_per_second", RequestID: t.short,
		RetryAfter: after, Effect: providers.EffectNone, Cause: providers.Throttled,
	}
}

// refuse is a change that is refused here, before any request.
func refuse(call, why string) error {
	return &providers.Error{Call: call, Message: why, Effect: providers.EffectNone, Cause: providers.Refused}
}

func isCode(err error, codes ...string) bool {
	var e *providers.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code == code {
			return true
		}
	}
	return false
}

// isRefused reports whether the carrier looked at the call and said no.
func isRefused(err error) bool {
	cause, ok := providers.CauseOf(err)
	return ok && cause == providers.Refused
}
