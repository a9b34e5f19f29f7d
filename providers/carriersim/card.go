package carriersim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// Card is a simulated card.
type Card struct {
	ICCID  spec.ICCID     `json:"iccid"`
	MSISDN string         `json:"msisdn,omitempty"`
	Status spec.Lifecycle `json:"status,omitempty"` // "" means active
	// Words are what the carrier says for the status; "" for its usual ones. A change of status clears them.
	Words string    `json:"words,omitempty"`
	IMEI  spec.IMEI `json:"imei,omitempty"` // the device it is bound to; "" for none
	// BindsFirst takes the first device that a request names for it as the one it is bound to.
	BindsFirst bool           `json:"binds_first,omitempty"`
	Packages   []spec.Package `json:"packages,omitempty"`
	// Account is who owns the card; "" means every account does.
	Account string `json:"account,omitempty"`
	// Operator is whose network the card is in: "cmcc", "ctcc" or "cucc"; ""
	// goes by the issuer's digits in its ICCID, see [Card.Network].
	Operator string `json:"operator,omitempty"`

	// Platform is the one of China Mobile's two platforms that the card is on,
	// each of which has its own words: "PB" or "CT"; "" is PB.
	Platform string `json:"platform,omitempty"`
	// Changed is when its status was last changed at a carrier that then
	// refuses the next change for a while.
	Changed time.Time `json:"changed,omitzero"`

	// Shows is what readings still show, until Until, while a change is
	// younger than the world's show delay.
	Shows *Card     `json:"shows,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// Read is the card as readings show it now.
func (w *World) Read(iccid spec.ICCID) (c Card, ok bool) {
	defer w.lock()()
	return w.shown(iccid)
}

// Page is n of the described cards, by ICCID, as readings show them now, after
// leaving out the first from; total is how many there are.
func (w *World) Page(from, n int) (cards []Card, total int) {
	defer w.lock()()
	if w.sorted == nil {
		w.sorted = slices.Sorted(maps.Keys(w.cards))
	}
	total = len(w.sorted)
	from = min(max(from, 0), total)
	for _, iccid := range w.sorted[from:min(from+max(n, 0), total)] {
		c, _ := w.shown(iccid)
		cards = append(cards, c)
	}
	return cards, total
}

// shown is a card as readings show it; with mu held.
func (w *World) shown(iccid spec.ICCID) (c Card, ok bool) {
	c, ok = w.card(iccid)
	if c.Shows != nil && w.Clock().Before(c.Until) {
		return *c.Shows, ok
	}
	return c, ok
}

// Card is the card as it truly is, whatever readings show.
func (w *World) Card(iccid spec.ICCID) (c Card, ok bool) {
	defer w.lock()()
	return w.card(iccid)
}

// Change lets alter change a card, and keeps the change, before it returns,
// where alter returns true. ok is false where there is no such card. An error
// means that the change could not be kept; the world is then as it was.
func (w *World) Change(iccid spec.ICCID, alter func(c *Card) bool) (ok bool, err error) {
	defer w.lock()()
	before, ok := w.card(iccid)
	if !ok {
		return false, nil
	}
	after := before
	after.Packages = slices.Clone(before.Packages)
	if !alter(&after) {
		return true, nil
	}
	if after.Status != before.Status {
		after.Words = ""
	}
	w.delay(&after, before)
	if err := w.log.append(record{Card: &after}); err != nil {
		return true, err
	}
	w.put(after)
	return true, nil
}

// delay keeps what readings show meanwhile.
func (w *World) delay(after *Card, before Card) {
	after.Shows, after.Until = nil, time.Time{}
	if w.ShowDelay <= 0 {
		return
	}
	now := w.Clock()
	shows := before
	if before.Shows != nil && now.Before(before.Until) {
		shows = *before.Shows
	}
	shows.Shows, shows.Until = nil, time.Time{}
	after.Shows, after.Until = &shows, now.Add(time.Duration(w.ShowDelay))
}

// card finds a card; with mu held. A card of an open world that was never
// changed is made up anew each time, so reading a million takes no memory.
func (w *World) card(iccid spec.ICCID) (Card, bool) {
	if c, ok := w.cards[iccid]; ok {
		return *c, true
	}
	if !w.Open || len(iccid) < 13 {
		return Card{}, false
	}
	return Card{ICCID: iccid, MSISDN: "10" + string(iccid[len(iccid)-11:]), Status: spec.Active, BindsFirst: true}, true
}

// Network is the operator whose network the card is in: what Operator says,
// else China's issuer digits after 8986: 00, 02, 04, 07 and 08 are cmcc, 01, 06
// and 09 cucc, 03 and 11 ctcc (ICCID samples of ALIDOC and others, no
// official list). A card of nobody's known is cmcc's.
func (c *Card) Network() string {
	if c.Operator != "" || len(c.ICCID) < 6 {
		return cmp.Or(c.Operator, "cmcc")
	}
	switch c.ICCID[4:6] {
	case "01", "06", "09":
		return "cucc"
	case "03", "11":
		return "ctcc"
	default:
		return "cmcc"
	}
}

// IMSI is made up from the ICCID, since the world has none: a card's is always
// the same, and China Mobile's in form.
func (c *Card) IMSI() string {
	digits := Decimal(c.ICCID)
	return "46004" + digits[max(len(digits)-10, 0):]
}

// Decimal is an ICCID with digits in the place of its letters.
func Decimal(iccid spec.ICCID) string {
	return strings.NewReplacer("A", "0", "B", "1", "C", "2", "D", "3", "E", "4", "F", "5").Replace(string(iccid))
}

// InForce is the packages that have not expired at now.
func (c *Card) InForce(now time.Time) (list []spec.Package) {
	for _, p := range c.Packages {
		if p.Expires.IsZero() || p.Expires.After(now) {
			list = append(list, p)
		}
	}
	return list
}

// BoundTo reports whether the card is bound to the device. A card that binds
// to the first device named for it is from then on.
func (c *Card) BoundTo(imei spec.IMEI) bool {
	if c.BindsFirst && c.IMEI == "" {
		c.IMEI = imei
	}
	c.BindsFirst = false
	return c.IMEI != "" && c.IMEI.Same(imei)
}

// AddPackage gives the card a package, or renews the one it has.
func (c *Card) AddPackage(p spec.Package) {
	c.Packages = slices.DeleteFunc(c.Packages, func(o spec.Package) bool { return o.ID == p.ID })
	c.Packages = append(c.Packages, p)
}
