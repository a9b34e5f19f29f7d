package ctwingsim

import (
	"encoding/json"
	"encoding/xml"
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
	card   = spec.ICCID("89860321030017300390")
	number = "14912061160"
	look   = "/openapi/v1/prodinst/queryCardMainStatus?access_number=" + number
	list   = "/openapi/v1/prodinst/getSIMList?pageIndex=1"
	order  = "/5gcmp/openapi/v1/common/disabledNumberService?access_number=" + number + "&acctCd=&orderTypeId="
	net    = "/5gcmp/openapi/v1/common/singleCutNet?access_number=" + number + "&action="
	batch  = "/api/v1/prod/batchQrySimInfo"
)

// rig is a simulated platform with somebody who has its keys.
type rig struct {
	t             *testing.T
	sim           *CMP
	key, secret   string
	stamp, signed string // what is sent in place of the time, and of the signature
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, key: "testid", secret: "testsecret", sim: &CMP{World: &carriersim.World{
		Cards: []carriersim.Card{
			{ICCID: card, MSISDN: number, IMEI: "861536030196001"}, {ICCID: "898603210300173003AF"},
			{ICCID: "89860321030017300999", MSISDN: "14912069999", Account: "somebody"},
		},
		Now: func() time.Time { return time.Date(2026, 11, 29, 1, 5, 0, 0, time.UTC) },
	}}}
}

// call makes a call, with a body where there is any.
func (r *rig) call(target, body string) (httpStatus int, answer string) {
	r.t.Helper()
	method := "GET"
	if body != "" {
		method = "POST"
	}
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	stamp := r.stamp
	if stamp == "" {
		stamp = "20261129010500"
	}
	req.Header.Set("AppKey", r.key)
	req.Header.Set("Timestamp", stamp)
	req.Header.Set("Sign", r.signed)
	if r.signed == "" {
		req.Header.Set("Sign", sign(req.URL.RawQuery, body, r.secret, stamp))
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json;charset=utf-8")
	}
	got := httptest.NewRecorder()
	r.sim.ServeHTTP(got, req)
	return got.Code, got.Body.String()
}

// read is a call that is answered with JSON.
func (r *rig) read(target, body string) map[string]any {
	r.t.Helper()
	httpStatus, text := r.call(target, body)
	require.Equal(r.t, 200, httpStatus, text)
	var answer map[string]any
	require.NoError(r.t, json.Unmarshal([]byte(text), &answer), text)
	return answer
}

// code is the code with which a call is answered, in JSON or XML.
func (r *rig) code(target, body string) string {
	r.t.Helper()
	httpStatus, text := r.call(target, body)
	require.Equal(r.t, 200, httpStatus, text)
	if strings.HasPrefix(text, "<") {
		var answer struct {
			Result  string `xml:"result"`
			RspCode string `xml:"Response>RspCode"`
			Order   string `xml:"GROUP_TRANSACTIONID"`
		}
		require.NoError(r.t, xml.Unmarshal([]byte(text), &answer), text)
		assert.NotEmpty(r.t, answer.Order, text)
		return answer.Result + answer.RspCode
	}
	var answer map[string]any
	require.NoError(r.t, json.Unmarshal([]byte(text), &answer), text)
	for _, name := range []string{"result", "resultCode", "code", "RESULT"} {
		if code, ok := answer[name].(string); ok {
			return code
		}
	}
	return ""
}

// main is the first productInfo of the card's status.
func (r *rig) main() map[string]any {
	r.t.Helper()
	return r.read(look, "")["productInfo"].([]any)[0].(map[string]any)
}

// The first is the manual's own, as a client's test quotes it; the others were
// computed apart from this program.
func TestSignaturesAreTheManuals(t *testing.T) {
	for _, row := range []struct{ query, body, secret, stamp, want string }{
		{"c=3&a=1&b=2", `{"name":"xf","age":"dd"}`, "d1209cfefe895364e03", "20201101021435", "3863613035653132306631333231313733383637376333326536316631643934"},
		{"access_number=14912061160", "", "testsecret", "20261129010500", "3765313461643539386636613632663735656637336666656638633261636462"},
		{"access_number=14912061160&acctCd=&orderTypeId=19", "", "testsecret", "20261129010500", "3765666536303835646662613662643365646238323666376136623363343637"},
		{"", `{"accessNumbers":["14912061160"],"custNumber":"CUST001","groupId":"","simStatus":""}`, "testsecret", "20261129010500", "3539356232666531356531633432346435366436663832323439383666306162"},
	} {
		assert.Equal(t, row.want, sign(row.query, row.body, row.secret, row.stamp), row.query)
	}
}

