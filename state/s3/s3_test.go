package s3

import (
	"testing"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

var (
	_ state.Backend       = (*Backend)(nil)
	_ state.Leased        = (*Backend)(nil)
	_ state.ForceUnlocker = (*Backend)(nil)
	_ state.Historian     = (*Backend)(nil)
)

func TestBackendSuite(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *bucket{"in this process": fake, "versitygw": gateway} {
		t.Run(name, func(t *testing.T) {
			statetest.Run(t, func(t *testing.T) func() state.Backend {
				b := start(t)
				return func() state.Backend { return b.open(t) }
			})
		})
	}
}
