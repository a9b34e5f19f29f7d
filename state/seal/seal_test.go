package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/seal"
)

var _ state.Sealer = (*seal.Keyring)(nil)

func random(p []byte) { _, _ = rand.Read(p) }

// pair is a new key that seals and opens.
func pair(t testing.TB) seal.Key {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return seal.Key{Recipients: []string{id.Recipient().String()}, Identities: []seal.Identity{{Name: "key.txt", Text: id.String()}}}
}

func keyring(t testing.TB, o seal.Options) *seal.Keyring {
	t.Helper()
	o.Random, o.WorkFactor = random, 4
	k, err := seal.New(o)
	require.NoError(t, err)
	return k
}

func sealed(t testing.TB, k *seal.Keyring, text []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := k.Seal(&file)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return file.Bytes()
}

func opened(k *seal.Keyring, file []byte) ([]byte, error) {
	r, err := k.Open(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestWhatIsSealedIsOpened(t *testing.T) {
	k := keyring(t, seal.Options{Key: pair(t)})
	const chunk = 64 << 10
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 3*chunk + 7} {
		text := make([]byte, size)
		random(text)
		got, err := opened(k, sealed(t, k, text))
		require.NoError(t, err, "%d bytes", size)
		require.True(t, bytes.Equal(text, got), "%d bytes", size)
	}
}

func TestHoweverItIsWrittenItIsOneText(t *testing.T) {
	k := keyring(t, seal.Options{Key: pair(t)})
	rapid.Check(t, func(t *rapid.T) {
		var file, want bytes.Buffer
		w, err := k.Seal(&file)
		require.NoError(t, err)
		for _, size := range rapid.SliceOfN(rapid.IntRange(0, 70000), 0, 5).Draw(t, "writes") {
			part := bytes.Repeat([]byte{byte(size)}, size)
			want.Write(part)
			n, err := w.Write(part)
			require.NoError(t, err)
			require.Equal(t, size, n)
		}
		require.NoError(t, w.Close())
		got, err := opened(k, file.Bytes())
		require.NoError(t, err)
		require.True(t, bytes.Equal(want.Bytes(), got))
	})
}

// The files are age's own, so that nobody needs this program to open one.
func TestAgeItselfOpensAFile(t *testing.T) {
	key := pair(t)
	file := sealed(t, keyring(t, seal.Options{Key: key}), []byte("the fleet"))
	ids, err := age.ParseIdentities(strings.NewReader(key.Identities[0].Text))
	require.NoError(t, err)
	r, err := age.Decrypt(bytes.NewReader(file), ids...)
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "the fleet", string(text))
}

func TestTwoFilesOfOneTextShareNothingBehindTheirHeader(t *testing.T) {
	k := keyring(t, seal.Options{Key: pair(t)})
	text := bytes.Repeat([]byte("8986061703001730"), 100)
	a, b := sealed(t, k, text), sealed(t, k, text)
	header, err := age.ExtractHeader(bytes.NewReader(a))
	require.NoError(t, err)
	require.Equal(t, header, b[:len(header)], "they share the header")
	require.NotEqual(t, a[len(header):len(header)+16], b[len(header):len(header)+16], "each has its nonce")
	require.NotEqual(t, a[len(header)+16:], b[len(header)+16:])
}

func TestSSHKeysSealAndOpen(t *testing.T) {
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(secret, "")
	require.NoError(t, err)
	sshPublic, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	k := keyring(t, seal.Options{Key: seal.Key{
		Recipients: []string{string(ssh.MarshalAuthorizedKey(sshPublic))},
		Identities: []seal.Identity{{Name: "id_ed25519", Text: string(pem.EncodeToMemory(block))}},
	}})
	got, err := opened(k, sealed(t, k, []byte("the fleet")))
	require.NoError(t, err)
	require.Equal(t, "the fleet", string(got))
}

func TestAPassphraseSealsAndOpens(t *testing.T) {
	const passphrase = "correct horse battery staple"
	file := sealed(t, keyring(t, seal.Options{Key: seal.Key{Passphrase: passphrase}}), []byte("the fleet"))
	got, err := opened(keyring(t, seal.Options{Key: seal.Key{Passphrase: passphrase}}), file)
	require.NoError(t, err)
	require.Equal(t, "the fleet", string(got))
	_, err = opened(keyring(t, seal.Options{Key: seal.Key{Passphrase: "another"}}), file)
	require.EqualError(t, err, "it can't be decrypted: none of the identities and passphrases that the encryption block has, previous ones included, opens it")
}

