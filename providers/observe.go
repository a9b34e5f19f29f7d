package providers

import (
	"context"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// Observer looks on at the requests to carriers. Nothing that it does changes
// them. Its methods are called by many goroutines at once, and must be quick: a
// request waits for each.
type Observer interface {
	// Waiting is told that a request waits for its turn. The context that it
	// returns, which is made of ctx, is the request's from there on.
	Waiting(ctx context.Context, x *Exchange) context.Context
	// Leaving is told that a request had its turn, and is about to be written.
	Leaving(ctx context.Context, x *Exchange)
	// Ended is told what came of a request, also of one that never left. It is the
	// last that is told of it.
	Ended(ctx context.Context, x *Exchange)
	// Repeats is told that a call is made again after a pause, and why.
	Repeats(ctx context.Context, x *Exchange, after time.Duration)
}

// Exchange is one request to a carrier and its answer, as far as they have come.
// Nothing in it is a secret of the account, a signature or a token.
type Exchange struct {
	Provider spec.ProviderName // the provider block
	Call     string            // the carrier's name for the call
	Card     spec.ICCID        // that it is about; "" for a list, a token and the like
	Changing bool              // it changes something at the carrier
	Attempt  int               // of the call, from 1 on
	// Waited is how long it waited until it left: for its turn, which the account's
	// pace and its number of calls under way give, and for a connection. It is set once
	// the request leaves or has ended.
	Waited time.Duration
	// Request is the request as it leaves, and Answer what came: in lines, without
	// secrets, cut where they are long. SentID is what the request calls itself: a nonce,
	// a transid, a key; "" for nothing. Each is nil until it is there, and makes its text
	// when it is called, which must be before the observer's method returns: to hide
	// what is secret takes longer than to send.
	Request, Answer func() Wire
	SentID          func() string
	Status          int           // HTTP's; 0 where no answer came
	Took            time.Duration // from its leaving to the end of its answer
	RequestID       string        // the carrier's name for it; "" where it gives none
	// Failed is what the answer proves, or that none came; nil for a success.
	Failed *Error
}

// Left reports whether the request left.
func (x *Exchange) Left() bool { return x.Request != nil }

// CallsItself is what a request that left calls itself; "" for nothing.
func (x *Exchange) CallsItself() string {
	if x.SentID == nil {
		return ""
	}
	return x.SentID()
}

// Wire is a request or an answer as people may see it.
type Wire struct {
	Line    string   // "POST https://carrier.test/?Action=Stop", "HTTP 200"
	Headers []string // "Content-Type: application/json", in the order of their names
	Body    string
	JSON    bool // the body of an answer is JSON
}

// Observers are several observers as one; nil for none.
func Observers(all ...Observer) Observer {
	var some observers
	for _, o := range all {
		if o != nil {
			some = append(some, o)
		}
	}
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return some
}

type observers []Observer

func (all observers) Waiting(ctx context.Context, x *Exchange) context.Context {
	for _, o := range all {
		ctx = o.Waiting(ctx, x)
	}
	return ctx
}

func (all observers) Leaving(ctx context.Context, x *Exchange) {
	for _, o := range all {
		o.Leaving(ctx, x)
	}
}

func (all observers) Ended(ctx context.Context, x *Exchange) {
	for _, o := range all {
		o.Ended(ctx, x)
	}
}

func (all observers) Repeats(ctx context.Context, x *Exchange, after time.Duration) {
	for _, o := range all {
		o.Repeats(ctx, x, after)
	}
}
