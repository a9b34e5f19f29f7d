package alirpc

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The golden vectors of docs/carriers.md §1.1, which agree with Alibaba's SDK
// (alibaba-cloud-sdk-go v1.63.107).
func TestGoldenSignatures(t *testing.T) {
	for _, v := range []struct {
		method   string
		withType bool
		want     string
	}{
		{"POST", true, "rmcwGdQj5AwHswxT2GzprL5d3kA="},
		{"GET", true, "MTAPd2+2Gd5d9mRxlA6JiWINtj8="},
		{"POST", false, "9vZ1AZOtmUk95YCnKTkMvUasf4Q="},
		{"GET", false, "hZdbkWf348HxWJfCXImPjbAVww4="},
	} {
		params := map[string]string{
			"AccessKeyId": "testid", "Action": "QueryCardStatus", "Format": "JSON", "Iccid": "89860617030017300390",
			"RegionId": "cn-hangzhou", "SignatureMethod": "HMAC-SHA1", "SignatureNonce": "4b3723f014eea179366564c67d462949",
			"SignatureVersion": "1.0", "Timestamp": "2026-11-21T20:55:58Z", "Version": "2017-11-11",
		}
		if v.withType {
			params["SignatureType"] = ""
		}
		assert.Equal(t, v.want, signature(v.method, "testsecret", canonical(params)), "%s, SignatureType %v", v.method, v.withType)
	}
}

func TestEscapeIsRFC3986(t *testing.T) {
	assert.Equal(t, "AZaz09-_.~%20%2A%2B%2F%3D%26%25%E5%81%9C", escape("AZaz09-_.~ *+/=&%停"))
}

func TestSignatureIsEscapedInTheQuery(t *testing.T) {
	assert.Equal(t, "A=1&B=%20&Signature="+escape(signature("POST", "s", "A=1&B=%20")), signedQuery("POST", "s", map[string]string{"B": " ", "A": "1"}))
}
