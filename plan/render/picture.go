package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec/safe"
)

const (
	// pictured is how many actions of one chain are drawn: a picture with more
	// can't be read on a phone.
	pictured = 12
	// chainsPictured keeps the picture below the 500 arrows that Mermaid draws.
	chainsPictured = 20
)

// chain is what has to run in an order: cards that wait for each other, or one
// order that many cards have within themselves.
type chain struct {
	cards []*plan.Card
	alike int // how many cards have this order within themselves; 0 for a chain of cards
}

// ordering is all that a plan has of order.
type ordering struct {
	chains  []chain // those that are drawn
	between int     // how many chains of cards there are
	within  int     // how many cards have an order within themselves
	left    int     // how many chains aren't drawn
}

// orderPicture draws chains of cards, and the orders within cards.
func orderPicture(p *plan.Plan) *section {
	o := orderOf(p)
	s := &section{
		one: "chain of actions", many: "chains of actions", weight: 2, items: len(o.chains), stands: len(o.chains) + o.left,
		open: fmt.Sprintf("<details><summary>Order: %s</summary>\n\n```mermaid\nflowchart LR\n", o.words()), shut: "```\n\n</details>\n\n",
		more: func(left string) string { return fmt.Sprintf("  more[\"… and %s more chains\"]\n", left) },
	}
	s.item = func(i int) (string, int) {
		text, stands := o.chains[i].draw(i), 1
		if i == len(o.chains)-1 && o.left > 0 {
			text += s.more(Thousands(o.left))
			stands += o.left
		}
		return text, stands
	}
	return s
}

// words says what the picture shows.
func (o *ordering) words() string {
	var parts []string
	if o.between > 0 {
		parts = append(parts, count(o.between, "chain of cards", "chains of cards"))
	}
	if o.within > 0 {
		parts = append(parts, count(o.within, "card whose actions follow each other", "cards whose actions follow each other"))
	}
	return strings.Join(parts, ", ")
}

// orderOf finds what has an order: chains of cards first, the longest first.
func orderOf(p *plan.Plan) ordering {
	joined := joinCards(p)
	o := ordering{}
	for _, root := range joined.longest(chainsPictured, &o.between) {
		o.chains = append(o.chains, chain{cards: joined.members(p, root)})
	}
	var within []chain
	at := map[string]int{}
	for i := range p.Cards {
		c := &p.Cards[i]
		if joined.has(i) || !ordered(c) {
			continue
		}
		o.within++
		kinds := kindsOf(c)
		k, known := at[kinds]
		if !known {
			k = len(within)
			at[kinds] = k
			within = append(within, chain{cards: []*plan.Card{c}})
		}
		within[k].alike++
	}
	o.chains = append(o.chains, within...)
	o.chains = o.chains[:min(len(o.chains), chainsPictured)]
	o.left = o.between + len(within) - len(o.chains)
	return o
}

// ordered reports whether an action of the card waits for another of its own.
func ordered(c *plan.Card) bool {
	for i := range c.Actions {
		if len(c.Actions[i].Needs) > 0 {
			return true
		}
	}
	return false
}

func kindsOf(c *plan.Card) string {
	var b strings.Builder
	for i := range c.Actions {
		b.WriteString(string(c.Actions[i].Kind) + " ")
	}
	return b.String()
}

// union joins the places of cards that wait for each other: each has the place
// of another of its chain, in the end of the chain's first; -1 is in none.
type union []int32

func (u union) has(i int) bool { return len(u) > 0 && u[i] >= 0 }

func (u union) root(i int32) int32 {
	for u[i] != i {
		u[i] = u[u[i]] // halves the way for the next time
		i = u[i]
	}
	return i
}

func (u union) join(i, j int32) {
	for _, k := range []int32{i, j} {
		if u[k] < 0 {
			u[k] = k
		}
	}
	a, b := u.root(i), u.root(j)
	u[max(a, b)] = min(a, b)
}

// longest are the first cards of the longest chains; all counts the chains.
func (u union) longest(n int, all *int) []int32 {
	sizes := make([]int32, len(u))
	var roots []int32
	for i := range u {
		if u[i] < 0 {
			continue
		}
		root := u.root(int32(i))
		if sizes[root]++; sizes[root] == 1 {
			roots = append(roots, root)
		}
	}
	*all = len(roots)
	slices.SortStableFunc(roots, func(a, b int32) int { return cmp.Compare(sizes[b], sizes[a]) })
	return roots[:min(n, len(roots))]
}

func (u union) members(p *plan.Plan, root int32) []*plan.Card {
	var cards []*plan.Card
	for i := range u {
		if u[i] >= 0 && u.root(int32(i)) == root {
			cards = append(cards, &p.Cards[i])
		}
	}
	return cards
}

// joinCards joins two cards where an action of one waits for an action of the other.
func joinCards(p *plan.Plan) union {
	owners := needed(p)
	if len(owners) == 0 {
		return nil
	}
	u := make(union, len(p.Cards))
	for i := range u {
		u[i] = -1
	}
	for i := range p.Cards {
		eachNeed(&p.Cards[i], func(need string) {
			if owner := owners[need]; owner >= 0 {
				u.join(int32(i), owner)
			}
		})
	}
	return u
}

// needed are the actions that another card waits for, with the places of their
// cards; -1 where the plan has no such action.
func needed(p *plan.Plan) map[string]int32 {
	owners := map[string]int32{}
	for i := range p.Cards {
		eachNeed(&p.Cards[i], func(need string) { owners[need] = -1 })
	}
	if len(owners) == 0 {
		return nil
	}
	for i := range p.Cards {
		actions := p.Cards[i].Actions
		for j := range actions {
			if _, ok := owners[actions[j].ID]; ok {
				owners[actions[j].ID] = int32(i)
			}
		}
	}
	return owners
}

// eachNeed visits the actions of other cards that the card waits for.
func eachNeed(c *plan.Card, visit func(need string)) {
	for i := range c.Actions {
		for _, need := range c.Actions[i].Needs {
			if !owns(c, need) {
				visit(need)
			}
		}
	}
}

func owns(c *plan.Card, id string) bool {
	for i := range c.Actions {
		if c.Actions[i].ID == id {
			return true
		}
	}
	return false
}

// draw draws a chain. Its nodes are named by its number, so that no id of the
// plan file gets into the picture's text.
func (ch *chain) draw(number int) string {
	var b strings.Builder
	node := map[string]string{}
	left := 0
	for _, c := range ch.cards {
		for _, a := range c.Actions {
			if len(node) == pictured {
				left++
				continue
			}
			name := fmt.Sprintf("c%dn%d", number, len(node))
			node[a.ID] = name
			fmt.Fprintf(&b, "  %s[\"%s\"]\n", name, ch.label(c, a))
		}
	}
	for _, c := range ch.cards {
		for _, a := range c.Actions {
			for _, need := range a.Needs {
				if node[need] != "" && node[a.ID] != "" {
					fmt.Fprintf(&b, "  %s --> %s\n", node[need], node[a.ID])
				}
			}
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "  c%dmore[\"… and %s\"]\n", number, count(left, "more action of this chain", "more actions of this chain"))
	}
	return b.String()
}

func (ch *chain) label(c *plan.Card, a plan.Action) string {
	if ch.alike > 0 {
		return fmt.Sprintf("%s: %s", count(ch.alike, "card", "cards"), mermaid(string(a.Kind)))
	}
	return mermaid(clip(safe.Text(c.Address), 60)) + "<br>" + mermaid(string(a.Kind)+clip(values(a), 60))
}
