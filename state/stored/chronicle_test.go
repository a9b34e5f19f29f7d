package stored_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// memSegments keeps segments in memory, and fails each Put from the nth on.
type memSegments struct {
	texts   map[string][]byte
	written int // entries' bytes that were put
	puts    int
	failAt  int // 0: never
}

func (m *memSegments) List(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(m.texts)), nil
}

func (m *memSegments) Get(_ context.Context, name string) ([]byte, error) {
	if text, ok := m.texts[name]; ok {
		return text, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memSegments) Put(_ context.Context, name string, text []byte) error {
	if m.puts++; m.failAt > 0 && m.puts >= m.failAt {
		return context.DeadlineExceeded
	}
	m.texts[name] = bytes.Clone(text)
	m.written += len(text)
	return nil
}

func (m *memSegments) Remove(_ context.Context, names []string) error {
	for _, name := range names {
		delete(m.texts, name)
	}
	return nil
}

// journalAt is a journal of so many events, of cards that differ, of one run.
func journalAt(serial uint64, at time.Time, events int) []state.Record {
	run := &state.Run{ID: fmt.Sprintf("run-%d", serial), Operation: "apply", Started: at}
	records := []state.Record{{Type: state.RunRecord, Serial: serial, Seq: 1, At: at, Run: run}}
	for n := range events {
		iccid := spec.ICCID(fmt.Sprintf("8986061703%09d0", n))
		records = append(records, state.Record{
			Type: state.OutcomeRecord, Serial: serial, Seq: uint64(n + 2), At: at, Provider: "aliyun", ICCID: iccid,
			Event: &state.Event{At: at, ICCID: iccid, Provider: "aliyun", Change: spec.Change{Kind: spec.Stop}, Outcome: "done"},
		})
	}
	return records
}

func take(c *stored.Chronicle, journal []state.Record) error {
	return c.Take(context.Background(), stored.BeginningOf(journal), func(visit func(*state.Entry) error) error {
		return stored.Entries(journal, visit)
	})
}

func found(t testing.TB, c *stored.Chronicle, q state.EventQuery) (serials []uint64) {
	t.Helper()
	o, err := c.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, o.Each(q, func(e *state.Entry) error {
		if e.Event != nil {
			serials = append(serials, e.Serial)
		}
		return nil
	}))
	return serials
}

func TestAHistoryIsAFewSegmentsHoweverManyCommitsItHas(t *testing.T) {
	const commits = 500
	m := &memSegments{texts: map[string][]byte{}}
	c := &stored.Chronicle{Store: m, Now: func() time.Time { return noon }}
	for n := range commits {
		require.NoError(t, take(c, journalAt(uint64(n), noon.Add(time.Duration(n)*time.Hour), 3)))
		require.Less(t, len(m.texts), 12, "after %d commits", n+1)
	}
	require.Len(t, found(t, c, state.EventQuery{}), 3*commits)
	require.Len(t, found(t, c, state.EventQuery{ICCIDs: []spec.ICCID{"89860617030000000020"}}), commits)
	require.Equal(t, []uint64{123, 123, 123}, found(t, c, state.EventQuery{Run: "run-123"}))
	require.True(t, slices.IsSorted(found(t, c, state.EventQuery{})))
	size := 0
	for _, text := range m.texts {
		size += len(text)
	}
	require.Less(t, m.written, 50*size, "each entry is written about once for each doubling")
}

func TestWhatIsTooOldGoesAndTheRestStays(t *testing.T) {
	m := &memSegments{texts: map[string][]byte{}}
	now := noon
	c := &stored.Chronicle{Store: m, Now: func() time.Time { return now }, Keep: 30 * 24 * time.Hour}
	for n := range 200 {
		now = noon.Add(time.Duration(n) * 24 * time.Hour)
		require.NoError(t, take(c, journalAt(uint64(n), now, 1)))
	}
	serials := found(t, c, state.EventQuery{})
	require.LessOrEqual(t, serials[0], uint64(169), "nothing that is younger than 30 days is dropped")
	require.Greater(t, serials[0], uint64(30), "what is much older is")
	require.Equal(t, uint64(199), serials[len(serials)-1])
}

