// Package carriercall makes calls to carriers: it decides what an answer, or
// that none came, proves about the card, repeats a call only where that is
// safe, keeps to the account's pace, and hides credentials in what carriers say.
//
// It knows no carrier's wire. A provider makes the request, and reads the
// answer: what its codes prove, it says in a [Meaning] for each. Start reading
// at [Client]; meaning.go is what an answer proves, token.go the token of a
// carrier that takes one, veil.go what is hidden, observe.go what those are told
// who look on.
package carriercall

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
	"github.com/cardfleet/cardfleet/spec"
)

// Client makes the calls to one account. Make one with [New].
type Client struct {
	// Veil is what no error may show.
	Veil Veil
	// Headers are those in which the carrier names a request, the likeliest first;
	// none where its replies do, or the caller.
	Headers []string

	transport *carrierhttp.Transport
	limits    providers.Limits
	env       providers.Env
	clock     atomic.Pointer[clock] // the carrier's; nil while no answer told it
}

// clock is a carrier's clock, as an answer told it.
type clock struct {
	said  string        // the answer's Date
	ahead time.Duration // of ours
}

// New makes a client that keeps to the limits. Clients of one account at one
// endpoint share them.
func New(limits providers.Limits, env providers.Env, endpoint *url.URL, account string) *Client {
	options := limits.Transport(env, endpoint, account)
	limits.Account = options.Account
	return &Client{transport: carrierhttp.New(options), limits: limits, env: env}
}

// Limits is what the client keeps to.
func (c *Client) Limits() providers.Limits { return c.limits }

// Now is the time.
func (c *Client) Now() time.Time { return c.env.Now() }

// CarrierTime is the time of a moment by the carrier's clock, as the Date of its
// last answer tells, to a second or two; zero while no answer told it.
func (c *Client) CarrierTime(at time.Time) time.Time {
	clock := c.clock.Load()
	if clock == nil || at.IsZero() {
		return time.Time{}
	}
	return at.Add(clock.ahead).UTC().Truncate(time.Second)
}

// setClock takes the carrier's clock from an answer's header. Of the answers of
// one second the first tells it.
func (c *Client) setClock(h http.Header) {
	said := h.Get("Date")
	if last := c.clock.Load(); said == "" || last != nil && last.said == said {
		return
	}
	if date, err := http.ParseTime(said); err == nil {
		c.clock.Store(&clock{said: said, ahead: date.Sub(c.env.Now())})
	}
}

// Call is one call of one of the carrier's functions.
type Call struct {
	Name string // the carrier's: "QueryCardStatus"
	// Changing calls change a card, or something else at the carrier.
	Changing bool
	// Awaited calls get what other calls are to be sent with, as a token is, and go
	// before those that only read.
	Awaited bool
	// RequestID is what the carrier finds this request by, where the caller names
	// requests; "" where the carrier does.
	RequestID string
	// Secret is what this call alone carries, and no error may show; "" for nothing.
	Secret string
	// Limit names a rate of its own, of Rate requests a second, that this call
	// shares with all others of that name; "" for none.
	Limit string
	Rate  float64
	// Card is the card that the call is about, for those who look on; "" for none
	// or for many.
	Card spec.ICCID
	// Sending is what the request's maker tells of it to those who look on; see
	// [Client.Sending].
	Sending *Sending

	sent   *int   // requests by now; nil where nobody looks on
	leaves func() // is told when the request leaves; nil where nobody looks on
}

func (c Call) paced() carrierhttp.Call {
	return carrierhttp.Call{Function: c.Name, Changing: c.Changing, Awaited: c.Awaited, Limit: c.Limit, Rate: c.Rate, Leaves: c.leaves}
}

// Answer is a whole answer.
type Answer = carrierhttp.Answer

// Build makes a request. Every attempt makes one anew, with a nonce, a time and
// a token of its own, once it has had its turn: so none of these grows old in a
// queue. It must not wait.
type Build = carrierhttp.Build

// Read reads an answer: nil is a success. A [*providers.Error], as [Client.Explain]
// makes one of a carrier's code, says what the answer proves. Any other error
// says that the answer makes no sense: then nothing is known of what the call did.
type Read func(Answer) error

// Make makes a call of a carrier that takes no token: each attempt is one request.
func (c *Client) Make(ctx context.Context, call Call, build Build, read Read) error {
	return c.Repeat(ctx, call, func(call Call) error { return c.Send(ctx, call, build, read) })
}

