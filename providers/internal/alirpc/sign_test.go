package alirpc

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The golden vectors of docs/carriers.md §1.1, which agree with Alibaba's SDK
// (alibaba-cloud-sdk-go v1.63.107).
func TestGoldenSignatures(t *testing.T) {
	signed := signatures{newSigner("testsecret")} // one for all: what it keeps of a call is no part of the next
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
		params := []param{
			{"AccessKeyId", "testid"}, {"Action", "QueryCardStatus"}, {"Format", "JSON"}, {"Iccid", "89860617030017300390"},
			{"RegionId", "cn-hangzhou"}, {"SignatureMethod", "HMAC-SHA1"}, {"SignatureNonce", "4b3723f014eea179366564c67d462949"},
			{"SignatureVersion", "1.0"}, {"Timestamp", "2026-11-21T20:55:58Z"}, {"Version", "2017-11-11"},
		}
		if v.withType {
			params = append(params, param{"SignatureType", ""})
		}
		assert.Equal(t, v.want, signed.of(v.method, params), "%s, SignatureType %v", v.method, v.withType)
	}
}

// signatures are those of one key.
type signatures struct{ *signer }

func (s signatures) of(method string, params []param) string {
	return string(s.signature(method, appendCanonical(nil, params)))
}

func TestEscapeIsRFC3986(t *testing.T) {
	assert.Equal(t, "AZaz09-_.~%20%2A%2B%2F%3D%26%25%E5%81%9C", string(appendEscaped(nil, "AZaz09-_.~ *+/=&%停")))
}

func TestSignatureIsEscapedInTheQuery(t *testing.T) {
	s := newSigner("s")
	want := appendEscaped([]byte("A=1&B=%20&Signature="), s.signature("POST", []byte("A=1&B=%20")))
	assert.Equal(t, string(want), s.query([]param{{"B", " "}, {"A", "1"}}))
}

// An account's calls are signed by many goroutines at once.
func TestSignaturesOfManyAtOnceAreEachTheirOwn(t *testing.T) {
	s := newSigner("s")
	want := make([]string, 50)
	for i := range want {
		want[i] = newSigner("s").query([]param{{"N", strconv.Itoa(i)}})
	}
	var all sync.WaitGroup
	for i := range want {
		all.Go(func() { assert.Equal(t, want[i], s.query([]param{{"N", strconv.Itoa(i)}})) })
	}
	all.Wait()
}
