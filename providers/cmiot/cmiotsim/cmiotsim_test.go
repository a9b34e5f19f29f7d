package cmiotsim

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	card   = "898600D6991330004146"
	msisdn = "14765004176"
)

var at = time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC)

func world(cards ...carriersim.Card) *carriersim.World {
	if len(cards) == 0 {
		cards = []carriersim.Card{{ICCID: card, MSISDN: msisdn, IMEI: "867194030000017"}}
	}
	return &carriersim.World{Cards: cards, Now: func() time.Time { return at }}
}

type reply struct {
	Status  string
	Message string
	Result  []map[string]any
}

// one is a field of the only row of a reply.
func (r reply) one(t *testing.T, name string) any {
	t.Helper()
	require.Len(t, r.Result, 1, "%+v", r)
	return r.Result[0][name]
}

func send(t *testing.T, h http.Handler, req *http.Request) (r reply) {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, req)
	require.Equal(t, 200, recorder.Code, "whatever the status inside says")
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &r), recorder.Body.String())
	return r
}

var serial int

func transid() string {
	serial++
	return fmt.Sprintf("testid20261122045558%08d", serial)
}

// callV2 makes a well-formed call of v2; params override its parameters, and a
// blank one leaves its parameter out.
func callV2(t *testing.T, h http.Handler, method, function string, params map[string]string) reply {
	t.Helper()
	all := map[string]string{"appid": "testid", "transid": transid(), "ebid": "0001000000009", "iccid": card}
	maps.Copy(all, params)
	if _, ok := all["token"]; !ok {
		all["token"] = fmt.Sprintf("%x", sha256.Sum256([]byte(all["appid"]+"testsecret"+all["transid"])))
	}
	q := url.Values{}
	for name, v := range all {
		if v != "" {
			q.Set(name, v)
		}
	}
	return send(t, h, httptest.NewRequest(method, "/v2/"+function+"?"+q.Encode(), nil))
}

// callV5 makes a call of v5.
func callV5(t *testing.T, h http.Handler, function string, params map[string]string) reply {
	t.Helper()
	all := map[string]string{"transid": transid()}
	maps.Copy(all, params)
	body, err := json.Marshal(all)
	require.NoError(t, err)
	req := httptest.NewRequest(http.MethodPost, "/v5/ec/"+function, strings.NewReader(string(body)))
	req.Header.Set("Content-Type", "application/json")
	return send(t, h, req)
}

func tokenOf(t *testing.T, h http.Handler) string {
	t.Helper()
	r := callV5(t, h, "get/token", map[string]string{"appid": "testid", "password": "testsecret"})
	return r.one(t, "token").(string)
}

// do makes a call of v5 with a token.
func do(t *testing.T, h http.Handler, function string, params map[string]string) reply {
	t.Helper()
	all := map[string]string{"token": tokenOf(t, h)}
	maps.Copy(all, params)
	return callV5(t, h, function, all)
}

// The rule by itself, against the golden vector of docs/carriers.md §3.1.
func TestGoldenTokenIsAccepted(t *testing.T) {
	w := world()
	w.Accounts = []carriersim.Account{{ID: "100001", Secret: "testpass"}}
	vector := map[string]string{
		"appid": "100001", "transid": "1000012014101615303080000001",
		"token": "73ecd5320ba74b9cd7f8b9fb69812bc716b97388d39b0e8e15c9e9134ce20bab",
	}
	r := callV2(t, &OneLink{World: w}, http.MethodGet, "userstatusrealsingle", vector)
	assert.Equal(t, "0", r.Status, r.Message)
	assert.Equal(t, "正确", r.Message)
	assert.Equal(t, "00", r.one(t, "STATUS"))
	vector["token"] = strings.ToUpper(vector["token"])
	assert.Equal(t, "12004", callV2(t, &OneLink{World: w}, http.MethodGet, "userstatusrealsingle", vector).Status)
}

func TestZeroValueServesAnOpenWorld(t *testing.T) {
	h := &OneLink{}
	assert.Equal(t, "0", callV2(t, h, http.MethodPost, "userstatusrealsingle", nil).Status)
	assert.Equal(t, "0", do(t, h, "query/sim-status", map[string]string{"iccid": card}).Status)
	numbers := do(t, h, "query/sim-card-info/batch", map[string]string{"iccids": card})
	stop := map[string]string{"msisdns": numbers.one(t, "msisdn").(string), "operType": "9", "reason": "01"}
	assert.Equal(t, "0", do(t, h, "change/sim-status/batch", stop).Status)
	assert.Equal(t, "02", do(t, h, "query/sim-status", map[string]string{"iccid": card}).one(t, "cardStatus"))
}

