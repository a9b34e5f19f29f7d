package s3

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// everywhere runs a test on a server in this process and on a real one.
func everywhere(t *testing.T, test func(t *testing.T, at *bucket)) {
	t.Run("in this process", func(t *testing.T) { test(t, fake(t)) })
	t.Run("versitygw", func(t *testing.T) { test(t, gateway(t)) })
}

func lockAs(t *testing.T, b *Backend, id string) (unlock func() error) {
	t.Helper()
	unlock, err := b.Lock(t.Context(), state.LockInfo{ID: id, Operation: "apply", Who: id + "@ci"})
	require.NoError(t, err)
	return unlock
}

func read(t *testing.T, b *Backend) *state.Snapshot {
	t.Helper()
	s, err := b.Read(t.Context())
	require.NoError(t, err)
	return s
}

// put are edits that leave these cards.
func put(cards ...state.Card) state.Edits { return state.Edits{Put: cards} }

func isLost(b *Backend) bool {
	select {
	case <-b.Lost():
		return true
	default:
		return false
	}
}

func TestADeadHoldersLeaseIsTakenOverAndTheFirstChangesNothingMore(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		first, second := at.open(t), at.open(t)
		unlockFirst := lockAs(t, first, "first")
		journal, err := first.Journal(t.Context())
		require.NoError(t, err)
		require.NoError(t, journal.Append(t.Context(), statetest.Put(statetest.Card(1, "by the first"))))

		at.clock.Advance(leaseTime - time.Second)
		_, err = second.Lock(t.Context(), state.LockInfo{ID: "second"})
		var held *state.LockedError
		require.ErrorAs(t, err, &held)
		require.Equal(t, "first@ci", held.Holder.Who)

		at.clock.Advance(time.Second)
		unlockSecond := lockAs(t, second, "second")
		now := read(t, second)
		require.Equal(t, "by the first", now.Cards[0].Last.Status, "what the first did is taken over")

		// The first wakes. Its clock alone tells it to stop.
		require.ErrorIs(t, journal.Append(t.Context(), statetest.Put(statetest.Card(2, "too late"))), errLost)
		require.ErrorIs(t, first.Commit(t.Context(), read(t, first), state.Edits{}), errLost)
		at.clock.beat(0)
		<-first.Lost()
		require.ErrorIs(t, first.Commit(t.Context(), read(t, first), state.Edits{}), errLost, "it doesn't lock again by itself")
		stale := read(t, first)
		require.ErrorIs(t, unlockFirst(), errLost)
		require.ErrorAs(t, first.Commit(t.Context(), stale, state.Edits{}), &held)

		require.Equal(t, now, read(t, second), "nothing of it came through")
		require.NoError(t, second.Commit(t.Context(), now, state.Edits{}))
		require.NoError(t, unlockSecond(), "the first's unlock left the second's lock alone")
		require.ErrorIs(t, first.Commit(t.Context(), stale, state.Edits{}), state.ErrConflict)
		require.Equal(t, now, read(t, second))
	})
}

// A run whose clock stands still, as a stopped process's does until it looks,
// believes in its lease. The lock in the store tells it otherwise.
func TestARunThatBelievesInItsLeaseLooksBeforeItWrites(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		first := at.open(t)
		unlockFirst := lockAs(t, first, "first")
		s := read(t, first)
		journal, err := first.Journal(t.Context())
		require.NoError(t, err)

		late := *at
		late.clock = &clock{now: at.clock.Now().Add(2 * leaseTime)}
		second := late.open(t)
		unlock := lockAs(t, second, "second")
		require.ErrorIs(t, journal.Append(t.Context(), statetest.Put(statetest.Card(2, "too late"))), errLost)
		require.ErrorIs(t, first.Commit(t.Context(), s, put(statetest.Card(2, "too late"))), errLost)
		require.Empty(t, read(t, second).Cards)
		require.NoError(t, unlock())
		require.ErrorIs(t, journal.Append(t.Context(), statetest.Put(statetest.Card(2, "too late"))), errLost)
		require.ErrorIs(t, unlockFirst(), errLost)
	})
}

// takenOver opens the state for a run that loses its lease between its look at
// the lock and its next write to an object whose name has that part: by then
// another run has taken over, and has done what the test says.
func takenOver(t *testing.T, at *bucket, object string, then func(second *Backend)) *Backend {
	t.Helper()
	late := *at
	late.clock = &clock{now: at.clock.Now().Add(2 * leaseTime)}
	second := late.open(t)
	var once sync.Once
	slow := *at
	slow.through = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, object) {
			once.Do(func() { then(second) })
		}
		return transport.RoundTrip(r)
	})
	return slow.open(t)
}

