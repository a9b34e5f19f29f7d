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
	places []int32      // of its first cards, at most pictured
	cards  []*plan.Card // these
	more   int          // how many actions the others have
	alike  int          // how many cards have this order within themselves; 0 for a chain of cards
}

// ordering is all that a plan has of order.
type ordering struct {
	chains  []chain // those that are drawn
	between int     // how many chains of cards there are
	within  int     // how many cards have an order within themselves
	left    int     // how many chains aren't drawn
}

// orderPicture draws chains of cards, and the orders within cards.
func orderPicture(o *ordering) *section {
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

// orders looks for what has an order, card by card.
type orders struct {
	needs   []foreign
	within  []orderedCard
	kinds   []string       // the orders within cards, as their kinds
	at      map[string]int // these, by what they are
	actions []uint16       // of each card
}

// foreign is an action of another card that a card waits for.
type foreign struct {
	place int32
	need  string
}

// orderedCard is a card with an order within itself, the one of that number.
type orderedCard struct{ place, kinds int32 }

func (o *orders) add(n int, c *plan.Card) {
	o.actions = append(o.actions, uint16(min(len(c.Actions), 1<<16-1)))
	eachNeed(c, func(need string) { o.needs = append(o.needs, foreign{int32(n), need}) })
	if !ordered(c) {
		return
	}
	kinds := kindsOf(c)
	k, known := o.at[kinds]
	if !known {
		if o.at == nil {
			o.at = map[string]int{}
		}
		k = len(o.kinds)
		o.at[kinds], o.kinds = k, append(o.kinds, kinds)
	}
	o.within = append(o.within, orderedCard{int32(n), int32(k)})
}

// ordering is what was found: chains of cards first, the longest first.
func (o *orders) ordering(p plan.Source) (*ordering, error) {
	joined, err := o.join(p)
	if err != nil {
		return nil, err
	}
	out := &ordering{}
	for _, root := range joined.longest(chainsPictured, &out.between) {
		out.chains = append(out.chains, o.chain(joined, root))
	}
	within := o.alone(joined, out)
	out.chains = append(out.chains, within...)
	out.chains = out.chains[:min(len(out.chains), chainsPictured)]
	out.left = out.between + len(within) - len(out.chains)
	return out, out.fetch(p)
}

// alone are the orders within cards that are in no chain.
func (o *orders) alone(joined union, out *ordering) []chain {
	var within []chain
	at := make([]int, len(o.kinds)) // from 1
	for _, c := range o.within {
		if joined.has(int(c.place)) {
			continue
		}
		out.within++
		if at[c.kinds] == 0 {
			within = append(within, chain{places: []int32{c.place}})
			at[c.kinds] = len(within)
		}
		within[at[c.kinds]-1].alike++
	}
	return within
}

// chain is the chain with that first card.
func (o *orders) chain(u union, root int32) chain {
	var ch chain
	for i := range u {
		if u[i] < 0 || u.root(int32(i)) != root {
			continue
		}
		if len(ch.places) < pictured {
			ch.places = append(ch.places, int32(i))
			continue
		}
		ch.more += int(o.actions[i])
	}
	return ch
}

// fetch gets the cards that are drawn.
func (o *ordering) fetch(p plan.Source) error {
	var places []int32
	for i := range o.chains {
		places = append(places, o.chains[i].places...)
	}
	cards, err := pick(p, places)
	for i := range o.chains {
		for _, place := range o.chains[i].places {
			o.chains[i].cards = append(o.chains[i].cards, cards[place])
		}
	}
	return err
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

// join joins two cards where an action of one waits for an action of the other.
func (o *orders) join(p plan.Source) (union, error) {
	if len(o.needs) == 0 {
		return nil, nil
	}
	owners, err := o.owners(p)
	if err != nil {
		return nil, err
	}
	u := make(union, len(o.actions))
	for i := range u {
		u[i] = -1
	}
	for _, n := range o.needs {
		if owner := owners[n.need]; owner >= 0 {
			u.join(n.place, owner)
		}
	}
	return u, nil
}

// owners are the places of the cards whose actions others wait for; -1 where the
// plan has no such action.
func (o *orders) owners(p plan.Source) (map[string]int32, error) {
	owners := make(map[string]int32, len(o.needs))
	for _, n := range o.needs {
		owners[n.need] = -1
	}
	err := p.Each(func(n int, c *plan.Card) error {
		for i := range c.Actions {
			if _, needed := owners[c.Actions[i].ID]; needed {
				owners[c.Actions[i].ID] = int32(n)
			}
		}
		return nil
	})
	return owners, err
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
	left := ch.more
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
