package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

// groupFrom is how many cards have to change alike to be shown as one group.
const groupFrom = 100

// samples is how many cards of a group are named.
const samples = 3

// alike is a group of cards that change in the same way.
type alike struct{ cards []*plan.Card }

// groups puts cards that change alike together, in the order of the first of
// each; cards with something of their own to say stay alone.
func groups(cards []*plan.Card) []alike {
	byWay := map[string]int{}
	var out []alike
	for _, c := range cards {
		if len(c.Attention) > 0 {
			out = append(out, alike{[]*plan.Card{c}})
			continue
		}
		way := way(c)
		i, ok := byWay[way]
		if !ok {
			i = len(out)
			byWay[way] = i
			out = append(out, alike{})
		}
		out[i].cards = append(out[i].cards, c)
	}
	return inOrder(out)
}

// inOrder takes small groups apart again, so that single cards come by address.
func inOrder(in []alike) []alike {
	var single []*plan.Card
	var out []alike
	for _, g := range in {
		if len(g.cards) < groupFrom {
			single = append(single, g.cards...)
			continue
		}
		out = append(out, g)
	}
	slices.SortFunc(single, func(a, b *plan.Card) int { return strings.Compare(a.Address, b.Address) })
	for _, c := range single {
		out = append(out, alike{[]*plan.Card{c}})
	}
	return out
}

// way is the same text for cards that change alike.
func way(c *plan.Card) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s|", c.Provider, labels(c.Labels))
	for _, a := range c.Actions {
		fmt.Fprintf(&b, "%s|", what(a))
	}
	return b.String()
}

// what is the change in one phrase, without the values that differ from card
// to card.
func what(a plan.Action) string {
	switch a.Kind {
	case spec.ChangeBind:
		return "imei: changed, each to a device of its own"
	case spec.Stop:
		return "active: true -> false"
	case spec.Resume:
		return "active: false -> true"
	case spec.Subscribe:
		return "package " + a.To
	case spec.Unsubscribe:
		return "package " + a.From + " ends"
	case spec.Adopt:
		if a.To != "" {
			return "adopt, bound as declared, on trust"
		}
		return "adopt"
	default:
		return string(a.Kind)
	}
}

func labels(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	pairs := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, k+"="+m[k])
	}
	return strings.Join(pairs, ",")
}

// group writes many cards that change alike as one line with three samples.
func (t *text) group(g alike) {
	first := g.cards[0]
	whats := make([]string, 0, len(first.Actions))
	for _, a := range first.Actions {
		whats = append(whats, what(a))
	}
	where := "provider " + string(first.Provider)
	if l := labels(first.Labels); l != "" {
		where += ", labels " + l
	}
	t.line("  %s %s  %s   %s", t.style.symbol("~"), t.style.Bold(fmt.Sprintf("%d cards", len(g.cards))), strings.Join(whats, "; "), where)
	for _, c := range g.cards[:samples] {
		t.line("      # %s%s%s", c.Address, iccidOf(c), sample(c))
	}
	t.line("      # … and %s more alike", Thousands(len(g.cards)-samples))
	t.line("")
}

// sample shows a card's own values in a group.
func sample(c *plan.Card) string {
	for _, a := range c.Actions {
		if a.Kind == spec.ChangeBind {
			return ": " + a.From + " -> " + a.To
		}
	}
	return ""
}
