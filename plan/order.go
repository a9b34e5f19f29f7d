package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// Order gives each action its id and the actions that it needs done before it.
//
// Within a card each action that calls the carrier needs the one before it.
// Between cards a device is released before another card takes it: the taker
// needs the release. Swaps in a cycle would wait for each other for ever, so
// each cycle is broken at one place: where the carrier lets two cards share an
// IMEI for a moment the first just takes it; where it doesn't (exclusive_imei),
// the first card moves to a parking IMEI until its new device is free.
func Order(p *Plan, in Input) spec.Diagnostics {
	o := orderer{plan: p, in: in, holders: map[deviceKey]*holder{}}
	o.within()
	o.hold()
	o.between()
	return o.breakCycles()
}

// deviceKey is a device at one carrier account's provider type: two accounts
// of one carrier share its devices.
type deviceKey struct {
	carrier string
	device  string
}

func keyOf(provider spec.ProviderName, imei string) deviceKey {
	return deviceKey{provider.Type(), spec.IMEI(imei).Device()}
}

// holder is the card that has a device before the plan runs.
type holder struct {
	id      spec.CardID
	address string
	release *Action // nil where nothing in the plan releases it
	doubted bool
}

type orderer struct {
	plan    *Plan
	in      Input
	holders map[deviceKey]*holder
	held    map[deviceKey]bool // every device that some card has; nil until it is needed
	diags   spec.Diagnostics
}

// within numbers the actions, and chains those of one card.
func (o *orderer) within() {
	n := 0
	for i := range o.plan.Cards {
		actions := o.plan.Cards[i].Actions
		for j := range actions {
			n++
			actions[j].ID = fmt.Sprintf("a%d", n)
			if j > 0 && actions[j-1].Kind.CallsCarrier() {
				actions[j].Needs = []string{actions[j-1].ID}
			}
		}
	}
}

// hold finds out who has the devices that cards are to take.
func (o *orderer) hold() {
	taken := map[deviceKey]bool{}
	o.eachTake(func(c *Card, a *Action) { taken[keyOf(c.Provider, a.To)] = true })
	if len(taken) == 0 {
		return
	}
	if o.in.Prior != nil {
		for i := range o.in.Prior.Cards {
			c := &o.in.Prior.Cards[i]
			o.holds(taken, keyOf(c.Provider, string(c.Binding.IMEI)), &holder{id: c.ID(), address: c.Address})
			for _, doubt := range c.Doubts {
				for _, imei := range []string{doubt.From, doubt.To} {
					o.holds(taken, keyOf(c.Provider, imei), &holder{id: c.ID(), address: c.Address, doubted: true})
				}
			}
		}
	}
	for i := range o.plan.Cards {
		c := &o.plan.Cards[i]
		for j := range c.Actions {
			a := &c.Actions[j]
			switch a.Kind {
			case spec.ChangeBind, spec.Unbind:
				o.holds(taken, keyOf(c.Provider, a.From), &holder{id: c.ID(), address: c.Address, release: a})
			case spec.Forget: // from then on nobody knows of a holder
				o.holds(taken, keyOf(c.Provider, string(c.Memory.Binding.IMEI)), &holder{id: c.ID(), address: c.Address, release: a})
			}
		}
	}
}

func (o *orderer) holds(taken map[deviceKey]bool, key deviceKey, h *holder) {
	if !taken[key] {
		return
	}
	if old := o.holders[key]; old != nil && old.doubted {
		return
	}
	o.holders[key] = h
}

func (o *orderer) eachTake(visit func(*Card, *Action)) {
	for i := range o.plan.Cards {
		c := &o.plan.Cards[i]
		for j := range c.Actions {
			if c.Actions[j].Kind == spec.ChangeBind {
				visit(c, &c.Actions[j])
			}
		}
	}
}

// between makes each taker need its device's release. A device that nothing
// releases is not taken.
func (o *orderer) between() {
	shared := o.sharing()
	for i := range o.plan.Cards {
		c := &o.plan.Cards[i]
		for j := 0; j < len(c.Actions); j++ {
			a := &c.Actions[j]
			if a.Kind != spec.ChangeBind {
				continue
			}
			h := o.holders[keyOf(c.Provider, a.To)]
			switch {
			case h == nil || h.id == c.ID() || shared[c.ID()]:
			case h.doubted || h.release == nil:
				o.refuse(c, j, h)
				j = len(c.Actions)
			default:
				a.Needs = append(a.Needs, h.release.ID)
			}
		}
	}
}

// sharing is the set of the cards that say shared_imei = true.
func (o *orderer) sharing() map[spec.CardID]bool {
	set := map[spec.CardID]bool{}
	for i := range o.in.Fleet.Cards {
		if c := &o.in.Fleet.Cards[i]; c.SharedIMEI {
			set[c.ID()] = true
		}
	}
	return set
}

// refuse takes the change of binding out of the plan, with what follows it on
// that card, since another card has the device and keeps it.
func (o *orderer) refuse(c *Card, action int, h *holder) {
	why := "nothing in this plan releases it"
	if h.doubted {
		why = "that card's last change is in doubt"
	}
	c.Attention = append(c.Attention, Note{"Device is held by another card", fmt.Sprintf(
		"Device %s is to go to %s, but %s (%s) has it and %s. Release it there first; two cards that may share a device say shared_imei = true.",
		c.Actions[action].To, c.ICCID, h.address, h.id.ICCID, why)})
	c.Actions = c.Actions[:action]
	c.After = c.Before.after(c.Actions)
}

