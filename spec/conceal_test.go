package spec_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func TestWhatItsNameSaysToBeSecretIsHiddenWhateverTheForm(t *testing.T) {
	for text, want := range map[string]string{
		`{"access_token":"abc","expires_in":3600}`:       `{"access_token":"[hidden]","expires_in":3600}`,
		`{"refreshToken" : "a\"b" , "n": 1}`:             `{"refreshToken" : "[hidden]" , "n": 1}`,
		`{"text":"{\"token\":\"abc\"}"}`:                 `{"text":"{\"token\":\"[hidden]\"}"}`,
		"client_secret=abc&grant_type=x":                 "client_secret=[hidden]&grant_type=x",
		"Authorization: Basic dXNlcjpwYXNz\r\nHost: x":   "Authorization: Basic [hidden]\r\nHost: x",
		"<ns:Password type=\"x\">abc</ns:Password><a>b":  "<ns:Password type=\"x\">[hidden]</ns:Password><a>b",
		"Signature=a%2Fb&SignatureNonce=n1&Iccid=8986":   "Signature=[hidden]&SignatureNonce=n1&Iccid=8986",
		`{"transid":"42","requestId":"R1","iccid":"89"}`: `{"transid":"42","requestId":"R1","iccid":"89"}`,
		"Idempotency-Key: k1":                            "Idempotency-Key: k1",
		"the design of a sign: see config=1":             "the design of a sign: [hidden] config=1", // rather too much than too little
	} {
		assert.Equal(t, want, spec.Conceal().Text(text))
	}
}

func TestASecretIsHiddenInEverySpelling(t *testing.T) {
	const secret = `s3cr&t/"x"+y`
	hide := spec.Conceal("s3cr", secret, "")
	u, err := url.Parse("https://user:pass@carrier.test/a?q=" + url.QueryEscape(secret) + "&token=zzz&iccid=89")
	require.NoError(t, err)
	line := hide.URL(u)
	assert.Equal(t, "https://%5Bhidden%5D@carrier.test/a?q=[hidden]&token=[hidden]&iccid=89", line)
	headers := hide.Headers(http.Header{"X-Api-Key": {"zzz"}, "Accept": {"a", secret}, "Nonce": {"n1"}})
	assert.Equal(t, []string{"Accept: [hidden]", "Accept: a", "Nonce: n1", "X-Api-Key: [hidden]"}, headers)
	assert.NotContains(t, hide.Text(`{"echo":"s3cr\u0026t/\"x\"+y"}`), "s3cr")
	assert.Equal(t, strings.Repeat("[hidden] ", 2), hide.Text(secret+" "+secret+" "), "the longest first, though one holds another")
}
