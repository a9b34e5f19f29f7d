//go:build openapi

package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// The public documents of 1NCE and Onomondo aren't part of this project. .ci/openapi
// fetches them, and runs this:
//
//	go test -tags openapi ./internal/cli -run '^TestSimulated.*PublicDocument' -openapi=DOCUMENTS
var openapiDocuments = flag.String("openapi", "", "the folder with the carriers' public documents, by an absolute path")

// openapiWorld has a card in service, and for 1NCE one whose contract is over.
const openapiWorld = `{
  "cards": [
    {"iccid": "8988228066600000001", "imei": "861536030196001", "more": {"label": "DX-137-B12", "tags": "a", "quota": "low"}},
    {"iccid": "8988228066600000002", "more": {"expired": "true"}},
    {"iccid": "8988228066600000003", "status": "suspended-by-carrier", "in_use": "861536030196019"},
    {"iccid": "8988228066600000004", "status": "pending"}
  ]
}`

// publicCall is a call, what status it must come to, and what of it the document
// doesn't have: "" where all of it fits.
type publicCall struct {
	Name, Document, Base, Method, Path, Body, Keep string
	Headers                                        map[string]string

	status            int
	request, response string
}

// held makes the calls, and holds each to its document.
func held(t *testing.T, calls []publicCall) {
	t.Helper()
	require.NotEmpty(t, *openapiDocuments, "say where the documents are: -openapi=DOCUMENTS, or run .ci/openapi")
	input, err := json.Marshal(calls)
	require.NoError(t, err)
	var results map[string]struct {
		Answer struct {
			Status            int
			Request, Response string
			Body              json.RawMessage
		}
	}
	cmd := exec.Command(goClient(t, "openapi"), *openapiDocuments)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	require.NoError(t, json.Unmarshal(out, &results))
	for _, c := range calls {
		got := results[c.Name].Answer
		assert.Equal(t, c.status, got.Status, "%s: %s", c.Name, got.Body)
		for part, texts := range map[string][2]string{"request": {c.request, got.Request}, "answer": {c.response, got.Response}} {
			if want, is := texts[0], texts[1]; want == "" {
				assert.Empty(t, is, "%s of %s: %s", part, c.Name, got.Body)
			} else {
				assert.Contains(t, is, want, "%s of %s: %s", part, c.Name, got.Body)
			}
		}
	}
}

func openapiServed(t *testing.T, setting string) string {
	t.Helper()
	world := filepath.Join(t.TempDir(), "world.json")
	require.NoError(t, os.WriteFile(world, []byte(openapiWorld), 0o600))
	return served(t, "-world="+world)[setting]
}

const undeclared = "status is not supported"

// 1NCE's documents, and cards.
const (
	auth, v1, v2 = "1nce-authorization-openapi.yml", "1nce-sim-management-openapi.yml", "1nce-sim-management-v2-openapi.yml"
	n1ceCard     = "/sims/8988228066600000001"
	n1ceNone     = "/sims/8988228066699999999"
)

func TestSimulated1NCEFitsItsPublicDocuments(t *testing.T) {
	base := openapiServed(t, "n1ce.endpoint")
	calls := slices.Concat(callsOfOneVersion(), callsOfBothVersions("v1", v1), callsOfBothVersions("v2", v2))
	for i := range calls {
		calls[i].Base = base
	}
	held(t, calls)
}

var bearer = map[string]string{"Authorization": "Bearer $access_token"}

