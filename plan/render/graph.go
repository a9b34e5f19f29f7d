package render

import (
	"bufio"
	"io"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
)

// Graph writes the order of a plan's actions as a Mermaid flowchart: an arrow
// goes from each action to those that wait for it. Actions that wait for none
// and that none waits for are counted, not drawn.
func Graph(w io.Writer, p *plan.Plan) error {
	t := &text{w: bufio.NewWriter(w)}
	drawn := connected(p)
	alone := 0
	t.line("flowchart LR")
	for i := range p.Cards {
		c := &p.Cards[i]
		for _, a := range c.Actions {
			if !drawn[a.ID] {
				alone++
				continue
			}
			t.line("  %s[\"%s<br>%s\"]", a.ID, mermaid(c.Address), mermaid(string(a.Kind)+values(a)))
			for _, need := range a.Needs {
				t.line("  %s --> %s", need, a.ID)
			}
		}
	}
	if alone > 0 {
		t.line("  alone[\"%s in any order\"]", count(alone, "more action", "more actions"))
	}
	return t.w.Flush()
}

// connected is the set of the actions that wait for another, or that another waits for.
func connected(p *plan.Plan) map[string]bool {
	set := map[string]bool{}
	for i := range p.Cards {
		for _, a := range p.Cards[i].Actions {
			for _, need := range a.Needs {
				set[a.ID], set[need] = true, true
			}
		}
	}
	return set
}

func values(a plan.Action) string {
	switch {
	case a.From != "" && a.To != "":
		return " " + a.From + " → " + a.To
	case a.From+a.To != "":
		return " " + a.From + a.To
	default:
		return ""
	}
}

// mermaid makes a text safe within a quoted Mermaid label.
func mermaid(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s)
}
