package n1cesim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	card   = "8988228066600000001" // the world's has a check digit
	bare   = "8988228066600000002"
	device = spec.IMEI("861536030196001")
)

// rig is a simulated 1NCE with somebody who has a token.
type rig struct {
	t     *testing.T
	sim   *N1CE
	world *carriersim.World
	now   time.Time
	auth  string
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)}
	r.world = &carriersim.World{
		Cards: []carriersim.Card{
			{ICCID: card + "2", IMEI: device, More: map[string]string{"label": "l"}}, {ICCID: bare, Status: spec.SuspendedByOwner},
			{ICCID: "89882280666000000040", Account: "somebody"}, {ICCID: "89882280666000000057", Status: spec.Closed},
			{ICCID: "8988228066600000006", More: map[string]string{"expired": "true"}},
		},
		Now: func() time.Time { return r.now },
	}
	r.sim = &N1CE{World: r.world}
	r.auth = "Bearer " + r.token()
	return r
}

// send makes a call, "GET /v2/sims", with a body where there is any.
func (r *rig) send(call, body string, headers ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	method, target, _ := strings.Cut(call, " ")
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header.Set("Authorization", r.auth)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	got := httptest.NewRecorder()
	r.sim.ServeHTTP(got, req)
	return got
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func (r *rig) token() string {
	r.t.Helper()
	got := r.send("POST /oauth/token", `{"grant_type":"client_credentials"}`, "Authorization", basic(carriersim.TestID, carriersim.TestSecret))
	var answer struct {
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	require.Equal(r.t, 200, got.Code, got.Body)
	require.NoError(r.t, json.Unmarshal(got.Body.Bytes(), &answer))
	require.Equal(r.t, 3600, answer.Expires)
	return answer.Token
}

// object is the answer of a call that goes well.
func (r *rig) object(call string) (answer map[string]any) {
	r.t.Helper()
	got := r.send(call, "")
	require.Equal(r.t, 200, got.Code, "%s: %s", call, got.Body)
	require.NoError(r.t, json.Unmarshal(got.Body.Bytes(), &answer))
	return answer
}

// listed are the ICCIDs of a page, and its headers.
func (r *rig) listed(query string) (iccids []string, header http.Header) {
	r.t.Helper()
	got := r.send("GET /v2/sims"+query, "")
	require.Equal(r.t, 200, got.Code, "%s: %s", query, got.Body)
	var rows []map[string]any
	require.NoError(r.t, json.Unmarshal(got.Body.Bytes(), &rows))
	for _, row := range rows {
		iccids = append(iccids, row["iccid"].(string))
	}
	return iccids, got.Header()
}

func TestTheVectorOfTheDocumentIsTheLogin(t *testing.T) {
	assert.Equal(t, "Basic dGVzdGNsaWVudDp0ZXN0c2VjcmV0", basic("testclient", "testsecret"))
}

func TestALoginIsRefusedWithHTTP400AndACode(t *testing.T) {
	r := newRig(t)
	good := basic(carriersim.TestID, carriersim.TestSecret)
	for name, c := range map[string]struct{ auth, body, kind, code string }{
		"secret":   {basic(carriersim.TestID, "wrong"), `{"grant_type":"client_credentials"}`, "application/json", "BadCredentials"},
		"user":     {basic("nobody", carriersim.TestSecret), `{"grant_type":"client_credentials"}`, "application/json", "BadCredentials"},
		"password": {basic(carriersim.TestID, ""), `{"grant_type":"client_credentials"}`, "application/json", "AuthValidationError"},
		"nothing":  {"", `{"grant_type":"client_credentials"}`, "application/json", "AuthValidationError"},
		"grant":    {good, `{}`, "application/json", "BodyValidationError"},
		"other":    {good, `{"grant_type":"password"}`, "application/json", "BodyValidationError"},
		"no JSON":  {good, `{`, "application/json", "BodyValidationError"},
		"kind":     {good, `{"grant_type":"client_credentials"}`, "text/plain", "UnsupportedContentTypeError"},
	} {
		got := r.send("POST /oauth/token", c.body, "Authorization", c.auth, "Content-Type", c.kind)
		assert.Equal(t, 400, got.Code, name)
		assert.Contains(t, got.Body.String(), `"errorCode":"`+c.code+`"`, name)
	}
	old := r.send("POST /oauth/token?grant_type=client_credentials", "", "Authorization", good, "Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, 200, old.Code, "as an older client asks")
}

func TestATokenIsGoodForAnHour(t *testing.T) {
	r := newRig(t)
	r.now = r.now.Add(time.Hour - time.Second)
	r.object("GET /v2/sims/" + card)
	r.now = r.now.Add(time.Second)
	assert.Equal(t, 401, r.send("GET /v2/sims/"+card, "").Code)
	for _, auth := range []string{"", "Bearer ", "Bearer x", "testsecret"} {
		assert.Equal(t, 401, r.send("GET /v1/sims", "", "Authorization", auth).Code)
	}
	r.auth = "Bearer " + r.token()
	r.object("GET /v2/sims/" + card)
	r.sim.Expire()
	assert.Equal(t, 401, r.send("GET /v2/sims/"+card, "").Code)
}

func TestACardIsKnownByIts19Digits(t *testing.T) {
	r := newRig(t)
	got := r.object("GET /v2/sims/" + card)
	assert.Equal(t, card, got["iccid"])
	assert.Equal(t, card+"2", got["iccid_with_luhn"])
	assert.Equal(t, bare+"0", r.object("GET /v1/sims/" + bare)["iccid_with_luhn"], "computed")
	for _, none := range []string{card + "2", "8988228066600000004", "8988228066600000005", "8988228066600000009", "x"} {
		missing := r.send("GET /v2/sims/"+none, "")
		assert.Equal(t, 404, missing.Code, none)
		assert.JSONEq(t, `{"error_code":1000,"error_token":"NotFound","message":"Element not found"}`, missing.Body.String(), none)
		assert.Empty(t, r.send("GET /v1/sims/"+none, "").Body.String(), "the first version's errors have no body")
	}
}

func TestAListTellsWholeCardsAndHowManyThereAre(t *testing.T) {
	r := newRig(t)
	iccids, header := r.listed("?page=2&pageSize=2")
	assert.Equal(t, []string{"8988228066600000006"}, iccids, "neither another's nor one that is closed")
	for name, want := range map[string]string{"X-Current-Page": "2", "X-Total-Pages": "2", "X-Count-Per-Page": "2", "X-Total-Count": "3"} {
		assert.Equal(t, want, header.Get(name), name)
	}
	iccids, _ = r.listed("?q=imei:86153603019600" + "00")
	assert.Equal(t, []string{card}, iccids)
	iccids, _ = r.listed("?sort=-ip_address")
	assert.Equal(t, []string{"8988228066600000006", bare, card}, iccids, "as texts")
	for _, wrong := range []string{"?page=0", "?pageSize=101", "?pageSize=x", "?q=iccid:1", "?q=imei", "?sort=label", "?size=1", "?page=1&page=2"} {
		assert.Equal(t, 400, r.send("GET /v2/sims"+wrong, "").Code, wrong)
	}
}

func TestAPutReplacesWhatCanBeChanged(t *testing.T) {
	for _, version := range []string{"/v1", "/v2"} {
		r := newRig(t)
		at := version + "/sims/" + card
		before := r.object("GET " + at)
		assert.Equal(t, []any{"Enabled", true, "l", "8615360301960000"}, []any{before["status"], before["imei_lock"], before["label"], before["imei"]})

		got := r.send("PUT "+at, `{"iccid":"`+card+`","status":"Disabled","imei_lock":true,"label":"m"}`)
		assert.Equal(t, []any{200, ""}, []any{got.Code, got.Body.String()})
		after := r.object("GET " + at)
		assert.Equal(t, []any{"Disabled", true, "m"}, []any{after["status"], after["imei_lock"], after["label"]})

		assert.Equal(t, 200, r.send("PUT "+at, `{"iccid":"`+card+`"}`).Code)
		after = r.object("GET " + at)
		assert.Equal(t, []any{"Enabled", false, nil, "8615360301960000"}, []any{after["status"], after["imei_lock"], after["label"], after["imei"]}, "what it leaves out")
		for _, wrong := range []string{
			``, `[]`, `null`, `{"iccid":"` + bare + `","status":"Enabled"}`, `{"iccid":"` + card + `","status":"enabled"}`, `{"iccid":"` + card + `","status":null}`,
			`{"iccid":"` + card + `","status":"Enabled","imei_lock":"true"}`, `{"iccid":"` + card + `","status":"Enabled","imei":"1"}`, `{"iccid":"` + card + `","status":"Enabled"}{}`,
		} {
			assert.Equal(t, 400, r.send("PUT "+at, wrong).Code, wrong)
		}
		assert.Equal(t, 400, r.send("PUT "+at, `{"iccid":"`+card+`","status":"Enabled"}`, "Content-Type", "text/plain").Code)
	}
}

func TestALockIsToTheDeviceThatTheCardIsIn(t *testing.T) {
	r := newRig(t)
	lock := func(iccid, on string) {
		require.Equal(t, 200, r.send("PUT /v2/sims/"+iccid, `{"imei_lock":`+on+`}`).Code)
	}
	lock(card, "false")
	_, err := r.world.Change(card+"2", func(c *carriersim.Card) bool { c.InUse = "861536030196019"; return true })
	require.NoError(t, err)
	lock(card, "true")
	got, _ := r.world.Card(card + "2")
	assert.Equal(t, spec.IMEI("861536030196019"), got.IMEI)
	lock(bare, "true")
	assert.Equal(t, true, r.object("GET /v2/sims/" + bare)["imei_lock"], "to the next one")
	lock(bare, "false")
	assert.Equal(t, false, r.object("GET /v2/sims/" + bare)["imei_lock"])
}

func TestAContractThatIsOverTakesNoChange(t *testing.T) {
	r := newRig(t)
	const over = "8988228066600000006"
	assert.Equal(t, 422, r.send("PUT /v1/sims/"+over, `{"iccid":"`+over+`","status":"Disabled"}`).Code)
	assert.Equal(t, 409, r.send("PUT /v2/sims/"+over, `{"status":"Disabled"}`).Code)
	assert.Equal(t, "EXPIRED", r.object("GET /v2/sims/" + over + "/quota/data")["status"].(map[string]any)["description"])
	assert.Equal(t, "Enabled", r.object("GET /v2/sims/" + over)["status"])
}

// The levels in a card and a quota's own states have other ids for the same.
func TestDataThatIsUsedUpStaysSoThroughAStopAndAResume(t *testing.T) {
	r := newRig(t)
	_, err := r.world.Change(bare, func(c *carriersim.Card) bool { c.Status = spec.SuspendedByCarrier; return true })
	require.NoError(t, err)
	for _, status := range []string{"Enabled", "Disabled", "Enabled"} {
		require.Equal(t, 200, r.send("PUT /v2/sims/"+bare, `{"status":"`+status+`"}`).Code)
		got := r.object("GET /v2/sims/" + bare)
		assert.Equal(t, status, got["status"])
		assert.InDelta(t, 2, got["quota_status"].(map[string]any)["id"], 0)
		assert.InDelta(t, 0, r.object("GET /v2/sims/" + bare + "/quota/data")["status"].(map[string]any)["id"], 0)
	}
	now, _ := r.world.Card(bare)
	assert.Equal(t, spec.SuspendedByCarrier, now.Status)
	assert.Equal(t, "BLOCKED", r.object("GET /v2/sims/" + bare + "/status")["status"].(map[string]any)["description"])
	assert.Equal(t, "OFFLINE", r.object("GET /v1/sims/" + bare + "/status")["status"], "another form")
}

func TestManyUpdatesAreQueuedWhateverBecomesOfEach(t *testing.T) {
	r := newRig(t)
	got := r.send("POST /v1/sims", `[{"iccid":"`+card+`","status":"Disabled"},{"iccid":"8988228066600000009","status":"Disabled"},{"iccid":"8988228066600000006","status":"Disabled"}]`)
	assert.Equal(t, []any{201, ""}, []any{got.Code, got.Body.String()})
	assert.Equal(t, "Disabled", r.object("GET /v1/sims/" + card)["status"])
	assert.Equal(t, 400, r.send("POST /v1/sims", `[{"status":"Disabled"}]`).Code, "whose?")
	assert.Equal(t, 404, r.send("POST /v2/sims", `[]`).Code, "the second version has no such call")
	for _, none := range []string{"DELETE /v1/sims/" + card, "GET /v3/sims", "GET /v1/orders", "POST /v1/sims/" + card + "/topup", "GET /"} {
		assert.Equal(t, 404, r.send(none, "").Code, none)
	}
	assert.Equal(t, 201, r.send("POST /v2/sims/"+card+"/reset", "").Code)
}

func TestAnOpenWorldHasCardsByTheir19Digits(t *testing.T) {
	r := newRig(t)
	r.world.Open = true
	assert.Equal(t, "Enabled", r.object("GET /v2/sims/8988228066600000099")["status"])
	assert.Equal(t, "l", r.object("GET /v2/sims/" + card)["label"], "one that was described is itself")
}
