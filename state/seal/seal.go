// Package seal encrypts state, journal and plan files with age
// (https://age-encryption.org/v1): for recipients, which are X25519, hybrid or
// SSH public keys, or with a passphrase. What it writes are plain age files,
// which `age -d` opens too.
//
// It never reads a key from a file and never shows one. It makes a change
// show, and says nothing of who made a file: whoever has a recipient's public
// key can write one.
//
// Start reading at [New].
package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// Key is what one generation of files is sealed for, and what opens it. It has
// either recipients or a passphrase: age mixes them in no file.
type Key struct {
	Recipients []string // "age1…", "ssh-ed25519 AAAA…", "ssh-rsa AAAA…"
	Identities []Identity
	Passphrase string
}

// Identity is a secret key, or a file of them.
type Identity struct {
	Name string // for messages: a path, never the key
	Text string // "AGE-SECRET-KEY-1…", one a line, or an OpenSSH private key
}

// Options say with what is sealed and opened.
type Options struct {
	Key
	// Previous open what was sealed before; nothing is sealed for them.
	Previous []Key
	// Enforced has what isn't sealed refused.
	Enforced bool
	// Random fills p with random bytes.
	Random func(p []byte)
	// WorkFactor is scrypt's cost for a passphrase, as a power of two; 0 means
	// age's own, about a second. Tests make it cheap.
	WorkFactor int
	// Missing are the names of identities that are not there, for messages.
	Missing []string
}

// Keyring seals and opens. It may be used by many goroutines. It implements
// [state.Sealer].
type Keyring struct {
	recipients []age.Recipient
	identity   *identities
	random     func(p []byte)
	keys       string
	enforced   bool

	mu   sync.Mutex
	head *head // made with the first file that is sealed
}

// Mistake is a key that is none. It shows nothing of the key.
type Mistake struct {
	Key     int    // which generation's: 0 is [Options].Key, 1 the first of Previous
	Setting string // "recipients", "recipients[1]", "identities" or "passphrase"
	Err     error
}

// Mistakes are all that is wrong with the keys; never empty.
type Mistakes []Mistake

// Error lists them in a sentence.
func (m Mistakes) Error() string {
	texts := make([]string, len(m))
	for i := range m {
		texts[i] = m[i].Err.Error()
	}
	return strings.Join(texts, "; ")
}

// New reads the keys. Its error is a [Mistakes].
func New(o Options) (*Keyring, error) {
	k := &Keyring{random: o.Random, keys: keysOf(o), enforced: o.Enforced, identity: &identities{missing: o.Missing, known: map[[sha256.Size]byte][]byte{}}}
	wrong := k.addRecipients(o)
	for i, key := range append([]Key{o.Key}, o.Previous...) {
		for _, m := range k.identity.add(key) {
			m.Key = i
			wrong = append(wrong, m)
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return k, nil
}

// addRecipients reads for whom files are sealed.
func (k *Keyring) addRecipients(o Options) (wrong Mistakes) {
	if o.Passphrase != "" && len(o.Recipients) > 0 {
		return Mistakes{{Setting: "passphrase", Err: errors.New("encryption has recipients and a passphrase, and age takes one or the other")}}
	}
	if o.Passphrase == "" && len(o.Recipients) == 0 {
		return Mistakes{{Setting: "recipients", Err: errors.New("encryption has neither recipients nor a passphrase")}}
	}
	for i, text := range o.Recipients {
		r, err := parseRecipient(text)
		if err != nil {
			wrong = append(wrong, Mistake{Setting: fmt.Sprintf("recipients[%d]", i), Err: fmt.Errorf("recipient %d is none: %w", i+1, err)})
			continue
		}
		k.recipients = append(k.recipients, r)
	}
	if o.Passphrase == "" {
		return wrong
	}
	r, err := age.NewScryptRecipient(o.Passphrase)
	if err != nil {
		return append(wrong, Mistake{Setting: "passphrase", Err: fmt.Errorf("passphrase: %w", err)})
	}
	if o.WorkFactor > 0 {
		r.SetWorkFactor(o.WorkFactor)
	}
	k.recipients = append(k.recipients, passphrase{r, k.identity})
	return wrong
}

func parseRecipient(text string) (age.Recipient, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "ssh-") {
		r, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, errors.New("it is no SSH public key of type ssh-ed25519 or ssh-rsa")
		}
		return r, nil
	}
	// What is no public key may be a secret one, so it isn't quoted.
	list, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(list) != 1 {
		return nil, errors.New(`write one such as "age1…" or "ssh-ed25519 AAAA…"`)
	}
	return list[0], nil
}

// passphrase is a recipient that tells the identities the key that it wrapped,
// which they would take another second to find.
type passphrase struct {
	*age.ScryptRecipient
	opens *identities
}

// WrapWithLabels implements [age.RecipientWithLabels].
func (p passphrase) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	stanzas, labels, err := p.ScryptRecipient.WrapWithLabels(fileKey)
	if err == nil {
		p.opens.learn(stanzas, fileKey)
	}
	return stanzas, labels, err
}

// Seal implements [state.Sealer].
func (k *Keyring) Seal(w io.Writer) (io.WriteCloser, error) {
	h, err := k.header()
	if err != nil {
		return nil, err
	}
	return h.begin(w, k.random)
}

// keysOf sums up recipients and passphrases. Identities count by what they
// open, which no recipient of the same file can do without.
func keysOf(o Options) string {
	sum := sha256.New()
	for _, key := range append([]Key{o.Key}, o.Previous...) {
		fmt.Fprintf(sum, "%q %q\n", key.Recipients, key.Passphrase)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Keys implements [state.Sealer].
func (k *Keyring) Keys() string { return k.keys }

// Enforced implements [state.Sealer].
func (k *Keyring) Enforced() bool { return k.enforced }

// Open implements [state.Sealer].
func (k *Keyring) Open(r io.Reader) (io.Reader, error) {
	open, err := age.Decrypt(r, k.identity)
	if err != nil {
		return nil, fmt.Errorf("it can't be decrypted: %w", err)
	}
	return open, nil
}

// header makes the header that this keyring's files share, and checks that
// what is sealed can be opened again.
func (k *Keyring) header() (*head, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.head != nil {
		return k.head, nil
	}
	var file bytes.Buffer
	if _, err := age.Encrypt(&file, k.recipients...); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	text, err := age.ExtractHeader(&file)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	key, err := age.DecryptHeader(text, k.identity)
	if err != nil {
		return nil, fmt.Errorf("nothing is encrypted, since no identity here could open it again: %w", k.identity.explain(err))
	}
	k.head = &head{text: text, key: key}
	return k.head, nil
}
