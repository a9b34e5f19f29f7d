package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// quick is the backend's client, without a pause before it sends again.
func quick(b *Backend) *awss3.Client {
	o := b.store.api.Options()
	o.Retryer = nopause{o.Retryer}
	return awss3.New(o)
}

type nopause struct{ aws.Retryer }

func (nopause) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// cut lets n requests through and stops the world then: with the nth one
// either not sent, or sent and its answer lost.
type cut struct {
	mu   sync.Mutex
	left int
	sent bool
}

var errCut = errors.New("the machine is gone")

func (c *cut) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.left--
	left := c.left
	c.mu.Unlock()
	if left > 0 {
		return transport.RoundTrip(r)
	}
	if left == 0 && c.sent {
		if answer, err := transport.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
		}
	}
	return nil, errCut
}

func (c *cut) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left <= 0
}

func TestACrashAtAnyRequestLosesNothing(t *testing.T) {
	for _, sent := range []bool{false, true} {
		at := fake(t)
		for n := 1; ; n++ {
			at.settings.Key = fmt.Sprintf("%t/%d.state", sent, n)
			at.through = nil
			b := at.open(t)
			require.NoError(t, b.Commit(t.Context(), read(t, b), put(statetest.Card(1, "first"))))

			c := &cut{left: n, sent: sent}
			at.through = c
			dying := at.open(t)
			dying.store.api = quick(dying)
			acked, committed := applyOnce(dying)

			at.through = nil
			after := read(t, at.open(t))
			when := fmt.Sprintf("cut at request %d, sent: %t", n, sent)
			if committed {
				require.EqualValues(t, 2, after.Serial, when)
			}
			require.Contains(t, []uint64{1, 2}, after.Serial, when)
			for i := range acked {
				require.NotNil(t, after.Card(cardID(10+i).ICCID), "%s: acknowledged record %d is lost", when, i)
			}
			goOn(t, at, when)
			if !c.over() {
				require.True(t, committed)
				require.Greater(t, n, 10, "a run has more requests than that")
				break
			}
		}
	}
}

func cardID(n int) spec.CardID {
	c := statetest.Card(n, "")
	return c.ID()
}

// applyOnce does what a run does, and says how many records it was told are
// durable, and whether the commit is.
func applyOnce(b *Backend) (acked int, committed bool) {
	ctx := context.Background()
	unlock, err := b.Lock(ctx, state.LockInfo{Operation: "apply"})
	if err != nil {
		return 0, false
	}
	defer func() { _ = unlock() }() // where the machine is gone, it says so
	s, err := b.Read(ctx)
	if err != nil {
		return 0, false
	}
	j, err := b.Journal(ctx)
	if err != nil {
		return 0, false
	}
	var made state.Edits
	for i := range 3 {
		card := statetest.Card(10+i, "journal")
		if j.Append(ctx, statetest.Put(card)) != nil {
			return acked, false
		}
		made.Put = append(made.Put, card)
		acked++
	}
	return acked, b.Commit(ctx, s, made) == nil
}

// goOn is the next run, which finds whatever lies around.
func goOn(t *testing.T, at *bucket, when string) {
	t.Helper()
	at.clock.Advance(leaseTime)
	b := at.open(t)
	unlock := lockAs(t, b, "next")
	j, err := b.Journal(t.Context())
	require.NoError(t, err, when)
	require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(20, "next"))), when)
	s := read(t, b)
	require.NoError(t, b.Commit(t.Context(), s, state.Edits{}), when)
	require.Equal(t, s, read(t, at.open(t)), when)
	require.NoError(t, unlock(), when)
	list, err := b.store.list(t.Context(), b.journalPrefix())
	require.NoError(t, err)
	require.Empty(t, list, "%s: the journal is dropped", when)
	history, err := b.History(t.Context())
	require.NoError(t, err)
	require.Len(t, history, int(s.Serial)-1, "%s: no version is missing", when)
}

// fearless takes a lock that a killed process left, without waiting for its end.
type fearless struct{ *Backend }

func (b fearless) Lock(ctx context.Context, info state.LockInfo) (func() error, error) {
	unlock, err := b.Backend.Lock(ctx, info)
	var held *state.LockedError
	if !errors.As(err, &held) {
		return unlock, err
	}
	if err := b.ForceUnlock(ctx, held.Holder.ID); err != nil {
		return nil, err
	}
	return b.Backend.Lock(ctx, info)
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	place := ""
	if os.Getenv("CARDFLEET_CRASH_PLACE") == "" { // the child is told the place by statetest
		text, err := json.Marshal(gateway(t).settings)
		require.NoError(t, err)
		place = string(text)
	}
	statetest.Crash(t, place, func(place string) state.Backend {
		at := bucket{clock: &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}}
		require.NoError(t, json.Unmarshal([]byte(place), &at.settings))
		return fearless{at.open(t)}
	})
}
