package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// older puts a state of version 1 into a folder of its own, and opens it.
func older(t *testing.T, sealed bool) func() *Backend {
	t.Helper()
	from := filepath.Join("testdata", "older", "plain")
	env := testEnv()
	if sealed {
		from = filepath.Join("testdata", "older", "sealed")
		k, err := seal.New(seal.Options{Key: olderKey(), Random: env.Random})
		require.NoError(t, err)
		env.Sealer = k
	}
	path := filepath.Join(t.TempDir(), "fleet.state")
	copied := func(name, to string) {
		text, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o700))
		require.NoError(t, os.WriteFile(to, text, 0o600))
	}
	copied("state", path)
	copied("journal", path+".journal")
	kept, err := os.ReadDir(filepath.Join(from, "history"))
	require.NoError(t, err)
	for _, e := range kept {
		copied(filepath.Join("history", e.Name()), filepath.Join(path+".history", e.Name()))
	}
	return func() *Backend { return New(path, env) }
}

func olderKey() seal.Key {
	return seal.Key{Recipients: []string{statetest.OlderRecipient}, Identities: []seal.Identity{{Name: "key.txt", Text: statetest.OlderIdentity}}}
}

func TestAStateOfTheFirstVersionIsReadAndMovedOver(t *testing.T) {
	statetest.RunOlder(t, func(t *testing.T, sealed bool) func() state.Backend {
		open := older(t, sealed)
		return func() state.Backend { return open() }
	})
}

func TestACrashAtAnyStepOfTheMoveLeavesTheOldStateOrTheNew(t *testing.T) {
	statetest.CutOlder(t, func(t *testing.T, sealed bool) (func() state.Backend, func(int, func(state.Backend)) bool) {
		open := older(t, sealed)
		return func() state.Backend { return open() }, func(step int, write func(state.Backend)) bool {
			b := open()
			return stopAt(b, step, func() { write(b) })
		}
	})
}
