package onomondosim

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	card   = spec.ICCID("89457387300008689187")
	other  = spec.ICCID("8945738730000868919")
	device = "861536030196001"
	spare  = "861536030196019"
)

// rig is a simulated Onomondo with somebody who has its key.
type rig struct {
	t     *testing.T
	sim   *Onomondo
	world *carriersim.World
	now   time.Time
	key   string
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC), key: carriersim.TestSecret}
	r.world = &carriersim.World{
		Cards: []carriersim.Card{
			{ICCID: card, IMEI: device, More: map[string]string{"label": "of " + string(other)}}, {ICCID: other, Status: spec.SuspendedByOwner},
			{ICCID: "89457387300008689999", Account: "somebody"}, {ICCID: "89457387300008689998", Status: spec.Closed},
		},
		Now: func() time.Time { return r.now },
	}
	r.sim = &Onomondo{World: r.world}
	return r
}

func (r *rig) send(call, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	method, target, _ := strings.Cut(call, " ")
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header.Set("Authorization", r.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	got := httptest.NewRecorder()
	r.sim.ServeHTTP(got, req)
	return got
}

// sim is the SIM that a call answers with.
func (r *rig) simOf(call, body string) (sim map[string]any) {
	r.t.Helper()
	got := r.send(call, body)
	require.Equal(r.t, 200, got.Code, "%s %s: %s", call, body, got.Body)
	require.NoError(r.t, json.Unmarshal(got.Body.Bytes(), &sim))
	return sim
}

// refused is a call that is answered with the status, and an error.
func (r *rig) refused(status int, call, body string) {
	r.t.Helper()
	got := r.send(call, body)
	assert.Equal(r.t, status, got.Code, "%s %s: %s", call, body, got.Body)
	assert.Regexp(r.t, `^\{"error":"[a-z_0-9]+"\}$`, got.Body.String(), "%s %s", call, body)
}

func (r *rig) listed(call string) (iccids []string) {
	r.t.Helper()
	got := r.send(call, "")
	require.Equal(r.t, 200, got.Code, "%s: %s", call, got.Body)
	var sims []map[string]any
	require.NoError(r.t, json.Unmarshal(got.Body.Bytes(), &sims))
	for _, sim := range sims {
		iccids = append(iccids, sim["iccid"].(string))
	}
	return iccids
}

func at(iccid spec.ICCID) string { return "/sims/" + idOf(iccid) }

func TestAKeyStandsAloneOrBehindBearer(t *testing.T) {
	r := newRig(t)
	for _, key := range []string{carriersim.TestSecret, "Bearer " + carriersim.TestSecret, "bearer " + carriersim.TestSecret} {
		r.key = key
		assert.Equal(t, string(card), r.simOf("GET "+at(card), "")["iccid"], key)
	}
	for _, key := range []string{"", "wrong", "Basic " + carriersim.TestSecret, "Bearer", carriersim.TestSecret + " x"} {
		r.key = key
		r.refused(401, "GET "+at(card), "")
	}
}

func TestAListIsAnArrayByLimitAndOffset(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, []string{string(card), string(other)}, r.listed("GET /sims"), "neither another's nor one that is closed")
	assert.Equal(t, []string{string(other)}, r.listed("GET /sims?limit=1&offset=1"))
	assert.Empty(t, r.listed("GET /sims?offset=2"))
	for _, wrong := range []string{"limit=0", "limit=1001", "limit=x", "offset=-1", "page=1", "limit=1&limit=2"} {
		r.refused(400, "GET /sims?"+wrong, "")
	}
}

func TestTheSearchFindsPartsOfIDsAndLabelsAndWholeICCIDs(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, []string{string(card), string(other)}, r.listed("GET /sims/find?query="+string(other)), "the other's label has it too")
	assert.Equal(t, []string{string(card)}, r.listed("GET /sims/find?query="+string(card)))
	assert.Equal(t, []string{string(card)}, r.listed("GET /sims/find?query="+idOf(card)[:19]))
	assert.Equal(t, []string{string(card)}, r.listed("GET /sims/find?query=of+8"))
	assert.Empty(t, r.listed("GET /sims/find?query=8689187"), "a part of an ICCID")
	assert.Empty(t, r.listed("GET /sims/find?query=89457387300008689999"), "somebody else's")
	r.refused(400, "GET /sims/find", "")
	r.refused(400, "GET /sims/find?query=1&limit=1", "")
}

