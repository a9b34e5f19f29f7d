package cmiot

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	callToken = "get/token"
	// defaultTTL is how long a token lasts whose ttl makes no sense: clients hold
	// it for 30 to 55 minutes (PHP-V5, IOTOS).
	defaultTTL = 30 * time.Minute
	// margin is how long before its end a token is renewed, at most: long enough
	// for a request that was sent with it to arrive.
	margin = time.Minute
)

// errLeft is a fetch whose caller went away; those who waited for it start anew.
var errLeft = errors.New("the caller went away")

// tokens keeps the one token that all workers share.
type tokens struct {
	// fetch asks the carrier for a token. anew asks for another one than it
	// gave before.
	fetch func(ctx context.Context, anew bool) (tokenRow, error)
	now   func() time.Time

	group   singleflight.Group
	mu      sync.Mutex
	current string
	until   time.Time
}

// get is the token to use now. refused is one that the carrier didn't take, ""
// for none. Where a new one is needed, one caller fetches it for all.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	for {
		if token := t.valid(refused); token != "" {
			return token, nil
		}
		fetched := t.group.DoChan("", func() (any, error) {
			if token := t.valid(refused); token != "" {
				return token, nil // it came while this caller was on its way here
			}
			token, err := t.renew(ctx, refused)
			if ctx.Err() != nil {
				err = errLeft
			}
			return token, err
		})
		select {
		case r := <-fetched:
			if errors.Is(r.Err, errLeft) && ctx.Err() == nil {
				continue
			}
			token, _ := r.Val.(string)
			return token, r.Err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// valid is the token in hand; "" where it is no longer good, or was refused.
func (t *tokens) valid(refused string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == refused || !t.now().Before(t.until) {
		return ""
	}
	return t.current
}

// renew fetches a token. It doesn't ask for another one than the carrier has
// unless that was refused: a new one ends the old one, which somebody else may use.
func (t *tokens) renew(ctx context.Context, refused string) (string, error) {
	row, err := t.fetch(ctx, false)
	if err == nil && string(row.Token) == refused {
		row, err = t.fetch(ctx, true)
	}
	if err != nil {
		return "", err
	}
	ttl := lifetime(row.TTL)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.until = string(row.Token), t.now().Add(ttl-min(margin, ttl/10))
	return t.current, nil
}

// lifetime reads a ttl, in seconds.
func lifetime(ttl text) time.Duration {
	const longest = 24 * 60 * 60
	seconds, err := strconv.Atoi(string(ttl))
	if err != nil || seconds <= 0 {
		return defaultTTL
	}
	return time.Duration(min(seconds, longest)) * time.Second
}
