package carriercall

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers"
)

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestShortTokensAreRenewedATenthEarly(t *testing.T) {
	at := time.Unix(1000, 0)
	assert.Equal(t, at.Add(9*time.Second), Due(at, 10*time.Second))
	assert.Equal(t, at.Add(9*time.Minute), Due(at, 10*time.Minute))
	assert.Equal(t, at.Add(59*time.Minute), Due(at, time.Hour))
	assert.Zero(t, Due(at, 0), "one whose life isn't told lasts until it is refused")
}

// counted is tokens whose fetch takes a second and counts.
func counted(calls *atomic.Int64, life time.Duration) *Tokens {
	return &Tokens{Call: "get/token", Now: time.Now, Fetch: func(ctx context.Context, _ string) (Token, error) {
		n := calls.Add(1)
		if err := sleep(ctx, time.Second); err != nil {
			return Token{}, &providers.Error{Call: "get/token", Proof: providers.NeverSeen, Cause: providers.Unavailable, Err: err}
		}
		return Token{Value: string(rune('a' - 1 + n)), Due: Due(time.Now(), life)}, nil
	}}
}

func TestFiftyWorkersShareOneRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		all := func(refused, want string) {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					got, err := tokens.Get(t.Context(), refused)
					assert.NoError(t, err)
					assert.Equal(t, want, got)
				})
			}
			wg.Wait()
		}
		all("", "a")
		assert.EqualValues(t, 1, calls.Load(), "at the start")
		time.Sleep(58 * time.Minute)
		all("", "a")
		assert.EqualValues(t, 1, calls.Load(), "while it lasts")
		time.Sleep(2 * time.Minute)
		all("", "b")
		assert.EqualValues(t, 2, calls.Load(), "before it runs out")
		all("b", "c")
		assert.EqualValues(t, 3, calls.Load(), "after it was refused")
		all("b", "c")
		assert.EqualValues(t, 3, calls.Load(), "those who noticed late take the new one")
	})
}

func TestFailedRenewalIsEverybodysAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("denied")
		var calls atomic.Int64
		tokens := &Tokens{Call: "get/token", Now: time.Now, Fetch: func(ctx context.Context, _ string) (Token, error) {
			calls.Add(1)
			return Token{}, errors.Join(sleep(ctx, time.Second), failed)
		}}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				_, err := tokens.Get(t.Context(), "")
				assert.ErrorIs(t, err, failed)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, calls.Load())
	})
}

func TestWhoIsInterruptedLeavesTheRenewalToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := tokens.Get(ctx, "")
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		wg.Go(func() {
			got, err := tokens.Get(t.Context(), "")
			assert.NoError(t, err)
			assert.Equal(t, "b", got)
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		assert.EqualValues(t, 2, calls.Load())
	})
}

func TestWaiterLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = tokens.Get(t.Context(), "") }) // only takes its time
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := tokens.Get(ctx, "")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
		wg.Wait()
	})
}
