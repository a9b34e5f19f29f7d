package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// Graph writes the order of a plan's actions as a Mermaid flowchart: an arrow
// goes from each action to those that wait for it. Actions that wait for none
// and that none waits for are counted, not drawn.
func Graph(w io.Writer, p plan.Source) error {
	t := &text{w: bufio.NewWriter(w)}
	drawn, err := connected(p)
	if err != nil {
		return err
	}
	alone := 0
	t.line("flowchart LR")
	err = p.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			a := &c.Actions[i]
			if !drawn[a.ID] {
				alone++
				continue
			}
			t.line("  %s[\"%s<br>%s\"]", a.ID, mermaid(c.Address), mermaid(string(a.Kind)+values(*a)))
			for _, need := range a.Needs {
				t.line("  %s --> %s", need, a.ID)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if alone > 0 {
		t.line("  alone[\"%s in any order\"]", count(alone, "more action", "more actions"))
	}
	return t.w.Flush()
}

// connected is the set of the actions that wait for another, or that another waits for.
func connected(p plan.Source) (map[string]bool, error) {
	set := map[string]bool{}
	err := p.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			for _, need := range c.Actions[i].Needs {
				set[c.Actions[i].ID], set[need] = true, true
			}
		}
		return nil
	})
	return set, err
}

func values(a plan.Action) string {
	switch {
	case a.BindsFirst():
		return " " + spec.NoDevice + " → " + a.To
	case a.From != "" && a.To != "":
		return " " + a.From + " → " + a.To
	case a.From+a.To != "":
		return " " + a.From + a.To
	default:
		return ""
	}
}

// mermaid makes a text safe within a quoted Mermaid label: all but letters,
// digits and a few signs become the codes of their characters. So no text ends
// the label, is a directive (%%{…}%%) or HTML.
func mermaid(s string) string {
	var b strings.Builder
	for _, r := range safe.Text(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" .,-_[]()/→", r) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "#%d;", r)
	}
	return b.String()
}