// callsOfOneVersion are those that the versions have each for itself, the login first.
func callsOfOneVersion() []publicCall {
	login := func(secret string) map[string]string {
		return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(carriersim.TestID+":"+secret))}
	}
	return []publicCall{
		{Name: "token", Document: auth, Method: "POST", Path: "/oauth/token", Body: `{"grant_type":"client_credentials"}`, Keep: "access_token", Headers: login(carriersim.TestSecret), status: 200},
		{Name: "token for a wrong secret", Document: auth, Method: "POST", Path: "/oauth/token", Body: `{"grant_type":"client_credentials"}`, Headers: login("wrong"), status: 400},
		{Name: "token for no secret", Document: auth, Method: "POST", Path: "/oauth/token", Body: `{"grant_type":"client_credentials"}`, Headers: login(""), status: 400},
		{Name: "token for nothing", Document: auth, Method: "POST", Path: "/oauth/token", Body: `{"grant_type":""}`, Headers: login(carriersim.TestSecret), status: 400},
		{Name: "v1 list", Document: v1, Method: "GET", Path: "/v1/sims", Headers: bearer, status: 200},
		{Name: "v1 list, all that it takes", Document: v1, Method: "GET", Path: "/v1/sims?page=1&pageSize=100&q=imei:86153603019600&sort=-imei,ip_address", Headers: bearer, status: 200},
		{Name: "v1 list, a page too long", Document: v1, Method: "GET", Path: "/v1/sims?pageSize=101", Headers: bearer, status: 400, request: "number must be at most 100", response: undeclared},
		{Name: "v1 update without a status", Document: v1, Method: "PUT", Path: "/v1" + n1ceCard, Body: `{"iccid":"8988228066600000001"}`, Headers: bearer, status: 200},
		{Name: "v1 update without an ICCID", Document: v1, Method: "PUT", Path: "/v1" + n1ceCard, Body: `{"status":"Enabled"}`, Headers: bearer, status: 400, request: `property "iccid" is missing`, response: undeclared},
		{Name: "v1 updates of many", Document: v1, Method: "POST", Path: "/v1/sims", Body: `[{"iccid":"8988228066600000001","status":"Disabled","label":"l","imei_lock":true}]`, Headers: bearer, status: 201},
		{Name: "v1 without a token", Document: v1, Method: "GET", Path: "/v1" + n1ceCard, status: 401},
		{Name: "v1 expired", Document: v1, Method: "PUT", Path: "/v1/sims/8988228066600000002", Body: `{"iccid":"8988228066600000002","status":"Disabled"}`, Headers: bearer, status: 422},
		{Name: "v2 list", Document: v2, Method: "GET", Path: "/v2/sims?page=1&pageSize=100", Headers: bearer, status: 200},
		{Name: "v2 list, page 0", Document: v2, Method: "GET", Path: "/v2/sims?page=0", Headers: bearer, status: 400, request: "number must be at least 1", response: undeclared},
		{Name: "v2 update of one name", Document: v2, Method: "PUT", Path: "/v2" + n1ceCard, Body: `{"label":"l"}`, Headers: bearer, status: 200},
		{Name: "v2 update of another name", Document: v2, Method: "PUT", Path: "/v2" + n1ceCard, Body: `{"imei":"861536030196001"}`, Headers: bearer, status: 400, request: `property "imei" is unsupported`},
		{Name: "v2 update to null", Document: v2, Method: "PUT", Path: "/v2" + n1ceCard, Body: `{"label":null}`, Headers: bearer, status: 400, request: "nullable"},
		{Name: "v2 update to another status", Document: v2, Method: "PUT", Path: "/v2" + n1ceCard, Body: `{"status":"enabled"}`, Headers: bearer, status: 400, request: "is not one of the allowed values"},
		{Name: "v2 without a token", Document: v2, Method: "GET", Path: "/v2" + n1ceCard, status: 401, response: undeclared},
		{Name: "v2 expired", Document: v2, Method: "PUT", Path: "/v2/sims/8988228066600000002", Body: `{"iccid":"8988228066600000002","status":"Disabled"}`, Headers: bearer, status: 409},
	}
}

// callsOfBothVersions are those that both versions have.
func callsOfBothVersions(version, document string) (calls []publicCall) {
	for _, c := range []publicCall{
		{Name: " card", Method: "GET", Path: n1ceCard, status: 200},
		{Name: " card without data", Method: "GET", Path: "/sims/8988228066600000003", status: 200},
		{Name: " card that is new", Method: "GET", Path: "/sims/8988228066600000004", status: 200},
		{Name: " no such card", Method: "GET", Path: n1ceNone, status: 404},
		{Name: " update", Method: "PUT", Path: n1ceCard, Body: `{"iccid":"8988228066600000001","status":"Disabled","label":"l","imei_lock":true}`, status: 200},
		{Name: " update of no card", Method: "PUT", Path: n1ceNone, Body: `{"iccid":"8988228066699999999","status":"Disabled"}`, status: 404},
		{Name: " connectivity", Method: "GET", Path: n1ceCard + "/status", status: 200},
		{Name: " connectivity without data", Method: "GET", Path: "/sims/8988228066600000003/status", status: 200},
		{Name: " data", Method: "GET", Path: n1ceCard + "/quota/data", status: 200},
		{Name: " data that is used up", Method: "GET", Path: "/sims/8988228066600000003/quota/data", status: 200},
		{Name: " messages", Method: "GET", Path: n1ceCard + "/quota/sms", status: 200},
		{Name: " reset", Method: "POST", Path: n1ceCard + "/reset", status: 201},
	} {
		c.Name, c.Document, c.Path, c.Headers = version+c.Name, document, "/"+version+c.Path, bearer
		calls = append(calls, c)
	}
	return calls
}

