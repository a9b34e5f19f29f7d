package config

import (
	"fmt"

	"github.com/cardfleet/cardfleet/spec"
)

// luhnWarnings gathers identifiers whose check digit fails. It fails for the
// carriers' own samples, so one short warning a block, or a file of plain
// blocks, has to do.
type luhnWarnings struct {
	counts map[luhnKey]*luhnCount
	order  []luhnKey
	// zeros are the first of the blocks whose device lost its leading zero, of
	// as many as zeroCount says. Rows of tables are looked at by [digits].
	zeros     []spec.Diagnostic
	zeroCount int
}

type luhnKey struct {
	noun  string
	block *spec.Block // nil for plain blocks
	file  string
}

type luhnCount struct {
	n       int
	example string
	at      spec.Range
}

func newLuhnWarnings() *luhnWarnings { return &luhnWarnings{counts: map[luhnKey]*luhnCount{}} }

// look checks the numbers of one card.
func (w *luhnWarnings) look(c *spec.Card) {
	if c.ICCID.CheckDigitFails() {
		w.count(c, "ICCID", "iccid", string(c.ICCID))
	}
	if c.IMEI.CheckDigitFails() {
		w.count(c, "IMEI", "imei", string(c.IMEI))
	}
	if zero, lost := c.IMEI.WithLostZero(); lost && !c.Block.Keyed {
		w.lostZero(c, zero)
	}
}

func (w *luhnWarnings) lostZero(c *spec.Card, zero spec.IMEI) {
	if w.zeroCount++; w.zeroCount > maxRepeats {
		return
	}
	at := c.Place("imei")
	w.zeros = append(w.zeros, spec.Diagnostic{
		Severity: spec.Warning, Summary: "Lost zero", Address: c.Address(), Subject: &at, Detail: lostZeroText(c.IMEI, zero, "Write that."),
	})
}

// lostZeroText says why an IMEI of 14 digits is taken for one without its zero.
func lostZeroText(imei, zero spec.IMEI, remedy string) string {
	return fmt.Sprintf("The IMEI %s lost its leading zero: no IMEI of 14 digits begins with 1, and the check digit of %s holds. %s", imei, zero, remedy)
}

func (w *luhnWarnings) count(c *spec.Card, noun, attr, number string) {
	key := luhnKey{noun: noun, file: c.Block.Source.File}
	if c.Block.Keyed {
		key.block = c.Block
	}
	if w.counts[key] == nil {
		w.counts[key] = &luhnCount{example: number, at: c.Place(attr)}
		w.order = append(w.order, key)
	}
	w.counts[key].n++
}

func (w *luhnWarnings) report(r *report) {
	if n := len(w.zeros); w.zeroCount > n {
		w.zeros[n-1].Detail += fmt.Sprintf(" And %d more.", w.zeroCount-n)
	}
	for _, d := range w.zeros {
		r.add(d)
	}
	for _, key := range w.order {
		c := w.counts[key]
		r.add(spec.Diagnostic{
			Severity: spec.Warning,
			Summary:  "Check digit fails",
			Detail:   fmt.Sprintf("%s, first %s. Real ones fail too: compare it with the carrier's list only if in doubt.", spec.Count(c.n, key.noun), c.example),
			Subject:  &c.at,
		})
	}
}
