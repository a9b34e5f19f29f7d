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
