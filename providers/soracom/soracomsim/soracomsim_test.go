package soracomsim

import (
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
	plain   = spec.ICCID("8942310000000000010")
	profile = spec.ICCID("89423100000000000200") // on a chip of its own name
	device  = "861536030196001"
	spare   = "867194030000017"
)

// rig is a simulated Soracom with somebody who is logged in.
type rig struct {
	t     *testing.T
	sim   *Soracom
	world *carriersim.World
	now   time.Time
	head  http.Header
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC), head: http.Header{}}
	r.world = &carriersim.World{
		Cards: []carriersim.Card{
			{ICCID: plain, IMEI: device, MSISDN: "819012345678"}, {ICCID: profile, EUICC: true, Status: spec.Pending},
			{ICCID: "8942310000000000300", Account: "somebody"},
		},
		Now: func() time.Time { return r.now },
	}
	r.sim = &Soracom{World: r.world}
	r.login(`{"authKeyId":"testid","authKey":"testsecret"}`)
	return r
}

func (r *rig) login(body string) {
	r.t.Helper()
	status, got := r.call("POST /auth", body)
	require.Equal(r.t, 200, status, "%v", got)
	r.head.Set("X-Soracom-API-Key", got.(map[string]any)["apiKey"].(string))
	r.head.Set("X-Soracom-Token", got.(map[string]any)["token"].(string))
}

// send makes a call, "GET /sims", with a body where there is any.
func (r *rig) send(call, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	method, target, _ := strings.Cut(call, " ")
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, values := range r.head {
		req.Header[name] = values
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	got := httptest.NewRecorder()
	r.sim.ServeHTTP(got, req)
	return got
}

func (r *rig) call(call, body string) (status int, answer any) {
	r.t.Helper()
	got := r.send(call, body)
	require.NoError(r.t, json.Unmarshal(got.Body.Bytes(), &answer), got.Body.String())
	return got.Code, answer
}

// sim is a call that answers a SIM.
func (r *rig) simOf(call, body string) map[string]any {
	r.t.Helper()
	status, answer := r.call(call, body)
	require.Equal(r.t, 200, status, "%s: %v", call, answer)
	return answer.(map[string]any)
}

// ids are the simIds of a call that answers several.
func (r *rig) ids(call string) (ids []string) {
	r.t.Helper()
	status, answer := r.call(call, "")
	require.Equal(r.t, 200, status, "%s: %v", call, answer)
	for _, sim := range answer.([]any) {
		ids = append(ids, sim.(map[string]any)["simId"].(string))
	}
	return ids
}

func TestALoginIsOneOfThreePairsAndLastsAsLongAsItSays(t *testing.T) {
	r := newRig(t)
	for body, want := range map[string]int{
		`{"email":"testid","password":"testsecret"}`:                                             200,
		`{"operatorId":"te","userName":"stid","password":"testsecret"}`:                          200,
		`{"authKeyId":"testid","authKey":"testsecret","tokenTimeoutSeconds":172800}`:             200,
		`{"authKeyId":"testid","authKey":"testsecret","tokenTimeoutSeconds":172801}`:             400,
		`{"authKeyId":"testid","authKey":"testsecret","email":"testid","password":"testsecret"}`: 400,
		`{"authKeyId":"testid"}`:                        400,
		`{"authkeyid":"testid","authKey":"testsecret"}`: 400,
		`{"authKeyId":"testid","authKey":"another"}`:    401,
		`{"authKeyId":"nobody","authKey":"testsecret"}`: 401,
		`[]`: 400,
		`{"authKeyId":"testid","authKey":"testsecret"} something`: 400,
	} {
		status, answer := r.call("POST /auth", body)
		assert.Equal(t, want, status, "%s: %v", body, answer)
	}
	r.login(`{"authKeyId":"testid","authKey":"testsecret","tokenTimeoutSeconds":60}`)
	r.now = r.now.Add(59 * time.Second)
	assert.Equal(t, 200, r.send("GET /sims", "").Code)
	r.now = r.now.Add(time.Second)
	assert.Equal(t, 401, r.send("GET /sims", "").Code)
}

func TestEachCallWantsBothHeaders(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"X-Soracom-Api-Key", "X-Soracom-Token"} {
		was := r.head.Get(name)
		for _, wrong := range []string{"", "x"} {
			r.head.Set(name, wrong)
			assert.Equal(t, 401, r.send("GET /sims", "").Code, "%s: %q", name, wrong)
		}
		r.head.Set(name, was)
	}
	r.sim.Expire()
	assert.Equal(t, 401, r.send("GET /sims", "").Code)
}

