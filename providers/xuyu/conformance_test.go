package xuyu_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/providers/xuyu"
	"github.com/cardfleet/cardfleet/providers/xuyu/xuyusim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     xuyu.Type(),
		Carrier:  xuyusim.Carrier,
		ReadCall: "status",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop:      "stop",
			spec.Resume:    "resume",
			spec.Subscribe: "subscribe",
		},
		TokenCall: "token",
		Expire:    func(c carriersim.Carrier) { c.Services[0].Handler.(xuyusim.API).Expire() },
	})
}
