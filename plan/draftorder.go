package plan

import (
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// order is [Order] for a draft. Where a card takes a device, the cards that take
// and release devices are held: what becomes of each depends on the others.
func (d *Draft) order() {
	d.number()
	if !d.takes {
		return
	}
	moving := &Plan{}
	planned := make([]bool, d.managed())
	var places []*ref
	for i := range d.refs {
		r := &d.refs[i]
		if r.memory >= 0 {
			planned[r.memory] = true
		}
		if c := d.compared(r); r.held < 0 && slices.ContainsFunc(c.Actions, changesHolder) {
			moving.Cards, places = append(moving.Cards, *c), append(places, r)
		}
	}
	for i, r := range places {
		r.held = int32(len(d.held))
		d.held = append(d.held, &moving.Cards[i])
	}
	o := orderer{plan: moving, in: d.in, planned: func(j int) bool { return planned[j] }, each: func(visit func(*Card)) {
		for i := range d.refs {
			visit(d.compared(&d.refs[i]))
		}
	}}
	o.order()
	d.diags = append(d.diags, o.diags...)
}

// changesHolder reports whether the action changes which card has a device.
func changesHolder(a Action) bool {
	return a.Kind == spec.ChangeBind || a.Kind == spec.Unbind || a.Kind == spec.Forget
}

// managed is how many cards the state has.
func (d *Draft) managed() int {
	if d.in.Prior == nil {
		return 0
	}
	return len(d.in.Prior.Cards)
}
