package local_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openAt(path string) state.Backend {
	return local.New(path, state.Env{Now: time.Now, Random: func(p []byte) { _, _ = rand.Read(p) }, Version: "0.1.0"})
}

func TestBackendSuite(t *testing.T) {
	statetest.Run(t, func(t *testing.T) func() state.Backend {
		path := filepath.Join(t.TempDir(), "fleet.state")
		return func() state.Backend { return openAt(path) }
	})
}

func TestEventsSuite(t *testing.T) {
	statetest.RunEvents(t, func(t *testing.T) func() state.Backend {
		path := filepath.Join(t.TempDir(), "fleet.state")
		return func() state.Backend { return openAt(path) }
	})
}

func TestStatesOfAMegabyteAndOf500(t *testing.T) {
	statetest.RunSizes(t, func(t *testing.T) func() state.Backend {
		path := filepath.Join(t.TempDir(), "fleet.state")
		return func() state.Backend { return openAt(path) }
	})
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	statetest.Crash(t, filepath.Join(t.TempDir(), "fleet.state"), openAt)
}
