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
	// Words are what the carrier says for the status; "" for its usual ones. A change of status clears them, or gives others.
	Words string    `json:"words,omitempty"`
	IMEI  spec.IMEI `json:"imei,omitempty"` // the device it is bound to; "" for none
	// InUse is the device that the network sees it in; "" means the one that it is bound to.
	InUse spec.IMEI `json:"in_use,omitempty"`
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
	// EUICC is a card with a chip of its own name, in which the ICCID is a profile's.
	EUICC bool `json:"euicc,omitempty"`
	// More is what one carrier alone keeps of it, by that carrier's names.
	More map[string]string `json:"more,omitempty"`
	// Jobs are the changes that a carrier accepted before it made them, in order.
	Jobs []Job `json:"jobs,omitempty"`
	// Changed is when its status was last changed at a carrier that then
	// refuses the next change for a while.
	Changed time.Time `json:"changed,omitzero"`

	// Shows is what readings still show, until Until, while a change is
	// younger than the world's show delay.
	Shows *Card     `json:"shows,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// Job is a change of a card that is asked after: it is under way until Until.
type Job struct {
	Kind  string    `json:"kind"` // the carrier's word
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	Ends  string    `json:"ends"` // the carrier's word for what becomes of it
}

// Keep sets what one carrier alone keeps of the card; "" is a value too.
func (c *Card) Keep(name, value string) {
	if c.More == nil {
		c.More = map[string]string{}
	}
	c.More[name] = value
}

// Seen is the device that the network sees the card in; "" for none.
func (c *Card) Seen() spec.IMEI { return cmp.Or(c.InUse, c.IMEI) }

// Read is the card as readings show it now.
func (w *World) Read(iccid spec.ICCID) (c Card, ok bool) {
	defer w.lock()()
	return w.shown(iccid)
}

// Page is n of the described cards, by ICCID, as readings show them now, after
// leaving out the first from; total is how many there are.
func (w *World) Page(from, n int) (cards []Card, total int) {
	defer w.lock()()
	w.sort()
	total = len(w.sorted)
	return w.some(from, n), total
}

// After is n of the described cards, by ICCID and beginning after last, as
// readings show them now; more reports whether others follow.
func (w *World) After(last spec.ICCID, n int) (cards []Card, more bool) {
	defer w.lock()()
	w.sort()
	from, found := slices.BinarySearch(w.sorted, last)
	if found {
		from++
	}
	return w.some(from, n), from+n < len(w.sorted)
}

// sort puts the ICCIDs of the described cards in order; with mu held.
func (w *World) sort() {
	if w.sorted == nil {
		w.sorted = slices.Sorted(maps.Keys(w.cards))
	}
}

// some is n cards in order after the first from, as readings show them; with mu held.
func (w *World) some(from, n int) (cards []Card) {
	from = min(max(from, 0), len(w.sorted))
	for _, iccid := range w.sorted[from:min(from+max(n, 0), len(w.sorted))] {
		c, _ := w.shown(iccid)
		cards = append(cards, c)
	}
	return cards
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

// Has reports whether a card was described or changed. An open world has others too,
// which come into being as somebody asks for them.
func (w *World) Has(iccid spec.ICCID) bool {
	defer w.lock()()
	_, ok := w.cards[iccid]
	return ok
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
	after.Packages, after.Jobs, after.More = slices.Clone(before.Packages), slices.Clone(before.Jobs), maps.Clone(before.More)
	if !alter(&after) {
		return true, nil
	}
	if after.Status != before.Status && after.Words == before.Words {
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
