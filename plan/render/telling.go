package render

import (
	"slices"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec/lang"
)

// telling is how a form tells people what it has in English: in their language, and with
// times in their zone too. The zero value leaves texts as they are.
type telling struct {
	Clock
	lang lang.Language
}

// tell is a text as it is told.
func (t telling) tell(text string) string { return t.Both(t.lang.Text(text)) }

// own is tell of what is certainly the program's own.
func (t telling) own(text string) string { return t.Both(t.lang.Word(text)) }

// asItIs reports whether no text would be told otherwise.
func (t telling) asItIs() bool { return t.zone == nil && t.lang.English() }

// toldPlan is a plan whose texts of other hands are told, where its cards are looked at
// one by one.
type toldPlan struct {
	plan.Source
	telling
}

// Head implements [plan.Source].
func (t toldPlan) Head() *plan.Plan {
	p := *t.Source.Head()
	p.Numbers = slices.Clone(p.Numbers)
	for i := range p.Numbers {
		p.Numbers[i].Attention = t.notes(p.Numbers[i].Attention)
	}
	if t.lang.English() {
		return &p
	}
	p.Policy.Weaker = t.texts(p.Policy.Weaker)
	p.Incomplete = slices.Clone(p.Incomplete)
	for i := range p.Incomplete {
		p.Incomplete[i].Reason = t.tell(p.Incomplete[i].Reason)
	}
	return &p
}

// Visit implements [plan.Source].
func (t toldPlan) Visit(places []int32, visit func(n int, c *plan.Card) error) error {
	return t.Source.Visit(places, func(n int, c *plan.Card) error {
		own := t.card(c)
		return visit(n, &own)
	})
}

// card is a card of its own whose texts are told.
func (t telling) card(c *plan.Card) plan.Card {
	own := c.Clone()
	own.Attention = t.notes(own.Attention)
	own.Notes = t.texts(own.Notes)
	for i := range own.Drift {
		own.Drift[i].Cause = t.tell(own.Drift[i].Cause)
	}
	for i := range own.Actions {
		own.Actions[i].Denial = t.lang.Text(own.Actions[i].Denial)
	}
	return own
}

func (t telling) texts(list []string) []string {
	list = slices.Clone(list)
	for i := range list {
		list[i] = t.tell(list[i])
	}
	return list
}

func (t telling) notes(list []plan.Note) []plan.Note {
	list = slices.Clone(list)
	for i := range list {
		list[i].Summary = t.lang.Text(list[i].Summary)
		list[i].Detail = t.Both(t.lang.Lines(list[i].Detail))
	}
	return list
}
