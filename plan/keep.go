package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Kept is what holding a saved plan against the present comes to.
type Kept struct {
	// Plan has the actions that are saved and still wanted, as the present
	// configuration, policy and state ask for them: their order, guard, keys
	// and limits are of now. An action keeps the id that it was saved with.
	Plan *Plan
	// Left are the saved plan's other actions, in its order.
	Left []Left
}

// Left is a saved action that is not carried out, and why.
type Left struct {
	Card   *Card   // as it was saved
	Action *Action // as it was saved
	// AsWanted says that the configuration still asks for it, and that it is so
	// already.
	AsWanted bool
	Reason   string // a sentence without its first letter's capital and its stop
}

// Keep holds a saved plan against the configuration, the policy and the state
// of the moment, without a reading. It plans the plan's cards anew, from what
// the plan says was live, and keeps just those of its actions that come out
// again. So a plan file that somebody edited or exchanged can do nothing that
// the configuration doesn't want.
//
// Of the file count only which actions it has, the live values that it was made
// from, and its time. A live value counts where the carrier can report it, and
// apply reads it again before the call; what a carrier can't report is the
// state's to know.
//
// A plan of all cards is held against all of the fleet, one of a part against
// the cards that it has, so that a limit on what left counts just these.
//
// in is as for [Make]; its readings, selection and numbers are not looked at.
// The diagnostics are mistakes in the configuration that are not about a single
// card, as of [Make]. With an error among them there is no plan.
func Keep(saved *Plan, in Input) (*Kept, spec.Diagnostics) {
	k := newKeeper(saved, in)
	fresh, diags := Diff(k.in)
	k.narrow(fresh)
	diags = append(diags, Order(fresh, k.in)...)
	if diags.HasErrors() {
		diags.Sort()
		return nil, diags
	}
	k.number(fresh)
	p := k.plan(fresh)
	guardAs(p, saved, in.Fleet, in.Prior, in.Approvals, in.Now)
	n := newCounts(&in)
	for i := range p.Cards {
		n.card(&p.Cards[i])
	}
	p.judgeLimits(&n, &in)
	p.Costs, p.Money = n.costs.costs(p.Reads, in.Paces), n.money.money()
	p.Windows = timings(in.Fleet.Windows, in.Now, n.kinds)
	return &Kept{Plan: p, Left: k.left()}, diags
}

// keeper is one run of Keep.
type keeper struct {
	saved   *Plan
	in      Input
	cards   map[spec.ICCID]*keptCard // of the saved plan's cards with an action
	removed map[spec.ICCID]*spec.Removed
}

// keptCard is a card of the saved plan, and what is so of it now.
type keptCard struct {
	saved  *Card
	wanted *spec.Card  // nil for one that isn't declared
	memory *state.Card // nil for one that isn't managed
	now    spec.Reading
	fresh  *Card         // nil where nothing comes out for it
	asked  []spec.Change // what came out for it, before it was narrowed
	// Of each saved action: whether it is kept, whether it isn't because it is as
	// wanted, and why it isn't where that is known.
	kept, asWanted []bool
	why            []string
}

func newKeeper(saved *Plan, in Input) *keeper {
	k := &keeper{saved: saved, in: ofNow(in), cards: map[spec.ICCID]*keptCard{}}
	k.removed, _ = removedCards(in.Fleet, in.Prior) // its mistakes come out with what is planned now
	named := make(map[spec.ICCID]bool, len(saved.Cards))
	for i := range saved.Cards {
		c := &saved.Cards[i]
		named[c.ICCID] = true
		if len(c.Actions) > 0 {
			k.cards[c.ICCID] = &keptCard{
				saved: c, wanted: declared(in.Fleet, c.ICCID), memory: in.Prior.Card(c.ICCID),
				kept: make([]bool, len(c.Actions)), why: make([]string, len(c.Actions)),
			}
		}
	}
	if saved.Partial != "" {
		k.in.Select.Cards = named
	}
	k.in.Live = k.live()
	return k
}

// ofNow is what a saved plan is held against: without readings, and of all cards.
func ofNow(in Input) Input {
	in.Select, in.Live, in.Remembered = Selection{}, nil, false
	in.Incomplete, in.Numbers, in.Reads, in.RefreshOnly, in.saved = nil, nil, nil, false, true
	return in
}

// declared finds a card of the configuration; nil where there is none.
func declared(fleet *spec.Fleet, iccid spec.ICCID) *spec.Card {
	i, found := slices.BinarySearchFunc(fleet.Cards, iccid, func(c spec.Card, iccid spec.ICCID) int { return cmp.Compare(c.ICCID, iccid) })
	if !found {
		return nil
	}
	return &fleet.Cards[i]
}

