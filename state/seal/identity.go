package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// identities are all secret keys as one. It remembers the file keys it found:
// with a passphrase each costs a second, and a state is opened many times.
type identities struct {
	list    []age.Identity
	missing []string

	mu    sync.Mutex
	known map[[sha256.Size]byte][]byte // file keys by the header's recipients
}

func (ids *identities) add(key Key) (wrong Mistakes) {
	for _, i := range key.Identities {
		list, err := parseIdentity(i.Text)
		if err != nil {
			wrong = append(wrong, Mistake{Setting: "identities", Err: fmt.Errorf("identity %s: %w", i.Name, err)})
			continue
		}
		ids.list = append(ids.list, list...)
	}
	if key.Passphrase == "" {
		return wrong
	}
	id, err := age.NewScryptIdentity(key.Passphrase)
	if err != nil {
		return append(wrong, Mistake{Setting: "passphrase", Err: fmt.Errorf("passphrase: %w", err)})
	}
	ids.list = append(ids.list, id)
	return wrong
}

// parseIdentity reads secret keys. Its errors quote nothing of them.
func parseIdentity(text string) ([]age.Identity, error) {
	if strings.Contains(text, "-----BEGIN") {
		id, err := agessh.ParseIdentity([]byte(text))
		var locked *ssh.PassphraseMissingError
		switch {
		case errors.As(err, &locked):
			return nil, errors.New("the SSH key has a passphrase of its own, which nobody could type here: use a key without one, or an age key")
		case err != nil:
			return nil, errors.New("it is no SSH private key of type ed25519 or rsa")
		}
		return []age.Identity{id}, nil
	}
	list, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil {
		return nil, errors.New(`it holds no secret key: one is "AGE-SECRET-KEY-1…" on a line of its own, or an OpenSSH private key`)
	}
	return list, nil
}

// Unwrap implements [age.Identity].
func (ids *identities) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	sum := sumOf(stanzas)
	ids.mu.Lock()
	defer ids.mu.Unlock() // held while it looks, so that a passphrase is tried once
	if key := ids.known[sum]; key != nil {
		return slices.Clone(key), nil
	}
	for _, id := range ids.list {
		key, err := id.Unwrap(stanzas)
		switch {
		case err == nil:
			ids.known[sum] = slices.Clone(key)
			return key, nil
		case !errors.Is(err, age.ErrIncorrectIdentity):
			return nil, err
		}
	}
	return nil, ids.explain(nil)
}

// learn remembers a file key.
func (ids *identities) learn(stanzas []*age.Stanza, key []byte) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.known[sumOf(stanzas)] = slices.Clone(key)
}

// sumOf tells headers apart.
func sumOf(stanzas []*age.Stanza) [sha256.Size]byte {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(stanzas); err != nil {
		panic(err) // texts and bytes
	}
	return sha256.Sum256(b.Bytes())
}

// explain says why no identity fits.
func (ids *identities) explain(err error) error {
	var none *age.NoIdentityMatchError
	if err != nil && !errors.As(err, &none) {
		return err
	}
	text := "none of the identities and passphrases that the encryption block has, previous ones included, opens it"
	if len(ids.list) == 0 {
		text = "the encryption block has no identity to open it with"
	}
	if len(ids.missing) > 0 {
		text += "; not there are: " + strings.Join(ids.missing, ", ")
	}
	return errors.New(text)
}
