package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// What lists of cards lose on their way here shows in part only against the
// state: a table without rows looks like a fleet that was given up, and a number
// without its last digits like a card that was replaced.

// departures gathers the cards that are new to the state and those that left the
// configuration.
type departures struct {
	came []*spec.Card // with an IMEI
	left []departed
	// blocks counts, for the blocks whose tables have no row, the cards that the
	// state has of them.
	blocks map[string]int
	// prevented are those that left and must not be unbound.
	prevented spec.Diagnostics
}

// departed is a card that left, with the device that it is bound to.
type departed struct {
	iccid spec.ICCID
	imei  spec.IMEI
}

// take takes in a card that isn't named in a removed block.
func (s *departures) take(p *pair) {
	if p.wanted == nil || p.memory == nil {
		s.note(p)
	}
	if p.memory != nil {
		s.managed(p.memory.Address)
	}
}

// note takes a card that isn't both declared and managed.
func (s *departures) note(p *pair) {
	if p.wanted != nil {
		if p.memory == nil && p.wanted.IMEI != "" {
			s.came = append(s.came, p.wanted)
		}
		return
	}
	if imei := p.currentBinding().IMEI; imei != "" {
		s.left = append(s.left, departed{p.memory.ICCID, imei})
	}
}

// watch readies the count of the cards of blocks whose tables have no row.
func (s *departures) watch(fleet *spec.Fleet) {
	if len(fleet.Emptied) == 0 {
		return
	}
	s.blocks = map[string]int{}
	for _, e := range fleet.Emptied {
		s.blocks[e.Block] = 0
	}
}

// managed counts a card of the state, whether it is still declared or not: a
// block of two tables has lost one of them where its other cards stay.
func (s *departures) managed(address string) {
	if s.blocks == nil {
		return
	}
	if n, watched := s.blocks[blockOf(address)]; watched {
		s.blocks[blockOf(address)] = n + 1
	}
}

// blockOf is NAME of the addresses card.NAME and card.NAME["KEY"].
func blockOf(address string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(address, "card."), "[")
	return name
}

// judge is what is wrong with the cards that came and left. Where a list lost
// them, that alone is said, and not of each card what becomes of it.
func (s *departures) judge(fleet *spec.Fleet) spec.Diagnostics {
	diags := append(s.emptied(fleet), s.lostDigits(fleet)...)
	if diags.HasErrors() {
		return diags
	}
	return append(diags, s.prevented...)
}

// emptied are the blocks whose tables have no row: an error where the state has
// cards of the block, since an export that failed looks like a fleet given up.
func (s *departures) emptied(fleet *spec.Fleet) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, e := range fleet.Emptied {
		d := e.Diagnostic
		if n := s.blocks[e.Block]; n > 0 {
			d.Severity = spec.Error
			d.Detail = fmt.Sprintf("The state has %s of card.%s; those that this table had would be taken for removed. ", spec.Count(n, "card"), e.Block) + d.Detail
		}
		diags = append(diags, d)
	}
	return diags
}

// sameDigits is how many of an ICCID's first digits every program keeps.
const sameDigits = 15

// lostDigits finds cards that left and came back without their last digits. An
// unbind of the one and an adoption of the other would close a card in use.
func (s *departures) lostDigits(fleet *spec.Fleet) spec.Diagnostics {
	if len(s.left) == 0 {
		return nil
	}
	slices.SortFunc(s.left, func(a, b departed) int { return cmp.Compare(a.iccid, b.iccid) })
	var diags spec.Diagnostics
	for _, came := range s.came {
		stem := came.ICCID[:sameDigits]
		i, _ := slices.BinarySearchFunc(s.left, stem, func(d departed, stem spec.ICCID) int { return cmp.Compare(d.iccid[:sameDigits], stem) })
		for ; i < len(s.left) && s.left[i].iccid[:sameDigits] == stem; i++ {
			if left := s.left[i]; left.imei.Same(came.IMEI) && rounded(came, fleet) {
				diags = append(diags, lostDiagnostic(came, left))
				break
			}
		}
	}
	return diags
}

// rounded reports whether a card's ICCID has the mark of a number that lost
// digits. Without it, the card is a replaced one.
func rounded(c *spec.Card, fleet *spec.Fleet) bool {
	return c.ICCID.ZeroTail() || c.ICCID.FitsDouble() || c.ICCID.FitsLongDouble() && c.Block.Keyed && allLongDoubles(c.Block, fleet)
}

// allLongDoubles reports whether every ICCID of 20 digits in a block is a
// multiple of 8. One of eight is so by nature, so one alone proves nothing.
func allLongDoubles(b *spec.Block, fleet *spec.Fleet) bool {
	n := 0
	for i := range fleet.Cards {
		c := &fleet.Cards[i]
		if c.Block != b || len(c.ICCID) != 20 || !c.ICCID.Decimal() {
			continue
		}
		if !c.ICCID.FitsLongDouble() {
			return false
		}
		n++
	}
	return n > 1
}

func lostDiagnostic(came *spec.Card, left departed) spec.Diagnostic {
	at := came.Place("iccid")
	return spec.Diagnostic{Summary: "Lost digits", Address: came.Address(), Subject: &at, Detail: fmt.Sprintf(
		"%s came and %s left, with one device, %s, and their first %d digits in common: it is one card whose last digits were lost, since a spreadsheet keeps 15 digits of a number (%s). "+
			"Write %s again, and export the column as text.", came.ICCID, left.iccid, came.IMEI, sameDigits, where(came, "iccid"), left.iccid)}
}

// where is a card's place in a sentence: its row with the column that an
// attribute takes, or the line of its block.
func where(c *spec.Card, attr string) string {
	if c.Row == 0 {
		at := c.Place(attr)
		return fmt.Sprintf("%s line %d", at.File, at.Start.Line)
	}
	text := fmt.Sprintf("%s row %d", c.Block.CSV(), c.Row)
	if column := c.Block.Column(attr); column != "" {
		text += fmt.Sprintf(", column %q", column)
	}
	return text
}

// lostZero says of which device an IMEI is without its leading zero, out of
// those that the card is known to have; "" for none.
func (p *pair) lostZero(bound state.Binding) spec.IMEI {
	known := []spec.IMEI{bound.IMEI}
	if p.memory != nil {
		known = append(known, p.memory.Binding.IMEI)
	}
	for _, imei := range known {
		whole := "0" + p.wanted.IMEI
		if !strings.HasPrefix(string(imei), "0") || !whole.Same(imei) {
			continue
		}
		if n := len(p.wanted.IMEI); n == 14 || n == 15 && len(imei) == 16 {
			return imei
		}
	}
	return ""
}

// doubtful notes that the check digit of a device fails that the card didn't
// have before: it is the only trace of a typing error.
func (p *pair) doubtful() {
	if p.wanted.IMEI.CheckDigitFails() {
		p.note("the check digit of %s fails, as after a typing error: compare it with the device (%s)", p.wanted.IMEI, where(p.wanted, "imei"))
	}
}
