package cli_test

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/internal/cli"
)

// timeout(1) signals the process, and at once the group that it is of: no second Ctrl-C.
func TestSignalsAtOnceAreOneInterrupt(t *testing.T) {
	for name, row := range map[string]struct {
		after []time.Duration // when each signal comes, after the one before
		hangs bool            // they are a terminal's that closes
		twice bool
	}{
		"one":                       {after: []time.Duration{0}},
		"a process and its group":   {after: []time.Duration{0, 2 * time.Millisecond}},
		"both within the same tick": {after: []time.Duration{0, 0}},
		"a second Ctrl-C":           {after: []time.Duration{0, time.Second}, twice: true},
		"one after the pair":        {after: []time.Duration{0, 2 * time.Millisecond, time.Second}, twice: true},
		"none":                      {},
		"a terminal that closes":    {after: []time.Duration{0}, hangs: true},
		"and whose shell says so":   {after: []time.Duration{0, time.Second, time.Second}, hangs: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				cut, twice := 0, make(chan struct{})
				go cli.Interrupts(signals, func() { cut++ }, func() { close(twice) })
				ended := func() bool {
					synctest.Wait()
					select {
					case <-twice:
						return true
					default:
						return false
					}
				}
				for _, d := range row.after {
					time.Sleep(d)
					if row.hangs {
						signals <- syscall.SIGHUP
					} else {
						signals <- syscall.SIGTERM
					}
				}
				time.Sleep(time.Minute)
				assert.Equal(t, row.twice, ended())
				assert.Equal(t, min(len(row.after), 1), cut)
				for !ended() { // what waits for signals has to end with the test
					signals <- syscall.SIGTERM
					time.Sleep(time.Second)
				}
			})
		})
	}
}
