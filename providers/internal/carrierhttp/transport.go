// Package carrierhttp carries requests to carriers' accounts: it keeps to each
// account's rates, quotas and number of calls under way, lets changes go first,
// ends each attempt in time, and knows of each failure whether the carrier may
// have got the request.
//
// It knows nothing of cards or of any carrier's codes: whether an answer is a
// failure is for the caller to say, who then repeats the call through [Policy].
// Start reading at [Transport]; account.go is who goes when, network.go how a
// request gets there, direct.go the connections that are held for that.
package carrierhttp

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// defaultMaxBody is far above any documented answer; it only keeps a carrier
// that went mad from filling the memory.
const defaultMaxBody = 4 << 20

// Options says how to treat an account. Base, Now and Sleep are needed; a zero
// limit is no limit.
type Options struct {
	// Base carries the requests. Of an [http.Transport] the settings are taken,
	// and its own connections only for what goes through a proxy; see direct.go.
	Base  http.RoundTripper
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Accounts and Account say which account it is: transports of one account
	// share its limits, of which the stricter ones hold. Without either the
	// transport shares with none.
	Accounts *Accounts
	Account  string
	// RequestsPerSecond is the most requests a second, repeated ones included.
	RequestsPerSecond float64
	// PerFunction is the same for each of the carrier's functions by itself.
	PerFunction float64
	// InFlight is the most requests under way at once.
	InFlight int
	// PerDay and PerMonth are the most requests of a day and of a month, by the
	// carriers' calendar in UTC+8; those of other processes are not counted.
	PerDay, PerMonth int
	// Timeout bounds one request from its connection to the last byte of its
	// answer. Waiting for a turn is not part of it.
	Timeout time.Duration
	// MaxBody is the longest answer taken, in bytes; 0 means 4 MiB.
	MaxBody   int64
	UserAgent string
	// Gate is asked at the last moment before a changing request leaves, after
	// every wait: an error says that it may not, and nil is always yes. It may wait.
	Gate func(ctx context.Context) error
}

// Transport carries all requests to one account. It returns answers with the
// whole body read, so an answer in hand is a complete one. Its errors are
// [*Error]s and never hold the request's URL, since carriers put keys and
// signatures there. It follows no redirect: that is an answer like any other.
type Transport struct {
	options Options
	account *account
	network network
	agent   []string // the header User-Agent, which all requests share; nil for none
}

// Call is what the account's limits need to know of a request.
type Call struct {
	Function string // the carrier's name for it
	// Changing requests go before those that only read: somebody waits for them,
	// and what was read of their card grows old.
	Changing bool
	// Awaited requests go before those too: what others are to be sent with comes of them.
	Awaited bool
	// Limit names a rate of its own, of Rate requests a second, for all requests
	// that name it; "" for none.
	Limit string
	Rate  float64
	// Leaves, where set, is told at the last moment before the request is written,
	// after every wait: each time, where a connection turned out to be of no use.
	Leaves func()
}

// pace is the rate that the request has besides the account's, by its name; 0
// for none.
func (c Call) pace(perFunction float64) (name string, rate float64) {
	if c.Limit != "" && c.Rate > 0 {
		return "limit " + c.Limit, c.Rate
	}
	return c.Function, perFunction
}

// New makes a Transport.
func New(o Options) *Transport {
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	t := &Transport{options: o, account: o.Accounts.account(o.Account), network: networkOf(&o)}
	if o.UserAgent != "" {
		t.agent = []string{o.UserAgent}
	}
	t.account.join(&o)
	return t
}

// Error is a request without a whole answer.
type Error struct {
	// Sent reports whether the carrier may have got the request. Where it is
	// false, the request certainly had no effect.
	Sent bool
	// Stopped reports that the request was not sent because whoever asked for it
	// went away, or because the gate is closed.
	Stopped bool
	Doing   string // what failed: "wait for a turn", "not sent", "make the request", "connect", "wait for the answer", "read the answer"
	Err     error
}