// place is one change of binding within the plan.
type place struct {
	card   *Card
	action int
}

func (at place) get() *Action { return &at.card.Actions[at.action] }

// breakCycles walks from each change of binding to the one that it waits for.
// Each device has one holder, so that is a chain, which ends or closes.
func (o *orderer) breakCycles() spec.Diagnostics {
	byID := map[string]place{}
	for i := range o.plan.Cards {
		c := &o.plan.Cards[i]
		for j := range c.Actions {
			if c.Actions[j].Kind == spec.ChangeBind {
				byID[c.Actions[j].ID] = place{c, j}
			}
		}
	}
	visited := map[string]bool{}
	parked := map[spec.ProviderName]string{} // the action that empties the provider's last used parking IMEI
	for i := range o.plan.Cards {
		for j := range o.plan.Cards[i].Actions {
			if cycle := cycleFrom(o.plan.Cards[i].Actions[j].ID, byID, visited); cycle != nil {
				o.breakCycle(cycle, parked)
			}
		}
	}
	return o.diags
}

// cycleFrom follows the needs from the action id; nil where they come to an end.
func cycleFrom(id string, byID map[string]place, visited map[string]bool) []place {
	var path []string
	for !visited[id] {
		at, ok := byID[id]
		if !ok {
			return nil
		}
		visited[id] = true
		path = append(path, id)
		next := ""
		for _, need := range at.get().Needs {
			if other, ok := byID[need]; ok && other.card != at.card {
				next = need
			}
		}
		id = next
	}
	start := slices.Index(path, id)
	if start < 0 {
		return nil
	}
	cycle := make([]place, 0, len(path)-start)
	for _, id := range path[start:] {
		cycle = append(cycle, byID[id])
	}
	return cycle
}

func (o *orderer) breakCycle(cycle []place, parked map[spec.ProviderName]string) {
	first := slices.MinFunc(cycle, func(a, b place) int { return cmp.Compare(a.card.Address, b.card.Address) })
	config := o.in.Fleet.Provider(first.card.Provider)
	exclusive := config != nil && config.Settings["exclusive_imei"] == true
	if !exclusive {
		o.unwait(first, cycle)
		return
	}
	parking := o.freeParking(config)
	if parking == "" {
		o.diags = append(o.diags, cycleDiagnostic(cycle, config))
		return
	}
	o.park(first, cycle, parking, parked)
}

// unwait lets one card of the cycle take its device before it is released.
func (o *orderer) unwait(first place, cycle []place) {
	a := first.get()
	a.Needs = slices.DeleteFunc(a.Needs, func(id string) bool {
		return slices.ContainsFunc(cycle, func(at place) bool { return at.card != first.card && at.get().ID == id })
	})
}

// park sends the first card by way of a parking IMEI: its change of binding
// becomes two, the others wait for the one that releases its device.
func (o *orderer) park(first place, cycle []place, parking string, parked map[spec.ProviderName]string) {
	c := first.card
	leave := *first.get()
	arrive := leave
	arrive.ID, arrive.From = leave.ID+"p", parking
	arrive.Needs = append(slices.Clone(leave.Needs), leave.ID)
	o.unwait(first, cycle)
	leave.Needs = slices.Clone(first.get().Needs)
	leave.To = parking
	if before := parked[c.Provider]; before != "" {
		leave.Needs = append(leave.Needs, before)
	}
	parked[c.Provider] = arrive.ID
	for j := first.action + 1; j < len(c.Actions); j++ {
		for k, need := range c.Actions[j].Needs {
			if need == leave.ID {
				c.Actions[j].Needs[k] = arrive.ID
			}
		}
	}
	c.Actions[first.action] = leave
	c.Actions = slices.Insert(c.Actions, first.action+1, arrive)
	c.Notes = append(c.Notes, fmt.Sprintf("goes by way of parking IMEI %s, since cards swap devices in a circle", parking))
}

// freeParking is the first parking IMEI that no card is bound to.
func (o *orderer) freeParking(config *spec.ProviderConfig) string {
	parking, _ := config.Settings["parking_imeis"].([]string)
	for _, imei := range parking {
		if !o.isHeld(keyOf(config.Name, imei)) {
			return imei
		}
	}
	return ""
}

func (o *orderer) isHeld(key deviceKey) bool {
	if o.held == nil {
		o.held = map[deviceKey]bool{}
		if o.in.Prior != nil {
			for i := range o.in.Prior.Cards {
				c := &o.in.Prior.Cards[i]
				o.held[keyOf(c.Provider, string(c.Binding.IMEI))] = true
			}
		}
	}
	return o.held[key]
}

func cycleDiagnostic(cycle []place, config *spec.ProviderConfig) spec.Diagnostic {
	var steps []string
	for _, at := range cycle {
		a := at.get()
		steps = append(steps, fmt.Sprintf("  %s: %s -> %s", at.card.Address, a.From, a.To))
	}
	source := config.Source
	if r, ok := config.Ranges["parking_imeis"]; ok {
		source = r
	}
	return spec.Diagnostic{
		Summary: "Cards swap devices in a circle", Subject: &source,
		Detail: fmt.Sprintf("These cards would take each other's devices:\n%s\nProvider %s lets no two cards have one IMEI (exclusive_imei = true), so one of them has to go by way of a spare one, and none is free. Add an IMEI that no card uses to parking_imeis.",
			strings.Join(steps, "\n"), config.Name),
	}
}
