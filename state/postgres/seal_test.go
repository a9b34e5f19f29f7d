package postgres_test

import (
	"crypto/rand"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state/seal"
)

// fixedKey is the same in the two processes that some tests have.
var fixedKey = seal.Key{Passphrase: "bicycle of the tests"}

func keyring(t testing.TB, o seal.Options) *seal.Keyring {
	t.Helper()
	o.Random, o.WorkFactor = func(p []byte) { _, _ = rand.Read(p) }, 4
	k, err := seal.New(o)
	require.NoError(t, err)
	return k
}

// pair is a new key that seals and opens.
func pair(t testing.TB) seal.Key {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return seal.Key{Recipients: []string{id.Recipient().String()}, Identities: []seal.Identity{{Name: "new.txt", Text: id.String()}}}
}