// provider is the block that the card stands at now; "" for a card that is
// neither declared nor managed.
func (c *keptCard) provider() spec.ProviderName {
	switch {
	case c.wanted != nil:
		return c.wanted.Provider
	case c.memory != nil:
		return c.memory.Provider
	default:
		return ""
	}
}

// live is what the saved plan's cards were like when it was made, or since then
// where the state knows better, by ICCID.
func (k *keeper) live() []spec.Reading {
	var live []spec.Reading
	for iccid, c := range k.cards {
		if c.provider() != c.saved.Provider {
			continue // what was read at another provider says nothing here
		}
		r := readingOf(c.saved, c.memory, k.in.Capabilities[c.saved.Provider], earlier(k.saved.Timestamp, k.in.Now))
		r.Provider, r.ICCID = c.saved.Provider, iccid
		c.now = c.memory.Overlay(r, k.in.Capabilities[c.saved.Provider].Settle)
		live = append(live, r)
	}
	slices.SortFunc(live, func(a, b spec.Reading) int { return cmp.Compare(a.ICCID, b.ICCID) })
	return live
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// readingOf is the reading that a saved card shows, without what the carrier
// can't report, and with the changes that were made since; the state's, where that
// is of later.
func readingOf(c *Card, memory *state.Card, able spec.Capabilities, at time.Time) spec.Reading {
	r := c.Before.reading()
	r.Status = c.Before.Status
	if memory == nil && c.Memory.Last.Lifecycle == r.Lifecycle {
		r = c.Memory.Reading() // of a card to be adopted: with all that the carrier said of it
	}
	return readingSince(r, memory, able, at)
}

// readingSince is readingOf for what the card shows.
func readingSince(r spec.Reading, memory *state.Card, able spec.Capabilities, at time.Time) spec.Reading {
	r.At = at
	r.Has &= able.Reads
	if memory == nil {
		return r
	}
	if memory.Last.At.After(at) {
		return memory.Reading()
	}
	if len(memory.Recent) == 0 {
		return r
	}
	return changedSince(r, memory, at)
}

// changedSince is apart so that a card without recent changes, as nearly all are,
// takes no memory for its reading.
func changedSince(r spec.Reading, memory *state.Card, at time.Time) spec.Reading {
	for _, ch := range memory.Recent {
		if ch.At.After(at) && ch.PendingIn(r) {
			ch.Lay(&r) // however soon the carrier shows it: this reading is of before
		}
	}
	return r
}

// narrow leaves of what came out for each card the actions that were saved.
func (k *keeper) narrow(fresh *Plan) {
	for i := range fresh.Cards {
		c := &fresh.Cards[i]
		kept := k.cards[c.ICCID]
		if kept == nil {
			c.Actions = nil
			continue
		}
		kept.fresh = c
		for j := range c.Actions {
			kept.asked = append(kept.asked, c.Actions[j].Change)
		}
		k.narrowCard(c, kept)
		c.After = c.Before.after(c.Actions)
	}
}

func (k *keeper) narrowCard(c *Card, kept *keptCard) {
	if c.Provider != kept.saved.Provider {
		c.Actions = nil
		return
	}
	saved := make([]spec.Change, 0, len(kept.saved.Actions))
	for i := range kept.saved.Actions {
		saved = append(saved, kept.saved.Actions[i].Change)
	}
	c.Actions = narrowed(c.Actions, withWays(saved))
}

// narrowed leaves of a card's actions those that were saved.
func narrowed(actions []Action, saved []spec.Change) []Action {
	for j := range actions {
		if !slices.Contains(saved, actions[j].Change) && !actions[j].Kind.CallsCarrier() {
			return actions[:j] // what follows takes for granted that the state has the card as it is
		}
	}
	return slices.DeleteFunc(actions, func(a Action) bool { return !slices.Contains(saved, a.Change) })
}

// withWays are a card's saved changes, and those that two of them amount to: a
// way by a parking IMEI is two changes of binding.
func withWays(saved []spec.Change) []spec.Change {
	for i := range len(saved) - 1 {
		if first, second := saved[i], saved[i+1]; first.Kind == spec.ChangeBind && second.Kind == spec.ChangeBind && first.To == second.From {
			saved = append(saved, spec.Change{Kind: spec.ChangeBind, From: first.From, To: second.To})
		}
	}
	return saved
}

// number gives the actions the ids that they were saved with, and notes which are kept.
func (k *keeper) number(fresh *Plan) {
	var cards []*Card
	for i := range fresh.Cards {
		if c := &fresh.Cards[i]; len(c.Actions) > 0 {
			cards = append(cards, c)
		}
	}
	renumber(cards, func(c *Card, change spec.Change) (string, bool) {
		kept := k.cards[c.ICCID]
		i := kept.find(change)
		if i < 0 {
			return "", false
		}
		return kept.saved.Actions[i].ID, true
	}, func(c *Card, change spec.Change) { k.cards[c.ICCID].missed(change) })
	for _, c := range cards {
		kept := k.cards[c.ICCID]
		for j := range c.Actions {
			kept.kept[kept.find(c.Actions[j].Change)] = true
		}
	}
}

// renumber gives the actions of cards the ids that they were saved with. What is no
// saved action after all, such as another way by a parking IMEI, is taken out, with
// all that waits for it, and missed.
func renumber(cards []*Card, saved func(*Card, spec.Change) (id string, ok bool), missed func(*Card, spec.Change)) {
	ids := map[string]string{} // the saved ones, by those that Order gave
	gone := map[string]bool{}
	waiting := map[string][]string{}
	for _, c := range cards {
		for j := range c.Actions {
			a := &c.Actions[j]
			if id, ok := saved(c, a.Change); ok {
				ids[a.ID] = id
			} else {
				gone[a.ID] = true
			}
			for _, need := range a.Needs {
				waiting[need] = append(waiting[need], a.ID)
			}
		}
	}
	spread(gone, waiting)
	for _, c := range cards {
		c.Actions = slices.DeleteFunc(c.Actions, func(a Action) bool {
			if gone[a.ID] {
				missed(c, a.Change)
			}
			return gone[a.ID]
		})
		for j := range c.Actions {
			a := &c.Actions[j]
			a.ID = ids[a.ID]
			for n, need := range a.Needs {
				a.Needs[n] = ids[need]
			}
		}
		c.After = c.Before.after(c.Actions)
	}
}

// spread takes all that waits for what is gone into it.
func spread(gone map[string]bool, waiting map[string][]string) {
	queue := make([]string, 0, len(gone))
	for id := range gone {
		queue = append(queue, id)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, id := range waiting[queue[0]] {
			if !gone[id] {
				gone[id] = true
				queue = append(queue, id)
			}
		}
	}
}

// find is the index of the change among the saved actions; -1 for none.
func (c *keptCard) find(change spec.Change) int {
	return slices.IndexFunc(c.saved.Actions, func(a Action) bool { return a.Change == change })
}

// missed says of a saved action that something that has to come before it isn't
// in the plan.
func (c *keptCard) missed(change spec.Change) {
	if i := c.find(change); i >= 0 {
		c.why[i] = "what has to be done before it is another action by now, which the plan doesn't have; make the plan again"
	}
}

// plan is the saved plan with the actions that are kept. What it says besides
// is for people, and stays as it was reviewed.
func (k *keeper) plan(fresh *Plan) *Plan {
	p := *k.saved
	p.Cards, p.Limits, p.Costs = nil, nil, nil
	p.Lineage, p.Serial = fresh.Lineage, fresh.Serial
	for i := range k.saved.Cards {
		c := k.saved.Cards[i]
		c.Actions = nil
		if kept := k.cards[c.ICCID]; kept != nil && kept.saved == &k.saved.Cards[i] && slices.Contains(kept.kept, true) {
			c = *kept.fresh
			c.Attention, c.Notes, c.Drift = kept.saved.Attention, kept.saved.Notes, kept.saved.Drift
		}
		if len(c.Actions)+len(c.Attention)+len(c.Notes)+len(c.Drift) > 0 {
			p.Cards = append(p.Cards, c)
		}
	}
	slices.SortStableFunc(p.Cards, func(a, b Card) int { return cmp.Compare(a.Address, b.Address) })
	p.Totals, p.Total, p.Skipped = fresh.Totals, fresh.Total, fresh.Skipped
	giveKeys(&p, k.in.Prior)
	return &p
}

// left are the saved actions that aren't kept, with why.
func (k *keeper) left() []Left {
	var list []Left
	for i := range k.saved.Cards {
		c := &k.saved.Cards[i]
		kept := k.cards[c.ICCID]
		for j := range c.Actions {
			switch {
			case kept.saved != c:
				list = append(list, Left{Card: c, Action: &c.Actions[j], Reason: "the plan has the card twice"})
			case kept.kept[j]: // it is carried out
			default:
				list = append(list, k.leave(kept, j))
			}
		}
	}
	return list
}

func (k *keeper) leave(c *keptCard, i int) Left {
	if c.asWanted == nil {
		c.asWanted = k.asWanted(c)
	}
	l := Left{Card: c.saved, Action: &c.saved.Actions[i], AsWanted: c.asWanted[i]}
	if l.AsWanted {
		l.Reason = "as wanted by now"
		return l
	}
	l.Reason = cmp.Or(c.why[i], k.reason(c, l.Action))
	return l
}
