package aliyun_test

import (
	"testing"

	"github.com/cardfleet/cardfleet/providers/aliyun"
	"github.com/cardfleet/cardfleet/providers/aliyun/aliyunsim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     aliyun.Type(),
		Carrier:  aliyunsim.Carrier,
		ReadCall: "QueryCardStatus",
		ChangeCalls: map[spec.Kind]string{
			spec.ChangeBind: "DoIotChgBindOrUnBind",
			spec.Unbind:     "DoIotChgBindOrUnBind",
			spec.Stop:       "DoIotUserStopResume",
			spec.Resume:     "DoIotUserStopResume",
			spec.Subscribe:  "DoIotRecharge",
		},
	})
}
