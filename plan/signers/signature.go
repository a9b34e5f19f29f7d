package signers

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// The first and the last line of a signature, as ssh-keygen -Y sign writes it.
const (
	Begin = "-----BEGIN SSH SIGNATURE-----"
	End   = "-----END SSH SIGNATURE-----"
)

// Signature is an SSH signature of a text.
type Signature struct{ sig *sshsig.Signature }

// ParseSignature reads an armored signature, from [Begin] to [End].
func ParseSignature(armored string) (Signature, error) {
	inner, begins := strings.CutPrefix(armored, Begin+"\n")
	inner, ends := strings.CutSuffix(strings.TrimSuffix(inner, "\n"), "\n"+End)
	if !begins || !ends {
		return Signature{}, errors.New("it has no beginning or no end")
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(inner)
	if err != nil {
		return Signature{}, errors.New("it is no base64")
	}
	sig, err := sshsig.ParseSignature(blob)
	if err != nil {
		return Signature{}, err
	}
	s := Signature{sig}
	if !bytes.Equal(sig.Marshal(), blob) || len(sig.Signature.Rest) > 0 && !s.hardware() {
		return Signature{}, errors.New("it isn't written as OpenSSH writes it")
	}
	return s, nil
}

// Sign signs a text, in the form that ssh-keygen -Y sign writes.
func Sign(text []byte, key ssh.Signer, namespace string) ([]byte, error) {
	sig, err := sshsig.Sign(bytes.NewReader(text), key, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, err
	}
	return sshsig.Armor(sig), nil
}

// hardware reports whether the key is in an authenticator.
func (s Signature) hardware() bool {
	t := s.sig.PublicKey.Type()
	return t == ssh.KeyAlgoSKED25519 || t == ssh.KeyAlgoSKECDSA256
}

// Namespace is what the signature says that it was made for.
func (s Signature) Namespace() string { return s.sig.Namespace }

// Fingerprint is that of the key: "SHA256:…".
func (s Signature) Fingerprint() string { return ssh.FingerprintSHA256(s.sig.PublicKey) }

// Fits reports whether the signature is over the text, for the namespace.
func (s Signature) Fits(text []byte, namespace string) bool {
	return sshsig.Verify(bytes.NewReader(text), s.sig, s.sig.PublicKey, s.sig.HashAlgorithm, namespace) == nil
}

// Signer is whose a signature is.
type Signer struct {
	Name string // the line's principals
	// Person is a number that all keys and names of one person share.
	Person int
}

// Signer finds who made a signature for the namespace. The error says why it
// counts for nothing at the moment now. Whether it fits a text is for
// [Signature.Fits] to say.
func (l *List) Signer(s Signature, namespace string, now time.Time) (Signer, error) {
	if _, certified := s.sig.PublicKey.(*ssh.Certificate); certified {
		return Signer{}, errors.New("it is made with a certificate, which is not supported: sign with the key that allowed_signers names")
	}
	fingerprint := s.Fingerprint()
	refused := fmt.Errorf("it is by key %s, which is nobody's in allowed_signers", fingerprint)
	for i := range l.Lines() {
		line := &l.lines[i]
		if line.Fingerprint != fingerprint {
			continue
		}
		if err := line.refuses(s.Namespace(), namespace, now); err != nil {
			refused = err // another line may list the key too
			continue
		}
		return Signer{line.Principals, l.person[i]}, nil
	}
	return Signer{}, refused
}

// Names are the principals of the lines that list the key with the fingerprint,
// whenever and for whatever they count.
func (l *List) Names(fingerprint string) []string {
	var names []string
	for _, line := range l.Lines() {
		if line.Fingerprint == fingerprint {
			names = append(names, line.Principals)
		}
	}
	return names
}

// refuses says why the line doesn't stand for a signature that was made for
// made, where one for wanted is asked for; nil where it does.
func (l *Line) refuses(made, wanted string, now time.Time) error {
	const day = "2006-01-02 15:04 UTC"
	switch {
	case made != wanted:
		return fmt.Errorf("the signature of %s is for namespace %q, not for %s", l.Principals, made, wanted)
	case l.Namespaces != nil && !matchesList(wanted, *l.Namespaces):
		return fmt.Errorf("%s is in allowed_signers for %s only, not for %s", l.Principals, strings.ReplaceAll(*l.Namespaces, ",", ", "), wanted)
	case !l.After.IsZero() && now.Before(l.After):
		return fmt.Errorf("the key of %s is valid from %s on", l.Principals, l.After.Format(day))
	case !l.Before.IsZero() && !now.Before(l.Before):
		return fmt.Errorf("the key of %s was valid until %s", l.Principals, l.Before.Format(day))
	default:
		return nil
	}
}
