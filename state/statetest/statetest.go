// Package statetest is the one suite that every state backend passes: [Run]
// checks what [state.Backend] promises, and [Crash] kills a process that
// writes, over and over, and looks whether anything was lost.
package statetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Run runs the suite. start makes a new, empty store, and returns a function
// that opens it once more, as another run on another machine would.
func Run(t *testing.T, start func(t *testing.T) (open func() state.Backend)) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T, open func() state.Backend)
	}{
		{"an empty store reads as the zero snapshot", emptyRead},
		{"what is committed is read", commitAndRead},
		{"a commit on an older state is refused", staleCommit},
		{"a commit of another fleet is refused", otherLineage},
		{"of racing writers one wins", racingWriters},
		{"a lock keeps others out and names its holder", lock},
		{"a run without a lock writes all the same", withoutLock},
		{"what is appended is read", appendAndRead},
		{"a journal goes on where it ended", journalGoesOn},
		{"many append at once", manyAppend},
		{"a commit ends the journal", commitEndsJournal},
		{"an unlock ends the journal", unlockEndsJournal},
		{"a reader beside a writer sees whole states", readBesideWriter},
		{"a context that is over does nothing", overContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, start(t)) })
	}
}

// Card is a valid card whose reading says status; the suite's cards differ in n.
func Card(n int, status string) state.Card {
	iccid := spec.ICCID(fmt.Sprintf("8986061703001730%04d", n))
	return state.Card{
		Provider: "aliyun", ICCID: iccid, Address: fmt.Sprintf("card.n%d", n),
		Last: state.Last{At: noon, Status: status, Lifecycle: spec.Active},
	}
}

// Put is a record that remembers the card.
func Put(c state.Card) state.Record {
	return state.Record{Type: state.PutRecord, At: noon, Provider: c.Provider, ICCID: c.ICCID, Card: &c}
}

func read(t *testing.T, b state.Backend) *state.Snapshot {
	t.Helper()
	s, err := b.Read(t.Context())
	require.NoError(t, err)
	require.NotNil(t, s)
	return s
}

// locked locks the state until the test ends.
func locked(t *testing.T, b state.Backend) state.Backend {
	t.Helper()
	unlock, err := b.Lock(t.Context(), state.LockInfo{Operation: "apply"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, unlock()) })
	return b
}

// commit replaces what is stored by s, if that has the lineage and the serial of s.
func commit(ctx context.Context, b state.Backend, s *state.Snapshot) error {
	stored, err := b.Read(ctx)
	if err != nil {
		return err
	}
	prior := &state.Snapshot{Lineage: s.Lineage, Serial: s.Serial, Cards: stored.Cards}
	if err := b.Commit(ctx, prior, state.Difference(stored, s)); err != nil {
		return err
	}
	*s = *prior
	return nil
}

func journal(t *testing.T, b state.Backend) state.Journal {
	t.Helper()
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	return j
}

func emptyRead(t *testing.T, open func() state.Backend) {
	require.Equal(t, &state.Snapshot{}, read(t, open()))
}

func commitAndRead(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	s := read(t, b)
	s.Cards = []state.Card{Card(1, "正常"), Card(2, "停机")}
	require.NoError(t, commit(t.Context(), b, s))
	require.EqualValues(t, 1, s.Serial)
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, s.Lineage)
	require.Equal(t, s, read(t, open()))

	lineage := s.Lineage
	s.Cards = s.Cards[:1]
	require.NoError(t, commit(t.Context(), b, s))
	require.EqualValues(t, 2, s.Serial)
	require.Equal(t, lineage, s.Lineage, "a fleet keeps its lineage")
	require.Equal(t, s, read(t, open()))
}

func staleCommit(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	stale := read(t, b)
	now := read(t, b)
	now.Cards = []state.Card{Card(1, "now")}
	require.NoError(t, commit(t.Context(), b, now))
	require.ErrorIs(t, commit(t.Context(), b, stale), state.ErrConflict)
	require.Equal(t, &state.Snapshot{}, stale, "a refused commit leaves the snapshot as it was")
	require.Equal(t, now, read(t, b))
}

func otherLineage(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	s := read(t, b)
	require.NoError(t, commit(t.Context(), b, s))
	other := &state.Snapshot{Lineage: "another", Serial: s.Serial}
	require.ErrorIs(t, commit(t.Context(), b, other), state.ErrConflict)
}

