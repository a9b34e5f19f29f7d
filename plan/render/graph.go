package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
)

// Graph writes the order of a plan's actions as a Mermaid flowchart: an arrow
// goes from each action to those that wait for it. Actions that wait for none
// and that none waits for are counted, not drawn.
func Graph(w io.Writer, p *plan.Plan) error {
	out := bufio.NewWriter(w)
	drawn := connected(p)
	alone := 0
	fmt.Fprint(out, "flowchart LR\n") //nolint:errcheck // a failed write is kept by the bufio.Writer, and comes out of Flush
	for i := range p.Cards {
		c := &p.Cards[i]
		for _, a := range c.Actions {
			if !drawn[a.ID] {
				alone++
				continue
			}
			fmt.Fprintf(out, "  %s[\"%s<br>%s\"]\n", a.ID, mermaid(c.Address), mermaid(string(a.Kind)+values(a))) //nolint:errcheck // likewise
			for _, need := range a.Needs {
				fmt.Fprintf(out, "  %s --> %s\n", need, a.ID) //nolint:errcheck // likewise
			}
		}
	}
	if alone > 0 {
		fmt.Fprintf(out, "  alone[\"%s in any order\"]\n", count(alone, "more action", "more actions")) //nolint:errcheck // likewise
	}
	return out.Flush()
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
