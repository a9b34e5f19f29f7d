package carriercall

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
)

// Tokens keeps the one token that all calls of an account share. Whoever finds
// it due or refused renews it, and everybody else waits for that one answer.
//
// Other machines may share the account, and some carriers end a token once they
// give another: then each machine's renewal ends the token of the others. So a
// token is taken only as its request leaves, a refused one is renewed several
// times, and the pauses before that grow, so that each machine has its time.
//
// It isn't singleflight: there a waiter can't leave when its context ends,
// unless the renewal goes on in a goroutine that outlives the call.
type Tokens struct {
	// Call is the carrier's name for the call that gets a token.
	Call string
	// Fetch asks the carrier for a token. It changes nothing, and is told which
	// token was refused last, "" for none. Its call is [Call].Awaited.
	Fetch func(ctx context.Context, refused string) (Token, error)
	Now   func() time.Time
	// Refused reports whether an attempt failed because its token is no longer good.
	Refused func(error) bool
	// Sleep waits before a token is renewed that was refused soon after another, and
	// Random makes that uneven between machines. Without Sleep there is no pause.
	Sleep  func(ctx context.Context, d time.Duration) error
	Random func(p []byte)

	mu      sync.Mutex
	current Token
	renewal *renewal // nil where none is under way
	losses  losses
}

// losses are tokens that were refused.
type losses struct {
	last   string    // the last of them
	at     time.Time // when it was refused
	recent int       // how many were, each within lately of the one before
	vain   int       // how many in a row were refused at their first use
}

const (
	// lately is how long after a refused token another counts as of the same quarrel
	// with other machines.
	lately = time.Minute
	// mostVain is how many tokens in a row may be refused at once before the
	// carrier is taken at its word, and mostOfACall how many one call may lose.
	mostVain    = 8
	mostOfACall = 10

	firstPause   = 250 * time.Millisecond
	longestPause = 2 * time.Second
	// patienceWithTurns is how often a call gives its turn back since its token ended
	// while it waited, before it takes one that may be about to end.
	patienceWithTurns = 3
)

// Take returns the token for a request that leaves now. Its error is for [Build]
// to return: the call then waits for another turn and another token.
type Take func() (string, error)

// errNoToken is a turn that came while there was no token.
var errNoToken = errors.New("the token ended while the request waited for its turn")

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

// Attempt makes attempts, each of which takes the token as its request leaves,
// until the carrier doesn't refuse the token. A refused token's call had no effect.
// Where token after token is refused, the error is the last refusal, which is not
// worth repeating.
func (t *Tokens) Attempt(ctx context.Context, attempt func(take Take) error) error {
	refused, lost := "", 0
	for turns := 1; ; turns++ {
		if _, err := t.Get(ctx, refused); err != nil {
			return err
		}
		token := ""
		err := attempt(func() (_ string, err error) {
			token, err = t.take(turns > patienceWithTurns)
			return token, err
		})
		switch {
		case errors.Is(err, errNoToken):
			refused = ""
			continue
		case token == "" || err == nil || !t.Refused(err):
			t.took(token, err)
			return err
		}
		refused, lost = token, lost+1
		if t.lose(token) >= mostVain || lost >= mostOfACall {
			return err
		}
	}
}

// take is the token as it is now; aged ones that are due will do where that is said.
func (t *Tokens) take(aged bool) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.Value == "" || !aged && !t.good() {
		return "", errNoToken
	}
	return t.current.Value, nil
}

// good reports whether the current token isn't due.
func (t *Tokens) good() bool { return t.current.Due.IsZero() || t.Now().Before(t.current.Due) }

// took notes that the carrier answered a call with the token, and not that it refuses it.
func (t *Tokens) took(token string, err error) {
	if cause, known := providers.CauseOf(err); err != nil && (!known || cause != providers.Refused) {
		return // it may never have seen the token
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if token != "" {
		t.losses.vain = 0
	}
}

// lose notes that the carrier refused a token, once for the many that notice,
// and returns how many it refused in a row.
func (t *Tokens) lose(token string) (vain int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.Value != token {
		return t.losses.vain // noticed by another call
	}
	now := t.Now()
	if now.Sub(t.losses.at) > lately {
		t.losses.recent = 0
	}
	t.current, t.losses.last, t.losses.at = Token{}, token, now
	t.losses.recent++
	t.losses.vain++
	return t.losses.vain
}

// pause is how long to wait before the next renewal: not at all after a token that
// is the first to be refused for a while, then longer and longer.
func (t *Tokens) pause() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Sleep == nil || t.losses.recent < 2 || t.Now().Sub(t.losses.at) > lately {
		return 0
	}
	pause := longestPause
	if shift := t.losses.recent - 2; shift < 3 {
		pause = firstPause << shift
	}
	return carrierhttp.Uneven(pause, t.Random)
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
	if c.Value != "" && c.Value != refused && t.good() {
		return c.Value, nil, false
	}
	if t.renewal != nil {
		return "", t.renewal, false
	}
	t.renewal = &renewal{done: make(chan struct{})}
	return "", t.renewal, true
}

func (t *Tokens) renew(ctx context.Context, r *renewal, refused string) {
	fresh, err := t.fetch(ctx, refused)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.current = fresh
	}
	r.value, r.err, r.left = fresh.Value, err, err != nil && ctx.Err() != nil
	t.renewal = nil
	close(r.done)
}

func (t *Tokens) fetch(ctx context.Context, refused string) (Token, error) {
	if pause := t.pause(); pause > 0 {
		if err := t.Sleep(ctx, pause); err != nil {
			return Token{}, err
		}
	}
	t.mu.Lock()
	refused = cmp.Or(refused, t.losses.last)
	t.mu.Unlock()
	return t.Fetch(ctx, refused)
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
