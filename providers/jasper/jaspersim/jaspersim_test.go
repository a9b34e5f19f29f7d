package jaspersim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	card  = spec.ICCID("89860617030017300396")
	other = spec.ICCID("8988216716970004975") // of 19 digits, as Cisco's sample has
	phone = spec.IMEI("861536030196001")
)

// rig is a simulated Control Center with somebody who has an account there.
type rig struct {
	t       *testing.T
	sim     *ControlCenter
	world   *carriersim.World
	now     time.Time
	id, key string
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC), id: "testid", key: "testsecret"}
	r.world = &carriersim.World{
		Cards: []carriersim.Card{
			{ICCID: card, IMEI: phone, MSISDN: "1064633113571", Packages: []spec.Package{{ID: "50 MB"}}}, {ICCID: other, Status: spec.Pending},
			{ICCID: "89860617030017300404", Account: "somebody"}, {ICCID: "89860617030017300412", Status: spec.Transferred},
		},
		Now: func() time.Time { return r.now },
	}
	r.sim = &ControlCenter{World: r.world, PerSecond: -1}
	return r
}

// call makes a call, "GET /devices", with a body where there is any.
func (r *rig) call(call, body string) (got *httptest.ResponseRecorder, answer map[string]any) {
	r.t.Helper()
	method, target, _ := strings.Cut(call, " ")
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	if r.id != "" {
		req.SetBasicAuth(r.id, r.key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	got = httptest.NewRecorder()
	r.sim.ServeHTTP(got, req)
	require.NoError(r.t, json.Unmarshal(got.Body.Bytes(), &answer), got.Body.String())
	return got, answer
}

// want is a call that is answered with the status.
func (r *rig) want(status int, call, body string) map[string]any {
	r.t.Helper()
	got, answer := r.call(call, body)
	require.Equal(r.t, status, got.Code, "%s %s: %v", call, body, answer)
	if status >= 400 {
		assert.NotEmpty(r.t, answer["errorMessage"], call)
	}
	return answer
}

// listed are the ICCIDs of a page, and whether it is the last.
func (r *rig) listed(query string) (iccids []string, last any) {
	r.t.Helper()
	answer := r.want(200, "GET /devices?"+query, "")
	for _, row := range answer["devices"].([]any) {
		iccids = append(iccids, row.(map[string]any)["iccid"].(string))
	}
	return iccids, answer["lastPage"]
}

func at(iccid spec.ICCID) string { return "/devices/" + string(iccid) }

func TestACallWantsCredentialsAndSaysWhichWayTheyFail(t *testing.T) {
	r := newRig(t)
	r.id = ""
	got, answer := r.call("GET "+at(card), "")
	assert.Equal(t, 401, got.Code)
	assert.Equal(t, `Basic realm="Jasper"`, got.Header().Get("WWW-Authenticate"))
	assert.Equal(t, map[string]any{"errorMessage": "Full authentication is required to access this resource"}, answer)
	for _, wrong := range [][2]string{{"testid", "wrong"}, {"nobody", "testsecret"}, {"testid", ""}} {
		r.id, r.key = wrong[0], wrong[1]
		assert.Equal(t, map[string]any{"errorMessage": "Invalid credentials", "errorCode": "10000001"}, r.want(401, "GET "+at(card), ""))
	}
}

func TestACardHasItsFieldsAndThoseOfOthersAreNotFound(t *testing.T) {
	r := newRig(t)
	whole := r.want(200, "GET "+at(card), "")
	assert.Equal(t, "ACTIVATED", whole["status"])
	assert.Equal(t, string(phone), whole["imei"])
	assert.Equal(t, "50 MB", whole["ratePlan"])
	assert.Equal(t, "2026-01-01 00:00:00.000+0000", whole["dateUpdated"])
	assert.Contains(t, whole, "operatorCustom5")
	unused := r.want(200, "GET "+at(other), "")
	assert.Equal(t, "ACTIVATION_READY", unused["status"])
	assert.Empty(t, unused["imei"])
	assert.Equal(t, map[string]any{"iccid": string(card), "status": "ACTIVATED"}, r.want(200, "GET "+at(card)+"?fields=iccid,status", ""))
	r.want(400, "GET "+at(card)+"?fields=iccid,state", "")
	r.want(400, "GET "+at(card)+"?field=iccid", "")
	for _, none := range []string{"89860617030017300404", "89860617030017300412", "89860617030017300420", "8986061703001730039", "card", "89860617030017300396/ctdUsages"} {
		r.want(404, "GET /devices/"+none, "")
	}
	r.want(404, "GET /rateplans", "")
	r.want(405, "DELETE "+at(card), "")
	assert.Equal(t, "hello", r.want(200, "GET /echo/hello", "")["message"])
}

func TestAnEditHasAKnownFieldAndAKnownValue(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, map[string]any{"iccid": string(card)}, r.want(200, "PUT "+at(card), `{"status":"DEACTIVATED"}`))
	assert.Equal(t, "DEACTIVATED", r.want(200, "GET "+at(card), "")["status"])
	r.want(200, "PUT "+at(card), `{"status":"DEACTIVATED"}`)
	r.want(200, "PUT "+at(card), `{"ratePlan":"1 GB","accountCustom1":"van 7"}`)
	whole := r.want(200, "GET "+at(card), "")
	assert.Equal(t, []any{"1 GB", "van 7"}, []any{whole["ratePlan"], whole["accountCustom1"]})
	for _, wrong := range []string{
		`{}`, `[]`, `null`, `{"status":"ACTIVE"}`, `{"status":"TRIAL"}`, `{"status":1}`, `{"state":"ACTIVATED"}`, `{"imei":"861536030196001"}`, `{"ratePlan":""}`,
		`{"effectiveDate":"2026-12-01Z"}`, `{"overageLimitOverride":"NEVER"}`, `{"accountCustom11":"x"}`, `{"status":"ACTIVATED"} {}`,
	} {
		r.want(400, "PUT "+at(card), wrong)
	}
	r.want(400, "PUT "+at(card)+"?fields=iccid", `{"status":"ACTIVATED"}`)
	r.want(415, "PUT "+at(card), "")
	r.world.Offers = []string{"1 GB"}
	r.want(400, "PUT "+at(card), `{"ratePlan":"2 GB"}`)
	r.want(404, "PUT "+at("89860617030017300404"), `{"status":"ACTIVATED"}`)
	assert.Equal(t, "DEACTIVATED", r.want(200, "GET "+at(card), "")["status"], "what is refused changes nothing")
}

func TestNothingLeadsBackFromPurged(t *testing.T) {
	r := newRig(t)
	r.want(200, "PUT "+at(card), `{"status":"RETIRED"}`)
	r.want(200, "PUT "+at(card), `{"status":"ACTIVATED"}`)
	r.want(200, "PUT "+at(card), `{"status":"PURGED"}`)
	r.want(200, "PUT "+at(card), `{"status":"PURGED"}`)
	r.want(400, "PUT "+at(card), `{"status":"ACTIVATED"}`)
	r.want(400, "PUT "+at(card), `{"ratePlan":"1 GB"}`)
	whole := r.want(200, "GET "+at(card), "")
	assert.Equal(t, []any{"PURGED", string(phone)}, []any{whole["status"], whole["imei"]})
}

func TestAListGoesByWhenCardsWereModifiedAndWantsATime(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, map[string]any{"errorMessage": "ModifiedSince is required.", "errorCode": "10000003"}, r.want(400, "GET /devices", ""))
	const all = "modifiedSince=2025-01-01T00:00:00%2B00:00"
	got, last := r.listed(all)
	assert.Equal(t, []string{string(card), string(other)}, got)
	assert.Equal(t, true, last)
	r.want(200, "PUT "+at(card), `{"status":"DEACTIVATED"}`)
	got, _ = r.listed(all)
	assert.Equal(t, []string{string(other), string(card)}, got, "one that is modified moves to the end")
	for query, want := range map[string][]string{
		"modifiedSince=2026-11-29T07:59:59%2B00:00":                           {string(card)},
		"modifiedSince=2026-11-29T15:59:59%2B08:00":                           {string(card)},
		"modifiedSince=2026-11-29T08:00:00%2B00:00":                           nil, // at its very end
		all + "&modifiedTill=2026-01-01T00:00:00%2B00:00":                     nil,
		all + "&modifiedTill=2026-01-01T00:00:01%2B00:00":                     {string(other)},
		all + "&status=DEACTIVATED":                                           {string(card)},
		all + "&pageSize=1&pageNumber=2":                                      {string(card)},
		all + "&pageSize=500":                                                 {string(other), string(card)},
		all + "&pageNumber=9":                                                 nil,
		all + "&modifiedTill=2027-11-29T08:00:00%2B00:00&accountId=100020620": {string(other), string(card)},
	} {
		got, _ := r.listed(query)
		assert.Equal(t, want, got, query)
	}
	for _, wrong := range []string{
		"modifiedSince=2025-01-01T00:00:00+00:00", "modifiedSince=2025-01-01T00:00:00Z", "modifiedSince=2025-01-01", "modifiedSince=2026-11-30T00:00:00%2B00:00",
		"modifiedSince=2025-01-01%2000:00:00.000%2B0000", all + "&modifiedTill=x", all + "&modifiedTill=2024-01-01T00:00:00%2B00:00", all + "&pageSize=0", all + "&pageNumber=x",
		all + "&page=1", all + "&status=GONE", all + "&accountId=x",
	} {
		r.want(400, "GET /devices?"+wrong, "")
	}
	r.sim.YearAtMost = true
	r.want(400, "GET /devices?"+all, "")
	r.want(200, "GET /devices?modifiedSince=2025-11-30T00:00:00%2B00:00", "")
}