// racingWriters commits without the lock, as a run does whose lock was taken over.
func racingWriters(t *testing.T, open func() state.Backend) {
	const writers, rounds = 4, 10
	for round := range rounds {
		errs := make([]error, writers)
		snaps := make([]*state.Snapshot, writers)
		for i := range snaps {
			snaps[i] = read(t, open())
			snaps[i].Cards = []state.Card{Card(i, fmt.Sprint("round ", round))}
		}
		var wg sync.WaitGroup
		for i := range writers {
			b := open()
			wg.Go(func() { errs[i] = commit(t.Context(), b, snaps[i]) })
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			if err == nil {
				require.Equal(t, -1, winner, "round %d: two writers won", round)
				winner = i
				continue
			}
			var held *state.LockedError
			require.True(t, errors.Is(err, state.ErrConflict) || errors.As(err, &held), "round %d: %v", round, err)
		}
		require.NotEqual(t, -1, winner, "round %d: nobody won: %v", round, errs)
		require.Equal(t, snaps[winner], read(t, open()))
	}
}

func lock(t *testing.T, open func() state.Backend) {
	first, second := open(), open()
	info := state.LockInfo{
		ID: "0c1f", Operation: "apply", Info: "https://ci.example/runs/7", Who: "wei@hangzhou",
		Version: "0.1.0", Created: noon, Path: "fleet.state",
	}
	unlock, err := first.Lock(t.Context(), info)
	require.NoError(t, err)
	for _, b := range []state.Backend{first, second} {
		_, err = b.Lock(t.Context(), state.LockInfo{Operation: "plan"})
		var held *state.LockedError
		require.ErrorAs(t, err, &held)
		require.Equal(t, info, held.Holder)
		if b == second {
			require.Equal(t, lockEndOf(b), held.End)
		}
	}
	require.NoError(t, unlock())

	unlock, err = second.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err, "an unlocked state can be locked")
	require.NoError(t, unlock())
}

// lockEndOf is what becomes of a dead run's lock, by what the backend can do.
func lockEndOf(b state.Backend) state.LockEnd {
	if _, leased := b.(state.Leased); leased {
		return state.RunsOut
	}
	if _, byHand := b.(state.ForceUnlocker); byHand {
		return state.NeverEnds
	}
	return state.WithProcess
}

// withoutLock writes without a lock, where that can be done at all.
func withoutLock(t *testing.T, open func() state.Backend) {
	b := open()
	lockless, ok := b.(state.Lockless)
	if !ok {
		_, leased := b.(state.Leased)
		require.True(t, leased, "only a backend whose writes name a lease can't do without")
		return
	}
	lockless.WithoutLock()
	s := read(t, b)
	j := journal(t, b)
	require.NoError(t, j.Append(t.Context(), Put(Card(1, "in the journal"))))
	unlock, err := open().Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err, "it keeps nobody out")
	require.NoError(t, unlock())
	s.Cards = []state.Card{Card(1, "committed")}
	require.NoError(t, commit(t.Context(), b, s))
	require.NoError(t, j.Close())
	require.Equal(t, s, read(t, open()))
}

func appendAndRead(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	j := journal(t, b)
	card := Card(1, "adopted")
	require.NoError(t, j.Append(t.Context(), Put(card)))
	require.Equal(t, []state.Card{card}, read(t, open()).Cards)

	intent := state.Record{Type: state.IntentRecord, Action: "a1", At: noon, Provider: card.Provider, ICCID: card.ICCID, Intent: &state.Intent{Change: spec.Change{Kind: spec.Stop}, Key: "77"}}
	require.NoError(t, j.Append(t.Context(), intent))
	doubt := state.Doubt{Change: spec.Change{Kind: spec.Stop}, Key: "77", Since: noon, Reason: state.Unanswered}
	require.Equal(t, []state.Doubt{doubt}, read(t, open()).Cards[0].Doubts)

	require.NoError(t, j.Append(t.Context(), state.Record{Type: state.OutcomeRecord, Action: "a1", At: noon, Provider: card.Provider, ICCID: card.ICCID}))
	require.Equal(t, []state.Card{card}, read(t, open()).Cards)

	require.NoError(t, j.Append(t.Context(), state.Record{Type: state.DropRecord, At: noon, Provider: card.Provider, ICCID: card.ICCID}))
	require.Empty(t, read(t, open()).Cards)
	require.NoError(t, j.Close())
	require.NoError(t, j.Close(), "a second Close is harmless")
	require.Error(t, j.Append(t.Context(), Put(card)), "a closed journal takes nothing")
	require.Empty(t, read(t, open()).Cards)
}

