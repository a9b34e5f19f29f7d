package jasper_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/jasper"
	"github.com/cardfleet/cardfleet/providers/jasper/jaspersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type: described.Embedded("jasper.carrier.hcl", jasper.Definition).Type(),
		// The suite makes many calls at once, as many a second as it likes.
		Carrier: func(w *carriersim.World) carriersim.Carrier {
			return (&jaspersim.ControlCenter{World: w, AtOnce: 1000, PerSecond: -1}).Carrier()
		},
		ReadCall: "device",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop: "edit", spec.Resume: "edit", spec.Unbind: "edit", spec.Subscribe: "edit",
		},
	})
}
