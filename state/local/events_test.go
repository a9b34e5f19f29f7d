package local

import (
	"path/filepath"
	"testing"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// Where each commit writes a snapshot, each one moves the events to a segment.
func TestEventsSuiteWhereEachCommitIsASnapshot(t *testing.T) {
	statetest.RunEvents(t, func(t *testing.T) func() state.Backend {
		path := filepath.Join(t.TempDir(), "fleet.state")
		return func() state.Backend { return writingSnapshots(New(path, testEnv())) }
	})
}

func TestEventsSuiteOfASealedState(t *testing.T) {
	key := newKey(t)
	statetest.RunEvents(t, func(t *testing.T) func() state.Backend {
		path := filepath.Join(t.TempDir(), "fleet.state")
		return func() state.Backend { return writingSnapshots(sealedWith(t, path, key)) }
	})
}
