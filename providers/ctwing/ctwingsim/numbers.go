package ctwingsim

import (
	"math"
	"math/big"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// numbered is the described cards by their MSISDNs, as long as the world has as many
// as when they were looked through.
type numbered struct {
	of    int
	cards map[string]spec.ICCID
}

// madeUp begins the numbers that the world doesn't have: one of this network's ranges.
const madeUp = "149"

// number is a card's access number. One that the world doesn't have is made of the
// ICCID, and longer than real ones: it then stands for that card alone, also where
// the world comes into being at first sight and is gone after a run.
func (s *CMP) number(c *carriersim.Card) string {
	if c.MSISDN != "" && !(s.World.Open && strings.HasSuffix(string(c.ICCID), strings.TrimPrefix(c.MSISDN, "10"))) {
		return c.MSISDN
	}
	n, ok := new(big.Int).SetString("1"+string(c.ICCID), 16)
	if !ok {
		return ""
	}
	return madeUp + n.String()
}

// byNumber finds the card that has an access number.
func (s *CMP) byNumber(number string) (c carriersim.Card, ok bool) {
	if iccid := s.described(number); iccid != "" {
		return s.World.Card(iccid)
	}
	digits, made := strings.CutPrefix(number, madeUp)
	n, ok := new(big.Int).SetString(digits, 10)
	if !made || !ok {
		return carriersim.Card{}, false
	}
	iccid, err := spec.ParseICCID(strings.TrimPrefix(n.Text(16), "1"))
	if err != nil {
		return carriersim.Card{}, false
	}
	c, ok = s.World.Card(iccid)
	return c, ok && s.number(&c) == number
}

// described finds a described card by its MSISDN; "" for none.
func (s *CMP) described(number string) spec.ICCID {
	_, total := s.World.Page(0, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.numbered.cards == nil || s.numbered.of != total {
		cards, _ := s.World.Page(0, math.MaxInt32)
		s.numbered = numbered{total, make(map[string]spec.ICCID, total)}
		for i := range cards {
			if n := s.number(&cards[i]); s.numbered.cards[n] == "" {
				s.numbered.cards[n] = cards[i].ICCID
			}
		}
	}
	return s.numbered.cards[number]
}