func TestAListSaysWhichPageIsTheLast(t *testing.T) {
	r := newRig(t)
	for i := range 100 {
		r.world.Cards = append(r.world.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("89860617030017400%03d", i))})
	}
	const all = "modifiedSince=2025-01-01T00:00:00%2B00:00"
	for page, want := range map[string]struct {
		cards int
		last  bool
	}{"1": {50, false}, "2": {50, false}, "3": {2, true}, "4": {0, true}} {
		got, last := r.listed(all + "&pageNumber=" + page)
		assert.Len(t, got, want.cards, page)
		assert.Equal(t, want.last, last, page)
	}
}

func TestAChangeThatTakesTimeIsAcceptedAndListedOnceItIsMade(t *testing.T) {
	r := newRig(t)
	r.world.ShowDelay = carriersim.Duration(time.Minute)
	r.want(202, "PUT "+at(card), `{"status":"DEACTIVATED"}`)
	const since = "modifiedSince=2026-11-29T07:59:00%2B00:00"
	got, _ := r.listed(since)
	assert.Empty(t, got)
	assert.Equal(t, "ACTIVATED", r.want(200, "GET "+at(card), "")["status"])
	r.now = r.now.Add(time.Minute)
	got, _ = r.listed(since)
	assert.Equal(t, []string{string(card)}, got)
	assert.Equal(t, "2026-11-29 08:01:00.000+0000", r.want(200, "GET "+at(card), "")["dateUpdated"])
}

func TestASecondCallAtOnceAndASixthInASecondAreTooMany(t *testing.T) {
	r := newRig(t)
	r.sim.PerSecond = 0
	for range 5 {
		r.want(200, "GET "+at(card), "")
	}
	assert.Equal(t, "40000029", r.want(429, "GET "+at(card), "")["errorCode"])
	r.now = r.now.Add(time.Second)
	entered, leave := make(chan bool), make(chan bool)
	r.world.Latency = carriersim.Duration(time.Second)
	r.world.Sleep = func(context.Context, time.Duration) error { entered <- true; <-leave; return nil }
	var group sync.WaitGroup
	group.Go(func() { r.want(200, "GET "+at(card), "") })
	<-entered
	assert.Equal(t, "40000029", r.want(429, "GET "+at(other), "")["errorCode"])
	leave <- true
	group.Wait()
}
