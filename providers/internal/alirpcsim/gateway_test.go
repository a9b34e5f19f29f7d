package alirpcsim

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var at = time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC)

func TestPercentEncoding(t *testing.T) {
	assert.Equal(t, "AZaz09-_.~%20%2A%2B%2F%3D%26%25%E5%81%9C", percent("AZaz09-_.~ *+/=&%停"))
}

func TestNoncesAreRememberedAsLongAsTheyMatter(t *testing.T) {
	var n nonces
	assert.True(t, n.first("a", at))
	assert.True(t, n.first("b", at.Add(31*time.Minute)))
	assert.False(t, n.first("a", at.Add(31*time.Minute)))
	assert.True(t, n.first("c", at.Add(62*time.Minute+time.Second)))
	assert.True(t, n.first("a", at.Add(93*time.Minute)), "by then its time stamp is refused")
	assert.LessOrEqual(t, len(n.now)+len(n.old), 2)
}

// The example of the document (签名机制 V3): RunInstances of ECS.
func TestGoldenSignatureOfTheNewerStyle(t *testing.T) {
	c := &call{
		method: "POST", host: "ecs.cn-shanghai.aliyuncs.com",
		query: url.Values{"RegionId": {"cn-shanghai"}, "ImageId": {"win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}},
		header: http.Header{
			"X-Acs-Action": {"RunInstances"}, "X-Acs-Version": {"2014-05-26"}, "X-Acs-Date": {"2023-10-26T10:22:32Z"},
			"X-Acs-Signature-Nonce": {"3156853299f313e23d1673dc12e1703d"},
			"X-Acs-Content-Sha256":  {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		},
	}
	signed := []string{"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}
	text := acs3StringToSign(c.canonicalRequest(signed))
	assert.Equal(t, "ACS3-HMAC-SHA256\n7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259", text)
	assert.Equal(t, "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0", acs3Signature("YourAccessKeySecret", text))
}
