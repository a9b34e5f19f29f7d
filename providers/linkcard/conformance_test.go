package linkcard_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/linkcard"
	"github.com/cardfleet/cardfleet/providers/linkcard/linkcardsim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     linkcard.Type(),
		Carrier:  linkcardsim.Carrier,
		ReadCall: "GetCardDetail",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop:      "StopSingleCard",
			spec.Resume:    "ResumeSingleCard",
			spec.Subscribe: "Renew",
		},
	})
}