func TestAPreviousKeyOpensAndSealsNothing(t *testing.T) {
	for name, old := range map[string]seal.Key{"a key pair": pair(t), "a passphrase": {Passphrase: "the old one"}} {
		before := keyring(t, seal.Options{Key: old})
		now := keyring(t, seal.Options{Key: pair(t), Previous: []seal.Key{old}})
		got, err := opened(now, sealed(t, before, []byte("the fleet")))
		require.NoError(t, err, name)
		require.Equal(t, "the fleet", string(got))
		_, err = opened(before, sealed(t, now, []byte("the fleet")))
		require.ErrorContains(t, err, "none of the identities", name)
	}
}

func TestEveryRecipientOpens(t *testing.T) {
	a, b := pair(t), pair(t)
	both := seal.Key{Recipients: append(a.Recipients, b.Recipients...), Identities: a.Identities}
	file := sealed(t, keyring(t, seal.Options{Key: both}), []byte("the fleet"))
	for _, key := range []seal.Key{a, b} {
		_, err := opened(keyring(t, seal.Options{Key: key}), file)
		require.NoError(t, err)
	}
}

func TestNothingIsSealedThatNobodyHereCouldOpen(t *testing.T) {
	key := pair(t)
	key.Identities = pair(t).Identities
	_, err := keyring(t, seal.Options{Key: key, Missing: []string{"/home/wei/.ssh/id_ed25519"}}).Seal(io.Discard)
	require.EqualError(t, err, "nothing is encrypted, since no identity here could open it again: "+
		"none of the identities and passphrases that the encryption block has, previous ones included, opens it; not there are: /home/wei/.ssh/id_ed25519")
	key.Identities = nil
	_, err = keyring(t, seal.Options{Key: key}).Seal(io.Discard)
	require.ErrorContains(t, err, "the encryption block has no identity to open it with")
}

func TestAFileCutOrChangedAtAnyByteIsRefused(t *testing.T) {
	k := keyring(t, seal.Options{Key: pair(t)})
	file := sealed(t, k, []byte(`{"lineage":"a","serial":3}`))
	for i := range file {
		_, err := opened(k, file[:i])
		require.Error(t, err, "cut at byte %d", i)
		changed := bytes.Clone(file)
		changed[i] ^= 1
		_, err = opened(k, changed)
		require.Error(t, err, "changed at byte %d", i)
	}
	_, err := opened(k, append(bytes.Clone(file), 0))
	require.Error(t, err, "a byte more")
}

func TestWhatIsNoKeyIsRefusedAndNotShown(t *testing.T) {
	const secret = "AGE-SECRET-KEY-1QQQQQQ"
	good := pair(t)
	for name, o := range map[string]struct {
		options seal.Options
		want    string
	}{
		"nothing":           {seal.Options{}, "encryption has neither recipients nor a passphrase"},
		"both":              {seal.Options{Key: seal.Key{Recipients: good.Recipients, Passphrase: "x"}}, "encryption has recipients and a passphrase, and age takes one or the other"},
		"secret as public":  {seal.Options{Key: seal.Key{Recipients: []string{secret}}}, `recipient 1 is none: write one such as "age1…" or "ssh-ed25519 AAAA…"`},
		"broken SSH public": {seal.Options{Key: seal.Key{Recipients: []string{"ssh-ed25519 AAAA"}}}, "recipient 1 is none: it is no SSH public key of type ssh-ed25519 or ssh-rsa"},
		"broken identity": {seal.Options{Key: seal.Key{Recipients: good.Recipients, Identities: []seal.Identity{{Name: "key.txt", Text: secret}}}},
			`identity key.txt: it holds no secret key: one is "AGE-SECRET-KEY-1…" on a line of its own, or an OpenSSH private key`},
		"broken SSH secret": {seal.Options{Key: seal.Key{Recipients: good.Recipients, Identities: []seal.Identity{{Name: "id_rsa", Text: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"}}}},
			"identity id_rsa: it is no SSH private key of type ed25519 or rsa"},
	} {
		_, err := seal.New(o.options)
		require.EqualError(t, err, o.want, name)
	}
}

func TestAnSSHKeyWithAPassphraseOfItsOwnSaysWhatToDo(t *testing.T) {
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(secret, "", []byte("typed by hand"))
	require.NoError(t, err)
	key := pair(t)
	key.Identities = []seal.Identity{{Name: "id_ed25519", Text: string(pem.EncodeToMemory(block))}}
	_, err = seal.New(seal.Options{Key: key})
	require.EqualError(t, err, "identity id_ed25519: the SSH key has a passphrase of its own, which nobody could type here: use a key without one, or an age key")
}

func BenchmarkSealOfAJournalGroup(b *testing.B) {
	k := keyring(b, seal.Options{Key: pair(b)})
	text := bytes.Repeat([]byte("x"), 2000)
	for b.Loop() {
		w, _ := k.Seal(io.Discard)
		_, _ = w.Write(text)
		_ = w.Close()
	}
}
