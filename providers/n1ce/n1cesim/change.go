package n1cesim

import (
	"net/http"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// change replaces what can be changed of a card.
func (s *N1CE) change(q *request, iccid spec.ICCID, u *update) (changed bool, no *refusal) {
	_, err := s.World.Change(iccid, func(c *carriersim.Card) bool {
		if c.More["expired"] == "true" {
			no = q.over()
			return false
		}
		before := string(carriersim.JSON(sim(c)))
		replace(c, u)
		changed = string(carriersim.JSON(sim(c))) != before
		return changed
	})
	if err != nil {
		return changed, q.refuse(http.StatusInternalServerError, "InternalServerError", "The change could not be kept")
	}
	return changed, no
}

// changeAll takes updates of many cards. They are queued: what becomes of each is
// told by its reading alone.
func (s *N1CE) changeAll(q *request) (changed bool) {
	for i := range q.updates {
		u := &q.updates[i]
		if len(*u.ICCID) != idLength {
			continue
		}
		iccid := s.find(*u.ICCID)
		if c, ok := s.World.Card(iccid); !ok || !c.OwnedBy(q.account) {
			continue
		}
		one, no := s.change(q, iccid, u)
		changed = changed || one && no == nil
	}
	return changed
}

// replace makes the card what an update says: left out, status means Enabled,
// imei_lock false, and label none. The defaults are [V1]'s; [V2] has none and doesn't
// say that what is left out stays: a GUESS, and the stricter of the two.
func replace(c *carriersim.Card, u *update) {
	locks := u.Lock != nil && *u.Lock
	switch locked := c.IMEI != "" || c.More["locked"] == "next"; {
	case locks && !locked:
		lock(c)
	case !locks && locked:
		c.InUse, c.IMEI = c.Seen(), "" // it stays in its device
		c.Keep("locked", "")
	}
	label := ""
	if u.Label != nil {
		label = *u.Label
	}
	if label != c.More["label"] {
		c.Keep("label", label)
	}
	move(c, u.Status == nil || *u.Status == enabled)
}

// lock binds the card to the device that it is in; to the next one where it is in
// none: a GUESS.
func lock(c *carriersim.Card) {
	if c.IMEI = c.Seen(); c.IMEI == "" {
		c.Keep("locked", "next")
	}
}

// move enables or disables the card. Data that is used up stays so.
func move(c *carriersim.Card, enable bool) {
	switch {
	case enable == (status(c) == enabled):
	case !enable:
		if c.Status == spec.SuspendedByCarrier {
			c.Keep("quota", "used")
		}
		c.Status = spec.SuspendedByOwner
	case c.More["quota"] == "used":
		c.Status = spec.SuspendedByCarrier
	default:
		c.Status = spec.Active
	}
}