// Repeat makes attempts of a call until one succeeds, or fails in a way that
// doesn't pass, or that allows no other. Each attempt is handed the call, as it is
// to be sent. A call that changes something is made
// again only where it certainly had no effect. Where ctx ends while it waits, for
// its turn or after a throttle, the error has [providers.Stopped].
func (c *Client) Repeat(ctx context.Context, call Call, attempt func(Call) error) error {
	if c.env.Observer != nil {
		call.sent = new(int)
	}
	var last error
	policy := carrierhttp.Policy{
		Retries: c.limits.Retries, Judge: judge, Sleep: c.pausing(call, &last), Random: c.env.Random,
		Throttled: func(err error) { c.throttled(call, err) },
	}
	err := policy.Do(ctx, func() error {
		last = attempt(call)
		return last
	})
	if ctx.Err() != nil && judge(err).Again {
		return &providers.Error{
			Call: call.Name, RequestID: providers.RequestIDOf(err), Proof: providers.NeverSeen, Cause: providers.Stopped,
			Err: fmt.Errorf("not sent again: %w (before that: %w)", ctx.Err(), err),
		}
	}
	return err
}

// throttled slows the account down, and tells of it.
func (c *Client) throttled(call Call, err error) {
	now, full := c.transport.Throttled(call.paced())
	if c.env.Throttled != nil {
		c.env.Throttled(providers.Throttle{PerSecond: now, Full: full, Err: err})
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
		Again:     passing && providers.EffectOf(e) == providers.EffectNone,
		Throttled: e.Cause == providers.Throttled,
		After:     e.RetryAfter,
	}
}

// Send makes one attempt with one request. Its errors are [*providers.Error]s.
func (c *Client) Send(ctx context.Context, call Call, build Build, read Read) error {
	if c.env.Observer != nil {
		return c.observed(ctx, call, build, read)
	}
	return c.send(ctx, call, build, read)
}

func (c *Client) send(ctx context.Context, call Call, build Build, read Read) error {
	var unmade error
	answer, err := c.transport.Send(ctx, call.paced(), func(ctx context.Context) (req *http.Request, err error) {
		req, unmade = build(ctx)
		return req, unmade
	})
	if unmade != nil {
		return c.complete(call, &providers.Error{Proof: providers.NeverSeen, Err: unmade}, nil)
	}
	if err != nil {
		return c.complete(call, unanswered(err), nil)
	}
	c.setClock(answer.Header)
	answer.Body = bytes.TrimPrefix(answer.Body, []byte("\ufeff")) // JSON has no byte-order mark (RFC 8259 §8.1), and some servers write one
	if e := c.Judge(call, answer, read); e != nil {
		return e
	}
	return nil
}

// unanswered is a request to which no whole answer came: where it may have left,
// it may have had its effect.
func unanswered(err error) *providers.Error {
	e := &providers.Error{Proof: providers.ProvesNothing, Cause: providers.Unavailable, Err: err}
	var failed *carrierhttp.Error
	if errors.As(err, &failed) && !failed.Sent {
		e.Proof = providers.NeverSeen
		if failed.Stopped {
			e.Cause = providers.Stopped
		}
	}
	return e
}

// Judge says what an answer proves; nil for a success. An answer that makes no
// sense is none of the carrier's, but a proxy's page or half of a reply, and
// proves nothing.
func (c *Client) Judge(call Call, a Answer, read Read) *providers.Error {
	err := read(a)
	if err == nil {
		return nil
	}
	var e *providers.Error
	if !errors.As(err, &e) {
		e = &providers.Error{Proof: providers.ProvesNothing, Cause: providers.Unavailable, Err: fmt.Errorf("HTTP %d: %w", a.Status, err)}
	}
	return c.complete(call, e, a.Header)
}

// complete adds to a failure what is known of its call. A call that only reads
// has no effect, whatever its answer proves.
func (c *Client) complete(call Call, e *providers.Error, h http.Header) *providers.Error {
	e.Call = cmp.Or(e.Call, call.Name)
	e.RequestID = cmp.Or(e.RequestID, call.RequestID, c.RequestID(call, h))
	if h.Get("Retry-After") != "" {
		e.RetryAfter = carrierhttp.RetryAfter(h, c.env.Now())
	}
	if !call.Changing {
		e.Proof = providers.NeverSeen
	}
	return e
}

// RequestID is what the carrier calls a request in its answer's headers; ""
// where it doesn't.
func (c *Client) RequestID(call Call, h http.Header) string {
	for _, name := range c.Headers {
		if id := h.Get(name); id != "" {
			return c.Clean(call, id)
		}
	}
	return ""
}
