package telnyx_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/providers/telnyx"
	"github.com/cardfleet/cardfleet/providers/telnyx/telnyxsim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     described.Embedded("telnyx.carrier.hcl", telnyx.Definition).Type(),
		Carrier:  telnyxsim.Carrier,
		ReadCall: "sim_card",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop: "disable", spec.Resume: "enable", spec.ChangeBind: "update", spec.Unbind: "update",
		},
		Refuses: []spec.Kind{spec.Stop, spec.Resume}, // a card that isn't enabled takes no disable
	})
}
