package render

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// request is the approval that somebody has to give for the actions of one
// kind: a block of the configuration.
type request struct {
	kind  spec.Kind
	n     int     // how many cards
	cards []asked // the first of them, at most askedFor
	// nameless are the cards whose device nobody knows, which an approval has to
	// name: how many, and the addresses of the first.
	nameless int
	names    []string
}

type asked struct {
	iccid   spec.ICCID
	address string
	device  spec.IMEI
}

// asking gathers the approvals that a plan lacks.
type asking struct{ byKind map[spec.Kind]*request }

func (n *asking) add(c *plan.Card) {
	for i := range c.Actions {
		a := &c.Actions[i]
		if !a.Guarded || a.Approved {
			continue
		}
		r := n.byKind[a.Kind]
		if r == nil {
			if n.byKind == nil {
				n.byKind = map[spec.Kind]*request{}
			}
			r = &request{kind: a.Kind}
			n.byKind[a.Kind] = r
		}
		r.add(c, a)
	}
}

// requests are these approvals, what can't be undone first.
func (n *asking) requests() []request {
	var out []request
	for _, kind := range append([]spec.Kind{spec.Unbind}, spec.Kinds()...) {
		if r := n.byKind[kind]; r != nil {
			out = append(out, *r)
			delete(n.byKind, kind)
		}
	}
	return out
}

func (r *request) add(c *plan.Card, a *plan.Action) {
	device := plan.DeviceOf(c, *a)
	if device == "" {
		if r.nameless++; len(r.names) < samples {
			r.names = append(r.names, safe.Text(c.Address))
		}
		return
	}
	if r.n++; len(r.cards) < askedFor {
		r.cards = append(r.cards, asked{c.ICCID, c.Address, device})
	}
}

// lines are the block, with at most limit cards; the others are counted.
func (r *request) lines(limit int) []string {
	if r.n == 1 {
		return []string{
			fmt.Sprintf("approval %s {", quoted(string(r.kind)+"-"+string(r.cards[0].iccid))),
			fmt.Sprintf("  action = %s", quoted(string(r.kind))),
			fmt.Sprintf("  cards  = { %s }", r.cards[0].pair()),
			`  reason = "…"`, "}",
		}
	}
	lines := []string{
		fmt.Sprintf("approval %s {", quoted(fmt.Sprintf("%s-%d-cards", r.kind, r.n))),
		fmt.Sprintf("  action = %s", quoted(string(r.kind))),
		"  cards = {",
	}
	for _, a := range r.cards[:min(limit, len(r.cards))] {
		lines = append(lines, "    "+a.pair())
	}
	if r.n > limit {
		lines = append(lines, fmt.Sprintf("    # … and %s more: show -json lists them", Thousands(r.n-limit)))
	}
	return append(lines, "  }", `  reason = "…"`, "}")
}

func (a asked) pair() string {
	return quoted(string(a.iccid)) + " = " + quoted(string(a.device))
}

// of is "the unbind of card.bike", or "these 4 unbinds".
func (r *request) of() string {
	if r.n == 1 {
		return fmt.Sprintf("the %s of %s", r.kind, safe.Text(r.cards[0].address))
	}
	return fmt.Sprintf("the %s of %s", r.kind, count(r.n, "card", "cards"))
}

// unknown says of which cards the device has to be known first; "" for none.
func (r *request) unknown() string {
	if r.nameless == 0 {
		return ""
	}
	who, whose := strings.Join(r.names, ", "), "its device has"
	if r.nameless > 1 {
		whose = "their devices have"
	}
	if left := r.nameless - len(r.names); left > 0 {
		who += fmt.Sprintf(" and %s more", Thousands(left))
	}
	return fmt.Sprintf("To approve the %s of %s, %s to be known: say it with current_imei.", r.kind, who, whose)
}

// counts says of an action's approval until when it counts, and which of those
// required it is: " until 2026-12-05 20:46 UTC, 1 of 2"; "" where neither is to be said.
func counts(a *plan.Action, i int) string {
	s := ""
	if until := a.Approvals[i].Until; !until.IsZero() {
		s = " until " + until.UTC().Format(minute)
	}
	if a.Required > 1 {
		s += fmt.Sprintf(", %d of %d", i+1, a.Required)
	}
	return s
}

// quoted is s as a string of the configuration, with nothing to be evaluated in it.
func quoted(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(fmt.Sprintf("%q", s))
}

// askedFor is how many cards of an approval's block are written out.
const askedFor = 100

// approvals says how to approve what nobody approved: the block to add, or the
// command that signs it all.
func (t *text) approvals(p plan.Source) {
	if s := p.Head().Summary(); s.Guarded == s.Approved {
		return
	}
	lacking := asking{}
	t.err = errors.Join(t.err, p.Each(func(_ int, c *plan.Card) error {
		lacking.add(c)
		return nil
	}))
	asks := lacking.requests()
	if len(asks) > 0 && p.Head().Policy.SignersOnly {
		t.entry("", 0, "Only signed approvals count here. Save the plan with -out=PLANFILE, and have it approved with:")
		t.put("  cardfleet approve PLANFILE -key KEYFILE")
		t.line("")
		return
	}
	for i := range asks {
		r := &asks[i]
		if s := r.unknown(); s != "" {
			t.entry("", 0, s)
			t.line("")
		}
		if r.n == 0 {
			continue
		}
		t.entry("", 0, fmt.Sprintf("To approve %s, have this reviewed and add it to the configuration:", r.of()))
		t.line("")
		for _, l := range r.lines(askedFor) {
			t.code("  " + l)
		}
		t.line("")
	}
}
