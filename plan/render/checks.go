package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fatih/color"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// told are the checks that people are told of: those that fail, first those that
// refuse, and those that nobody can judge.
func told(p *plan.Plan) []spec.Check {
	rank := func(c spec.Check) int {
		switch {
		case c.Refuses():
			return 0
		case c.Status == spec.CheckFails:
			return 1
		}
		return 2
	}
	list := slices.DeleteFunc(slices.Clone(p.Checks), func(c spec.Check) bool { return c.Status == spec.CheckPasses })
	slices.SortStableFunc(list, func(a, b spec.Check) int { return rank(a) - rank(b) })
	return list
}

// failed counts the checks that fail.
func failed(p *plan.Plan) int {
	n := 0
	for i := range p.Checks {
		if p.Checks[i].Status == spec.CheckFails {
			n++
		}
	}
	return n
}

// checksTitle stands above the checks that people are told of.
const checksTitle = "Checks that don't hold, or that nobody can judge:"

// CheckText says what became of a check that doesn't pass: `check "no card
// without a city" (main.fleet.hcl line 12) fails: 2 cards have no city. apply
// refuses this plan.`
func CheckText(c *spec.Check) string {
	name := fmt.Sprintf("check \"%s\" (%s line %d)", safe.Text(c.Name), safe.Text(c.File), c.Line)
	if c.Status != spec.CheckFails {
		return name + " can't be judged: it depends on what was not read."
	}
	message := safe.Text(clip(strings.Join(strings.Fields(c.Message), " "), 4*clipped))
	if !strings.HasSuffix(message, ".") {
		message += "."
	}
	if c.Refuses() {
		message += " apply refuses this plan."
	}
	return name + " fails: " + message
}

// checks says which checks don't pass.
func (t *text) checks(p *plan.Plan) {
	list := told(p)
	if len(list) == 0 {
		return
	}
	t.entry("", 0, checksTitle, color.Bold)
	t.line("")
	for i := range list {
		symbol := "?"
		if list[i].Status == spec.CheckFails {
			symbol = "!"
		}
		t.entry("  "+t.style.symbol(symbol)+" ", 4, CheckText(&list[i]))
	}
	t.line("")
}

// checksBlock says which checks don't pass, but for those that make apply refuse:
// they stand among the reasons for that.
func checksBlock(p *plan.Plan) *section {
	list := slices.DeleteFunc(told(p), func(c spec.Check) bool { return c.Refuses() })
	return &section{
		one: "check that doesn't hold", many: "checks that don't hold", weight: 6, items: len(list), stands: len(list),
		open: "> [!WARNING]\n> **" + checksTitle + "**\n>\n", shut: "\n",
		item: func(i int) (string, int) { return "> - " + prose(CheckText(&list[i])) + "\n", 1 },
		more: func(left string) string { return "> - … and " + left + " more\n" },
	}
}

// refusing are the texts of the checks that make apply refuse.
func refusing(p *plan.Plan) []string {
	var out []string
	for i := range p.Checks {
		if p.Checks[i].Refuses() {
			out = append(out, CheckText(&p.Checks[i]))
		}
	}
	return out
}

// checkTold is a check on a page.
type checkTold struct {
	Class, Text string
}

// checksOf are the checks that a page tells of.
func checksOf(p *plan.Plan) []checkTold {
	var out []checkTold
	for _, c := range told(p) {
		class := "warn"
		if c.Refuses() {
			class = "bad"
		}
		out = append(out, checkTold{class, CheckText(&c)})
	}
	return out
}