func TestV2IsStrict(t *testing.T) {
	for name, c := range map[string]struct {
		params map[string]string
		status string
	}{
		"by msisdn":            {map[string]string{"iccid": "", "msisdn": msisdn}, "0"},
		"by imsi":              {map[string]string{"iccid": "", "imsi": "460041330004146"}, "0"},
		"no card":              {map[string]string{"iccid": ""}, "11000"},
		"two of the three":     {map[string]string{"msisdn": msisdn}, "11000"},
		"all three":            {map[string]string{"msisdn": msisdn, "imsi": "460079650004176"}, "11000"},
		"a long msisdn":        {map[string]string{"iccid": "", "msisdn": "14765004176123"}, "11000"},
		"a long imsi":          {map[string]string{"iccid": "", "imsi": "4600796500041761"}, "11000"},
		"a short ICCID":        {map[string]string{"iccid": card[:19]}, "11000"},
		"no appid":             {map[string]string{"appid": ""}, "12004"},
		"another's appid":      {map[string]string{"appid": "100002"}, "12004"},
		"no transid":           {map[string]string{"transid": ""}, "11000"},
		"a transid of 48":      {map[string]string{"transid": strings.Repeat("1", 48)}, "0"},
		"a transid of 49":      {map[string]string{"transid": strings.Repeat("1", 49)}, "11000"},
		"the sample's transid": {map[string]string{"transid": "A0B40O520161121001"}, "0"},
		"no ebid":              {map[string]string{"ebid": ""}, "11000"},
		"no code of an ebid":   {map[string]string{"ebid": "userstatusrealsingle"}, "11000"},
		"the first sample's":   {map[string]string{"ebid": "2300000000000001"}, "0"},
		"no token":             {map[string]string{"token": ""}, "12004"},
		"another's token":      {map[string]string{"token": "4962ad69adcbf490c9f749fff734b5706a874ebab1120aaa23c9d288290534ca"}, "12004"},
		"a misspelt parameter": {map[string]string{"ICCID": card}, "11000"},
		"a card of nobody's":   {map[string]string{"iccid": "898602B0011430000544"}, "0"},
	} {
		r := callV2(t, &OneLink{World: world()}, http.MethodGet, "userstatusrealsingle", c.params)
		assert.Equal(t, c.status, r.Status, "%s: %s", name, r.Message)
	}
	h := &OneLink{World: world()}
	assert.Equal(t, "99", callV2(t, h, http.MethodGet, "userstatusrealsingle", map[string]string{"iccid": "898602B0011430000544"}).one(t, "STATUS"))
	assert.Equal(t, "11000", callV2(t, h, http.MethodGet, "cardinfo", nil).Status)
	twice := map[string]string{"transid": "1"}
	assert.Equal(t, "0", callV2(t, h, http.MethodGet, "userstatusrealsingle", twice).Status)
	assert.Equal(t, "12004", callV2(t, h, http.MethodGet, "userstatusrealsingle", twice).Status, "a transid is used once")
}

func TestEbidsThatTheAccountWasGiven(t *testing.T) {
	h := &OneLink{World: world(), Ebids: map[string]string{"userstatusrealsingle": "0006000000345"}}
	assert.Equal(t, "11000", callV2(t, h, http.MethodGet, "userstatusrealsingle", nil).Status)
	assert.Equal(t, "0", callV2(t, h, http.MethodGet, "userstatusrealsingle", map[string]string{"ebid": "0006000000345"}).Status)
}

func TestRequestsOutOfForm(t *testing.T) {
	h := &OneLink{World: world()}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodPut, "/v2/userstatusrealsingle", nil))
	assert.Equal(t, 405, recorder.Code)
	assert.Equal(t, "11000", send(t, h, httptest.NewRequest(http.MethodGet, "/v3/x", nil)).Status)
	assert.Equal(t, "11000", send(t, h, httptest.NewRequest(http.MethodGet, "/v2/userstatusrealsingle?appid=1&appid=2", nil)).Status)
	post := httptest.NewRequest(http.MethodPost, "/v5/ec/get/token?transid=1", strings.NewReader(`{}`))
	assert.Equal(t, "11000", send(t, h, post).Status, "not in the query string")
	post = httptest.NewRequest(http.MethodPost, "/v5/ec/get/token", strings.NewReader(`{"transid":1}`))
	post.Header.Set("Content-Type", "application/json")
	assert.Equal(t, "11000", send(t, h, post).Status, "strings")
	assert.Equal(t, "11000", callV5(t, h, "get/nothing", nil).Status)
}

