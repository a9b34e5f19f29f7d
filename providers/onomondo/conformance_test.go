package onomondo_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/onomondo"
	"github.com/cardfleet/cardfleet/providers/onomondo/onomondosim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     described.Embedded("onomondo.carrier.hcl", onomondo.Definition).Type(),
		Carrier:  onomondosim.Carrier,
		ReadCall: "sim",
		NoneSuch: "[]",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop: "update", spec.Resume: "update", spec.ChangeBind: "update", spec.Unbind: "update",
		},
	})
}
