package plan

import (
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Values are a card's managed values. What isn't known is left at its zero.
type Values struct {
	Binding   state.Binding  `json:"binding,omitzero"`
	Active    spec.Switch    `json:"active,omitempty"`
	Packages  []string       `json:"packages,omitzero"` // nil: not known; empty: none
	Status    string         `json:"status,omitempty"`  // the carrier's words
	Lifecycle spec.Lifecycle `json:"lifecycle,omitempty"`
}

// after is the values once the actions are done. What the carrier will say is
// nobody's to know, so it is left out.
func (v Values) after(actions []Action) Values {
	return v.afterIn(new(spec.Reading), actions)
}

// afterIn is after that uses r, so that a card after the other takes no memory.
func (v *Values) afterIn(r *spec.Reading, actions []Action) Values {
	out := Values{Binding: v.Binding, Active: v.Active, Packages: v.Packages}
	if len(actions) == 0 {
		return out
	}
	*r = v.reading()
	for i := range actions {
		if setsDevice(actions[i].Change) {
			r.Has |= spec.AttrBinding // known from then on, also where the carrier doesn't report it
		}
		actions[i].Lay(r)
	}
	out.Active = r.Lifecycle.InService()
	if r.Tells(spec.AttrBinding) {
		out.Binding = state.BoundTo(r.IMEI)
	}
	if r.Tells(spec.AttrPackages) {
		out.Packages = make([]string, 0, len(r.Packages))
		for _, p := range r.Packages {
			out.Packages = append(out.Packages, p.ID)
		}
	}
	return out
}

// setsDevice reports whether it is known which device the card has, once the
// change is made.
func setsDevice(c spec.Change) bool {
	from, to := c.Kind.Values()
	return from == spec.Device || to == spec.Device && c.To != ""
}

// reading is a reading that shows the values.
func (v Values) reading() spec.Reading {
	r := spec.Reading{Lifecycle: v.Lifecycle}
	if v.Binding.Known {
		r.Has, r.IMEI = spec.AttrBinding, v.Binding.IMEI
	}
	if v.Packages != nil {
		r.Has |= spec.AttrPackages
		for _, id := range v.Packages {
			r.Packages = append(r.Packages, spec.Package{ID: id})
		}
	}
	return r
}
