package cmiotsim

import (
	"math"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// numbered is the described cards by their other numbers, as long as the world
// has as many as when they were looked through.
type numbered struct {
	of             int
	msisdns, imsis map[string]spec.ICCID
}

// byNumber finds a described card by its MSISDN or its IMSI; the other is "".
func (o *OneLink) byNumber(msisdn, imsi string) spec.ICCID {
	_, total := o.World.Page(0, 0)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.numbered.msisdns == nil || o.numbered.of != total {
		o.numbered = number(o.World)
	}
	if msisdn != "" {
		return o.numbered.msisdns[msisdn]
	}
	return o.numbered.imsis[imsi]
}

// number looks through the cards. Of two with one number, the first by ICCID has it.
func number(w *carriersim.World) numbered {
	cards, total := w.Page(0, math.MaxInt32)
	n := numbered{total, make(map[string]spec.ICCID, total), make(map[string]spec.ICCID, total)}
	for i := range cards {
		msisdn, imsi := numbers(cards[i])
		if _, ok := n.msisdns[msisdn]; !ok {
			n.msisdns[msisdn] = cards[i].ICCID
		}
		if _, ok := n.imsis[imsi]; !ok {
			n.imsis[imsi] = cards[i].ICCID
		}
	}
	return n
}

// numbers are a card's MSISDN, made up where the world has none, and its IMSI,
// which always is.
func numbers(c carriersim.Card) (msisdn, imsi string) {
	if c.MSISDN == "" {
		decimal := carriersim.Decimal(c.ICCID)
		return "10" + decimal[len(decimal)-11:], c.IMSI()
	}
	return c.MSISDN, c.IMSI()
}
