package soracom_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/providers/soracom"
	"github.com/cardfleet/cardfleet/providers/soracom/soracomsim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     described.Embedded("soracom.carrier.hcl", soracom.Definition).Type(),
		Carrier:  soracomsim.Carrier,
		ReadCall: "sim",
		Offer:    "s1.fast",
		NoneSuch: "[]",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop: "deactivate", spec.Resume: "activate", spec.ChangeBind: "set_imei_lock", spec.Unbind: "unset_imei_lock", spec.Subscribe: "update_speed_class",
		},
		TokenCall: "auth",
		Expire:    func(c carriersim.Carrier) { c.Services[0].Handler.(*soracomsim.Soracom).Expire() },
	})
}
