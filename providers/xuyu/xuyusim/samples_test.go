package xuyusim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
)

// The requests that the samples of S003 (获取access_token) make, written anew,
// each as its language's library puts it on the wire.

const samplesBoundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"

// samplesForm is the body that most samples spell out.
func samplesForm() string {
	var b strings.Builder
	for _, f := range form() {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", samplesBoundary, f[0], f[1])
	}
	return b.String() + "--" + samplesBoundary + "--"
}

// objectiveC is what the Objective-C sample's loop makes: no line break stands
// between a value and the next boundary.
func objectiveC() string {
	var b strings.Builder
	for _, f := range form() {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition:form-data; name=%q\r\n\r\n%s", samplesBoundary, f[0], f[1])
	}
	return b.String() + "\r\n--" + samplesBoundary + "--\r\n"
}

type sample struct {
	headers, body string
	chunked       bool
}

func (s sample) head() string {
	length := fmt.Sprintf("Content-Length: %d", len(s.body))
	if s.chunked {
		length = "Transfer-Encoding: chunked"
	}
	return "POST /connect/token HTTP/1.1\nHost: ids.shingsou.com\ncache-control: no-cache\n" + length + "\n" + s.headers
}

func (s sample) content() string {
	if s.chunked {
		return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(s.body), s.body)
	}
	return s.body
}

// samples are the samples that are right. cURL's is also here, without the
// header that makes it wrong.
func samples() map[string]sample {
	typed := "content-type: multipart/form-data; boundary=" + samplesBoundary
	curl := strings.ReplaceAll(samplesForm(), samplesBoundary, "------------------------d29f6fa50e078ff4") + "\r\n"
	return map[string]sample{
		"Javascript": {headers: "Origin: https://shop.example\nAccept: */*\n" + typed, body: samplesForm() + "\r\n"},
		"Java": {
			headers: "postman-token: 3e8b9126-7452-75ae-89c3-f0989642b29c\n" + typed + "; charset=utf-8\nConnection: Keep-Alive\nAccept-Encoding: gzip\nUser-Agent: okhttp/3.9.0",
			body:    samplesForm(),
		},
		"Nodejs": {headers: typed + "\nConnection: close", body: samplesForm(), chunked: true},
		"C#": {
			headers: "postman-token: 2a34c6bb-6070-e1f9-5516-7e5c901579b7\n" + typed + "\nUser-Agent: RestSharp/106.0.0.0\nExpect: 100-continue\nAccept-Encoding: gzip, deflate",
			body:    samplesForm(),
		},
		"PHP":    {headers: typed + "\nUser-Agent: PECL::HTTP/1.7.6 (PHP/5.6)", body: strings.ReplaceAll(samplesForm(), "\r\n", "\n")},
		"Python": {headers: typed + "\nAccept-Encoding: identity", body: samplesForm()},
		"Go":     {headers: typed + "\nUser-Agent: Go-http-client/1.1\nAccept-Encoding: gzip", body: samplesForm()},
		"cURL, without its header": {
			headers: "Accept: */*\nContent-Type: multipart/form-data; boundary=------------------------d29f6fa50e078ff4\nUser-Agent: curl/7.88.1", body: curl,
		},
	}
}

func (s sample) send(t *testing.T) (status int, reply map[string]any) {
	t.Helper()
	service := Carrier(world()).Services[1]
	status, body := providertest.Raw(t, service.Alone(), s.head(), s.content())
	require.NoError(t, json.Unmarshal([]byte(body), &reply), body)
	return status, reply
}

func TestSamplesOfEachLanguageAreAccepted(t *testing.T) {
	for language, s := range samples() {
		status, reply := s.send(t)
		assert.Equal(t, 200, status, "%s: %v", language, reply)
		assert.NotEmpty(t, reply["access_token"], language)
	}
}

// What curl makes of the sample is known from curl 7.88.1: it adds a boundary of
// its own to the one that -H names, and writes that one.
func TestSamplesThatAreWrongAreToldWhy(t *testing.T) {
	curl := samples()["cURL, without its header"]
	curl.headers = strings.Replace(curl.headers, "form-data; ", "form-data; boundary="+samplesBoundary+"; ", 1)
	status, reply := curl.send(t)
	assert.Equal(t, 400, status)
	assert.Equal(t, "invalid_request", reply["error"])
	assert.Contains(t, reply["error_description"], "two boundaries")

	python := samples()["Python"]
	status, reply = sample{headers: python.headers, body: objectiveC()}.send(t)
	assert.Equal(t, 400, status)
	assert.Equal(t, "invalid_request", reply["error"])
	assert.Contains(t, reply["error_description"], "a boundary stands within grant_type")
}

// 网站应用: a person signs in, which no simulated carrier can.
func TestTheWebFlowIsToldApart(t *testing.T) {
	status, reply := ask(t, &Shingsou{World: world()}, []field{
		{"grant_type", "authorization_code"}, {"code", "x"}, {"client_id", "testid"}, {"client_secret", "testsecret"}, {"redirect_uri", "https://shop.example"},
	})
	assert.Equal(t, 400, status)
	assert.Equal(t, "unsupported_grant_type", reply["error"])
	assert.Contains(t, reply["error_description"], "网站应用")
}

func TestABrowserMayAskFirst(t *testing.T) {
	service := Carrier(&carriersim.World{Open: true}).Services[1]
	status, _ := providertest.Raw(t, service.Alone(), `OPTIONS /connect/token HTTP/1.1
Host: ids.shingsou.com
Origin: https://shop.example
Access-Control-Request-Method: POST
Access-Control-Request-Headers: cache-control`, "")
	assert.Equal(t, http.StatusNoContent, status)
}

func TestBearerIsWrittenInAnyCase(t *testing.T) {
	for scheme, want := range map[string]int{"Bearer": 200, "bearer": 200, "BEARER": 200, "Basic": 401, "": 401} {
		s := &Shingsou{World: world()}
		r, err := http.NewRequest(http.MethodGet, "/cardservice/flowcard/"+card+"/status", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", scheme+" "+token(t, s))
		r.Header.Set("Ocp-Apim-Subscription-Key", "testkey")
		status, reply := answer(t, API{s}, r)
		assert.Equal(t, want, status, "%s: %v", scheme, reply)
	}
}
