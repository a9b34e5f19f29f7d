package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/state"
)

// How a signature was spent, as the state has it.
const (
	spentByUse = "used"
	withdrawn  = "withdrawn"
)

// signedText is a text that somebody signed who may.
type signedText struct {
	digest  string
	until   time.Time
	actions []string // KIND PROVIDER ICCID FROM TO
}

// textDigest stands for a text that was signed, and so for each signature of it.
func textDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// signedTexts are those of a file of approvals that are for the fleet, by people
// of the list, and have not ended: each once.
func signedTexts(a Approvals, lineage string, now time.Time) []signedText {
	var out []signedText
	seen := map[string]bool{}
	for _, e := range entries(a.Signatures) {
		if e.err != nil || e.text == "" {
			continue
		}
		digest := textDigest([]byte(e.text))
		if _, err := a.Signers.Signer(e.sig, Namespace, now); err != nil || seen[digest] || !e.sig.Fits([]byte(e.text), Namespace) {
			continue
		}
		text, err := parseApprovalText(e.text)
		if err != nil || text.Fleet != lineage || !now.Before(text.Until) {
			continue
		}
		seen[digest] = true
		t := signedText{digest: digest, until: text.Until}
		for _, line := range text.Actions {
			action, _, _ := strings.Cut(line, " since ")
			t.actions = append(t.actions, action)
		}
		out = append(out, t)
	}
	return out
}

// ActionName names an action as the text of an approval does, without since.
func ActionName(c *Card, a *Action) string {
	name, _, _ := strings.Cut(approvalLine(c, a), " since ")
	return name
}

// Withdrawn are the signatures of which an action is no longer wanted, so that
// they count no more. A plan of a part can't tell, nor can a card that wasn't
// read, needs attention or is in doubt.
func Withdrawn(p Source, in Input) ([]state.Spent, error) {
	if in.Select.Partial() || in.RefreshOnly || in.Prior == nil {
		return nil, nil
	}
	texts := signedTexts(in.Approvals, in.Prior.Lineage, in.Now)
	if len(texts) == 0 {
		return nil, nil
	}
	wanted := map[string]bool{}
	err := p.Each(func(_ int, c *Card) error {
		for j := range c.Actions {
			wanted[ActionName(c, &c.Actions[j])] = true
		}
		return nil
	})
	named := needsOf{}
	for _, t := range texts {
		for _, action := range t.actions {
			named.name(cardNamed(action))
		}
	}
	each := func(visit func(*Card)) {
		err = errors.Join(err, p.Each(func(_ int, c *Card) error {
			visit(c)
			return nil
		}))
	}
	if err := errors.Join(named.look(each, in), err); err != nil {
		return nil, err
	}
	return spend(texts, in.Now, withdrawn, func(action string) bool {
		return !wanted[action] && !named.of(cardNamed(action)).unclear
	}), nil
}

// Used are the signatures by which something was done, or is in doubt, and those
// of which an action was dropped. Both functions are asked with the name of an
// action.
func Used(a Approvals, lineage string, now time.Time, used, dropped func(action string) bool) []state.Spent {
	texts := signedTexts(a, lineage, now)
	return append(spend(texts, now, spentByUse, used), spend(texts, now, withdrawn, dropped)...)
}

// spend lists the texts of which an action is as asked.
func spend(texts []signedText, now time.Time, how string, asked func(action string) bool) []state.Spent {
	var out []state.Spent
	for _, t := range texts {
		if slices.ContainsFunc(t.actions, asked) {
			out = append(out, state.Spent{Signature: t.digest, At: now, Until: t.until, Reason: how})
		}
	}
	return out
}

// Remember adds signatures to those that are spent, each once, and forgets those
// that have ended by themselves.
func Remember(spent, more []state.Spent, now time.Time) []state.Spent {
	var out []state.Spent
	seen := map[string]bool{}
	for _, s := range slices.Concat(spent, more) {
		if seen[s.Signature] || !s.Until.IsZero() && !now.Before(s.Until) {
			continue
		}
		seen[s.Signature] = true
		out = append(out, s)
	}
	return out
}

// spentIn says how a text was spent, by what the state has; "" for one that wasn't.
func spentIn(prior *state.Snapshot) func(text []byte) string {
	if prior == nil || len(prior.Fleet.Spent) == 0 {
		return func([]byte) string { return "" }
	}
	return func(text []byte) string {
		digest := textDigest(text)
		for _, s := range prior.Fleet.Spent {
			if s.Signature == digest {
				how := map[string]string{spentByUse: "it was used by", withdrawn: "what it approves was no longer wanted by"}[s.Reason]
				if how == "" {
					how = "it was spent by" // by a later version
				}
				return fmt.Sprintf("%s the apply of %s. Where it is wanted again, sign it anew with another end", how, s.At.UTC().Format("2006-01-02 15:04 UTC"))
			}
		}
		return ""
	}
}
