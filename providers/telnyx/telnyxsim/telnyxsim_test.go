package telnyxsim

import (
	"encoding/json"
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
	card   = spec.ICCID("89310410106543789301")
	other  = spec.ICCID("8931041010654378930") // 19 digits, which stand in card's
	device = "861536030196001"
	spare  = "867194030000017"
)

// rig is a simulated Telnyx with somebody who has its key.
type rig struct {
	t     *testing.T
	sim   *Telnyx
	world *carriersim.World
	now   time.Time
	key   string
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC), key: "Bearer testsecret"}
	r.world = &carriersim.World{
		Cards: []carriersim.Card{
			{ICCID: card, IMEI: device, MSISDN: "+13109976224"}, {ICCID: other, Status: spec.Pending},
			{ICCID: "89310410106543789999", Account: "somebody"}, {ICCID: "89310410106543789998", Status: spec.Closed},
		},
		Now: func() time.Time { return r.now },
	}
	r.sim = &Telnyx{World: r.world}
	return r
}

// call makes a call, "GET /sim_cards", with a body where there is any.
func (r *rig) call(call, body string) (status int, answer map[string]any) {
	r.t.Helper()
	method, target, _ := strings.Cut(call, " ")
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header.Set("Authorization", r.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	got := httptest.NewRecorder()
	r.sim.ServeHTTP(got, req)
	require.NoError(r.t, json.Unmarshal(got.Body.Bytes(), &answer), got.Body.String())
	return got.Code, answer
}

// want is a call that is answered with the status, and its data.
func (r *rig) want(status int, call, body string) map[string]any {
	r.t.Helper()
	got, answer := r.call(call, body)
	require.Equal(r.t, status, got, "%s: %v", call, answer)
	data, _ := answer["data"].(map[string]any)
	return data
}

// refused is a call that is answered with the status, and an error's code.
func (r *rig) refused(status int, call, body string) {
	r.t.Helper()
	got, answer := r.call(call, body)
	assert.Equal(r.t, status, got, "%s %s: %v", call, body, answer)
	errors, _ := answer["errors"].([]any)
	require.Len(r.t, errors, 1, "%s %s: %v", call, body, answer)
	assert.Regexp(r.t, `^\d{5}$`, errors[0].(map[string]any)["code"])
}

// listed are the ICCIDs that a list has.
func (r *rig) listed(query string) (iccids []string) {
	r.t.Helper()
	status, answer := r.call("GET /sim_cards?"+query, "")
	require.Equal(r.t, 200, status, "%s: %v", query, answer)
	for _, row := range answer["data"].([]any) {
		iccids = append(iccids, row.(map[string]any)["iccid"].(string))
	}
	return iccids
}

func at(iccid spec.ICCID) string { return "/sim_cards/" + idOf(iccid, 0) }

func value(data map[string]any) any { return data["status"].(map[string]any)["value"] }

func TestIDsAreUUIDsThatStandForOneCardOrAction(t *testing.T) {
	seen := map[string]bool{}
	for _, iccid := range []spec.ICCID{card, other, "898600D6991330004146", "89860617030017300390"} {
		for _, serial := range []int{0, 1, 70_000} {
			id := idOf(iccid, serial)
			assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$`, id)
			assert.False(t, seen[id], id)
			seen[id] = true
			back, n, ok := parseID(id)
			assert.True(t, ok)
			assert.Equal(t, iccid, back)
			assert.Equal(t, serial, n)
		}
	}
	for _, wrong := range []string{"", "x", "6a09cdc3-8948-47f0-aa62-74ac943d6c58", strings.ToUpper(idOf("898600D6991330004146", 0)), strings.Repeat("-", 36)} {
		_, _, ok := parseID(wrong)
		assert.False(t, ok, wrong)
	}
}

func TestACallWantsAKnownKey(t *testing.T) {
	r := newRig(t)
	for _, key := range []string{"", "testsecret", "Basic testsecret", "Bearer ", "Bearer testid", "Bearer testsecret x"} {
		r.key = key
		r.refused(401, "GET /sim_cards", "")
	}
	r.key = "bearer testsecret"
	r.want(200, "GET "+at(card), "")
}

func TestDevicesAreAListOrNull(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, []any{device}, r.want(200, "GET "+at(card), "")["authorized_imeis"])
	bound := r.want(200, "PATCH "+at(card), `{"authorized_imeis":["`+spare+`","`+device+`"]}`)
	assert.Equal(t, []any{spare, device}, bound["authorized_imeis"])
	for _, none := range []string{"null", "[]"} {
		data := r.want(200, "PATCH "+at(card), `{"authorized_imeis":`+none+`}`)
		assert.Contains(t, data, "authorized_imeis")
		assert.Nil(t, data["authorized_imeis"], none)
	}
	for _, wrong := range []string{
		`{"authorized_imeis":"` + device + `"}`, `{"authorized_imeis":[861536030196001]}`, `{"authorized_imeis":["1"]}`, `{"authorized_imei":[]}`, `[]`, `null`, `{} {}`, ``,
		`{"status":{"value":"disabled"}}`, `{"data_limit":{"amount":"1","unit":"TB"}}`, `{"data_limit":{"amount":"1","unit":"MB","per":"day"}}`, `{"tags":"a"}`, `{"sim_card_group_id":1}`,
	} {
		r.refused(422, "PATCH "+at(card), wrong)
	}
	assert.Nil(t, r.want(200, "GET "+at(card), "")["authorized_imeis"], "what is refused changes nothing")
}

func TestAnActionIsUnderWayForTheShowDelay(t *testing.T) {
	r := newRig(t)
	r.world.ShowDelay = carriersim.Duration(time.Minute)
	action := r.want(202, "POST "+at(card)+"/actions/disable", "")
	assert.Equal(t, "in-progress", value(action))
	assert.Equal(t, idOf(card, 0), action["sim_card_id"])
	look := "GET /sim_card_actions/" + action["id"].(string)
	now := r.want(200, "GET "+at(card), "")
	assert.Equal(t, "disabling", value(now))
	assert.Equal(t, true, now["actions_in_progress"])
	assert.Equal(t, "in-progress", value(r.want(200, look, "")))
	r.refused(422, "POST "+at(card)+"/actions/enable", "")
	r.now = r.now.Add(time.Minute)
	assert.Equal(t, "completed", value(r.want(200, look, "")))
	then := r.want(200, "GET "+at(card), "")
	assert.Equal(t, "disabled", value(then))
	assert.Equal(t, false, then["actions_in_progress"])
	r.refused(404, "GET /sim_card_actions/"+idOf(card, 2), "")
	r.refused(404, "GET /sim_card_actions/"+idOf(card, 0), "")
}

// From which statuses, by the page on a card's life.
func TestActionsAreTakenFromTheirStatusesAndInAGroup(t *testing.T) {
	for status, takes := range map[string]string{
		"registered": "enable", "disabled": "enable", "standby": "enable", "unauthorized_imei": "enable", "enabled": "disable set_standby",
		"data_limit_exceeded": "", "blocked": "", "abolished": "", "registering": "",
	} {
		for _, action := range []string{"enable", "disable", "set_standby"} {
			r := newRig(t)
			_, err := r.world.Change(card, func(c *carriersim.Card) bool { c.Words = status; return true })
			require.NoError(t, err)
			if strings.Contains(takes, action) {
				r.want(202, "POST "+at(card)+"/actions/"+action, "")
			} else {
				r.refused(422, "POST "+at(card)+"/actions/"+action, "")
			}
		}
	}
	r := newRig(t)
	r.want(200, "PATCH "+at(other), `{"sim_card_group_id":""}`)
	r.refused(422, "POST "+at(other)+"/actions/enable", "")
	r.refused(422, "POST "+at(card)+"/actions/disable", `{"a":1}`)
	r.refused(404, "POST "+at(card)+"/actions/remove_public_ip", "")
}

// A stop for the device is cured by binding that, and then by an enable: by neither alone.
func TestAStopForTheDeviceEndsWithTheDeviceAndAnEnable(t *testing.T) {
	r := newRig(t)
	_, err := r.world.Change(card, func(c *carriersim.Card) bool { c.InUse, c.Status = spare, spec.SuspendedByCarrier; return true })
	require.NoError(t, err)
	assert.Equal(t, "unauthorized_imei", value(r.want(200, "GET "+at(card), "")))
	action := r.want(202, "POST "+at(card)+"/actions/enable", "")
	ended := r.want(200, "GET /sim_card_actions/"+action["id"].(string), "")
	assert.Equal(t, "failed", value(ended))
	assert.NotEmpty(t, ended["status"].(map[string]any)["reason"])
	assert.Equal(t, "unauthorized_imei", value(r.want(200, "PATCH "+at(card), `{"authorized_imeis":["`+spare+`"]}`)))
	assert.Equal(t, "unauthorized_imei", value(r.want(200, "GET "+at(card), "")), "it doesn't come back by itself")
	r.want(202, "POST "+at(card)+"/actions/enable", "")
	assert.Equal(t, "enabled", value(r.want(200, "GET "+at(card), "")))
}

func TestAFaultLetsAnActionComeToNothing(t *testing.T) {
	for _, end := range []string{"failed", "interrupted"} {
		r := newRig(t)
		r.world.Break(carriersim.Fault{Action: "disable", Kind: carriersim.CodeFault(end)})
		action := r.want(202, "POST "+at(card)+"/actions/disable", "")
		assert.Equal(t, "in-progress", value(action))
		assert.Equal(t, end, value(r.want(200, "GET /sim_card_actions/"+action["id"].(string), "")))
		assert.Equal(t, "enabled", value(r.want(200, "GET "+at(card), "")))
	}
}

func TestAListHasFiltersAndPages(t *testing.T) {
	r := newRig(t)
	for query, want := range map[string][]string{
		"":                                {string(other), string(card)},
		"filter[iccid]=" + string(card):   {string(card)},
		"filter[iccid]=" + string(other):  {string(other), string(card)}, // which match in part
		"filter[iccid]=6543789":           {string(other), string(card)},
		"filter[iccid]=999":               nil, // another account's
		"filter[msisdn]=31099":            {string(card)},
		"filter[status]=enabled,disabled": {string(card)},
		"filter[tags]=a":                  nil,
		"page[number]=2&page[size]=1":     {string(card)},
		"page[number]=9&page[size]=250":   nil,
	} {
		assert.Equal(t, want, r.listed(query), query)
	}
	_, answer := r.call("GET /sim_cards?page[size]=1", "")
	assert.Equal(t, map[string]any{"page_number": 1.0, "page_size": 1.0, "total_pages": 2.0, "total_results": 2.0}, answer["meta"])
	row := answer["data"].([]any)[0].(map[string]any)
	for _, lacks := range []string{"current_imei", "live_data_session", "ipv4"} {
		assert.NotContains(t, row, lacks)
	}
	for _, wrong := range []string{"page[size]=251", "page[size]=0", "page[number]=x", "page_number=1", "filter[status]=gone", "filter[status]=registered", "filter[eid]=1", "sort=iccid"} {
		r.refused(422, "GET /sim_cards?"+wrong, "")
	}
}

func TestADeletedCardIsGone(t *testing.T) {
	r := newRig(t)
	r.want(200, "DELETE "+at(card)+"?report_lost=true", "")
	r.refused(404, "GET "+at(card), "")
	r.refused(404, "PATCH "+at(card), `{"authorized_imeis":null}`)
	r.refused(404, "POST "+at(card)+"/actions/enable", "")
	assert.Equal(t, []string{string(other)}, r.listed(""))
	r.refused(404, "GET "+at("89310410106543789999"), "")
	r.refused(404, "GET /sim_cards/"+string(other), "")
}
