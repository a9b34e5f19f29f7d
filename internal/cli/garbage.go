package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// The shares of garbage at which it is collected: as Go has it, and until the first
// collection.
const (
	usualGarbage = 100
	earlyGarbage = 200
)

// SpareSmallRuns puts the process's first collection of garbage off until 8 MB are in
// use, in place of Go's 4 MB, which a run of a single card just reaches: it would cost
// an eighth of such a run. With 16 MB, one of 1,000 cards took a quarter more memory. GOGC of the environment, where it is set, counts before that.
func SpareSmallRuns(gogc string) {
	if gogc != "" {
		return
	}
	debug.SetGCPercent(earlyGarbage)
	afterCollection(func() { collectAsEver(usualGarbage) })
}

// collectAsEver has garbage collected at a share of it, unless a large fleet chose
// another meanwhile.
func collectAsEver(share int) {
	if was := debug.SetGCPercent(share); was != earlyGarbage {
		debug.SetGCPercent(was)
	}
}

// afterCollection calls f some time after the next collection, which cleans up what
// nobody keeps.
func afterCollection(f func()) {
	unkept := new([64]byte)
	runtime.AddCleanup(unkept, func(f func()) { f() }, f)
}

const (
	// roomForGarbage is how much garbage a worker keeps before it is collected, in
	// bytes, however little is in use.
	roomForGarbage = 48 << 20
	// mostGarbage is the share at which it is collected at most.
	mostGarbage = 400
)

// spareLongRuns has the garbage of a process that runs for long, and has little in use,
// collected when there are 48 MB of it: at the share that Go has, a worker of twelve
// accounts collected it twice a second, which took a tenth of its CPU. end has it
// collected as before. GOGC of the environment, where it is set, counts before that.
func spareLongRuns(gogc string) (end func()) {
	if gogc != "" {
		return func() {}
	}
	k := &garbageKept{usual: debug.SetGCPercent(mostGarbage)}
	if k.usual == earlyGarbage {
		k.usual = usualGarbage
	}
	k.collected()
	return k.end
}

// garbageKept sets the share anew after each collection.
type garbageKept struct {
	usual int // share

	mu    sync.Mutex
	ended bool
}

// collected is called after a collection.
func (k *garbageKept) collected() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	share := int(min(mostGarbage, roomForGarbage*100/max(1, live[0].Value.Uint64()))) //nolint:gosec // it is 400 at most
	debug.SetGCPercent(max(k.usual, share))
	afterCollection(k.collected)
}

func (k *garbageKept) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	debug.SetGCPercent(k.usual)
}
