package cli

import (
	"runtime"
	"runtime/debug"
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
	unkept := new([64]byte) // so that the first collection cleans it up
	runtime.AddCleanup(unkept, collectAsEver, usualGarbage)
}

// collectAsEver has garbage collected at a share of it, unless a large fleet chose
// another meanwhile.
func collectAsEver(share int) {
	if was := debug.SetGCPercent(share); was != earlyGarbage {
		debug.SetGCPercent(was)
	}
}
