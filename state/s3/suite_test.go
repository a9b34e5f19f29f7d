package s3

import (
	"testing"
	"time"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func TestTheAbilitiesOfABackend(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		start := func(t *testing.T) func() state.Backend {
			b := newBucket(t, at.settings.Endpoint)
			return func() state.Backend { return b.open(t) }
		}
		statetest.RunHistory(t, start)
		statetest.RunEvents(t, start)
		statetest.RunForceUnlock(t, start)
		statetest.RunLease(t, func(t *testing.T) statetest.LeaseRig {
			b := newBucket(t, at.settings.Endpoint)
			return statetest.LeaseRig{Open: b.withBeat(t), Expire: func() { b.clock.Advance(leaseTime) }}
		})
	})
}

// withBeat opens the state, and has it renew its lease when it is told to.
func (b *bucket) withBeat(t *testing.T) func() (state.Backend, func()) {
	opened := 0
	return func() (state.Backend, func()) {
		backend, n := b.open(t), opened
		opened++
		return backend, func() {
			b.clock.mu.Lock()
			tick := b.clock.ticks[n]
			b.clock.mu.Unlock()
			for range 2 { // the second is taken once the first went by
				select {
				case tick <- time.Time{}:
				case <-backend.lease.heart.Lost():
				}
			}
		}
	}
}

func TestStatesOfAMegabyteAndOf500(t *testing.T) {
	statetest.RunSizes(t, func(t *testing.T) func() state.Backend {
		b := gateway(t)
		return func() state.Backend { return b.open(t) }
	})
}