func journalGoesOn(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	for n := range 3 {
		j := journal(t, b)
		require.NoError(t, j.Append(t.Context(), Put(Card(n, "")), Put(Card(n, "again"))))
		require.NoError(t, j.Close())
		require.Len(t, read(t, open()).Cards, n+1)
	}
	s := read(t, b)
	require.NoError(t, commit(t.Context(), b, s))
	j := journal(t, b)
	require.NoError(t, j.Append(t.Context(), Put(Card(7, "after the commit"))))
	require.NoError(t, j.Close())
	require.Len(t, read(t, open()).Cards, 4)
}

func manyAppend(t *testing.T, open func() state.Backend) {
	const appenders, each = 16, 20
	j := journal(t, locked(t, open()))
	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() {
			for i := range each {
				assert.NoError(t, j.Append(t.Context(), Put(Card(a*each+i, ""))))
			}
		})
	}
	wg.Wait()
	require.NoError(t, j.Close())
	require.Len(t, read(t, open()).Cards, appenders*each)
}

func commitEndsJournal(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	j := journal(t, b)
	require.NoError(t, j.Append(t.Context(), Put(Card(1, "journal"))))
	s := read(t, b)
	s.Cards[0] = Card(1, "commit")
	require.NoError(t, commit(t.Context(), b, s))
	require.Equal(t, s, read(t, open()), "a committed state isn't changed by the journal before it")
	require.Error(t, j.Append(t.Context(), Put(Card(2, "late"))))
	require.NoError(t, j.Close())
	require.Equal(t, s, read(t, open()))
}

func unlockEndsJournal(t *testing.T, open func() state.Backend) {
	b := open()
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	j := journal(t, b)
	require.NoError(t, unlock())
	require.Error(t, j.Append(t.Context(), Put(Card(1, ""))))
	locked(t, open())
}

// readBesideWriter: the writer's cards all have one status, which rises with
// each step, whether it goes through the journal or a commit.
func readBesideWriter(t *testing.T, open func() state.Backend) {
	const cards, rounds = 5, 40
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		b := open()
		wg.Go(func() { readWhole(t, b, cards, stop) })
	}
	b := locked(t, open())
	for round := range rounds {
		var records []state.Record
		for n := range cards {
			records = append(records, Put(Card(n, fmt.Sprintf("%03d", round))))
		}
		j := journal(t, b)
		assert.NoError(t, j.Append(t.Context(), records...))
		if round%2 == 1 {
			s := read(t, b)
			assert.NoError(t, commit(t.Context(), b, s))
		}
		assert.NoError(t, j.Close())
	}
	close(stop)
	wg.Wait()
}

// readWhole reads until stop, and checks that no state is half one, half another, or older than one before.
func readWhole(t *testing.T, b state.Backend, cards int, stop <-chan struct{}) {
	last := ""
	for {
		select {
		case <-stop:
			return
		default:
		}
		s, err := b.Read(t.Context())
		if !assert.NoError(t, err) {
			return
		}
		if len(s.Cards) == 0 && last == "" {
			continue
		}
		if !assert.Len(t, s.Cards, cards, "after %q", last) {
			return
		}
		for i := range s.Cards {
			if !assert.Equal(t, s.Cards[0].Last.Status, s.Cards[i].Last.Status) {
				return
			}
		}
		if !assert.GreaterOrEqual(t, s.Cards[0].Last.Status, last, "the state went back") {
			return
		}
		last = s.Cards[0].Last.Status
	}
}

func overContext(t *testing.T, open func() state.Backend) {
	b := open()
	j := journal(t, locked(t, b))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, readErr := b.Read(over)
	_, lockErr := open().Lock(over, state.LockInfo{})
	_, journalErr := open().Journal(over)
	for _, err := range []error{
		readErr, lockErr, journalErr,
		j.Append(over, Put(Card(1, ""))),
		b.Commit(over, &state.Snapshot{}, state.Edits{}),
	} {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, j.Close())
	require.Equal(t, &state.Snapshot{}, read(t, b))
}