func TestV5TakesGETToo(t *testing.T) {
	h := &OneLink{World: world()}
	q := url.Values{"token": {tokenOf(t, h)}, "transid": {transid()}, "iccid": {card}}
	r := send(t, h, httptest.NewRequest(http.MethodGet, "/v5/ec/query/sim-status?"+q.Encode(), nil))
	assert.Equal(t, "00", r.one(t, "cardStatus"))
}

func TestTokensExpireAndAreRefreshed(t *testing.T) {
	now := at
	w := world()
	w.Now = func() time.Time { return now }
	h := &OneLink{World: w, TokenTTL: time.Hour}
	credentials := map[string]string{"appid": "testid", "password": "testsecret"}
	first := callV5(t, h, "get/token", credentials)
	assert.Equal(t, "3600", first.one(t, "ttl"))
	now = now.Add(time.Minute)
	again := callV5(t, h, "get/token", credentials)
	assert.Equal(t, first.one(t, "token"), again.one(t, "token"))
	assert.Equal(t, "3540", again.one(t, "ttl"), "what is left")

	credentials["refresh"] = "1"
	fresh := callV5(t, h, "get/token", credentials)
	assert.NotEqual(t, first.one(t, "token"), fresh.one(t, "token"))
	status := func(token any) string {
		return callV5(t, h, "query/sim-status", map[string]string{"token": token.(string), "iccid": card}).Status
	}
	assert.Equal(t, "12021", status(first.one(t, "token")), "a new one ends the old")
	assert.Equal(t, "0", status(fresh.one(t, "token")))
	now = now.Add(time.Hour)
	assert.Equal(t, "12021", status(fresh.one(t, "token")))
	assert.Equal(t, "12021", status(""))

	for _, wrong := range []map[string]string{{"password": "x"}, {"appid": "100002"}} {
		params := map[string]string{"appid": "testid", "password": "testsecret"}
		maps.Copy(params, wrong)
		assert.Equal(t, "12022", callV5(t, h, "get/token", params).Status)
	}
	credentials["refresh"] = "yes"
	assert.Equal(t, "11000", callV5(t, h, "get/token", credentials).Status)
}

func TestBothVocabularies(t *testing.T) {
	for status, words := range map[spec.Lifecycle][2]string{
		spec.Active: {"00", "2"}, spec.SuspendedByOwner: {"02", "4"}, spec.SuspendedByCarrier: {"02", "4"}, spec.Closing: {"03", "8"},
		spec.Closed: {"04", "9"}, spec.Transferred: {"05", "9"}, spec.Dormant: {"06", "1"}, spec.Pending: {"07", "1"},
		spec.Inventory: {"07", "7"}, spec.Testing: {"00", "6"}, spec.UnknownLifecycle: {"98", "5"},
	} {
		for i, platform := range []string{"PB", "CT"} {
			h := &OneLink{World: world(carriersim.Card{ICCID: card, Status: status, Platform: platform})}
			assert.Equal(t, words[i], do(t, h, "query/sim-status", map[string]string{"iccid": card}).one(t, "cardStatus"), "%s on %s", status, platform)
		}
	}
	h := &OneLink{World: world(carriersim.Card{ICCID: card, Words: "01"})}
	assert.Equal(t, "01", callV2(t, h, http.MethodGet, "userstatusrealsingle", nil).one(t, "STATUS"))
	assert.Equal(t, "01", do(t, h, "query/sim-status", map[string]string{"iccid": card}).one(t, "cardStatus"))
}

func TestStopReasons(t *testing.T) {
	for mask, c := range map[string]carriersim.Card{
		"000000000000": {}, "000000002000": {Status: spec.SuspendedByOwner}, "000020000000": {Status: spec.SuspendedByCarrier},
		"000000000020": {Status: spec.SuspendedByCarrier, Words: "000000000020"},
	} {
		c.ICCID = card
		r := do(t, &OneLink{World: world(c)}, "query/sim-stop-reason", map[string]string{"iccid": card})
		assert.Equal(t, mask, r.one(t, "stopReason"))
		assert.Equal(t, "PB", r.one(t, "platformType"))
	}
}

