package plan

import "github.com/cardfleet/cardfleet/spec"

// Some is a plan of which only some actions are seen. Its cards have the places that
// they have in the whole, also those of which no action is left.
type Some struct {
	Source
	Sees func(c *Card, a *Action) bool
}

// Each implements [Source].
func (s Some) Each(visit func(n int, c *Card) error) error {
	var own Card
	return s.Source.Each(func(n int, c *Card) error { return visit(n, s.of(c, &own)) })
}

// Visit implements [Source].
func (s Some) Visit(places []int32, visit func(n int, c *Card) error) error {
	var own Card
	return s.Source.Visit(places, func(n int, c *Card) error { return visit(n, s.of(c, &own)) })
}

// of is the card with the actions that are seen: the card itself, or own, which is
// good until the next card, as every card is that is visited.
func (s Some) of(c, own *Card) *Card {
	seen := 0
	for i := range c.Actions {
		if s.Sees(c, &c.Actions[i]) {
			seen++
		}
	}
	if seen == len(c.Actions) {
		return c
	}
	*own = *c
	own.Actions = nil
	for i := range c.Actions {
		if s.Sees(c, &c.Actions[i]) {
			own.Actions = append(own.Actions, c.Actions[i])
		}
	}
	return own
}

// Idle is a plan with nothing to do, of which what it tells of its cards is left.
func Idle(p Source) Source {
	head := *p.Head()
	s := head.Summary()
	s.Guarded, s.Approved, s.ByKind = 0, 0, map[spec.Kind]KindCount{}
	head.Cards, head.Limits, head.Costs, head.Windows, head.Money, head.summary = nil, nil, nil, nil, nil, &s
	return idle{Some{Source: p, Sees: func(*Card, *Action) bool { return false }}, &head}
}

// idle is [Idle].
type idle struct {
	Some
	head *Plan
}

// Head implements [Source].
func (i idle) Head() *Plan { return i.head }