func (e *Error) Error() string { return e.Doing + ": " + e.Err.Error() }

// Unwrap returns the cause below it.
func (e *Error) Unwrap() error { return e.Err }

func (c Call) first() bool { return c.Changing || c.Awaited }

// Build makes a request that is about to leave.
type Build func(ctx context.Context) (*http.Request, error)

// Answer is a whole answer.
type Answer struct {
	Status int // HTTP's
	Header http.Header
	Body   []byte
}

// Send waits for a turn, makes the request, sends it once, and reads the answer.
// Build is called when the request can leave, so that what is good for a moment
// alone, a token or a time, is no older than that; it must not wait. A changing
// request that has left comes to its end, whatever becomes of the context of
// whoever asked for it: only the timeout bounds it.
func (t *Transport) Send(asked context.Context, c Call, build Build) (Answer, error) {
	if err := t.account.acquire(asked, t, c); err != nil {
		return Answer{}, &Error{Doing: "wait for a turn", Stopped: asked.Err() != nil, Err: err}
	}
	defer func() { t.account.release(t.options.Now()) }()
	req, failed := t.leaving(asked, c, build)
	if failed != nil {
		t.account.unsent()
		return Answer{}, failed
	}
	leave := func() error { return t.leave(asked, c) }
	if c.Changing {
		sendOnce(req)
	}
	ctx, cancel := t.attempt(asked, c)
	defer cancel()
	if t.agent != nil {
		req.Header["User-Agent"] = t.agent
	}
	waits := asked
	if c.Changing {
		waits = context.WithoutCancel(asked)
	}
	answer, failed := t.network.exchange(ctx, waits, req, t.options.MaxBody, leave)
	switch {
	case failed == nil:
		return answer, nil
	case failed.Stopped:
		t.account.unsent()
	case ctx.Err() != nil && waits.Err() == nil:
		failed.Err = fmt.Errorf("nothing within %v: %w", t.options.Timeout, context.DeadlineExceeded)
	}
	return Answer{}, failed
}

// leaving is the request, once it has its turn, or why it doesn't leave.
func (t *Transport) leaving(ctx context.Context, c Call, build Build) (*http.Request, *Error) {
	if c.Changing {
		if err := t.mayLeave(ctx); err != nil {
			return nil, notSent(err)
		}
	}
	req, err := build(ctx)
	if err != nil {
		return nil, &Error{Doing: "make the request", Err: err}
	}
	return req, nil
}

// leave is the last moment before a request is written, when there is a connection
// for it: it waits until the request may be among those of the last second, and then
// asks the gate once more.
func (t *Transport) leave(ctx context.Context, c Call) error {
	err := t.account.depart(ctx, t, c)
	if err == nil && c.Changing {
		err = t.mayLeave(ctx)
	}
	if err == nil && c.Leaves != nil {
		c.Leaves()
	}
	return err
}

// notSent is the error of a request that certainly hasn't left.
func notSent(err error) *Error { return &Error{Doing: "not sent", Stopped: true, Err: err} }

// mayLeave says why a changing request may not leave after it had its turn.
func (t *Transport) mayLeave(ctx context.Context) error {
	if t.options.Gate != nil {
		if err := t.options.Gate(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Throttled tells that the carrier refused a request because there were too
// many: the rate is halved for everyone who shares the account, and then
// recovers step by step. It returns the rate from now on and the one that it
// recovers to, in requests a second; 0 where there is none to be halved.
func (t *Transport) Throttled(c Call) (now, full float64) {
	return t.account.slowDown(c, t.options)
}

// attempt bounds a request by the timeout. One that changes something is bounded by
// nothing else.
func (t *Transport) attempt(ctx context.Context, c Call) (context.Context, context.CancelFunc) {
	if c.Changing {
		ctx = context.WithoutCancel(ctx)
	}
	if t.options.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, t.options.Timeout)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // the request is never sent; nothing hangs on its body
	}
}
