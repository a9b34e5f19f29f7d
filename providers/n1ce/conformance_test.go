package n1ce_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/n1ce"
	"github.com/cardfleet/cardfleet/providers/n1ce/n1cesim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:        described.Embedded("n1ce.carrier.hcl", n1ce.Definition).Type(),
		Carrier:     n1cesim.Carrier,
		ReadCall:    "sim",
		ChangeCalls: map[spec.Kind]string{spec.Stop: "update", spec.Resume: "update"},
		TokenCall:   "token",
		Expire:      func(c carriersim.Carrier) { c.Services[0].Handler.(*n1cesim.N1CE).Expire() },
	})
}
