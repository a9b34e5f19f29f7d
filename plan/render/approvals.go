package render

import (
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
	cards []asked
	// nameless are the cards whose device nobody knows, which an approval has to name.
	nameless []*plan.Card
}

type asked struct {
	card   *plan.Card
	device spec.IMEI
}

// requests are the approvals that the plan lacks, what can't be undone first.
func requests(p *plan.Plan) []request {
	byKind := map[spec.Kind]*request{}
	for i := range p.Cards {
		c := &p.Cards[i]
		for _, a := range c.Actions {
			if !a.Guarded || a.Approved {
				continue
			}
			r := byKind[a.Kind]
			if r == nil {
				r = &request{kind: a.Kind}
				byKind[a.Kind] = r
			}
			if device := plan.DeviceOf(c, a); device != "" {
				r.cards = append(r.cards, asked{c, device})
				continue
			}
			r.nameless = append(r.nameless, c)
		}
	}
	var out []request
	for _, kind := range append([]spec.Kind{spec.Unbind}, spec.Kinds()...) {
		if r := byKind[kind]; r != nil {
			out = append(out, *r)
			delete(byKind, kind)
		}
	}
	return out
}

// lines are the block, with at most limit cards; the others are counted.
func (r *request) lines(limit int) []string {
	if len(r.cards) == 1 {
		return []string{
			fmt.Sprintf("approval %s {", quoted(string(r.kind)+"-"+string(r.cards[0].card.ICCID))),
			fmt.Sprintf("  action = %s", quoted(string(r.kind))),
			fmt.Sprintf("  cards  = { %s }", r.cards[0].pair()),
			`  reason = "…"`, "}",
		}
	}
	lines := []string{
		fmt.Sprintf("approval %s {", quoted(fmt.Sprintf("%s-%d-cards", r.kind, len(r.cards)))),
		fmt.Sprintf("  action = %s", quoted(string(r.kind))),
		"  cards = {",
	}
	for i, a := range r.cards {
		if i == limit {
			lines = append(lines, fmt.Sprintf("    # … and %s more: show -json lists them", Thousands(len(r.cards)-limit)))
			break
		}
		lines = append(lines, "    "+a.pair())
	}
	return append(lines, "  }", `  reason = "…"`, "}")
}

func (a asked) pair() string {
	return quoted(string(a.card.ICCID)) + " = " + quoted(string(a.device))
}

// of is "the unbind of card.bike", or "these 4 unbinds".
func (r *request) of() string {
	if len(r.cards) == 1 {
		return fmt.Sprintf("the %s of %s", r.kind, safe.Text(r.cards[0].card.Address))
	}
	return fmt.Sprintf("the %s of %s", r.kind, count(len(r.cards), "card", "cards"))
}

// unknown says of which cards the device has to be known first; "" for none.
func (r *request) unknown() string {
	if len(r.nameless) == 0 {
		return ""
	}
	var names []string
	for _, c := range r.nameless[:min(samples, len(r.nameless))] {
		names = append(names, safe.Text(c.Address))
	}
	who, whose := strings.Join(names, ", "), "its device has"
	if len(r.nameless) > 1 {
		whose = "their devices have"
	}
	if left := len(r.nameless) - len(names); left > 0 {
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
func (t *text) approvals(p *plan.Plan) {
	asks := requests(p)
	if len(asks) > 0 && p.Policy.SignersOnly {
		t.entry("", 0, "Only signed approvals count here. Save the plan with -out=PLANFILE, and have it approved with:")
		t.line("  cardfleet approve PLANFILE -key KEYFILE")
		t.line("")
		return
	}
	for i := range asks {
		r := &asks[i]
		if s := r.unknown(); s != "" {
			t.entry("", 0, s)
			t.line("")
		}
		if len(r.cards) == 0 {
			continue
		}
		t.entry("", 0, fmt.Sprintf("To approve %s, have this reviewed and add it to the configuration:", r.of()))
		t.line("")
		for _, l := range r.lines(askedFor) {
			t.line("  %s", l)
		}
		t.line("")
	}
}
