package statetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

const (
	megabyte  = 1_000_000
	largeSize = 500 * megabyte // of a large state, as its lines are
	raceShare = 20             // of it: the race detector takes ten times the time and the memory

	anySize = 64 * megabyte // more memory than a state of no cards takes
)

// RunSizes checks that a backend keeps a state of a megabyte, and one of
// 500 MB: a million cards. Sizes are those of the lines, before they are
// compressed. start is as for [Run].
func RunSizes(t *testing.T, start func(t *testing.T) (open func() state.Backend)) {
	large := largeSize
	if underRace {
		large /= raceShare
	}
	for _, size := range []int{megabyte, large} {
		t.Run(fmt.Sprintf("%d MB", size/megabyte), func(t *testing.T) { keeps(t, start(t), size) })
	}
}

// keeps commits a state of that size, records a change, and reads it all back.
// Beside the cards themselves, it takes as much memory for a large state as for
// a small one.
func keeps(t *testing.T, open func() state.Backend, size int) {
	fleet := Fleet(size / lineSize(t))
	b := locked(t, open())
	s := read(t, b)
	watch := watchHeap()
	require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: fleet}))
	taken := watch.most()
	t.Logf("committing %d cards takes %d MB beside them", len(fleet), taken/megabyte)
	require.Less(t, taken, 2*size+anySize)

	last := len(fleet) - 1
	recorded := fleet[last]
	recorded.Last.Status = "停机"
	j := journal(t, b)
	require.NoError(t, j.Append(t.Context(), Put(recorded)))
	require.NoError(t, j.Close())
	*s = state.Snapshot{} // the next reading is another run's, which has no cards yet

	watch = watchHeap()
	s = read(t, open())
	taken = watch.most()
	t.Logf("reading them takes %d MB, with the cards", taken/megabyte)
	require.Less(t, taken, 3*size+anySize)
	require.EqualValues(t, 1, s.Serial)
	require.Equal(t, state.Edits{Put: []state.Card{recorded}}, state.Difference(&state.Snapshot{Cards: fleet}, &state.Snapshot{Cards: s.Cards}))
}

// Fleet is n cards as a carrier's fleet has them: bound, read, with packages.
// It is the same each time.
func Fleet(n int) []state.Card {
	random := rand.New(rand.NewPCG(1, 1))
	cards := make([]state.Card, n)
	packages := []spec.Package{ // shared: nobody writes to them
		{ID: "10002", Name: "国内通用流量包 100MB 月包", Expires: noon.AddDate(0, 1, 0)},
		{ID: "10003", Name: "国内语音包", Expires: noon.AddDate(0, 2, 0)},
	}
	for i := range cards {
		iccid := fmt.Sprintf("89860617%012d", i)
		imei := spec.IMEI(fmt.Sprintf("86%013d", random.Int64N(1e13)))
		at := noon.Add(-time.Duration(random.IntN(3_600_000)) * time.Millisecond)
		cards[i] = state.Card{
			Provider: "aliyun", ICCID: spec.ICCID(iccid), Address: `card.bike["` + iccid + `"]`,
			Binding: state.BoundTo(imei), Changed: at.AddDate(0, 0, -1),
			Last: state.Last{
				At: at, Status: "正常", Lifecycle: spec.Active, Has: spec.AttrBinding | spec.AttrPackages,
				IMEI: imei, Packages: packages,
			},
		}
	}
	return cards
}

// lineSize is how many bytes a card of a [Fleet] takes in a snapshot, on average.
func lineSize(t *testing.T) int {
	t.Helper()
	const cards = 100
	lines, err := json.Marshal(Fleet(cards))
	require.NoError(t, err)
	return len(lines) / cards
}

// heapWatch looks at the heap again and again, and keeps the most that it saw
// in use: what the last garbage collection couldn't free.
type heapWatch struct {
	before uint64
	stop   chan struct{}
	seen   chan uint64
}

func watchHeap() *heapWatch {
	runtime.GC()
	w := &heapWatch{before: liveHeap(), stop: make(chan struct{}), seen: make(chan uint64)}
	go w.look()
	return w
}

func (w *heapWatch) look() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	most := w.before
	for {
		select {
		case <-tick.C:
			most = max(most, liveHeap())
		case <-w.stop:
			w.seen <- most
			return
		}
	}
}

// most ends the watch, and is how many bytes came to be in use beside what was before.
func (w *heapWatch) most() int {
	close(w.stop)
	return int(<-w.seen - w.before)
}

func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