func TestNoLockIsNullAndALockKeepsItsSuffix(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, map[string]any{"imei": device}, r.simOf("GET /sims/"+string(plain), "")["imeiLock"])
	lock := "POST /sims/" + string(plain) + "/set_imei_lock"
	assert.Equal(t, map[string]any{"imei": spare + "|ANONYMOUS"}, r.simOf(lock, `{"imei":"`+spare+`|ANONYMOUS"}`)["imeiLock"])
	for _, wrong := range []string{`{"imei":"123"}`, `{"imei":"` + spare + `|anonymous"}`, `{"imei":1}`, `{"IMEI":"` + spare + `"}`, `{"imei":"` + spare + `","imei":"` + spare + `"}`} {
		assert.Equal(t, 400, r.send(lock, wrong).Code, wrong)
	}
	sim := r.simOf("POST /sims/"+string(plain)+"/unset_imei_lock", "")
	assert.Contains(t, sim, "imeiLock")
	assert.Nil(t, sim["imeiLock"])
	assert.Contains(t, r.send("GET /sims/"+string(plain), "").Body.String(), `"imeiLock":null`)
}

func TestALockWithoutADeviceIsOnTheOneInTheSession(t *testing.T) {
	r := newRig(t)
	lock := "POST /sims/" + string(plain) + "/set_imei_lock"
	_, err := r.world.Change(plain, func(c *carriersim.Card) bool { c.IMEI, c.InUse = "", spare; return true })
	require.NoError(t, err)
	assert.Equal(t, true, r.simOf("GET /sims/"+string(plain), "")["sessionStatus"].(map[string]any)["online"])
	assert.Equal(t, map[string]any{"imei": spare}, r.simOf(lock, `{}`)["imeiLock"])
	r.simOf(lock, `{"imei":"`+device+`"}`) // which keeps the other out
	assert.Equal(t, 400, r.send(lock, `{}`).Code, "it is offline")
	assert.Equal(t, 400, r.send(lock, "").Code, "the body is required")
}

func TestStatusesMoveAsTheDocumentsSay(t *testing.T) {
	r := newRig(t)
	at := "POST /sims/" + string(plain) + "/"
	for _, step := range [][2]string{
		{"deactivate", "inactive"}, {"deactivate", "inactive"}, {"activate", "active"}, {"suspend", "suspended"}, {"activate", "active"}, {"set_to_standby", "standby"},
		{"activate", "active"}, {"enable_termination", "active"},
	} {
		assert.Equal(t, step[1], r.simOf(at+step[0], "")["status"], step[0])
	}
	assert.Equal(t, 404, r.send("POST /sims/"+chip+string(profile)+"/no_such_thing", "").Code)
	assert.Equal(t, 400, r.send("POST /sims/"+chip+string(profile)+"/set_to_standby", "").Code, "it is ready")
	assert.Equal(t, 400, r.send("POST /sims/"+chip+string(profile)+"/terminate", "").Code, "it isn't enabled")
	assert.Equal(t, "terminated", r.simOf(at+"terminate", "")["status"])
	assert.Equal(t, 404, r.send(at+"activate", "").Code, "for good")
	assert.Equal(t, "terminated", r.simOf("GET /sims/"+string(plain), "")["status"])
}

// The document has no body there, and the official client sends {}.
func TestAChangeWithoutABodyTakesNoneOrAnEmptyOne(t *testing.T) {
	r := newRig(t)
	at := "POST /sims/" + string(plain) + "/deactivate"
	assert.Equal(t, 200, r.send(at, "").Code)
	assert.Equal(t, 200, r.send(at+"?", "{}").Code)
	for _, wrong := range []string{`{"a":1}`, `null`, `[]`, `{} {}`} {
		assert.Equal(t, 400, r.send(at, wrong).Code, wrong)
	}
	assert.Equal(t, 404, r.send(at+"?a=b", "").Code)
	assert.Equal(t, 404, r.send("GET /sims/"+string(plain)+"/deactivate", "").Code)
}

