package carriercall

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cardfleet/cardfleet/providers"
)

// Sending is what an observer is told of a request that its maker alone knows.
// [Build] fills it in, and [Read] what is of the answer.
type Sending struct {
	// ID is what the request calls itself, where that isn't plain from its URL and
	// headers.
	ID string
	// Secrets are what the request carries and nothing may show: its signature, say.
	Secrets []string
	// RequestID is what the carrier calls the request, where the body of its answer
	// says it.
	RequestID string
}

// Sending is a place for what a call's [Build] tells of its requests; nil where
// nobody looks on.
func (c *Client) Sending() *Sending {
	if c.env.Observer == nil {
		return nil
	}
	return &Sending{}
}

// count is the number of the request that is sent next for the call.
func (c Call) count() int {
	if c.sent == nil {
		return 1
	}
	*c.sent++
	return *c.sent
}

// observed is [Client.Send] where somebody looks on.
func (c *Client) observed(ctx context.Context, call Call, build Build, read Read) error {
	o := c.env.Observer
	x := c.exchange(call)
	x.Attempt = call.count()
	began := c.env.Now()
	ctx = o.Waiting(ctx, x)
	var left time.Time
	var made *http.Request
	building := func(ctx context.Context) (req *http.Request, err error) {
		made, err = build(ctx)
		return made, err
	}
	call.leaves = func() {
		if left.IsZero() { // else it is written once more, since nothing of it had left
			left = c.env.Now()
			x.Waited = left.Sub(began)
			x.SentID = func() string { return c.sentID(call, made) }
			x.Request = func() providers.Wire { return c.shownRequest(call, made) }
			o.Leaving(ctx, x)
		}
	}
	reading := func(a Answer) error {
		x.Took, x.Status, x.RequestID = c.env.Now().Sub(left), a.Status, c.RequestID(call, a.Header)
		err := read(a) // first: it learns of tokens, which are hidden from then on
		if call.Sending != nil && call.Sending.RequestID != "" {
			x.RequestID = c.Clean(call, call.Sending.RequestID)
		}
		x.Answer = func() providers.Wire { return c.shownAnswer(call, a) }
		return err
	}
	err := c.send(ctx, call, building, reading)
	c.ended(x, err, began, left)
	o.Ended(ctx, x)
	return err
}

// ended completes what is told of a request that has ended.
func (c *Client) ended(x *providers.Exchange, err error, began, left time.Time) {
	now := c.env.Now()
	switch {
	case left.IsZero():
		x.Waited = now.Sub(began)
	case x.Took == 0:
		x.Took = now.Sub(left)
	}
	if errors.As(err, &x.Failed) && x.RequestID == "" {
		x.RequestID = x.Failed.RequestID
	}
}

func (c *Client) exchange(call Call) *providers.Exchange {
	return &providers.Exchange{Provider: c.env.Provider, Call: call.Name, Card: call.Card, Changing: call.Changing}
}

// pausing is how a call waits before it is made again.
func (c *Client) pausing(call Call, last *error) func(ctx context.Context, d time.Duration) error {
	if c.env.Observer == nil {
		return c.env.Sleep
	}
	return func(ctx context.Context, d time.Duration) error {
		x := c.exchange(call)
		x.Attempt = *call.sent
		errors.As(*last, &x.Failed)
		c.env.Observer.Repeats(ctx, x, d)
		return c.env.Sleep(ctx, d)
	}
}