func TestSingleChangesAndTheirCooldown(t *testing.T) {
	now := at
	w := world()
	w.Now = func() time.Time { return now }
	h := &OneLink{World: w}
	change := func(operType string) reply {
		return do(t, h, "change/sim-status", map[string]string{"iccid": card, "operType": operType})
	}
	r := change("0")
	assert.NotEmpty(t, r.one(t, "orderNum"))
	assert.Equal(t, msisdn, r.one(t, "msisdn"))
	assert.Equal(t, "02", do(t, h, "query/sim-status", map[string]string{"iccid": card}).one(t, "cardStatus"))
	now = at.Add(30*time.Minute - time.Second)
	assert.Equal(t, codeCooling, change("1").Status)
	now = at.Add(30 * time.Minute)
	assert.Equal(t, "0", change("1").Status)
	assert.Equal(t, "20261122052558", do(t, h, "query/sim-status", map[string]string{"iccid": card}).one(t, "lastChangeDate"))

	w.WriteCooldown = carriersim.Duration(-1)
	assert.Equal(t, "12089", change("1").Status, "it is in service")
	for _, operType := range []string{"7", "10", "", "stop"} {
		assert.Equal(t, "11000", change(operType).Status, operType)
	}
}

func TestRefusedChangeStartsNoCooldown(t *testing.T) {
	w := world(carriersim.Card{ICCID: card, Status: spec.SuspendedByCarrier})
	h := &OneLink{World: w}
	for range 2 {
		assert.Equal(t, "12098", do(t, h, "change/sim-status", map[string]string{"iccid": card, "operType": "1"}).Status)
	}
}

func TestBatchesNumberTheirOperationsOtherwise(t *testing.T) {
	batch := func(h http.Handler, params map[string]string) reply {
		all := map[string]string{"msisdns": msisdn, "operType": "9", "reason": "01"}
		maps.Copy(all, params)
		return do(t, h, "change/sim-status/batch", all)
	}
	h := &OneLink{World: world(), JobPolls: 1}
	job := batch(h, nil).one(t, "jobId").(string)
	assert.Equal(t, "1", do(t, h, "query/sim-batch-result", map[string]string{"jobId": job}).one(t, "jobStatus"))
	done := do(t, h, "query/sim-batch-result", map[string]string{"jobId": job})
	assert.Equal(t, "2", done.one(t, "jobStatus"))
	assert.Len(t, done.one(t, "resultList"), 1)
	assert.Equal(t, "11000", do(t, h, "query/sim-batch-result", map[string]string{"jobId": "1"}).Status)

	for name, params := range map[string]map[string]string{
		"no reason": {"reason": "02"}, "a single call's number": {"operType": "0"}, "8 is not supported": {"operType": "8"},
		"101 cards": {"msisdns": strings.Repeat("1_", 100) + "1"}, "by ICCID": {"iccids": card},
	} {
		assert.Equal(t, "11000", batch(&OneLink{World: world()}, params).Status, name)
	}
	assert.Equal(t, "12010", batch(&OneLink{World: world()}, map[string]string{"msisdns": msisdn + "_1"}).Status)
}

// One card in its cool-down fails the whole, and the others start none.
func TestPoisonedBatchChangesNothing(t *testing.T) {
	other := spec.ICCID("898602B0011430000544")
	w := world(carriersim.Card{ICCID: card, MSISDN: "1", Changed: at.Add(-time.Minute)}, carriersim.Card{ICCID: other, MSISDN: "2"})
	h := &OneLink{World: w}
	r := do(t, h, "change/sim-status/batch", map[string]string{"msisdns": "2_1", "operType": "9", "reason": "01"})
	assert.Equal(t, codeCooling, r.Status)
	c, _ := w.Card(other)
	assert.Equal(t, spec.Active, c.Status)
	assert.Zero(t, c.Changed)
	assert.Equal(t, "0", do(t, h, "change/sim-status", map[string]string{"iccid": string(other), "operType": "0"}).Status)
}

