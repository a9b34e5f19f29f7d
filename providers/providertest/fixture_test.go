package providertest

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestTheSuiteTriesEachKindOfCall(t *testing.T) {
	h := Harness{}
	for _, kind := range spec.Kinds() {
		row, ok := h.trials()[kind]
		assert.Equal(t, kind.CallsCarrier(), ok, "a row of trials for %s", kind)
		if !ok {
			continue
		}
		world := newWorld()
		h.prepare(world, kind)
		reading := func(c carriersim.Card) spec.Reading {
			return spec.Reading{Lifecycle: c.Status, Has: spec.AttrBinding | spec.AttrActive | spec.AttrPackages, IMEI: c.IMEI, Packages: c.Packages}
		}
		before := reading(world.Cards[0])
		assert.False(t, row.happened(world.Cards[0]), "%s makes no difference", kind)
		assert.False(t, h.shows(before, kind), "%s", kind)
		h.change(kind).Lay(&before)
		assert.True(t, row.happened(carriersim.Card{Status: before.Lifecycle, IMEI: before.IMEI, Packages: before.Packages}), "%s", kind)
		assert.True(t, h.shows(before, kind), "%s", kind)
	}
}