func TestASpeedClassTakesTheOthersPlace(t *testing.T) {
	r := newRig(t)
	at := "POST /sims/" + string(plain) + "/update_speed_class"
	assert.Equal(t, "s1.standard", r.simOf("GET /sims/"+string(plain), "")["speedClass"])
	assert.Equal(t, "s1.4xfast", r.simOf(at, `{"speedClass":"s1.4xfast"}`)["speedClass"])
	for _, wrong := range []string{`{"speedClass":"u1.slow"}`, `{"speedClass":"arc.standard"}`, `{}`, ``} {
		assert.Equal(t, 400, r.send(at, wrong).Code, wrong)
	}
}

func TestACardWithAChipOfItsOwnNameIsFoundByItsICCID(t *testing.T) {
	r := newRig(t)
	id := chip + string(profile)
	assert.Equal(t, []string{id}, r.ids("GET /query/sims?iccid="+string(profile)+"&limit=100"))
	assert.Equal(t, 404, r.send("GET /sims/"+string(profile), "").Code)
	sim := r.simOf("GET /sims/"+id, "")
	assert.Contains(t, sim["profiles"], string(profile))
	assert.Equal(t, "ready", sim["status"])
}

func TestASearchMatchesPartsInAnyCaseAndSeveralByComma(t *testing.T) {
	r := newRig(t)
	chipped := chip + string(profile)
	for query, want := range map[string][]string{
		"iccid=" + string(plain):                            {string(plain)},
		"iccid=0000000000":                                  {string(plain), chipped},
		"iccid=" + string(profile)[:19]:                     {chipped},
		"iccid=" + string(profile) + ",8942310000000000010": {string(plain), chipped},
		"status=ACT":                                        {string(plain)},
		"status=ready,active":                               {string(plain), chipped},
		"status=ready&msisdn=8190":                          nil,
		"status=ready&msisdn=8190&search_type=or":           {string(plain), chipped},
		"limit=1": {string(plain)},
		"limit=1&last_evaluated_key=" + string(plain): {chipped},
		"iccid=8942310000000000300":                   nil, // another account's
	} {
		assert.Equal(t, want, r.ids("GET /query/sims?"+query), query)
	}
	for _, wrong := range []string{"iccid=8", "iccid=89423,8", "limit=101", "limit=0", "search_type=xor", "name=x1", "iccid=8942&iccid=8942"} {
		assert.Equal(t, 400, r.send("GET /query/sims?"+wrong, "").Code, wrong)
	}
}

// A page may have fewer than limit: only the header says whether another follows.
func TestAListGoesOnAsLongAsTheHeaderSays(t *testing.T) {
	r := newRig(t)
	var seen []string
	key, pages := "", 0
	for {
		got := r.send("GET /sims?limit=1&last_evaluated_key="+key, "")
		require.Equal(t, 200, got.Code)
		var sims []struct{ SimID string }
		require.NoError(t, json.Unmarshal(got.Body.Bytes(), &sims))
		for _, sim := range sims {
			seen = append(seen, sim.SimID)
		}
		pages++
		if key = got.Header().Get("x-soracom-next-key"); key == "" {
			break
		}
		assert.Contains(t, got.Header().Get("Link"), "last_evaluated_key="+key)
	}
	assert.Equal(t, []string{string(plain), chip + string(profile)}, seen)
	assert.Equal(t, 3, pages, "the last one, of somebody else's card, is empty")
}

// Times are whole milliseconds, as the documents have them.
func TestAChangeIsTimed(t *testing.T) {
	r := newRig(t)
	sim := r.simOf("POST /sims/"+string(plain)+"/deactivate", "")
	assert.EqualValues(t, r.now.UnixMilli(), sim["lastModifiedTime"])
	r.now = r.now.Add(time.Hour)
	again := r.simOf("POST /sims/"+string(plain)+"/deactivate", "")
	assert.Equal(t, sim["lastModifiedTime"], again["lastModifiedTime"], "nothing changed")
}