func TestACallIsSignedByAKnownKeyAtAFittingTime(t *testing.T) {
	for name, set := range map[string]func(*rig){
		"an unknown key": func(r *rig) { r.key = "nobody" }, "no key": func(r *rig) { r.key = "" }, "another secret": func(r *rig) { r.secret = "another" },
		"a part of it": func(r *rig) { r.signed = sign("access_number="+number, "", "testsecret", "20261129010500")[:32] },
		"another day":  func(r *rig) { r.stamp = "20261127010500" }, "no day": func(r *rig) { r.stamp = "20261399010500" }, "a short stamp": func(r *rig) { r.stamp = "2026112901050" },
	} {
		r := newRig(t)
		set(r)
		httpStatus, text := r.call(look, "")
		assert.Equal(t, 401, httpStatus, "%s: %s", name, text)
	}
	for _, stamp := range []string{"20261129010500", "20261129090500"} { // GMT, and China's time, which is served too
		r := newRig(t)
		r.stamp = stamp
		assert.Equal(t, "0", r.code(look, ""), stamp)
	}
}

func TestWhatTheManualLacksIsRefused(t *testing.T) {
	r := newRig(t)
	for _, wrong := range []string{
		"/openapi/v1/prodinst/getSIMList", "/openapi/v1/prodinst/getSIMList?pageIndex=0", list + "&page=1", list + "&simStatus=8", list + "&pageIndex=2",
		"/openapi/v1/prodinst/queryCardMainStatus", look + "&queryDropCard=yes", look + "&iccid=" + string(card),
		strings.Replace(order, "&acctCd=", "", 1) + "19", order + "18", order, net + "add",
	} {
		assert.Equal(t, wrongParameter, r.code(wrong, ""), wrong)
	}
	for _, wrong := range []string{
		`{}`, `[]`, `{"accessNumbers":[],"custNumber":"","groupId":"","simStatus":""}`, `{"accessNumbers":["1"],"custNumber":"","groupId":""}`,
		`{"accessNumbers":["1"],"custNumber":1,"groupId":"","simStatus":""}`, `{"accessNumbers":["1"` + strings.Repeat(`,"1"`, 100) + `],"custNumber":"","groupId":"","simStatus":""}`,
	} {
		assert.Equal(t, wrongParameter, r.code(batch, wrong), wrong)
	}
	for target, want := range map[string]int{"/openapi/v1/prodinst/getSIMLists": 404, batch: 405} {
		httpStatus, text := r.call(target, "")
		assert.Equal(t, want, httpStatus, text)
	}
	assert.Equal(t, "4", r.main()["productMainStatusCd"], "what is refused changes nothing")
}

func TestAnOrderLeadsFromOneStatusToAnother(t *testing.T) {
	for _, row := range []struct{ from, orders, to string }{
		{"4 在用", "19", "5"}, {"5 停机保号", "20", "4"}, {"2 测试激活", "21", "3"}, {"3 测试去激活", "22", "2"},
		{"1 可激活", "", "1"}, {"6 运营商管理状态", "", "6"}, {"5 欠费停机", "", "5"},
	} {
		for _, number := range []string{"19", "20", "21", "22"} {
			r := newRig(t)
			_, err := r.sim.World.Change(card, func(c *carriersim.Card) bool { c.Words = row.from; return true })
			require.NoError(t, err)
			from, _, _ := strings.Cut(row.from, " ")
			want, to := notInThatState, from
			if number == row.orders {
				want, to = "0", row.to
			}
			assert.Equal(t, want, r.code(order+number, ""), "%s from %s", number, row.from)
			assert.Equal(t, to, r.main()["productMainStatusCd"], "%s from %s", number, row.from)
		}
	}
	r := newRig(t)
	_, err := r.sim.World.Change(card, func(c *carriersim.Card) bool { c.Status = spec.Pending; return true })
	require.NoError(t, err)
	activate := "/5gcmp/openapi/v1/common/requestServActive?access_number=" + number
	assert.Equal(t, "0", r.code(activate, ""))
	assert.Equal(t, "4", r.main()["productMainStatusCd"])
	assert.Equal(t, notInThatState, r.code(activate, ""))
}

