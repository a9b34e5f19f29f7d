package alirpcsim

import (
	"net/url"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Cards looks up the card that a call names, as a product does, which also asks
// whose it is.
type Cards struct {
	Coded func(code string) *Refusal
	// Missing is the code for no such card, Denied for another account's, and
	// Failed for a change that could not be kept.
	Missing, Denied, Failed string
}

// Find looks with [carriersim.World.Read] or [carriersim.World.Card].
func (c Cards) Find(q url.Values, look func(spec.ICCID) (carriersim.Card, bool)) (carriersim.Card, *Refusal) {
	card, ok := look(ICCID(q))
	if !ok {
		return card, c.Coded(c.Missing)
	}
	if card.Account != "" && card.Account != q.Get("AccessKeyId") {
		return card, c.Coded(c.Denied)
	}
	return card, nil
}

// Alter changes the card, unless change refuses.
func (c Cards) Alter(w *carriersim.World, q url.Values, change func(*carriersim.Card) *Refusal) *Refusal {
	if _, no := c.Find(q, w.Card); no != nil {
		return no
	}
	var no *Refusal
	_, err := w.Change(ICCID(q), func(card *carriersim.Card) bool {
		no = change(card)
		return no == nil
	})
	if err != nil {
		return c.Coded(c.Failed)
	}
	return no
}

// ICCID is the card that a call names.
func ICCID(q url.Values) spec.ICCID { return spec.ICCID(strings.ToUpper(q.Get("Iccid"))) }

// Date is China's time in the form that Linkcard's documents have
// (yyyy-MM-dd HH:mm:ss, ALIDOC 425529); for Dyiotapi a GUESS. "" for none.
func Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateTime)
}
