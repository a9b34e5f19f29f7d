package local_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
)

// TestNothingIsWrittenThroughALink leaves a link in the place of each file that
// the backend names itself, as a branch can that somebody checks out.
func TestNothingIsWrittenThroughALink(t *testing.T) {
	for _, ending := range []string{"", ".tmp", ".backup", ".backup.tmp", ".lock", ".lockinfo", ".journal", ".history"} {
		t.Run("fleet.state"+ending, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "fleet.state")
			victim, folder := filepath.Join(dir, "victim"), filepath.Join(dir, "folder")
			require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))
			require.NoError(t, os.Mkdir(folder, 0o700))
			target := victim
			if ending == ".history" {
				target = folder
			}
			require.NoError(t, os.Symlink(target, path+ending))

			b := openAt(path)
			run(t, b) // it may be refused: what counts is what it left alone

			content, err := os.ReadFile(victim)
			require.NoError(t, err)
			assert.Equal(t, "precious", string(content))
			inside, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Empty(t, inside)
		})
	}
}

// run commits twice, with a journal between, as far as it gets.
func run(t *testing.T, b state.Backend) {
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	if err != nil {
		return
	}
	defer func() { assert.NoError(t, unlock()) }()
	for range 2 {
		s, err := b.Read(t.Context())
		if err != nil {
			return
		}
		if j, err := b.Journal(t.Context()); err == nil {
			assert.NoError(t, j.Close())
		}
		_ = b.Commit(t.Context(), s, state.Edits{})
	}
}