func TestALockIsTheIMEIOrNull(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, device, r.simOf("GET "+at(card), "")["imei_lock"])
	assert.Nil(t, r.simOf("GET "+at(other), "")["imei_lock"])
	assert.Equal(t, spare, r.simOf("PATCH "+at(card), `{"imei_lock":"`+spare+`"}`)["imei_lock"])
	assert.Nil(t, r.simOf("PATCH "+at(card), `{"imei_lock":null}`)["imei_lock"])
	for _, wrong := range []string{`{"imei_lock":"1"}`, `{"imei_lock":""}`, `{"imei_lock":` + spare + `}`, `{"imei_lock":"` + spare + `0"}`} {
		r.refused(400, "PATCH "+at(card), wrong)
	}
	r.world.ExclusiveIMEI = true
	r.simOf("PATCH "+at(card), `{"imei_lock":"`+device+`"}`)
	r.refused(400, "PATCH "+at(other), `{"imei_lock":"`+device+`"}`)
}

func TestAPatchChangesWhatItNamesAndNothingElse(t *testing.T) {
	r := newRig(t)
	got := r.simOf("PATCH "+at(card), `{"activated":false}`)
	assert.Equal(t, []any{false, device, "of " + string(other)}, []any{got["activated"], got["imei_lock"], got["label"]})
	got = r.simOf("PATCH "+at(card), `{"label":null,"connector":"c","tags":["a","b"],"technologies":{"sms":false,"2g_3g":true,"4g":true},"data_limit":{"total":5,"type":"month"}}`)
	assert.Equal(t, []any{false, device, nil, "c", []any{"a", "b"}}, []any{got["activated"], got["imei_lock"], got["label"], got["connector"], got["tags"]})
	assert.Equal(t, false, got["technologies"].(map[string]any)["sms"])
	assert.InDelta(t, 5, got["data_limit"].(map[string]any)["total"], 0)
	for _, wrong := range []string{
		`[]`, `null`, `{`, `{}{}`, `{"iccid":"1"}`, `{"activated":"true"}`, `{"activated":null}`, `{"tags":null}`, `{"tags":[""]}`, `{"label":1}`,
		`{"technologies":{"5g":true}}`, `{"data_limit":{"unit":"MB"}}`, `{"imei":"` + spare + `"}`,
	} {
		r.refused(400, "PATCH "+at(card), wrong)
	}
	assert.Equal(t, got, r.simOf("GET "+at(card), ""), "what is refused changes nothing")
}

func TestAStopOfTheCarriersOwnCantBeTold(t *testing.T) {
	r := newRig(t)
	_, err := r.world.Change(card, func(c *carriersim.Card) bool { c.Status = spec.SuspendedByCarrier; return true })
	require.NoError(t, err)
	assert.Equal(t, true, r.simOf("PATCH "+at(card), `{"activated":true}`)["activated"])
	now, _ := r.world.Card(card)
	assert.Equal(t, spec.SuspendedByCarrier, now.Status, "and isn't taken back by a call")
}

func TestWhatIsNotServedIsRefused(t *testing.T) {
	r := newRig(t)
	for _, none := range []string{"GET /sims/000868918", "GET /sims/x", "GET " + at("89457387300008689999"), "GET /usage", "DELETE " + at(card), "GET /", "PATCH /sims/1/2"} {
		r.refused(404, none, "")
	}
	r.refused(400, "PATCH /sims/bulk", `[{"activated":false}]`)
	r.refused(400, "GET "+at(card)+"?a=b", "")
}

func TestTagsAreAddedOnceAndRemoved(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, []any{"t"}, r.simOf("PUT "+at(card)+"/tags/t", "")["tags"])
	r.refused(400, "PUT "+at(card)+"/tags/t", "")
	assert.Equal(t, []any{}, r.simOf("DELETE "+at(card)+"/tags/t", "")["tags"])
}

func TestATooFrequentCallSaysWhenCallsPassAgain(t *testing.T) {
	r := newRig(t)
	r.world.Break(carriersim.Fault{Kind: carriersim.Throttle, RetryAfter: carriersim.Duration(90 * time.Second)})
	got := r.send("GET "+at(card), "")
	assert.Equal(t, 429, got.Code)
	assert.Equal(t, strconv.FormatInt(r.now.Add(90*time.Second).Unix(), 10), got.Header().Get("X-Ratelimit-Reset"))
	assert.Equal(t, []string{"600", "0", ""}, []string{got.Header().Get("X-Ratelimit-Limit"), got.Header().Get("X-Ratelimit-Remaining"), got.Header().Get("Retry-After")})
}
