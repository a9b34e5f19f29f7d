package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan/signers"
)

// firstNamespace is that of the first form of approvals, which had no end.
const firstNamespace = "cardfleet-approval@v1"

const (
	// mostEntries is how many entries of a file of approvals are looked at.
	mostEntries = 1000
	// MostApprovals is the size of a file of approvals that is still read, in bytes.
	MostApprovals = 16 << 20
)

// entry is one signature of a file of approvals, with the text that stands
// before it.
type entry struct {
	text string // from the header on; "" where there is none
	sig  signers.Signature
	err  error // it can't be read
}

// entries reads a file of approvals: texts, each with its armored signature
// behind it. Lines before a text are comments.
func entries(file []byte) []entry {
	var list []entry
	for rest := string(file); ; {
		before, after, found := strings.Cut(rest, signers.Begin)
		if !found || len(list) == mostEntries {
			return list
		}
		inner, next, _ := strings.Cut(after, signers.End)
		e := entry{text: textOf(before)}
		e.sig, e.err = signers.ParseSignature(signers.Begin + inner + signers.End)
		if strings.Contains(before, "\r\n") {
			e.err = errors.New("the file's lines end with CRLF, but what was signed ends them with LF. Where git changed them, write *.approvals -text into .gitattributes")
		}
		list = append(list, e)
		rest = strings.TrimPrefix(next, "\n")
	}
}

// textOf finds the text in what stands before a signature.
func textOf(before string) string {
	if i := strings.LastIndex("\n"+before, "\n"+textHeader+"\n"); i >= 0 {
		return before[i:]
	}
	return ""
}

// signature is a signature that counts for the plan.
type signature struct {
	Approved
	person int
}

// judge holds signatures against what they would have to sign.
type judge struct {
	wanted ApprovalText // but for its reason and its end, which are the signer's
	list   *signers.List
	now    time.Time
	maxAge time.Duration
	// spent says that a text was spent before, and how; "" for one that wasn't.
	spent func(text []byte) string
}

// all says which signatures of a file count, one of each person, and why
// others count for nothing.
func (j *judge) all(file []byte) (signed []Approved, refused []string) {
	people := map[int]bool{}
	for _, e := range entries(file) {
		s, err := j.one(e)
		switch {
		case err != nil:
			refused = append(refused, err.Error())
		case people[s.person]:
			refused = append(refused, fmt.Sprintf("%s signed twice, which counts once", s.By))
		default:
			people[s.person] = true
			signed = append(signed, s.Approved)
		}
	}
	return signed, refused
}

// one judges one signature. First comes whose it is and whether it fits its
// text: what nobody signed is not quoted.
func (j *judge) one(e entry) (signature, error) {
	if e.err != nil {
		return signature{}, fmt.Errorf("a signature can't be read: %w", e.err)
	}
	if e.sig.Namespace() == firstNamespace {
		return signature{}, errors.New("a signature is of the first form, which had no end, so it counts no longer: sign the plan again with cardfleet approve")
	}
	who, err := j.list.Signer(e.sig, Namespace, j.now)
	switch {
	case err != nil:
		return signature{}, err
	case e.text == "":
		return signature{}, fmt.Errorf("the text that %s signed is missing: it stands before the signature (cat text text.sig)", who.Name)
	case !e.sig.Fits([]byte(e.text), Namespace):
		return signature{}, fmt.Errorf("the signature of %s is over another text than the one before it: the text was changed since, or %s signed another", who.Name, who.Name)
	}
	text, err := parseApprovalText(e.text)
	if err != nil {
		return signature{}, fmt.Errorf("the signature of %s doesn't count: %w", who.Name, err)
	}
	if why := j.refuses(text, e.text); why != "" {
		return signature{}, fmt.Errorf("the signature of %s %s", who.Name, why)
	}
	return signature{Approved{By: who.Name, Reason: text.Reason, Until: text.Until, Fingerprint: e.sig.Fingerprint()}, who.Person}, nil
}

// refuses says why a text that somebody signed approves nothing of the plan;
// "" where it approves all of it.
func (j *judge) refuses(text ApprovalText, raw string) string {
	const minute = "2006-01-02 15:04 UTC"
	switch spent := j.spent([]byte(raw)); {
	case text.Fleet != j.wanted.Fleet:
		return fmt.Sprintf("is for the fleet of lineage %s, not for this one, %s", cmp.Or(text.Fleet, "none"), cmp.Or(j.wanted.Fleet, "none"))
	case !j.now.Before(text.Until):
		return "ended on " + text.Until.Format(minute)
	case text.Until.After(j.now.Add(j.maxAge)):
		return fmt.Sprintf("ends on %s, further ahead than the policy's approval_max_age of %s allows", text.Until.Format(minute), j.maxAge)
	case spent != "":
		return "is spent: " + spent
	case !slices.Equal(text.Carriers, j.wanted.Carriers):
		return "is over other definitions of carriers than this plan's"
	default:
		return text.differs(j.wanted.Actions)
	}
}
