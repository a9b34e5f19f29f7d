package carriercall

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers"
)

// Tokens keeps the one token that all calls of an account share. Whoever finds
// it due or refused renews it, and everybody else waits for that one answer.
//
// It isn't singleflight: there a waiter can't leave when its context ends,
// unless the renewal goes on in a goroutine that outlives the call.
type Tokens struct {
	// Call is the carrier's name for the call that gets a token.
	Call string
	// Fetch asks the carrier for a token. It changes nothing, and is told which
	// token was refused, "" for none.
	Fetch func(ctx context.Context, refused string) (Token, error)
	Now   func() time.Time
	// Refused reports whether an attempt failed because its token is no longer good.
	Refused func(error) bool

	mu      sync.Mutex
	current Token
	renewal *renewal // nil where none is under way
}

// Token is what a carrier gives for credentials.
type Token struct {
	Value string
	Due   time.Time // when to renew it; zero for only once it is refused
}

// margin is how long before its end a token is renewed, at most: long enough
// for a request that was sent with it to arrive.
const margin = time.Minute

// Due is when a token is renewed that was asked for at a time: a minute before
// it runs out, or a tenth of a short life. Zero where no life was told.
func Due(at time.Time, life time.Duration) time.Time {
	if life <= 0 {
		return time.Time{}
	}
	return at.Add(life - min(life/10, margin))
}

// renewal is one under way; done closes when its outcome is known.
type renewal struct {
	done  chan struct{}
	value string
	err   error
	// left reports that whoever made it was interrupted, which is no answer.
	left bool
}

// Attempt makes an attempt with the token, and where the carrier refuses that,
// another with a new one. A refused token's call had no effect.
func (t *Tokens) Attempt(ctx context.Context, attempt func(token string) error) error {
	token, err := t.Get(ctx, "")
	if err != nil {
		return err
	}
	err = attempt(token)
	if err == nil || !t.Refused(err) {
		return err
	}
	if token, err = t.Get(ctx, token); err != nil {
		return err
	}
	return attempt(token)
}

// Get returns a token other than the refused one ("" refuses none). Where the
// current one was renewed since, that is the answer; so one refusal that many
// notice renews once. Its errors say that the card is as it was.
func (t *Tokens) Get(ctx context.Context, refused string) (string, error) {
	for {
		value, r, mine := t.join(refused)
		if value != "" {
			return value, nil
		}
		if mine {
			t.renew(ctx, r, refused)
			return r.value, t.untaken(r.err)
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return "", t.untaken(ctx.Err())
		}
		if !r.left {
			return r.value, t.untaken(r.err)
		}
	}
}

// join returns the token where there is one to use, else the renewal under
// way, or a new one that is the caller's to make.
func (t *Tokens) join(refused string) (value string, r *renewal, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.current
	if c.Value != "" && c.Value != refused && (c.Due.IsZero() || t.Now().Before(c.Due)) {
		return c.Value, nil, false
	}
	if t.renewal != nil {
		return "", t.renewal, false
	}
	t.renewal = &renewal{done: make(chan struct{})}
	return "", t.renewal, true
}

func (t *Tokens) renew(ctx context.Context, r *renewal, refused string) {
	fresh, err := t.Fetch(ctx, refused)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.current = fresh
	}
	r.value, r.err, r.left = fresh.Value, err, err != nil && ctx.Err() != nil
	t.renewal = nil
	close(r.done)
}

// untaken says of a failure to get a token that the card is as it was.
func (t *Tokens) untaken(err error) error {
	var e *providers.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	cause := providers.Unavailable
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		cause = providers.Stopped // who asked went away while another fetched it
	}
	return &providers.Error{Call: t.Call, Proof: providers.NeverSeen, Cause: cause, Err: err}
}
