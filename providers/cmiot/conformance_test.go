package cmiot_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/cmiot"
	"github.com/cardfleet/cardfleet/providers/cmiot/cmiotsim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformanceOfV5(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     cmiot.Type(),
		Carrier:  cmiotsim.Carrier,
		ReadCall: "query/sim-status",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop:   "change/sim-status",
			spec.Resume: "change/sim-status",
		},
		TokenCall: "get/token",
		Expire:    func(c carriersim.Carrier) { c.Services[0].Handler.(*cmiotsim.OneLink).Expire() },
	})
}

func TestConformanceOfV2(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     cmiot.Type(),
		Carrier:  cmiotsim.Carrier,
		Settings: map[string]any{"api_version": "v2"},
		ReadCall: "userstatusrealsingle",
	})
}