// Whoever wrote between that look and the write is found out by the store.
func TestARunThatIsTakenOverAfterItsLookIsStoppedByTheStore(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		var unlockSecond func() error
		first := takenOver(t, at, ".state", func(second *Backend) {
			unlockSecond = lockAs(t, second, "second")
			require.NoError(t, second.Commit(t.Context(), read(t, second), put(statetest.Card(1, "by the second"))))
		})
		unlockFirst := lockAs(t, first, "first")
		s := read(t, first)
		require.ErrorIs(t, first.Commit(t.Context(), s, put(statetest.Card(2, "too late"))), state.ErrConflict)
		require.Equal(t, &state.Snapshot{}, s, "a refused commit leaves the snapshot as it was")
		require.ErrorIs(t, unlockFirst(), errLost)
		require.Equal(t, []state.Card{statetest.Card(1, "by the second")}, read(t, at.open(t)).Cards)
		require.NoError(t, unlockSecond())
	})
}

func TestOfTwoJournalsOneIsStoppedByTheStore(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		var theirs state.Journal
		var unlockSecond func() error
		first := takenOver(t, at, "/0000000001", func(second *Backend) {
			unlockSecond = lockAs(t, second, "second")
			var err error
			theirs, err = second.Journal(t.Context())
			require.NoError(t, err)
			require.NoError(t, theirs.Append(t.Context(), statetest.Put(statetest.Card(1, "by the second"))))
		})
		unlockFirst := lockAs(t, first, "first")
		mine, err := first.Journal(t.Context())
		require.NoError(t, err)
		err = mine.Append(t.Context(), statetest.Put(statetest.Card(2, "too late")))
		require.ErrorContains(t, err, "another run writes this journal")
		require.ErrorIs(t, unlockFirst(), errLost)
		require.NoError(t, theirs.Append(t.Context(), statetest.Put(statetest.Card(3, "by the second"))))
		require.Len(t, read(t, at.open(t)).Cards, 2)
		require.NoError(t, unlockSecond())
	})
}

func TestARunWithoutTheLockKeepsItWhileItWrites(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		first, second := at.open(t), at.open(t)
		j, err := first.Journal(t.Context())
		require.NoError(t, err)
		require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, "by the first"))))
		var held *state.LockedError
		_, err = second.Journal(t.Context())
		require.ErrorAs(t, err, &held)
		require.Equal(t, "journal", held.Holder.Operation)
		require.ErrorAs(t, second.Commit(t.Context(), read(t, second), state.Edits{}), &held)
		require.NoError(t, j.Close())
		require.NoError(t, second.Commit(t.Context(), read(t, second), state.Edits{}))
		require.Nil(t, first.Lost())
		require.Nil(t, second.Lost())
	})
}

func TestALeaseThatIsRenewedLivesOn(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		first, second := at.open(t), at.open(t)
		require.Nil(t, first.Lost(), "nothing is locked")
		unlock := lockAs(t, first, "first")
		for range 10 {
			at.clock.Advance(heartbeat)
			at.clock.beat(0)
			at.clock.beat(0) // taken once the one before went by
			_, err := second.Lock(t.Context(), state.LockInfo{})
			var held *state.LockedError
			require.ErrorAs(t, err, &held)
			require.False(t, isLost(first))
		}
		require.NoError(t, unlock())
		require.NoError(t, unlock(), "a second unlock is harmless")
		require.Nil(t, first.Lost())
	})
}

func TestOfManyWhoTakeOverALeaseOneHasIt(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		unlockDead := lockAs(t, at.open(t), "dead")
		at.clock.Advance(leaseTime)
		const many = 8
		errs := make(chan error, many)
		var unlocks [many]func() error
		for i := range many {
			b := at.open(t)
			go func() {
				var err error
				unlocks[i], err = b.Lock(context.Background(), state.LockInfo{})
				errs <- err
			}()
		}
		won := 0
		for range many {
			err := <-errs
			var held *state.LockedError
			if err == nil {
				won++
			} else {
				require.ErrorAs(t, err, &held)
			}
		}
		require.Equal(t, 1, won)
		for _, unlock := range unlocks {
			if unlock != nil {
				require.NoError(t, unlock())
			}
		}
		require.ErrorIs(t, unlockDead(), errLost)
	})
}

func TestALeaseIsLostWhereTheStoreCannotBeReached(t *testing.T) {
	at := fake(t)
	away := false
	at.through = roundTrip(func(r *http.Request) (*http.Response, error) {
		if away {
			return nil, errors.New("the network is down")
		}
		return transport.RoundTrip(r)
	})
	b := at.open(t)
	b.store.api = quick(b)
	unlock := lockAs(t, b, "first")
	away = true
	for range 2 {
		at.clock.Advance(heartbeat)
		require.ErrorContains(t, b.renew(t.Context(), b.lease), "the network is down")
		require.True(t, b.lease.heart.Alive(), "a heartbeat or two may fail")
	}
	at.clock.Advance(heartbeat)
	at.clock.beat(0)
	<-b.Lost()
	require.ErrorContains(t, unlock(), "the network is down")
}

func TestForceUnlockRemovesThatLockAndNoOther(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		dead, b := at.open(t), at.open(t)
		require.ErrorIs(t, b.ForceUnlock(t.Context(), "dead"), state.ErrNotLocked)
		unlockDead := lockAs(t, dead, "dead")
		var held *state.LockedError
		require.ErrorAs(t, b.ForceUnlock(t.Context(), "another"), &held)
		require.Equal(t, "dead", held.Holder.ID)
		require.NoError(t, b.ForceUnlock(t.Context(), "dead"))
		unlock := lockAs(t, b, "next")
		require.NoError(t, unlock())
		at.clock.beat(0)
		<-dead.Lost()
		require.ErrorIs(t, unlockDead(), errLost)
	})
}

