package s3

import (
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// older is a bucket that has a state of version 1.
func older(t *testing.T, sealed bool, at *bucket) *bucket {
	t.Helper()
	from := filepath.Join("testdata", "older", "plain")
	if sealed {
		from = filepath.Join("testdata", "older", "sealed")
		k, err := seal.New(seal.Options{
			Key:    seal.Key{Recipients: []string{statetest.OlderRecipient}, Identities: []seal.Identity{{Name: "key.txt", Text: statetest.OlderIdentity}}},
			Random: func(p []byte) { _, _ = rand.Read(p) },
		})
		require.NoError(t, err)
		at.sealer = k
	}
	b := at.open(t)
	require.NoError(t, filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		name, err := filepath.Rel(from, path)
		require.NoError(t, err)
		key := at.settings.Key + strings.TrimPrefix(filepath.ToSlash(name), "state")
		_, err = b.store.put(t.Context(), key, strings.NewReader(string(text)), "", b.uuid())
		return err
	}))
	return at
}

func TestAStateOfTheFirstVersionIsReadAndMovedOver(t *testing.T) {
	everywhere(t, func(t *testing.T, at *bucket) {
		statetest.RunOlder(t, func(t *testing.T, sealed bool) func() state.Backend {
			b := older(t, sealed, newBucket(t, at.settings.Endpoint))
			return func() state.Backend { return b.open(t) }
		})
	})
}

func TestACrashAtAnyRequestOfTheMoveLosesNothing(t *testing.T) {
	for _, sent := range []bool{false, true} {
		statetest.CutOlder(t, func(t *testing.T, sealed bool) (func() state.Backend, func(int, func(state.Backend)) bool) {
			at := older(t, sealed, fake(t))
			return func() state.Backend { return at.open(t) }, func(step int, write func(state.Backend)) bool {
				c := &cut{left: step + 1, sent: sent}
				at.through = c
				dying := at.open(t)
				dying.store.api = quick(dying)
				write(dying)
				at.through = nil
				at.clock.Advance(2 * leaseTime)
				return c.over()
			}
		})
	}
}
