package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// Timing says when actions of a plan may start that a window holds, as of the time
// that the plan was made.
type Timing struct {
	Window string `json:"window"`
	Zone   string `json:"zone"` // the window's
	// Open says that they may start, and until Closes; otherwise they wait until Opens.
	Open   bool        `json:"open,omitempty"`
	Opens  time.Time   `json:"opens"`
	Closes time.Time   `json:"closes,omitzero"` // zero where one opening joins the next on and on
	Kinds  []TimedKind `json:"kinds"`           // in the order of a plan's last line
}

// TimedKind is how many actions of a kind a [Timing] is about.
type TimedKind struct {
	Kind    spec.Kind `json:"kind"`
	Planned int       `json:"planned"`
}

// timings are those of the actions that were counted, by kind. A kind that may run at
// any time has none, nor has one whose window never closes.
func timings(windows spec.Windows, now time.Time, kinds []kindCount) []Timing {
	var out []Timing
	for _, kind := range spec.Kinds() {
		i := slices.IndexFunc(kinds, func(k kindCount) bool { return k.kind == kind })
		if i < 0 || kinds[i].n.Planned == 0 {
			continue
		}
		open, _, w := windows.At(kind, now)
		if w == nil {
			continue
		}
		_, opens, closes := w.At(now)
		if open && closes.IsZero() {
			continue
		}
		t := Timing{Window: w.Name, Zone: w.Opens.Zone(), Open: open, Opens: opens.UTC(), Closes: utc(closes)}
		at := slices.IndexFunc(out, func(o Timing) bool { return o.Window == t.Window })
		if at < 0 {
			at, out = len(out), append(out, t)
		}
		out[at].Kinds = append(out[at].Kinds, TimedKind{kind, kinds[i].n.Planned})
	}
	return out
}

// utc is a time in UTC; the zero time is none.
func utc(at time.Time) time.Time {
	if at.IsZero() {
		return time.Time{}
	}
	return at.UTC()
}

// check refuses what no plan says of a window.
func (t *Timing) check() error {
	for _, k := range t.Kinds {
		if _, known := spec.ParseKind(string(k.Kind)); !known || k.Planned < 0 {
			return fmt.Errorf("the window %q holds %d of %q, which can't be", t.Window, k.Planned, k.Kind)
		}
	}
	return nil
}