func TestALockThatIsNoneOfOursIsLeftAlone(t *testing.T) {
	at := fake(t)
	b := at.open(t)
	_, err := b.store.put(t.Context(), b.lockKey(), strings.NewReader("busy"), "", "1")
	require.NoError(t, err)
	_, err = b.Lock(t.Context(), state.LockInfo{})
	require.ErrorContains(t, err, at.settings.Key+".lock is no lock of cardfleet: look at it, and delete it by hand")
	require.ErrorContains(t, b.ForceUnlock(t.Context(), "x"), "is no lock of cardfleet")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The answer to each conditional write is lost once, and the SDK sends it
// again: what it finds is its own first write.
func TestAWriteWhoseAnswerWasLostIsKnownAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		lost := map[string]bool{}
		at.through = roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := transport.RoundTrip(r)
			if id := r.Header.Get("X-Amz-Meta-" + writeID); err == nil && r.Method == http.MethodPut && id != "" && !lost[id] {
				lost[id] = true
				_ = answer.Body.Close()
				return nil, errors.New("connection reset by peer")
			}
			return answer, err
		})
		b := at.open(t)
		b.store.api = quick(b)
		unlock := lockAs(t, b, "first")
		at.clock.Advance(heartbeat)
		at.clock.beat(0)
		journal, err := b.Journal(t.Context())
		require.NoError(t, err)
		require.NoError(t, journal.Append(t.Context(), statetest.Put(statetest.Card(1, "once"))))
		s := read(t, b)
		require.Len(t, s.Cards, 1)
		require.NoError(t, b.Commit(t.Context(), s, state.Edits{}))
		require.EqualValues(t, 1, read(t, b).Serial)
		require.NoError(t, unlock())
		require.GreaterOrEqual(t, len(lost), 4, "lock, heartbeat, journal, snapshot")
	})
}

func TestARenewalAfterALostOneIsKnownAgain(t *testing.T) {
	at := fake(t)
	b := at.open(t)
	unlock := lockAs(t, b, "first")
	// A renewal of ours that nobody heard of:
	l := &lease{info: b.lease.info}
	require.NoError(t, b.writeLock(t.Context(), l, b.lease.etag))
	at.clock.Advance(heartbeat)
	require.NoError(t, b.renew(t.Context(), b.lease))
	require.NoError(t, unlock())
}

func TestTheLockObjectSaysWhoHasIt(t *testing.T) {
	at := fake(t)
	b := at.open(t)
	unlock := lockAs(t, b, "first")
	body, _, err := b.store.get(t.Context(), b.lockKey())
	require.NoError(t, err)
	var text bytes.Buffer
	_, err = text.ReadFrom(body)
	require.NoError(t, err)
	require.JSONEq(t, `{"ID":"first","Operation":"apply","Info":"","Who":"first@ci","Version":"","Created":"2026-11-21T12:00:00Z",
		"Path":"s3://`+at.settings.Bucket+`/fleets/hangzhou west.state","Expires":"2026-11-21T12:01:00Z"}`, text.String())
	require.NoError(t, unlock())
}

// A bucket that answers 503 for less than the lease may be counted on ends
// nothing: journal and commit wait, and say so. An answer that is lost then is
// known again.
func TestAStoreThatIsAwayForAWhileEndsNoRun(t *testing.T) {
	at := fake(t)
	var left atomic.Int64 // how many more requests find nobody
	at.through = roundTrip(func(r *http.Request) (*http.Response, error) {
		if left.Add(-1) < 0 {
			return transport.RoundTrip(r)
		}
		if left.Load() == 0 && r.Method == http.MethodPut { // it is done, and nobody hears of it
			if answer, err := transport.RoundTrip(r); err == nil {
				_ = answer.Body.Close()
			}
		}
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	b := at.open(t)
	b.store.api = quick(b)
	var said []string
	b.env.Sleep = func(ctx context.Context, d time.Duration) error { at.clock.Advance(d); return ctx.Err() }
	b.env.Away = func(err error) {
		if err == nil {
			said = append(said, "back")
			return
		}
		require.ErrorContains(t, err, "503")
		said = append(said, "away")
	}
	unlock := lockAs(t, b, "first")
	journal, err := b.Journal(t.Context())
	require.NoError(t, err)
	left.Store(12)
	require.NoError(t, journal.Append(t.Context(), statetest.Put(statetest.Card(1, "while it was away"))))
	require.Equal(t, []string{"away", "back"}, said)
	left.Store(0)
	s := read(t, b)
	left.Store(12)
	require.NoError(t, b.Commit(t.Context(), s, state.Edits{}))
	require.Equal(t, []string{"away", "back", "away", "back"}, said)
	left.Store(0)
	require.EqualValues(t, 1, read(t, b).Serial)
	require.Len(t, read(t, b).Cards, 1)
	require.NoError(t, unlock())
}
