package plan

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Namespace is what approvals are signed for, so that no other signature of
// the same key stands for one (PROTOCOL.sshsig of OpenSSH).
const Namespace = "cardfleet-approval@v1"

// ApprovalText is the text that an approval of the plan signs: a line for each
// guarded action with its kind, provider, ICCID and values, sorted. It is the
// same whatever else the plan does, so that fifty more harmless changes don't
// void an approval, and one more unbind does. It is empty where nothing is guarded.
func (p *Plan) ApprovalText() []byte {
	var lines []string
	for i := range p.Cards {
		c := &p.Cards[i]
		for _, a := range c.Actions {
			if a.Guarded {
				words := []string{string(a.Kind), string(c.Provider), string(c.ICCID), a.From, a.To}
				words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
				lines = append(lines, strings.Join(words, " "))
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	return []byte("cardfleet approval v1\n" + strings.Join(lines, "\n") + "\n")
}

// Sign signs the plan's guarded actions, in the armored form that
// ssh-keygen -Y sign writes.
func (p *Plan) Sign(key ssh.Signer) ([]byte, error) {
	text := p.ApprovalText()
	if text == nil {
		return nil, errors.New("the plan has no guarded action, so there is nothing to approve")
	}
	sig, err := sshsig.Sign(bytes.NewReader(text), key, sshsig.HashSHA512, Namespace)
	if err != nil {
		return nil, fmt.Errorf("sign the guarded actions: %w", err)
	}
	return sshsig.Armor(sig), nil
}

// signatures are the armored signatures in a file; whatever stands between
// them is a comment. broken counts those that can't be read.
func signatures(file []byte) (sigs []*sshsig.Signature, broken int) {
	for {
		block, rest := pem.Decode(file)
		if block == nil {
			return sigs, broken
		}
		file = rest
		if block.Type != sshsig.PEMType {
			continue
		}
		sig, err := sshsig.ParseSignature(block.Bytes)
		if err != nil {
			broken++
			continue
		}
		sigs = append(sigs, sig)
	}
}

// signedBy says which principals of the list signed the text, each once, and
// why other signatures count for nothing.
func signedBy(text, file []byte, list []Signer, now time.Time) (principals, refused []string) {
	sigs, broken := signatures(file)
	for range broken {
		refused = append(refused, "a signature can't be read")
	}
	for _, sig := range sigs {
		principal, why := check(text, sig, list, now)
		switch {
		case why != "":
			refused = append(refused, why)
		case slices.Contains(principals, principal):
			refused = append(refused, fmt.Sprintf("%s signed twice, which counts once", principal))
		default:
			principals = append(principals, principal)
		}
	}
	return principals, refused
}

// check finds the signer of one signature; why says why it counts for nothing.
func check(text []byte, sig *sshsig.Signature, list []Signer, now time.Time) (principal, why string) {
	why = fmt.Sprintf("a signature is by key %s, which is nobody's in allowed_signers", ssh.FingerprintSHA256(sig.PublicKey))
	for _, s := range list {
		if !bytes.Equal(s.Key.Marshal(), sig.PublicKey.Marshal()) {
			continue
		}
		if why = s.refuses(sig.Namespace, now); why != "" {
			continue // another line may list the key too
		}
		if sig.Signature.Format == ssh.KeyAlgoRSA {
			return "", fmt.Sprintf("the signature of %s uses SHA-1", s.Principal)
		}
		if err := sshsig.Verify(bytes.NewReader(text), sig, s.Key, sig.HashAlgorithm, Namespace); err != nil {
			return "", fmt.Sprintf("the signature of %s is over other guarded actions than this plan's: they changed since it was made", s.Principal)
		}
		return s.Principal, ""
	}
	return "", why
}