// A journal of more than a segment takes is several segments. Wherever a crash comes
// between, the next attempt goes on, and a reader takes the journal for the better
// source meanwhile.
func TestALongJournalIsTakenOnceWhereverItIsCutShort(t *testing.T) {
	journal := journalAt(7, noon, 150_000)
	for fail := 1; ; fail++ {
		m := &memSegments{texts: map[string][]byte{}, failAt: fail}
		c := &stored.Chronicle{Store: m, Now: func() time.Time { return noon }}
		before := journalAt(6, noon.Add(-time.Hour), 1)
		m.failAt = 0
		require.NoError(t, take(c, before))
		m.puts, m.failAt = 0, fail
		err := take(c, journal)
		o, openErr := c.Open(t.Context())
		require.NoError(t, openErr)
		if err == nil {
			require.True(t, o.Took(stored.BeginningOf(journal)))
			require.Len(t, found(t, c, state.EventQuery{}), 150_001)
			return
		}
		require.False(t, o.Took(stored.BeginningOf(journal)), "cut short at write %d", fail)
		left := 0
		require.NoError(t, o.Each(state.EventQuery{}, func(*state.Entry) error { left++; return nil }))
		require.Equal(t, 2, left, "the part of it that is there is left out")
		m.failAt = 0
		require.NoError(t, take(c, journal))
		require.NoError(t, take(c, journal), "once more is nothing")
		require.Len(t, found(t, c, state.EventQuery{}), 150_001, "cut short at write %d", fail)
	}
}

func TestADamagedSegmentIsFoundOutAndStopsNoCommit(t *testing.T) {
	m := &memSegments{texts: map[string][]byte{}}
	c := &stored.Chronicle{Store: m, Now: func() time.Time { return noon }}
	require.NoError(t, take(c, journalAt(1, noon, 40)))
	name := slices.Collect(maps.Keys(m.texts))[0]
	whole := m.texts[name]
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		m.texts[name] = damaged
		o, err := c.Open(t.Context())
		if err == nil { // a bit of the header that says no more than a time
			_ = o.Each(state.EventQuery{}, func(*state.Entry) error { return nil })
			require.Less(t, i, bytes.IndexByte(whole, '\n'))
			continue
		}
		require.True(t, strings.Contains(err.Error(), name), err)
	}
	m.texts[name] = whole[:len(whole)/2]
	require.NoError(t, take(c, journalAt(2, noon, 1)))
	require.Len(t, m.texts, 2)
}

func FuzzSegment(f *testing.F) {
	m := &memSegments{texts: map[string][]byte{}}
	c := &stored.Chronicle{Store: m, Now: func() time.Time { return noon }}
	require.NoError(f, take(c, journalAt(1, noon, 3)))
	for _, text := range m.texts {
		f.Add(text)
		f.Add(text[:len(text)-9])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &memSegments{texts: map[string][]byte{"0000000001-0000000001": text}}
		c := &stored.Chronicle{Store: m, Now: func() time.Time { return noon }}
		if o, err := c.Open(t.Context()); err == nil {
			_ = o.Each(state.EventQuery{}, func(*state.Entry) error { return nil })
			_ = o.Each(state.EventQuery{Run: "run-1", ICCIDs: []spec.ICCID{"89860617030000000020"}}, func(*state.Entry) error { return nil })
		}
		_ = take(c, journalAt(2, noon, 1))
	})
}

// BenchmarkACardInAMillion finds one card's history.
func BenchmarkACardInAMillion(b *testing.B) {
	m := &memSegments{texts: map[string][]byte{}}
	c := &stored.Chronicle{Store: m, Now: func() time.Time { return noon }}
	for n := range 20 {
		require.NoError(b, take(c, journalAt(uint64(n), noon.Add(time.Duration(n)*time.Hour), 50_000)))
	}
	b.ReportMetric(float64(len(m.texts)), "segments")
	for b.Loop() {
		require.Len(b, found(b, c, state.EventQuery{ICCIDs: []spec.ICCID{"89860617030000420000"}}), 20)
	}
}
