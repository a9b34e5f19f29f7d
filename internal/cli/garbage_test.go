package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/assert"
)

// garbage is the share of it at which it is collected now.
func garbage() int {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

func TestGarbageIsCollectedAsEverFromTheFirstCollectionOn(t *testing.T) {
	before := debug.SetGCPercent(usualGarbage)
	defer debug.SetGCPercent(before)
	SpareSmallRuns("")
	for garbage() != usualGarbage { // a cleanup runs some time after a collection
		runtime.GC()
	}
}

func TestWhatALargeFleetChoseStays(t *testing.T) {
	before := debug.SetGCPercent(50)
	defer debug.SetGCPercent(before)
	collectAsEver(usualGarbage)
	assert.Equal(t, 50, garbage())
}

func TestGOGCCountsBeforeTheProgramsChoice(t *testing.T) {
	before := debug.SetGCPercent(70)
	defer debug.SetGCPercent(before)
	SpareSmallRuns("70")
	assert.Equal(t, 70, garbage())
}

func TestAWorkerKeepsItsGarbageForAWhile(t *testing.T) {
	before := debug.SetGCPercent(usualGarbage)
	defer debug.SetGCPercent(before)
	spareLongRuns("70")()
	assert.Equal(t, usualGarbage, garbage(), "GOGC counts before that")
	end := spareLongRuns("")
	for range 3 {
		for garbage() == usualGarbage {
			runtime.GC()
		}
		debug.SetGCPercent(usualGarbage) // is set anew after each collection
	}
	large := make([]byte, 8*roomForGarbage)
	for garbage() != usualGarbage {
		runtime.GC()
	}
	runtime.KeepAlive(large)
	end()
	assert.Equal(t, usualGarbage, garbage())
	runtime.GC()
	runtime.GC()
	assert.Equal(t, usualGarbage, garbage(), "once it has ended")
}
