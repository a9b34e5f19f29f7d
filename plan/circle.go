package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// circle is a list of changes of binding of which each waits for the next, and
// the last for the first: cards that swap devices.
//
// It is broken at one place. Where the carrier lets two cards share an IMEI for
// a moment, the first card just takes its device. Where it doesn't
// (exclusive_imei), the first card goes by way of a parking IMEI until its new
// device is free.
type circle []*taker

// breakCircles finds the circles one after the other, and breaks each. It
// reports whether there was one.
func (o *orderer) breakCircles() (found bool) {
	byID := map[string]*taker{}
	for _, t := range o.takers {
		if t.action() != nil {
			byID[t.id] = t
		}
	}
	parking := parkingLots{o: o, queues: map[deviceKey]*parkingQueue{}}
	left := map[string]bool{} // the takers from which no circle can be reached
	for _, t := range o.takers {
		for c := findCircle(t, byID, left); c != nil; c = findCircle(t, byID, left) {
			o.breakCircle(c, &parking)
			found = true
		}
	}
	return found
}

// findCircle walks from a taker along its needs; nil where each way comes to an end.
func findCircle(start *taker, byID map[string]*taker, left map[string]bool) circle {
	type stop struct {
		t     *taker
		needs []string
	}
	if start.action() == nil || left[start.id] {
		return nil
	}
	at := map[string]int{start.id: 0} // places on the path
	path := []stop{{start, start.action().Needs}}
	for len(path) > 0 {
		here := &path[len(path)-1]
		if len(here.needs) == 0 {
			left[here.t.id] = true
			delete(at, here.t.id)
			path = path[:len(path)-1]
			continue
		}
		next := byID[here.needs[0]]
		here.needs = here.needs[1:]
		if next == nil || next.card == here.t.card || left[next.id] || next.action() == nil {
			continue
		}
		if from, closed := at[next.id]; closed {
			var c circle
			for _, s := range path[from:] {
				c = append(c, s.t)
			}
			return c
		}
		at[next.id] = len(path)
		path = append(path, stop{next, next.action().Needs})
	}
	return nil
}

func (o *orderer) breakCircle(c circle, parking *parkingLots) {
	first := slices.MinFunc(c, func(a, b *taker) int { return cmp.Compare(a.card.Address, b.card.Address) })
	config := o.in.Fleet.Provider(first.card.Provider)
	if config == nil || config.Settings["exclusive_imei"] != true {
		c.unwait(first)
		return
	}
	if q := parking.choose(config, c); q != nil {
		c.park(first, q)
		return
	}
	if !o.in.saved && !parking.mayClear(config) {
		o.diags = append(o.diags, c.diagnostic(config))
		c.unwait(first) // the plan isn't used: it has an error
		return
	}
	var waited []*taker
	for _, t := range c {
		waited = append(waited, o.takeOut(t, c.attention(t, config))...)
	}
	o.refuseAll(waited)
}

// unwait lets one card of the circle take its device before it is released.
func (c circle) unwait(first *taker) {
	a := first.action()
	a.Needs = slices.DeleteFunc(a.Needs, func(id string) bool {
		return slices.ContainsFunc(c, func(t *taker) bool { return t.card != first.card && t.id == id })
	})
}

// park sends the first card by way of a parking IMEI: its change of binding
// becomes two, and the others wait for the one that releases its device.
func (c circle) park(first *taker, q *parkingQueue) {
	card, at := first.card, first.index()
	leave := card.Actions[at]
	arrive := leave
	arrive.ID, arrive.From = leave.ID+"p", q.imei
	arrive.Needs = append(slices.Clone(leave.Needs), leave.ID)
	c.unwait(first)
	leave.Needs = append(slices.Clone(first.action().Needs), q.after...)
	leave.To = q.imei
	q.after, q.length = []string{arrive.ID}, q.length+1
	for j := at + 1; j < len(card.Actions); j++ {
		for k, need := range card.Actions[j].Needs {
			if need == leave.ID {
				card.Actions[j].Needs[k] = arrive.ID
			}
		}
	}
	card.Actions[at] = leave
	card.Actions = slices.Insert(card.Actions, at+1, arrive)
	card.Notes = append(card.Notes, fmt.Sprintf("goes by way of parking IMEI %s, since cards swap devices in a circle", q.imei))
}