func TestNumbersOfManyCards(t *testing.T) {
	h := &OneLink{World: world()}
	r := do(t, h, "query/sim-card-info/batch", map[string]string{"iccids": card + "_898602B0011430000544"})
	require.Len(t, r.Result, 2)
	assert.Equal(t, map[string]any{"msisdn": msisdn, "iccid": card, "imsi": "460041330004146", "status": "0", "message": "正确"}, r.Result[0])
	assert.Equal(t, "12010", r.Result[1]["status"])
	assert.Equal(t, "11000", do(t, h, "query/sim-card-info/batch", nil).Status)
	assert.Equal(t, "11000", do(t, h, "query/sim-card-info/batch", map[string]string{"iccids": card, "msisdns": msisdn}).Status)
}

func TestGroupsArePaged(t *testing.T) {
	h := &OneLink{World: world()}
	page := map[string]string{"pageSize": "50", "startNum": "1"}
	assert.Len(t, do(t, h, "query/group-info", page).one(t, "groupList"), 1)
	page["groupId"] = theGroup
	assert.Len(t, do(t, h, "query/group-member", page).one(t, "groupMemberList"), 1)
	page["startNum"] = "2"
	assert.Empty(t, do(t, h, "query/group-member", page).one(t, "groupMemberList"))
	page["pageSize"] = "51"
	assert.Equal(t, "11000", do(t, h, "query/group-member", page).Status)
	page["groupId"] = "1"
	assert.Equal(t, "12034", do(t, h, "query/group-member", page).Status)
}

func TestPackagesInForce(t *testing.T) {
	c := carriersim.Card{ICCID: card, Packages: []spec.Package{
		{ID: "100M", Name: "100 MB", Effective: at, Expires: at.AddDate(0, 1, 0)}, {ID: "old", Expires: at.Add(-time.Second)},
	}}
	h := &OneLink{World: world(c)}
	infos := callV2(t, h, http.MethodGet, "querycardprodinfo", map[string]string{"ebid": "0001000000264"}).one(t, "prodinfos")
	assert.Equal(t, []any{map[string]any{
		"prodid": "100M", "prodname": "100 MB", "prodinstefftime": "20261122045558", "prodinstexptime": "20261222045558",
	}}, infos)
	offers := do(t, h, "query/ordered-offerings", map[string]string{"iccid": card, "queryType": "3"}).one(t, "offeringInfoList")
	assert.Equal(t, []any{map[string]any{
		"offeringId": "100M", "offeringName": "100 MB", "effectiveDate": "20261122045558", "expiriedDate": "20261222045558", "apnName": "CMIOT",
	}}, offers)
	assert.Equal(t, "11000", do(t, h, "query/ordered-offerings", map[string]string{"iccid": card, "queryType": "1"}).Status)
}

func TestCardOfAnotherCustomer(t *testing.T) {
	h := &OneLink{World: world(carriersim.Card{ICCID: card, Account: "another"})}
	assert.Equal(t, "12009", callV2(t, h, http.MethodGet, "userstatusrealsingle", nil).Status)
	for _, function := range []string{"query/sim-status", "query/sim-stop-reason", "query/sim-imei"} {
		assert.Equal(t, "12009", do(t, h, function, map[string]string{"iccid": card}).Status, function)
	}
}

func TestTransidsAreRememberedForAMillionCalls(t *testing.T) {
	var seen transids
	assert.True(t, seen.first("a"))
	for i := range 1 << 20 {
		seen.first(fmt.Sprint(i))
	}
	assert.False(t, seen.first("a"))
	assert.LessOrEqual(t, len(seen.now)+len(seen.old), 2<<20)
}

func TestCardsAreFoundByTheirNumbersAlsoWhenMoreCome(t *testing.T) {
	w := world()
	w.Open = true
	o := &OneLink{World: w}
	found := func(key, value string) string {
		r := callV2(t, o, http.MethodGet, "userstatusrealsingle", map[string]string{"iccid": "", key: value})
		require.Equal(t, "0", r.Status, r.Message)
		return r.one(t, "STATUS").(string)
	}
	assert.Equal(t, "00", found("msisdn", msisdn))
	other := carriersim.Card{ICCID: "898602B0011430000544"}
	number, imsi := numbers(other)
	assert.Equal(t, "99", found("msisdn", number), "nobody described it")
	_, err := w.Change(other.ICCID, func(c *carriersim.Card) bool {
		c.MSISDN, c.Status = "", spec.SuspendedByOwner
		return true
	})
	require.NoError(t, err)
	assert.Equal(t, "02", found("msisdn", number))
	assert.Equal(t, "02", found("imsi", imsi))
}
