package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func TestNotifyBlocksAreReadAndTheirAddressesAreSecret(t *testing.T) {
	o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": `
fleet {
  notify "feishu" {
    url    = "https://open.feishu.cn/open-apis/bot/v2/hook/0123456789abcdef"
    secret = "signed-with-this"
  }
  notify "wecom" {
    url = env("WECOM_URL")
    on  = ["failure", "drift"]
  }
  notify "slack" { url = try(env("NOT_SET"), null) }
  notify "webhook" { url = env("BLANK") }
}
fleet {
  notify "feishu" { url = "http://127.0.0.1:9/" }
}
`}))
	o.Env = environment(map[string]string{"WECOM_URL": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=fedcba9876543210", "BLANK": ""})
	c, diags := Load(o)
	require.Empty(t, texts(diags))
	for i := range c.Fleet.Notify {
		require.NotNil(t, c.Fleet.Notify[i].Source)
		c.Fleet.Notify[i].Source = nil
	}
	require.Equal(t, []spec.Notify{
		{Type: "feishu", URL: "https://open.feishu.cn/open-apis/bot/v2/hook/0123456789abcdef", Secret: "signed-with-this", On: spec.Events()},
		{Type: "wecom", URL: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=fedcba9876543210", On: []spec.Event{spec.FailureEvent, spec.DriftEvent}},
		{Type: "feishu", URL: "http://127.0.0.1:9/", On: spec.Events()},
	}, c.Fleet.Notify)
	require.Subset(t, c.Secrets(), []string{
		"https://open.feishu.cn/open-apis/bot/v2/hook/0123456789abcdef", "0123456789abcdef", "signed-with-this",
		"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=fedcba9876543210", "fedcba9876543210",
	})
}
