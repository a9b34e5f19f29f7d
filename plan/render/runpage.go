package render

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/state"
)

// Carried is a run as its report has it: what the page of a run shows.
type Carried struct {
	Run               state.Run // who, from which commit; zero where the report doesn't tell
	Started, Finished time.Time
	Interrupted       bool
	Partial           string // the options that left cards out
	Lineage           string
	Serial            uint64
	Actions           []CarriedAction // in the plan's order
	Lang              lang.Language
}

// CarriedAction is an action, and what became of it.
type CarriedAction struct {
	state.Event
	ID string
}

// RunHTML writes a run as one page for people, as [HTML] writes a plan.
func RunHTML(w io.Writer, c *Carried) error {
	v := &runView{paper: newPaper("cardfleet apply", c.Lang), Carried: c, Phrases: pagePhrases(c.Lang)}
	cards := v.draw()
	return writePage(w, telling{lang: c.Lang}, "run top", v, func(w io.Writer) error {
		data := newChunk(telling{lang: c.Lang})
		for i := range cards {
			if err := data.put(w, &cards[i]); err != nil {
				return err
			}
		}
		return data.end(w)
	})
}

// runView is what the template shows.
type runView struct {
	paper
	*Carried
	Phrases string

	Headline        string
	Outcomes        []segment
	Kinds, Carriers []bar
	Cards           int
	Final           []runCard // what can't be undone
	Undone          []runCard // what isn't done
	MoreFinal, MoreUndone,
	Took int // seconds
}

// runCard is an action that the page's top lists, by its card's place in the data.
type runCard struct {
	Index int
	*CarriedAction
}

// ShowICCID is false where the address says it.
func (c *runCard) ShowICCID() bool { return !strings.Contains(c.Address, string(c.ICCID)) }

// outcomes are what may become of an action, with how each is drawn and called.
func outcomes() []segment {
	return []segment{
		{Class: "serving", Name: "done"}, {Class: "barred", Name: "failed"}, {Class: "attention", Name: "in-doubt"},
		{Class: "stopped", Name: "dropped"}, {Class: "unknown", Name: "not-started"},
	}
}

// draw counts the actions and makes the table's cards of them: one of each action,
// with the devices of that action.
func (v *runView) draw() []plan.Card {
	var cards []plan.Card
	v.Outcomes = outcomes()
	kinds, carriers := map[string][]int{}, map[string][]int{}
	for i := range v.Actions {
		a := &v.Actions[i]
		is := max(0, slices.IndexFunc(v.Outcomes, func(s segment) bool { return s.Name == a.Outcome }))
		v.Outcomes[is].Count++
		tallyIn(kinds, string(a.Kind), is)
		tallyIn(carriers, string(a.Provider), is)
		cards = append(cards, cardOfAction(a))
		v.list(len(cards)-1, a)
	}
	var words []string
	for _, s := range v.Outcomes {
		if s.Count > 0 {
			words = append(words, Thousands(s.Count)+" "+strings.ReplaceAll(s.Name, "-", " "))
		}
	}
	if v.Headline = strings.Join(words, ", "); v.Headline == "" {
		v.Headline = "Nothing was done"
	}
	v.Outcomes = layOut(1000, v.Outcomes)
	v.Kinds, v.Carriers = outcomeBars(kinds), outcomeBars(carriers)
	for i := range v.Kinds {
		v.Kinds[i].Ours = true
	}
	v.Cards, v.Took = len(cards), int(v.Finished.Sub(v.Started).Seconds())
	return cards
}

func (v *runView) list(card int, a *CarriedAction) {
	if a.Outcome != "done" {
		if len(v.Undone) < troublesMost {
			v.Undone = append(v.Undone, runCard{card, a})
		} else {
			v.MoreUndone++
		}
	}
	if a.Irreversible() && a.Outcome != "not-started" {
		if len(v.Final) < topMost {
			v.Final = append(v.Final, runCard{card, a})
		} else {
			v.MoreFinal++
		}
	}
}

// cardOfAction is an action's card as the table has it: the outcome stands where a
// plan has why an approval is missing. What the action doesn't tell isn't known.
func cardOfAction(a *CarriedAction) plan.Card {
	c := plan.Card{Address: a.Address, ICCID: a.ICCID, Provider: a.Provider}
	switch {
	case a.Kind == spec.ChangeBind || a.Kind == spec.Unbind:
		c.Before.Binding, c.After.Binding = state.BoundTo(spec.IMEI(a.From)), state.BoundTo(spec.IMEI(a.To))
	case a.Kind == spec.Adopt && a.To != "":
		c.After.Binding = state.BoundTo(spec.IMEI(a.To))
	}
	action := plan.Action{ID: a.ID, Change: a.Change, Guarded: true, Approved: a.Outcome == "done", Denial: a.Outcome}
	for _, by := range a.Approvals {
		action.Approvals = append(action.Approvals, plan.Approved{By: by.By, Reason: by.Reason})
	}
	c.Actions = append(c.Actions, action)
	note := a.Reason
	if a.RequestID != "" {
		note += fmt.Sprintf(" (request %s)", a.RequestID)
	}
	if note != "" {
		c.Notes = append(c.Notes, string(a.Kind)+": "+strings.TrimSpace(note))
	}
	return c
}

func tallyIn(counts map[string][]int, name string, is int) {
	if counts[name] == nil {
		counts[name] = make([]int, len(outcomes()))
	}
	counts[name][is]++
}

func outcomeBars(counts map[string][]int) []bar {
	var out []bar
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		b := bar{Name: name}
		for i, n := range counts[name] {
			b.Count += n
			b.Segments = append(b.Segments, segment{Class: outcomes()[i].Class, Count: n})
		}
		out = append(out, b)
	}
	return drawn(out)
}