func TestSimulatedOnomondoFitsItsPublicDocument(t *testing.T) {
	const card = "/sims/1000000066608228898"
	key := map[string]string{"Authorization": carriersim.TestSecret}
	calls := []publicCall{
		{Name: "list", Method: "GET", Path: "/sims", status: 200},
		{Name: "list, a part", Method: "GET", Path: "/sims?limit=2&offset=1", status: 200},
		{Name: "list, too much", Method: "GET", Path: "/sims?limit=1001", status: 400, request: "number must be at most 1000", response: undeclared},
		{Name: "find", Method: "GET", Path: "/sims/find?query=8988228066600000001", status: 200},
		{Name: "find nothing", Method: "GET", Path: "/sims/find", status: 400, request: `parameter "query" in query has an error`, response: undeclared},
		{Name: "card", Method: "GET", Path: card, status: 200},
		{Name: "no such card", Method: "GET", Path: "/sims/000000000", status: 404},
		{Name: "lock", Method: "PATCH", Path: card, Body: `{"imei_lock":"861536030196019"}`, status: 200},
		{Name: "unlock", Method: "PATCH", Path: card, Body: `{"imei_lock":null}`, status: 200},
		{Name: "deactivate", Method: "PATCH", Path: card, Body: `{"activated":false}`, status: 200},
		{
			Name: "all that can be changed", Method: "PATCH", Path: card, status: 200,
			Body: `{"label":"l","network_whitelist":"w","imei_lock":null,"connector":null,"activated":true,"data_limit":{"total":1,"type":"month","alert_threshold":0.5},"technologies":{"sms":true,"2g_3g":false,"4g":true},"tags":["a"]}`,
		},
		{Name: "card, changed", Method: "GET", Path: card, status: 200},
		{Name: "what can't be changed", Method: "PATCH", Path: card, Body: `{"iccid":"8988228066600000002"}`, status: 400, request: `property "iccid" is unsupported`, response: undeclared},
		{Name: "a lock that is no text", Method: "PATCH", Path: card, Body: `{"imei_lock":861536030196019}`, status: 400, request: "value must be a string", response: undeclared},
		{Name: "a lock that is no IMEI", Method: "PATCH", Path: card, Body: `{"imei_lock":"x"}`, status: 400, response: undeclared},
		{Name: "change no card", Method: "PATCH", Path: "/sims/000000000", Body: `{"activated":false}`, status: 404, response: undeclared},
		{Name: "many", Method: "PATCH", Path: "/sims/bulk", Body: `[{"activated":false}]`, status: 400, response: undeclared},
		{Name: "add a tag", Method: "PUT", Path: card + "/tags/b", status: 200},
		{Name: "add it again", Method: "PUT", Path: card + "/tags/b", status: 400, response: undeclared},
		{Name: "remove a tag", Method: "DELETE", Path: card + "/tags/b", status: 200},
	}
	calls = append(calls,
		publicCall{Name: "without a key", Method: "GET", Path: card, Headers: map[string]string{"Authorization": "wrong"}, status: 401, response: undeclared},
		publicCall{Name: "as a bearer", Method: "GET", Path: card, Headers: map[string]string{"Authorization": "Bearer " + carriersim.TestSecret}, status: 200})
	base := openapiServed(t, "onomondo.endpoint")
	for i := range calls {
		calls[i].Base, calls[i].Document = base, "onomondo-openapi.yml"
		if calls[i].Headers == nil {
			calls[i].Headers = key
		}
	}
	held(t, calls)
}
