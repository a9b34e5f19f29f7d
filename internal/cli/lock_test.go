package cli_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
)

// holdLock locks the state in dir as another run would.
func holdLock(t *testing.T, dir string) (unlock func() error) {
	t.Helper()
	b := local.New(filepath.Join(dir, "fleet.state"), state.Env{Now: time.Now, Random: fill, Version: "0.1.0"})
	unlock, err := b.Lock(context.Background(), state.LockInfo{
		ID: "1", Operation: "apply", Who: "someone@ci-runner-7", Created: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC),
	})
	require.NoError(t, err)
	return unlock
}
