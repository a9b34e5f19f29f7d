package spec

import (
	"cmp"
	"slices"
)

// Change is what is done to a card: From is replaced by To. Both are IMEIs for
// change-bind and unbind, and package ids for subscribe (To) and unsubscribe
// (From); the To of adopt is the IMEI that is taken on trust. Those of move are
// names of provider blocks. A value that the kind has no use for is "". The From of
// a change-bind is "" for a card that is bound to none, see [Change.BindsFirst].
type Change struct {
	Kind Kind   `json:"kind"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// KeepsAccount says of an unbind that the card's account goes on: this carrier
	// closes none for it.
	KeepsAccount bool `json:"keeps_account,omitempty"`
	// Replaces says of a subscribe that the package takes the place of the card's
	// only one.
	Replaces bool `json:"replaces,omitempty"`
	// Final says that nothing undoes the change at this carrier, though other
	// carriers undo its kind.
	Final bool `json:"final,omitempty"`
}

// Irreversible reports whether nothing undoes the change. An unbind that keeps the
// account can be undone; it needs an approval all the same.
func (c Change) Irreversible() bool {
	return c.Final || c.Kind.Irreversible() && !c.KeepsAccount
}

// BindsFirst reports whether the change binds a card that is bound to none.
func (c Change) BindsFirst() bool { return c.Kind == ChangeBind && c.From == "" }

// Package is the id of the package that a subscribe or an unsubscribe is about.
func (c Change) Package() string { return cmp.Or(c.To, c.From) }

// SeenIn reports whether the reading tells of the change at all, and whether
// it shows the change as made.
//
// An unbind closes the card's account, but no document says how soon. So a card
// in service is no proof against it where the carrier can't report bindings.
func (c Change) SeenIn(r Reading) (tells, done bool) { return c.Kind.row().effect.seen(c, &r) }

// PendingIn reports whether the reading still shows what the change replaces.
// A reading that shows neither the old nor the new value shows what somebody
// else did.
func (c Change) PendingIn(r Reading) bool { return c.Kind.row().effect.pending(c, &r) }

// Lay makes the reading show the change's new value. The carrier's own words
// stay, since it said no others. A binding is written only where the reading
// has one; slices that other readings may share are replaced, never written to.
func (c Change) Lay(r *Reading) { c.Kind.row().effect.lay(c, r) }

// effect is what a kind of change does to a card, as readings tell of it.
type effect struct {
	seen    func(c Change, r *Reading) (tells, done bool) // see [Change.SeenIn]
	pending func(c Change, r *Reading) bool               // see [Change.PendingIn]
	lay     func(c Change, r *Reading)                    // see [Change.Lay]
}

// invisible is the effect of what no reading tells of.
var invisible = effect{
	seen:    func(Change, *Reading) (tells, done bool) { return false, false },
	pending: func(Change, *Reading) bool { return false },
	lay:     func(Change, *Reading) {},
}

// adopting a card may take its device on trust; no reading tells of that.
var adopting = effect{
	seen:    invisible.seen,
	pending: invisible.pending,
	lay: func(c Change, r *Reading) {
		if c.To != "" {
			layDevice(r, IMEI(c.To))
		}
	},
}

var rebinding = effect{
	seen: func(c Change, r *Reading) (tells, done bool) {
		tells = r.Tells(AttrBinding)
		return tells, tells && r.IMEI.Same(IMEI(c.To))
	},
	pending: func(c Change, r *Reading) bool {
		return r.Tells(AttrBinding) && r.IMEI.Same(IMEI(c.From)) // none for a first device
	},
	lay: func(c Change, r *Reading) { layDevice(r, IMEI(c.To)) },
}

var unbinding = effect{
	seen: func(_ Change, r *Reading) (tells, done bool) {
		done = r.Lifecycle.shut() || r.Tells(AttrBinding) && r.IMEI == ""
		return r.Tells(AttrBinding) || done, done
	},
	pending: func(c Change, r *Reading) bool {
		return !r.Lifecycle.Gone() && (!r.Tells(AttrBinding) || c.From == "" || r.IMEI == "" || r.IMEI.Same(IMEI(c.From)))
	},
	lay: func(c Change, r *Reading) {
		layDevice(r, "")
		if !c.KeepsAccount {
			r.Lifecycle, r.Reason = Closing, ""
		}
	},
}

var stopping = effect{
	seen: func(_ Change, r *Reading) (tells, done bool) {
		return tellsService(r), r.Lifecycle == SuspendedByOwner
	},
	pending: func(_ Change, r *Reading) bool { return r.Lifecycle.InService() == On },
	lay:     func(_ Change, r *Reading) { r.Lifecycle, r.Reason, r.ForDevice = SuspendedByOwner, "", false },
}

var resuming = effect{
	seen: func(_ Change, r *Reading) (tells, done bool) {
		return tellsService(r), r.Lifecycle.InService() == On
	},
	pending: func(_ Change, r *Reading) bool {
		return r.Lifecycle == SuspendedByOwner || r.Lifecycle == SuspendedByCarrier && r.ForDevice
	},
	lay: func(_ Change, r *Reading) { r.Lifecycle, r.Reason, r.ForDevice = Active, "", false },
}

var subscribing = effect{
	seen: func(c Change, r *Reading) (tells, done bool) {
		tells = r.Tells(AttrPackages)
		return tells, tells && r.HasPackage(c.To)
	},
	pending: func(c Change, r *Reading) bool { return r.Tells(AttrPackages) && !r.HasPackage(c.To) },
	lay: func(c Change, r *Reading) {
		if c.Replaces {
			r.Packages = nil
		}
		r.Packages = withPackage(r.Packages, c.To)
	},
}

var unsubscribing = effect{
	seen: func(c Change, r *Reading) (tells, done bool) {
		tells = r.Tells(AttrPackages)
		return tells, tells && !r.HasPackage(c.From)
	},
	pending: func(c Change, r *Reading) bool { return r.Tells(AttrPackages) && r.HasPackage(c.From) },
	lay:     func(c Change, r *Reading) { r.Packages = withoutPackage(r.Packages, c.From) },
}

// tellsService reports whether the reading tells of a stop and of a resume.
func tellsService(r *Reading) bool { return r.Lifecycle.InService() != Unset || r.Lifecycle.Gone() }

func layDevice(r *Reading, imei IMEI) {
	if r.Tells(AttrBinding) {
		r.IMEI = imei
	}
}

// withPackage is a new list that holds the package too, by id.
func withPackage(list []Package, id string) []Package {
	i, found := slices.BinarySearchFunc(list, id, func(p Package, id string) int { return cmp.Compare(p.ID, id) })
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), i, Package{ID: id})
}

// withoutPackage is a new list that lacks the package; nil for an empty one.
func withoutPackage(list []Package, id string) []Package {
	var kept []Package
	for _, p := range list {
		if p.ID != id {
			kept = append(kept, p)
		}
	}
	return kept
}
