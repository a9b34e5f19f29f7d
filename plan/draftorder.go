package plan

import (
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// order is [Order] for a draft. Where a card takes a device, the cards that take
// and release devices are held: what becomes of each depends on the others.
func (d *Draft) order() error {
	d.number()
	if !d.takes {
		return nil
	}
	var memory *state.Card
	o := orderer{plan: d.hold(), in: d.in, each: func(visit func(*Card)) {
		var c *Card
		for i := range d.refs {
			c, memory = d.compared(&d.refs[i])
			visit(c)
		}
	}, remembered: func(spec.ICCID) *state.Card { return memory }}
	planned := d.planned
	o.others = func(visit func(*state.Card)) error {
		return d.in.prior(func(j int, c *state.Card) error {
			if len(planned) > 0 && int(planned[0]) == j {
				planned = planned[1:]
				return nil
			}
			visit(c)
			return nil
		})
	}
	err := o.order()
	d.diags = append(d.diags, o.diags...)
	return err
}

// hold holds the cards that take and release devices.
func (d *Draft) hold() *Plan {
	moving := &Plan{}
	var refs []*ref
	for i := range d.refs {
		r := &d.refs[i]
		if r.held >= 0 {
			continue
		}
		if c, _ := d.compared(r); slices.ContainsFunc(c.Actions, changesHolder) {
			moving.Cards, refs = append(moving.Cards, c.Clone()), append(refs, r)
		}
	}
	for i, r := range refs {
		r.held = int32(len(d.held))
		d.held = append(d.held, &moving.Cards[i])
	}
	return moving
}

// changesHolder reports whether the action changes which card has a device.
func changesHolder(a Action) bool {
	return a.Kind == spec.ChangeBind || a.Kind == spec.Unbind || a.Kind == spec.Forget
}
