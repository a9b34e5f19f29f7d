package plan

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/state"
)

// Namespace is what approvals are signed for, so that no other signature of
// the same key stands for one (PROTOCOL.sshsig of OpenSSH).
const Namespace = "cardfleet-approval@v2"

const (
	textHeader = "cardfleet approval v2"
	// nothing stands in the text for a value that is empty or not yet known.
	nothing = "-"
)

// ApprovalText is what a signature approves: exactly these actions, each on a
// card that has not changed since, until an end. It is the same whatever else
// the plan does, so that fifty more harmless changes don't void an approval, and
// one more unbind does.
type ApprovalText struct {
	Fleet    string          // the state's lineage; "" before the first apply
	Until    time.Time       // when the approval ends, in whole seconds
	Reason   string          // one line; "" for none
	Carriers []CarrierDigest // by name
	Actions  []string        // a line for each guarded action, in byte order
}

// CarrierDigest names the definition of a carrier that isn't embedded in the
// program: "sha256:…".
type CarrierDigest struct{ Name, Digest string }

// ApprovalText is the text that approves the plan's guarded actions until an
// end; ok is false where nothing is guarded.
func (p *Plan) ApprovalText(until time.Time, reason string) (text ApprovalText, ok bool) {
	text = p.approvalText(until, reason, p.each)
	return text, len(text.Actions) > 0
}

// approvalText is ApprovalText for cards that are visited one by one.
func (p *Plan) approvalText(until time.Time, reason string, each func(visit func(*Card))) ApprovalText {
	text := ApprovalText{Fleet: p.Lineage, Until: until.UTC().Truncate(time.Second), Reason: reason}
	for _, d := range p.Carriers {
		text.Carriers = append(text.Carriers, CarrierDigest{d.Name, d.Digest})
	}
	each(func(c *Card) {
		for j := range c.Actions {
			if a := &c.Actions[j]; a.Guarded {
				text.Actions = append(text.Actions, approvalLine(c, a))
			}
		}
	})
	slices.Sort(text.Actions)
	return text
}

// approvalLine is an action as a signature names it: KIND PROVIDER ICCID FROM TO since TIME.
func approvalLine(c *Card, a *Action) string {
	since := nothing
	if !c.Since.IsZero() {
		since = textTime(c.Since)
	}
	return fmt.Sprintf("%s %s %s %s %s since %s", a.Kind, c.Provider, c.ICCID, cmp.Or(a.From, nothing), cmp.Or(a.To, nothing), since)
}

func textTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Bytes is the text as it is signed; its last line is empty.
func (t ApprovalText) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nfleet %s\nuntil %s\n", textHeader, cmp.Or(t.Fleet, "none"), textTime(t.Until))
	if t.Reason != "" {
		fmt.Fprintf(&b, "reason %s\n", t.Reason)
	}
	for _, c := range t.Carriers {
		fmt.Fprintf(&b, "carrier %s %s\n", c.Name, c.Digest)
	}
	for _, a := range t.Actions {
		b.WriteString(a + "\n")
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// Check refuses a text that means something else than it says: a value of a
// plan that somebody edited may hold a line of its own, or what can't be seen.
func (t ApprovalText) Check() error {
	for _, line := range slices.Concat([]string{t.Fleet, t.Reason}, t.Actions, t.carrierLines()) {
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("a value of it has characters that can't be seen: %q", line)
		}
	}
	for _, line := range t.Actions {
		if n := strings.Count(line, " "); n != 6 {
			return fmt.Errorf("a value of an action has a space in it: %q", line)
		}
	}
	return nil
}

func (t ApprovalText) carrierLines() []string {
	lines := make([]string, 0, len(t.Carriers))
	for _, c := range t.Carriers {
		lines = append(lines, c.Name+" "+c.Digest)
	}
	return lines
}

// parseApprovalText reads a text, and takes it only where it is written just as
// [ApprovalText.Bytes] writes it.
func parseApprovalText(text string) (ApprovalText, error) {
	odd := errors.New("its text isn't written as approve writes it")
	lines := strings.Split(text, "\n")
	if len(lines) < 5 || lines[0] != textHeader {
		return ApprovalText{}, odd
	}
	fleet, hasFleet := strings.CutPrefix(lines[1], "fleet ")
	end, hasUntil := strings.CutPrefix(lines[2], "until ")
	until, err := time.Parse(time.RFC3339, end)
	if !hasFleet || !hasUntil || err != nil {
		return ApprovalText{}, odd
	}
	t := ApprovalText{Fleet: fleet, Until: until}
	if fleet == "none" {
		t.Fleet = ""
	}
	rest := lines[3 : len(lines)-2]
	if len(rest) > 0 {
		if reason, found := strings.CutPrefix(rest[0], "reason "); found {
			t.Reason, rest = reason, rest[1:]
		}
	}
	for len(rest) > 0 && strings.HasPrefix(rest[0], "carrier ") {
		words := strings.SplitN(rest[0], " ", 3)
		t.Carriers = append(t.Carriers, CarrierDigest{words[1], words[len(words)-1]})
		rest = rest[1:]
	}
	t.Actions = rest
	if string(t.Bytes()) != text || len(rest) == 0 || !slices.IsSorted(rest) {
		return ApprovalText{}, odd
	}
	return t, nil
}

// differs says what of the actions that were signed isn't so in the plan;
// "" where they are the plan's.
func (t ApprovalText) differs(wanted []string) string {
	if slices.Equal(t.Actions, wanted) {
		return ""
	}
	signed, planned := map[string]string{}, map[string]string{}
	for _, line := range t.Actions {
		action, since, _ := strings.Cut(line, " since ")
		signed[action] = since
	}
	for _, line := range wanted {
		action, since, _ := strings.Cut(line, " since ")
		planned[action] = since
		was, found := signed[action]
		switch {
		case !found:
			return fmt.Sprintf("is over other guarded actions than this plan's: not over %q", action)
		case was != since:
			return fmt.Sprintf("is spent: a card has changed since it was signed (%s: signed as it was since %s, and it is so since %s)", action, was, since)
		}
	}
	for _, line := range t.Actions {
		if action, _, _ := strings.Cut(line, " since "); planned[action] == "" {
			return fmt.Sprintf("is over other guarded actions than this plan's: also over %q", action)
		}
	}
	return "is over other guarded actions than this plan's"
}

// sinceOf is since when a card is as the state has it, see [state.Card.Since].
// It is zero for a card that the state doesn't have. What a state of version 1
// doesn't tell is taken from its last change and its doubts.
func sinceOf(memory *state.Card) time.Time {
	if memory == nil {
		return time.Time{}
	}
	since := memory.Since
	if memory.Changed.After(since) {
		since = memory.Changed
	}
	for _, doubt := range memory.Doubts {
		if doubt.Since.After(since) {
			since = doubt.Since
		}
	}
	return since.UTC().Truncate(time.Second)
}