func (c circle) steps() string {
	var steps []string
	for _, t := range c {
		if a := t.action(); a != nil {
			steps = append(steps, fmt.Sprintf("  %s: %s -> %s", t.card.Address, a.From, a.To))
		}
	}
	return strings.Join(steps, "\n")
}

func (c circle) diagnostic(config *spec.ProviderConfig) spec.Diagnostic {
	source := config.Source
	if r, ok := config.Ranges["parking_imeis"]; ok {
		source = r
	}
	return spec.Diagnostic{
		Summary: "Cards swap devices in a circle", Subject: &source,
		Detail: fmt.Sprintf("These cards would take each other's devices:\n%s\nProvider %s lets no two cards have one IMEI (exclusive_imei = true), so one of them has to go by way of a spare one, and none is free. Add an IMEI that no card uses to parking_imeis.",
			c.steps(), config.Name),
	}
}

// attention is what a card of the circle is told while each parking place is
// taken by a card that may still leave it.
func (c circle) attention(t *taker, config *spec.ProviderConfig) Note {
	return Note{"Cards swap devices in a circle", fmt.Sprintf(
		"Device %s is to go to %s, in a circle of cards that go by way of a parking IMEI of provider %s. Each of those is taken for now by a card that this plan can't move, as is said there. Settle that card first, or add an IMEI that no card uses to parking_imeis.",
		t.action().To, t.card.ICCID, config.Name)}
}

// parkingLots are the parking places of all providers.
type parkingLots struct {
	o      *orderer
	queues map[deviceKey]*parkingQueue
}

// parkingQueue is one parking place, and the circles that go by way of it one
// after the other.
type parkingQueue struct {
	imei   string
	after  []string // the actions after which the place is free
	length int
}

func parkingOf(config *spec.ProviderConfig) []string {
	imeis, _ := config.Settings["parking_imeis"].([]string)
	return imeis
}

// choose picks the place with the fewest circles before this one; nil where
// none comes free in this plan. A place counts as free once the card in it
// leaves it.
func (l *parkingLots) choose(config *spec.ProviderConfig, c circle) *parkingQueue {
	var best *parkingQueue
	for _, imei := range parkingOf(config) {
		q := l.queue(config, imei, c)
		if q != nil && (best == nil || q.length < best.length) {
			best = q
		}
	}
	return best
}

// queue is the place of that IMEI; nil where a card keeps it, or where a card
// of the circle itself stands there.
func (l *parkingLots) queue(config *spec.ProviderConfig, imei string, c circle) *parkingQueue {
	key := keyOf(config.Name, imei)
	q := &parkingQueue{imei: imei}
	for _, h := range l.o.holders[key] {
		if l.o.keeps(h) != "" || slices.ContainsFunc(c, func(t *taker) bool { return t.card.ICCID == h.id.ICCID }) {
			return nil
		}
		q.after, q.length = append(q.after, h.release), 1
	}
	if known := l.queues[key]; known != nil {
		return known
	}
	l.queues[key] = q
	return q
}

// mayClear reports whether a place is taken only for now: by a card in doubt,
// by one that can't be moved in this plan, or by one that the plan leaves out.
func (l *parkingLots) mayClear(config *spec.ProviderConfig) bool {
	for _, imei := range parkingOf(config) {
		for _, h := range l.o.holders[keyOf(config.Name, imei)] {
			if h.doubted || l.o.gone[h.release] || l.o.in.Select.Partial() || h.attention || l.o.hasAttention(h.id.ICCID) {
				return true
			}
		}
	}
	return false
}

func (o *orderer) hasAttention(iccid spec.ICCID) bool {
	return slices.ContainsFunc(o.plan.Cards, func(c Card) bool { return c.ICCID == iccid && len(c.Attention) > 0 })
}
