package state

import (
	"maps"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// rememberFor is how long a change is kept in [Card.Recent]: longer than any
// carrier takes to show one.
const rememberFor = time.Hour

// Reading is the card's last reading, as a plan without a refresh uses it; it
// isn't [spec.Reading.Known] for a card that was never read.
func (c *Card) Reading() spec.Reading {
	if c == nil {
		return spec.Reading{}
	}
	l := c.Last
	return spec.Reading{
		Provider: c.Provider, ICCID: c.ICCID, At: l.At, Status: l.Status, Lifecycle: l.Lifecycle,
		Reason: l.Reason, ForDevice: l.ForDevice, Has: l.Has, IMEI: l.IMEI, Packages: l.Packages,
	}
}

// Overlay is the effective reading: r with those of the card's recent changes
// laid over it that are younger than settle at r, and of which r still
// shows the old value; see [Change.YoungIn]. Without it, a plan would plan a change again while the
// carrier is still busy with it. A value that is neither the old nor the new
// one is somebody else's doing, and stays. Neither c nor r is changed; a nil
// card has no changes.
func (c *Card) Overlay(r spec.Reading, settle time.Duration) spec.Reading {
	if c == nil || len(c.Recent) == 0 || !r.Known() {
		return r
	}
	return c.overlay(r, settle)
}

// overlay is apart so that a card without recent changes, as nearly all are,
// takes no memory for its reading.
func (c *Card) overlay(r spec.Reading, settle time.Duration) spec.Reading {
	for _, ch := range c.Recent {
		if ch.YoungIn(&r, settle) && ch.PendingIn(r) {
			ch.Lay(&r)
		}
	}
	return r
}

// UnderWay are the recent changes that the carrier accepted, and that no reading shows
// yet: neither r nor the last one, which may be r and of before them. Of several changes
// of the device it is the last.
func (c *Card) UnderWay(r spec.Reading) (under []Change) {
	if c == nil || !r.Known() {
		return nil
	}
	for _, ch := range c.Recent {
		switch {
		case !ch.YoungIn(&r, 0), r.At.After(ch.At) && !ch.PendingIn(r):
			continue
		case ch.Kind.Attr() == spec.AttrBinding:
			under = without(under, func(old Change) bool { return old.Kind.Attr() == spec.AttrBinding })
		}
		ch.Lay(&r)
		under = append(under, ch)
	}
	return without(under, func(ch Change) bool { return !ch.Accepted })
}

// Done takes a change that was made over into the card: its binding, its last
// reading, its recent changes. It ends the doubts about the same change.
// Slices that other cards may share are replaced, never written to.
func (c *Card) Done(change Change) {
	r := c.Reading()
	change.Lay(&r)
	c.Last, c.Changed = lastOf(&r), change.At
	c.isSince(change.At)
	if change.Kind.Attr() == spec.AttrBinding {
		c.Binding = BoundTo(spec.IMEI(change.To))
	}
	c.Recent = append(without(c.Recent, func(old Change) bool {
		return old.supersededBy(change) || old.forgottenAt(change.At, change.CarrierAt)
	}), change)
	c.Doubts = without(c.Doubts, func(d Doubt) bool { return d.Change == change.Change })
}

// InDoubt remembers a call whose outcome nobody knows. It takes the place of an
// earlier doubt about the same change.
func (c *Card) InDoubt(d Doubt) {
	c.Doubts = append(without(c.Doubts, func(old Doubt) bool { return old.Change == d.Change }), d)
	c.isSince(d.Since)
}

// NoEffect ends the doubt about a change that the carrier says it didn't make.
func (c *Card) NoEffect(change spec.Change) {
	c.Doubts = without(c.Doubts, func(d Doubt) bool { return d.Change == change })
}

// isSince moves [Card.Since] on.
func (c *Card) isSince(at time.Time) {
	if at.After(c.Since) {
		c.Since = at
	}
}

// TakeReading remembers what the carrier said. Recent changes that r shows are
// done with, and so are doubts about changes that r shows as made; for doubts
// about changes that had no effect, see [Card.SettleDoubts]. A reading that
// says nothing, or is older than the one remembered, changes nothing. What a
// reading doesn't hold stays as it was remembered.
func (c *Card) TakeReading(r spec.Reading) {
	if !r.Known() || r.At.Before(c.Last.At) {
		return
	}
	*c, _ = c.settle(r, rememberFor, func(Doubt) bool { return false })
	c.Recent, c.Doubts = clockedChanges(notShown(c.Recent, &r), &r), clockedDoubts(c.Doubts, &r)
	if r.Tells(spec.AttrBinding) {
		now := c.Overlay(r, rememberFor)
		if c.Binding.Known && !c.Binding.IMEI.Same(now.IMEI) {
			c.isSince(r.At)
		}
		if now.IMEI == r.IMEI || !c.Binding.Known || !c.Binding.IMEI.Same(now.IMEI) {
			c.Binding = BoundTo(now.IMEI)
		} // else the reading doesn't show the device yet, and says nothing of it
	}
	if !r.Tells(spec.AttrPackages) {
		r.Packages = c.Last.Packages
	}
	if len(r.CarrierIDs) > 0 {
		ids := maps.Clone(c.CarrierIDs)
		if ids == nil {
			ids = make(map[string]string, len(r.CarrierIDs))
		}
		maps.Copy(ids, r.CarrierIDs)
		c.CarrierIDs = ids
	}
	c.Last = lastOf(&r)
}

// Settled is a doubt that a reading ended.
type Settled struct {
	Doubt
	Done bool // the change was made; else the call had no effect
}

// SettleDoubts judges the card's doubts by a reading, and returns the card
// without those that it ends. A doubt ends as done where r shows the new value, as
// [Card.Shows] has it, and as without effect where r, taken at least as long after
// the call as the carrier may take to show it ([spec.Capabilities.SettleOf]), by the
// carrier's clock, shows another one. Where nobody knows that clock,
// the run must itself have known of the call for that long; of a stop and a resume,
// see [Doubt.LongAgo]. Where r can't tell, it stays; so does a call that waits for
// somebody, or that the carrier accepted: it may have its effect yet. c is left as it is.
func (c *Card) SettleDoubts(r spec.Reading, able *spec.Capabilities) (Card, []Settled) {
	return c.settle(r, able.Settle, func(d Doubt) bool {
		settle := able.SettleOf(d.Kind)
		return d.olderThan(settle, &r) || d.longAgo(settle, &r)
	})
}

// settle is SettleDoubts where overdue says whether a change would show by now.
func (c *Card) settle(r spec.Reading, settle time.Duration, overdue func(Doubt) bool) (Card, []Settled) {
	after := *c
	var settled []Settled
	for _, d := range c.Doubts {
		ch := d.change()
		tells, done := ch.SeenIn(r)
		switch {
		case !r.Known() || !tells || d.after(&r):
		case done && c.lags(d.Change, r, settle):
		case done:
			after.Done(ch)
			settled = append(settled, Settled{d, true})
		case !d.Waits && !d.UnderWay() && overdue(d):
			after.Doubts = without(after.Doubts, func(o Doubt) bool { return o == d })
			settled = append(settled, Settled{d, false})
		}
	}
	return after, settled
}

// lags reports whether a reading may show the change's value only because it
// doesn't show yet what was done before that: a card was stopped, was resumed a
// moment ago, and was to be stopped again.
func (c *Card) lags(change spec.Change, r spec.Reading, settle time.Duration) bool {
	_, done := change.SeenIn(c.Overlay(r, settle))
	return !done
}

// Shows reports whether the reading tells of a change that was called for just now,
// and whether it shows it as made: not where the value may be that of before the
// card's recent changes, of those that are younger than settle.
func (c *Card) Shows(change spec.Change, r spec.Reading, settle time.Duration) (tells, done bool) {
	tells, done = change.SeenIn(r)
	return tells, done && !c.lags(change, r, settle)
}

// MayRepeat reports whether the call may be sent again though nobody knows what
// became of it: it sets a state, so that a second one changes nothing twice, the
// carrier hasn't accepted the first, and r, which was taken after it, shows what it replaces.
func (d Doubt) MayRepeat(r *spec.Reading) bool {
	return d.Kind.SetsState() && !d.UnderWay() && !d.Waits && r.Known() && !d.after(r) && d.PendingIn(*r)
}

// LongAgo is from when on, by the machines' clocks, a stop or a resume would show
// at a carrier that tells no time: an hour is far more than a carrier takes, so
// clocks that are some minutes apart do no harm.
func (d Doubt) LongAgo(settle time.Duration) time.Time {
	return d.Since.Add(max(settle, rememberFor))
}

// longAgo reports whether only the machines' clocks tell how old the call is, and
// they say that it would show. What costs money twice never goes by them.
func (d Doubt) longAgo(settle time.Duration, r *spec.Reading) bool {
	clockless := d.CarrierSince.IsZero() || r.CarrierAt.IsZero()
	return d.Kind.SetsState() && clockless && !r.At.Before(d.LongAgo(settle))
}

// olderThan reports whether the reading was taken at least that long after the
// call.
func (d Doubt) olderThan(age time.Duration, r *spec.Reading) bool {
	return d.change().ageIn(r) >= age
}

// ageIn is for how long at least the change was made when the reading was taken:
// by the carrier's clock, or where that isn't known, by how long the run has
// known of it. Clocks of two machines are never compared.
func (ch Change) ageIn(r *spec.Reading) time.Duration {
	if !ch.CarrierAt.IsZero() && !r.CarrierAt.IsZero() {
		return max(r.CarrierAt.Sub(ch.CarrierAt), r.Watched)
	}
	return r.Watched
}

// YoungIn reports whether the change may have been made less than age before the
// reading. Where nothing tells how old it is, it counts as young until it is
// forgotten; so does what the carrier only accepted, since it doesn't say how long
// that may take.
func (ch Change) YoungIn(r *spec.Reading, age time.Duration) bool {
	return (ch.Accepted || ch.ageIn(r) < age) && !ch.forgottenAt(r.At, r.CarrierAt)
}

// forgottenAt reports whether the change needs not be remembered any longer at a
// time, which is at carrierAt by the carrier's clock. Where that isn't known, the
// machines' clocks say it: an hour is far more than a carrier takes, so clocks
// that are some minutes apart do no harm.
func (ch Change) forgottenAt(at, carrierAt time.Time) bool {
	if !ch.CarrierAt.IsZero() && !carrierAt.IsZero() {
		return carrierAt.Sub(ch.CarrierAt) >= rememberFor
	}
	return at.Sub(ch.At) >= rememberFor
}

// after reports whether the call was made after the reading.
func (d Doubt) after(r *spec.Reading) bool { return d.change().after(r) }

// after reports whether the change was made after the reading.
func (ch Change) after(r *spec.Reading) bool {
	if !ch.CarrierAt.IsZero() && !r.CarrierAt.IsZero() {
		return r.CarrierAt.Before(ch.CarrierAt)
	}
	return r.At.Before(ch.At)
}

// clockedDoubts gives the doubts the carrier's clock where the reading is the
// first that knows it: the calls had left before the reading.
func clockedDoubts(doubts []Doubt, r *spec.Reading) []Doubt {
	lacks := func(d Doubt) bool { return d.CarrierSince.IsZero() && !d.after(r) }
	return clocked(doubts, r, lacks, func(d *Doubt) { d.CarrierSince = r.CarrierAt })
}

// clockedChanges does the same for changes.
func clockedChanges(recent []Change, r *spec.Reading) []Change {
	lacks := func(ch Change) bool { return ch.CarrierAt.IsZero() && !ch.after(r) }
	return clocked(recent, r, lacks, func(ch *Change) { ch.CarrierAt = r.CarrierAt })
}

// clocked gives the reading's clock, where it has one, to those of the list that
// lack it. The list itself stays as it is, since other cards may share it.
func clocked[T any](list []T, r *spec.Reading, lacks func(T) bool, give func(*T)) []T {
	if r.CarrierAt.IsZero() || !slices.ContainsFunc(list, lacks) {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		if lacks(list[i]) {
			give(&list[i])
		}
	}
	return list
}

// shownBy reports whether the reading, taken after the change, shows it.
func (ch Change) shownBy(r *spec.Reading) bool {
	_, done := ch.SeenIn(*r)
	return done && !ch.after(r)
}

// notShown is the changes that the reading may not show yet. Once it shows a
// device, it is past the changes that led there.
func notShown(recent []Change, r *spec.Reading) []Change {
	past := -1
	for i, ch := range recent {
		if ch.Kind.Attr() == spec.AttrBinding && ch.shownBy(r) {
			past = i
		}
	}
	var kept []Change
	for i, ch := range recent {
		overtaken := i <= past && ch.Kind.Attr() == spec.AttrBinding
		if !overtaken && !ch.shownBy(r) && !ch.forgottenAt(r.At, r.CarrierAt) {
			kept = append(kept, ch)
		}
	}
	return kept
}

// supersededBy reports whether nothing is left to know of ch once later is
// made. Changes of the device are all kept: a slow carrier may show any of the
// values in between.
func (ch Change) supersededBy(later Change) bool {
	switch attr := ch.Kind.Attr(); {
	case attr != later.Kind.Attr():
		return false
	case attr == spec.AttrPackages:
		return ch.Package() == later.Package()
	default:
		return attr == spec.AttrActive
	}
}

// change is the change that the call was to make.
func (d Doubt) change() Change {
	return Change{Change: d.Change, At: d.Since, CarrierAt: d.CarrierSince}
}

func lastOf(r *spec.Reading) Last {
	return Last{
		At: r.At, Status: r.Status, Lifecycle: r.Lifecycle, Reason: r.Reason,
		ForDevice: r.ForDevice, Has: r.Has, IMEI: r.IMEI, Packages: r.Packages,
	}
}

// without is a new list of those that aren't left out; nil for none.
func without[T any](list []T, out func(T) bool) []T {
	var kept []T
	for _, v := range list {
		if !out(v) {
			kept = append(kept, v)
		}
	}
	return kept
}
