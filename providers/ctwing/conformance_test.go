package ctwing_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/ctwing"
	"github.com/cardfleet/cardfleet/providers/ctwing/ctwingsim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:        described.Embedded("ctwing.carrier.hcl", ctwing.Definition).Type(),
		Carrier:     ctwingsim.Carrier,
		ReadCall:    "queryCardMainStatus",
		ChangeCalls: map[spec.Kind]string{spec.Stop: "disabledNumberService", spec.Resume: "disabledNumberService"},
		Refuses:     []spec.Kind{spec.Stop, spec.Resume}, // 100008 doesn't tell that it is so already
	})
}