func TestAnOrderTakesTheShowDelay(t *testing.T) {
	r := newRig(t)
	r.sim.World.ShowDelay = carriersim.Duration(time.Minute)
	assert.Equal(t, "0", r.code(order+"19", ""))
	assert.Equal(t, "4", r.main()["productMainStatusCd"])
	assert.Equal(t, notInThatState, r.code(order+"19", ""), "it is under way")
	assert.Equal(t, 2, r.sim.World.Count("disabledNumberService"), "a GET that changes is counted")
}

func TestACardIsCutOffTheNetworkOnce(t *testing.T) {
	r := newRig(t)
	assert.Equal(t, "未断网", r.read(look, "")["netBlockStatusName"])
	assert.Equal(t, "-9", r.code(net+"DEL", ""))
	assert.Equal(t, "0000", r.code(net+"ADD", ""))
	assert.Equal(t, "已断网", r.read(look, "")["netBlockStatusName"])
	_, text := r.call(net+"ADD", "")
	assert.Contains(t, text, "不能重复订购")
	assert.Equal(t, "0000", r.code(net+"DEL", ""))
	assert.Equal(t, "未断网", r.read(look, "")["netBlockStatusName"])
}

func TestTheListHasTheAccountsCardsAndTellsNoTotal(t *testing.T) {
	r := newRig(t)
	rows := func(query string) []any {
		return r.read(list+query, "")["description"].(map[string]any)["simList"].([]any)
	}
	all := rows("")
	require.Len(t, all, 2)
	made := all[1].(map[string]any)["accNumber"].(string)
	assert.Regexp(t, `^149\d+$`, made)
	assert.Equal(t, []any{"4"}, all[0].(map[string]any)["simStatus"])
	for query, want := range map[string]int{
		"&iccid=" + string(card): 1, "&access_number=" + made: 1, "&access_number=" + number + "&iccid=" + string(card): 1, "&access_number=" + made + "&iccid=" + string(card): 0,
		"&simStatus=4": 2, "&simStatus=5": 0, "&iccid=89860321030017300999": 0, "&iccid=1": 0, "&custId=CUST001&groupId=1": 2,
	} {
		assert.Len(t, rows(query), want, query)
	}
	assert.Empty(t, r.read(strings.Replace(list, "=1", "=2", 1), "")["description"].(map[string]any)["simList"])
	_, err := r.sim.World.Change(card, func(c *carriersim.Card) bool { c.Status = spec.Closed; return true })
	require.NoError(t, err)
	assert.Len(t, rows(""), 1, "a card that was disconnected is on no list")
	assert.Equal(t, noCard, r.code(look, ""))
	assert.Equal(t, "7", r.read(look+"&queryDropCard=true", "")["productInfo"].([]any)[0].(map[string]any)["productMainStatusCd"])
}

// A made-up number stands for its card also in a world that comes into being at first sight.
func TestANumberThatIsMadeUpLeadsBack(t *testing.T) {
	for _, world := range []*carriersim.World{{Open: true}, {Cards: []carriersim.Card{{ICCID: "898600D6991330004146"}, {ICCID: "8986032103001730039"}, {ICCID: card}}}} {
		s := &CMP{World: world}
		for _, iccid := range []spec.ICCID{"898600D6991330004146", "8986032103001730039", card} {
			c, ok := world.Card(iccid)
			require.True(t, ok)
			back, ok := s.byNumber(s.number(&c))
			assert.True(t, ok)
			assert.Equal(t, iccid, back.ICCID)
		}
		for _, wrong := range []string{"", "149", "1491", "149x", "14912061160", "149999999999999999999999999999"} {
			_, ok := s.byNumber(wrong)
			assert.False(t, ok, wrong)
		}
	}
}

func TestABatchHasTheAccountsCardsOfTheNumbers(t *testing.T) {
	r := newRig(t)
	got := r.read(batch, `{"accessNumbers":["`+number+`","14912069999","1"],"custNumber":"CUST001","groupId":"","simStatus":""}`)
	rows := got["data"].(map[string]any)["qrySimInfoList"].([]any)
	require.Len(t, rows, 1)
	assert.Equal(t, string(card), rows[0].(map[string]any)["iccid"])
}

func TestOnlyACardThatIsOnlineHasADevice(t *testing.T) {
	r := newRig(t)
	online := "/openapi/v1/prodinst/getOnlineStatus?access_number=" + url.QueryEscape(number)
	assert.Equal(t, "8615360301960000", r.read(online, "")["description"].(map[string]any)["imei"])
	assert.Equal(t, "0", r.code(order+"19", ""))
	assert.Equal(t, "-1", r.code(online, ""))
}
