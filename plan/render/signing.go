package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fatih/color"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// Signing is a signature that is about to be made.
type Signing struct {
	Text plan.ApprovalText
	// Key is the fingerprint of the key that signs; "" where another program signs.
	Key string
	Now time.Time
}

// shownToSign is how many guarded actions that can be undone are listed.
const shownToSign = 20

// Sign says what the signature will approve, before it is made: each action
// that can't be undone, how long it counts, for which policy, and whether the
// key is among those that count.
func Sign(w io.Writer, from plan.Source, s Signing, style Style) error {
	p := from.Head()
	t := &text{w: bufio.NewWriter(w), style: style, telling: telling{lang: style.Lang}}
	summary := p.Summary()
	planned := 0
	var parts []string
	for _, kind := range spec.Kinds() {
		n := summary.ByKind[kind]
		planned += n.Planned
		if n.Guarded > 0 {
			parts = append(parts, fmt.Sprintf("%s to %s", Thousands(n.Guarded), kind))
		}
	}
	t.entry("", 0, fmt.Sprintf("The signature approves %s of the %s in the plan of %s:", strings.Join(parts, ", "),
		count(planned, "action", "actions"), p.Timestamp.UTC().Format(minute)), color.Bold)
	t.line("")
	if err := t.toSign(from); err != nil {
		return err
	}
	t.signingTerms(p, s)
	return t.w.Flush()
}

// toSign lists the guarded actions: what can't be undone first, and all of it.
func (t *text) toSign(p plan.Source) error {
	others := 0
	var shown []plan.Card // an entry for each action that is shown of the others
	err := p.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			a := &c.Actions[i]
			switch {
			case !a.Guarded:
			case a.Irreversible():
				t.oneToSign(c, *a)
			default:
				if others++; others <= shownToSign {
					own := c.Clone()
					own.Actions = own.Actions[i : i+1]
					shown = append(shown, own)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range shown {
		t.oneToSign(&shown[i], shown[i].Actions[0])
	}
	if others > shownToSign {
		t.line("  … and %s more that can be undone; cardfleet show lists them", Thousands(others-shownToSign))
	}
	t.line("")
	return nil
}

func (t *text) oneToSign(c *plan.Card, a plan.Action) {
	mark, what := "~", safe.Text(a.Change.String())
	switch {
	case a.Final:
		mark, what = "-", what+"  (it can't be undone)"
	case a.Irreversible():
		mark, what = "-", what+"  (this closes the card's account; it can't be undone)"
	}
	t.title(safe.Text(c.Address) + iccidOf(c))
	t.entry("    "+t.style.symbol(mark)+" ", 6, what)
	about := "provider " + safe.Text(string(c.Provider))
	if l := labels(c.Labels); l != "" {
		about += ", labels " + l
	}
	if !c.Since.IsZero() {
		about += ", as it is since " + c.Since.UTC().Format(minute)
	}
	t.entry("      # ", 8, about, faint)
	if l := leaving(c, a); l != "" {
		t.entry("      # ", 8, l, faint)
	}
}

// signingTerms says how long the signature counts, and for which policy.
func (t *text) signingTerms(p *plan.Plan, s Signing) {
	if s.Text.Reason != "" {
		t.entry("", 2, "Reason: "+safe.Text(s.Text.Reason))
	}
	t.prose("", 0, fmt.Sprintf("It ends on %s, in %s, and earlier once it was used, once one of these cards has changed, or once an apply no longer wants one of the actions.",
		s.Text.Until.Format(minute), ahead(s.Text.Until.Sub(s.Now))))
	if !p.Policy.SignersOnly {
		t.warn("The policy of this plan names no allowed_signers, so no signature counts for it: approval blocks do.")
		return
	}
	var names []string
	for _, l := range p.Policy.Signers {
		names = append(names, safe.Text(l.Principals))
	}
	required := "1 signature"
	if n := p.Policy.Required(); n > 1 {
		required = fmt.Sprintf("signatures of %d different people", n)
	}
	t.prose("", 0, fmt.Sprintf("It counts for a policy that asks for %s of: %s.", required, strings.Join(names, ", ")))
	if s.Key != "" && len(signers.Of(p.Policy.Signers).Names(s.Key)) == 0 {
		t.warn("The key " + s.Key + " is nobody's in allowed_signers, so its signature counts for nothing.")
	}
}

// ahead is how long it is until a moment: in days from two days on.
func ahead(d time.Duration) string {
	if days := int(d.Round(time.Hour).Hours()) / 24; days >= 2 {
		return fmt.Sprintf("%d days", days)
	}
	return Duration(d)
}

func (t *text) warn(s string) { t.prose("", 0, "Warning: "+s, color.FgYellow) }

// minute is how a moment is told to people.
const minute = "2006-01-02 15:04 UTC"
