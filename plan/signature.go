package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/cardfleet/cardfleet/plan/signers"
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
	armored, err := signers.Sign(text, key, Namespace)
	if err != nil {
		return nil, fmt.Errorf("sign the guarded actions: %w", err)
	}
	return armored, nil
}

// signatures are the armored signatures in a file; whatever stands between
// them is a comment. broken counts those that can't be read.
func signatures(file []byte) (sigs []signers.Signature, broken int) {
	for rest := string(file); ; {
		_, after, found := strings.Cut(rest, signers.Begin)
		if !found {
			return sigs, broken
		}
		inner, next, _ := strings.Cut(after, signers.End)
		sig, err := signers.ParseSignature(signers.Begin + inner + signers.End)
		if err != nil {
			broken++
		} else {
			sigs = append(sigs, sig)
		}
		rest = next
	}
}

// signedBy says who of the list signed the text, each person once, and why
// other signatures count for nothing.
func signedBy(text, file []byte, list *signers.List, now time.Time) (names, refused []string) {
	sigs, broken := signatures(file)
	for range broken {
		refused = append(refused, "a signature can't be read")
	}
	people := map[int]bool{}
	for _, sig := range sigs {
		who, err := list.Signer(sig, Namespace, now)
		switch {
		case err != nil:
			refused = append(refused, err.Error())
		case !sig.Fits(text, Namespace):
			refused = append(refused, fmt.Sprintf("the signature of %s is over other guarded actions than this plan's: they changed since it was made", who.Name))
		case people[who.Person]:
			refused = append(refused, fmt.Sprintf("%s signed twice, which counts once", who.Name))
		default:
			people[who.Person] = true
			names = append(names, who.Name)
		}
	}
	return names, refused
}
