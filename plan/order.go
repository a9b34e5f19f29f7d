package plan

import (
	"fmt"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Order gives each action its id and the actions that it needs done before it.
//
// Within a card each action needs the one before it that calls the carrier, or
// that moves the card to where it is called.
// Between cards a device is released before another card takes it: the taker
// needs the release. A change of binding whose device nothing in the plan
// releases is taken out, and so is each change that would have needed what was
// taken out. Swaps in a circle would wait for each other for ever: see [circle].
func Order(p *Plan, in Input) spec.Diagnostics {
	n := 0
	for i := range p.Cards {
		chain(p.Cards[i].Actions, n)
		n += len(p.Cards[i].Actions)
	}
	planned := make(map[spec.ICCID]bool, len(p.Cards))
	for i := range p.Cards {
		planned[p.Cards[i].ICCID] = true
	}
	o := orderer{plan: p, in: in, each: p.each, remembered: in.Prior.Card}
	o.others = func(visit func(*state.Card)) error {
		return in.prior(func(_ int, c *state.Card) error {
			if !planned[c.ICCID] {
				visit(c)
			}
			return nil
		})
	}
	if err := o.order(); err != nil {
		panic(err) // only reading a state card by card can fail
	}
	return o.diags
}

// order has the cards that take devices wait for those that release them.
func (o *orderer) order() error {
	o.waiting, o.gone = map[string][]*taker{}, map[string]bool{}
	o.findTakers()
	if len(o.takers) == 0 {
		return nil
	}
	if err := o.findHolders(); err != nil {
		return err
	}
	o.noteWaiting()
	o.refuseAll(o.takers)
	o.between()
	if o.breakCircles() {
		o.untangle()
	}
	return nil
}

type orderer struct {
	// plan has the cards that take devices, and those that release them.
	plan *Plan
	in   Input
	// each visits all cards of the plan, and others those of the state that aren't
	// among them.
	each   func(visit func(*Card))
	others func(visit func(*state.Card)) error
	// remembered is what the state has of the card that each visits; nil for nothing.
	remembered func(spec.ICCID) *state.Card

	takers  []*taker // in the order of the plan
	holders map[deviceKey][]*holder
	waiting map[string][]*taker // by the action that they wait for
	gone    map[string]bool     // the actions that were taken out, by id
	diags   spec.Diagnostics
}

// taker is a change of binding: a card that takes a device.
type taker struct {
	card   *Card
	id     string // of the action
	shares bool   // the card says shared_imei = true: it waits for nobody
}

// action finds the taker's action; nil where it was taken out.
func (t *taker) action() *Action {
	if i := t.index(); i >= 0 {
		return &t.card.Actions[i]
	}
	return nil
}

func (t *taker) index() int {
	for i := range t.card.Actions {
		if t.card.Actions[i].ID == t.id {
			return i
		}
	}
	return -1
}

func (o *orderer) findTakers() {
	var shares map[spec.ICCID]bool // made where there is a taker at all
	for i := range o.plan.Cards {
		c := &o.plan.Cards[i]
		for j := range c.Actions {
			if a := &c.Actions[j]; a.Kind == spec.ChangeBind {
				if shares == nil {
					shares = o.sharing()
				}
				o.takers = append(o.takers, &taker{card: c, id: a.ID, shares: shares[c.ICCID]})
			}
		}
	}
}

// sharing is the set of the cards that say shared_imei = true.
func (o *orderer) sharing() map[spec.ICCID]bool {
	set := map[spec.ICCID]bool{}
	for i := range o.in.Fleet.Cards {
		if c := &o.in.Fleet.Cards[i]; c.SharedIMEI {
			set[c.ICCID] = true
		}
	}
	return set
}

// blockers are the other cards that have the device which the taker takes.
func (o *orderer) blockers(t *taker) []*holder {
	if t.shares {
		return nil
	}
	var others []*holder
	for _, h := range o.holders[keyOf(t.card.Provider, t.action().To)] {
		if h.id.ICCID != t.card.ICCID {
			others = append(others, h)
		}
	}
	return others
}

// noteWaiting notes which takers wait for which release.
func (o *orderer) noteWaiting() {
	for _, t := range o.takers {
		for _, h := range o.blockers(t) {
			if h.release != "" {
				o.waiting[h.release] = append(o.waiting[h.release], t)
			}
		}
	}
}

// refuseAll takes the changes of binding out whose device another card keeps.
// What is taken out releases no device, so the changes that waited for it are
// looked at again, until no further one is refused.
func (o *orderer) refuseAll(takers []*taker) {
	for queue := takers; len(queue) > 0; queue = queue[1:] {
		t := queue[0]
		if t.action() == nil {
			continue
		}
		for _, h := range o.blockers(t) {
			if why := o.keeps(h); why != "" {
				queue = append(queue, o.takeOut(t, heldNote(t, h, why))...)
				break
			}
		}
	}
}

// keeps says why the holder's device isn't released in this plan; "" where it is.
func (o *orderer) keeps(h *holder) string {
	switch {
	case h.release == "" && h.doubted:
		return "that card's last change is in doubt"
	case h.release == "":
		return "nothing in this plan releases it"
	case o.gone[h.release]:
		return "that card can't leave it in this plan, as is said there"
	default:
		return ""
	}
}

func heldNote(t *taker, h *holder, why string) Note {
	return Note{"Device is held by another card", fmt.Sprintf(
		"Device %s is to go to %s, but %s (%s) has it and %s. Release it there first; two cards that may share a device say shared_imei = true.",
		t.action().To, t.card.ICCID, h.address, h.id.ICCID, why)}
}

// takeOut takes a change of binding out of the plan, with what follows it on
// its card. It returns the takers that waited for any of these.
func (o *orderer) takeOut(t *taker, note Note) []*taker {
	c, from := t.card, t.index()
	c.Attention = append(c.Attention, note)
	var waited []*taker
	for _, a := range c.Actions[from:] {
		o.gone[a.ID] = true
		waited = append(waited, o.waiting[a.ID]...)
	}
	c.Actions = c.Actions[:from]
	c.After = c.Before.after(c.Actions)
	return waited
}

// between makes each taker need its device's releases.
func (o *orderer) between() {
	for _, t := range o.takers {
		a := t.action()
		if a == nil {
			continue
		}
		for _, h := range o.blockers(t) {
			a.Needs = append(a.Needs, h.release)
		}
	}
}

// untangle takes out what could never run: changes of binding that need each
// other by more ways than one circle, and those that need what was taken out.
func (o *orderer) untangle() {
	for stuck := o.stuck(); len(stuck) > 0; stuck = o.stuck() {
		for _, t := range stuck {
			o.takeOut(t, Note{"Cards wait for each other", fmt.Sprintf(
				"Device %s is to go to %s, but the cards that have to release it first wait for this one in turn, or can't be moved. Move them one after the other.",
				t.action().To, t.card.ICCID)})
		}
	}
}

// stuck are the takers with an action whose needs can't all be done: also one
// that needs what was taken out.
func (o *orderer) stuck() []*taker {
	number := map[string]int{}
	needed := false
	for i := range o.plan.Cards {
		for _, a := range o.plan.Cards[i].Actions {
			number[a.ID] = len(number)
			needed = needed || len(a.Needs) > 0
		}
	}
	if !needed {
		return nil
	}
	open, waiting := make([]int32, len(number)), make([][]int, len(number))
	for i := range o.plan.Cards {
		for _, a := range o.plan.Cards[i].Actions {
			k := number[a.ID]
			open[k] = int32(len(a.Needs))
			for _, need := range a.Needs {
				if n, there := number[need]; there {
					waiting[n] = append(waiting[n], k)
				}
			}
		}
	}
	Stuck(open, func(i int) []int { return waiting[i] })
	var stuck []*taker
	for _, t := range o.takers {
		if at := t.index(); at >= 0 && slices.ContainsFunc(t.card.Actions[at:], func(a Action) bool { return open[number[a.ID]] > 0 }) {
			stuck = append(stuck, t)
		}
	}
	return stuck
}
