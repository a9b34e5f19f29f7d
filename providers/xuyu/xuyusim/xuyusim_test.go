package xuyusim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
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

const card = "898600D6991330004146"

var at = time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC)

func world() *carriersim.World {
	return &carriersim.World{Cards: []carriersim.Card{{ICCID: card, MSISDN: "1064633113571"}}, Now: func() time.Time { return at }}
}

type field [2]string

// form is the document's four fields, some of them changed.
func form(change ...field) []field {
	fields := []field{
		{"grant_type", "client_credentials"}, {"client_Id", "testid"}, {"client_secret", "testsecret"},
		{"scope", "iot.cardservice.all iot.paymentservice.all"},
	}
	for _, c := range change {
		for i := range fields {
			if fields[i][0] == c[0] {
				fields[i] = c
			}
		}
	}
	return fields
}

// encoded is a multipart form and its content type.
func encoded(t *testing.T, fields []field) (body io.Reader, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		require.NoError(t, w.WriteField(f[0], f[1]))
	}
	require.NoError(t, w.Close())
	return &b, w.FormDataContentType()
}

func ask(t *testing.T, s *Shingsou, fields []field) (status int, reply map[string]any) {
	t.Helper()
	body, contentType := encoded(t, fields)
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("Content-Type", contentType)
	return answer(t, Tokens{s}, r)
}

func answer(t *testing.T, h http.Handler, r *http.Request) (status int, reply map[string]any) {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &reply), recorder.Body.String())
	return recorder.Code, reply
}

// token is a token with the usual permissions.
func token(t *testing.T, s *Shingsou) string {
	t.Helper()
	status, reply := ask(t, s, form())
	require.Equal(t, 200, status, reply)
	return reply["access_token"].(string)
}

// call makes a call with both credentials.
func call(t *testing.T, s *Shingsou, method, path, body string) (status int, reply map[string]any) {
	t.Helper()
	return callWith(t, s, token(t, s), method, path, body)
}

func callWith(t *testing.T, s *Shingsou, token, method, path, body string) (status int, reply map[string]any) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Ocp-Apim-Subscription-Key", "testkey")
	if body != "" {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	return answer(t, API{s}, r)
}

// The cURL sample's form, and the shape of 响应示例.
func TestTokenOfTheDocumentsSample(t *testing.T) {
	const boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
	var body strings.Builder
	for _, f := range form() {
		fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, f[0], f[1])
	}
	body.WriteString("--" + boundary + "--")
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body.String()))
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	status, reply := answer(t, Tokens{&Shingsou{World: world()}}, r)
	assert.Equal(t, 200, status)
	assert.NotEmpty(t, reply["access_token"])
	delete(reply, "access_token")
	assert.Equal(t, map[string]any{"expires_in": 7200.0, "token_type": "Bearer"}, reply)
}

func TestTokenFormIsStrict(t *testing.T) {
	for name, row := range map[string]struct {
		fields []field
		want   string
	}{
		"client_id of the web flow":       {append(form()[2:], field{"grant_type", "client_credentials"}, field{"client_id", "testid"}), "invalid_request"},
		"no scope":                        {form()[:3], "invalid_request"},
		"a blank one":                     {form(field{"scope", ""}), "invalid_request"},
		"a field twice":                   {append(form(), field{"scope", "iot.cardservice.all"}), "invalid_request"},
		"a field too many":                {append(form(), field{"redirect_uri", "x"}), "invalid_request"},
		"the web flow's grant":            {form(field{"grant_type", "authorization_code"}), "unsupported_grant_type"},
		"another client":                  {form(field{"client_Id", "nobody"}), "invalid_client"},
		"another secret":                  {form(field{"client_secret", "wrong"}), "invalid_client"},
		"an unknown permission":           {form(field{"scope", "iot.cardservice.all iot.everything"}), "invalid_scope"},
		"commas between the permissions":  {form(field{"scope", "iot.cardservice.all,iot.paymentservice.all"}), "invalid_scope"},
		"two blanks between permissions ": {form(field{"scope", "iot.cardservice.all  iot.paymentservice.all"}), "invalid_scope"},
	} {
		status, reply := ask(t, &Shingsou{World: world()}, row.fields)
		assert.Equal(t, 400, status, name)
		assert.Equal(t, row.want, reply["error"], name)
	}
}

func TestTokenRequestsOutOfForm(t *testing.T) {
	s := &Shingsou{World: world()}
	for name, row := range map[string]struct {
		method, path, contentType, body string
		status                          int
	}{
		"GET":          {"GET", "/", "", "", 405},
		"another path": {"POST", "/other", "", "", 404},
		"a query":      {"POST", "/?scope=x", "", "", 404},
		"urlencoded":   {"POST", "/", "application/x-www-form-urlencoded", "grant_type=client_credentials", 400},
		"no type":      {"POST", "/", "", "x", 400},
		"no parts":     {"POST", "/", "multipart/form-data; boundary=b", "x", 400},
	} {
		r := httptest.NewRequest(row.method, row.path, strings.NewReader(row.body))
		r.Header.Set("Content-Type", row.contentType)
		status, _ := answer(t, Tokens{s}, r)
		assert.Equal(t, row.status, status, name)
	}
}

// S003 权限码表 and 应用权限(默认), each of them.
func TestEveryDocumentedPermissionIsKnown(t *testing.T) {
	for _, scope := range strings.Fields(`openid profile
		iot.cardservice.all iot.cardservice.datacard.all iot.cardservice.datacard.generate iot.cardservice.datacard.transfer
		iot.cardservice.datacard.history iot.cardservice.datacard.get iot.cardservice.flowcard.all iot.cardservice.flowcard.tags
		iot.cardservice.flowcard.categories iot.cardservice.flowcard.types iot.cardservice.flowcard.reality iot.cardservice.flowcard.importhistory
		iot.cardservice.flowcard.import iot.cardservice.flowcard.network iot.cardservice.flowcard.transfer iot.cardservice.flowcard.data
		iot.cardservice.flowcard.patch iot.cardservice.flowcard.put iot.cardservice.flowcard.detail iot.cardservice.flowcard.get
		iot.cardservice.flowcard.transferhistory iot.cardservice.flowcard.status iot.cardservice.flowcard.location
		iot.paymentservice.order.get iot.paymentservice.order.statistic iot.paymentservice.order.all iot.paymentservice.all`) {
		status, reply := ask(t, &Shingsou{World: world()}, form(field{"scope", scope}))
		assert.Equal(t, 200, status, "%s: %v", scope, reply)
	}
	assert.Len(t, permissions(), 29)
}

func TestTokenCoversWhatItsScopeSays(t *testing.T) {
	s := &Shingsou{World: world()}
	path := "/cardservice/flowcard/" + card
	for _, row := range []struct {
		scope, method, path, body string
		status                    int
	}{
		{"iot.cardservice.flowcard.status", "GET", path + "/status", "", 200},
		{"iot.cardservice.flowcard.all", "GET", path + "/status", "", 200},
		{"iot.cardservice.flowcard.get", "GET", path + "/status", "", 403},
		{"iot.cardservice.datacard.all", "GET", path + "/status", "", 403},
		{"openid profile", "GET", path + "/status", "", 403},
		{"iot.cardservice.flowcard.get", "GET", "/cardservice/flowcard?page=1&size=9", "", 200},
		{"iot.cardservice.flowcard.network", "POST", path + "/network", `{"action":"stop"}`, 200},
		{"iot.cardservice.flowcard.status", "POST", path + "/network", `{"action":"stop"}`, 403},
		{"iot.cardservice.all", "GET", path + "/packages", "", 200},
		{"iot.cardservice.all", "POST", "/paymentservice/order", `{"iccid":"` + card + `","package":"p","outId":"1"}`, 403},
		{"iot.paymentservice.all", "POST", "/paymentservice/order", `{"iccid":"` + card + `","package":"p","outId":"1"}`, 200},
	} {
		_, reply := ask(t, s, form(field{"scope", row.scope}))
		status, _ := callWith(t, s, reply["access_token"].(string), row.method, row.path, row.body)
		assert.Equal(t, row.status, status, "%s: %s %s", row.scope, row.method, row.path)
	}
}

// "401 未授权,因为没有传入subscriptionKey或access_token".
func TestBothCredentialsAreNeeded(t *testing.T) {
	w := world()
	w.Accounts = []carriersim.Account{{ID: "testid", Secret: "testsecret"}, {ID: "other", Secret: "s", Key: "other-key"}}
	s := &Shingsou{World: w}
	good := token(t, s)
	for name, row := range map[string]struct {
		authorization, key string
		status             int
	}{
		"both":              {"Bearer " + good, "testkey", 200},
		"no key":            {"Bearer " + good, "", 401},
		"another key":       {"Bearer " + good, "wrong", 401},
		"another account's": {"Bearer " + good, "other-key", 401},
		"no token":          {"", "testkey", 401},
		"no such token":     {"Bearer x", "testkey", 401},
		"a token by itself": {good, "testkey", 401},
		"neither":           {"", "", 401},
	} {
		r := httptest.NewRequest(http.MethodGet, "/cardservice/flowcard/"+card+"/status", nil)
		r.Header.Set("Authorization", row.authorization)
		r.Header.Set("Ocp-Apim-Subscription-Key", row.key)
		status, reply := answer(t, API{s}, r)
		assert.Equal(t, row.status, status, name)
		assert.NotContains(t, reply, "code", name)
	}
}

func TestTokensRunOut(t *testing.T) {
	w := world()
	now := at
	w.Now = func() time.Time { return now }
	s := &Shingsou{World: w, TokenLife: time.Minute}
	_, reply := ask(t, s, form())
	assert.Equal(t, 60.0, reply["expires_in"])
	value := reply["access_token"].(string)
	path := "/cardservice/flowcard/" + card + "/status"
	now = at.Add(59 * time.Second)
	status, _ := callWith(t, s, value, "GET", path, "")
	assert.Equal(t, 200, status)
	now = at.Add(time.Minute)
	status, _ = callWith(t, s, value, "GET", path, "")
	assert.Equal(t, 401, status)
	fresh := token(t, s)
	assert.NotEqual(t, value, fresh)
	s.Expire()
	status, _ = callWith(t, s, fresh, "GET", path, "")
	assert.Equal(t, 401, status)
}

func TestZeroValueServesAnOpenWorld(t *testing.T) {
	s := &Shingsou{}
	status, reply := call(t, s, "GET", "/cardservice/flowcard/"+card+"/status", "")
	assert.Equal(t, 200, status)
	assert.Equal(t, map[string]any{"iccid": card, "msisdn": reply["msisdn"], "operator": "cmcc", "status": "0"}, reply)
}

func TestRepliesOfTheContractsTable(t *testing.T) {
	w := world()
	w.Cards[0].Packages = []spec.Package{{ID: "old", Expires: at.Add(-time.Second)}, {ID: "100M", Name: "100 MB", Effective: at}}
	s := &Shingsou{World: w}
	entry := map[string]any{"iccid": card, "msisdn": "1064633113571", "operator": "cmcc", "status": "0"}
	path := "/cardservice/flowcard/" + card
	_, reply := call(t, s, "GET", "/cardservice/flowcard?page=1&size=10", "")
	assert.Equal(t, map[string]any{"total": 1.0, "items": []any{entry}}, reply)
	_, reply = call(t, s, "GET", "/cardservice/flowcard?page=2&size=10", "")
	assert.Equal(t, map[string]any{"total": 1.0, "items": []any{}}, reply)
	_, reply = call(t, s, "GET", path+"/status", "")
	assert.Equal(t, entry, reply)
	_, reply = call(t, s, "GET", path+"/packages", "")
	assert.Equal(t, map[string]any{"items": []any{map[string]any{"id": "100M", "name": "100 MB", "effective": "2026-11-22 04:55:58", "expire": nil}}}, reply)
	for _, action := range []string{"stop", "stop", "resume"} {
		_, reply = call(t, s, "POST", path+"/network", `{"action":"`+action+`"}`)
		assert.Equal(t, map[string]any{"code": 200.0}, reply)
		c, _ := w.Card(card)
		assert.Equal(t, map[string]spec.Lifecycle{"stop": spec.SuspendedByOwner, "resume": spec.Active}[action], c.Status)
	}
}

func TestOrdersOncePerOutID(t *testing.T) {
	w := world()
	s := &Shingsou{World: w}
	_, first := call(t, s, "POST", "/paymentservice/order", `{"iccid":"`+card+`","package":"100M","outId":"k"}`)
	_, again := call(t, s, "POST", "/paymentservice/order", `{"iccid":"`+card+`","package":"100M","outId":"k"}`)
	assert.Equal(t, 200.0, first["code"])
	assert.NotEmpty(t, first["orderId"])
	assert.Equal(t, first, again)
	c, _ := w.Card(card)
	require.Len(t, c.Packages, 1)

	w = world()
	s = &Shingsou{World: w, Unpaid: true}
	_, owed := call(t, s, "POST", "/paymentservice/order", `{"iccid":"`+card+`","package":"100M","outId":"k"}`)
	assert.Contains(t, owed["payUrl"], "https://h5.shingsou.com/")
	c, _ = w.Card(card)
	assert.Empty(t, c.Packages)
}

func TestRequestsOutOfForm(t *testing.T) {
	w := world()
	w.Offers = []string{"100M"}
	w.Cards = append(w.Cards, carriersim.Card{ICCID: "89860617030017300390", Account: "somebody"}, carriersim.Card{ICCID: "89860617030017300391", Status: spec.Closed})
	s := &Shingsou{World: w}
	path := "/cardservice/flowcard/" + card
	for _, row := range []struct {
		method, path, body string
		status             int
		code               any // nil: an answer without a code of the carrier's
	}{
		{"GET", "/", "", 404, nil},
		{"GET", path, "", 404, nil},
		{"GET", path + "/status/", "", 404, nil},
		{"POST", path + "/status", "", 404, nil},
		{"GET", path + "/network", "", 404, nil},
		{"GET", "/paymentservice/order", "", 404, nil},
		{"GET", "/cardservice/flowcard/89860617030017300399/status", "", 404, 404.0},
		{"GET", "/cardservice/flowcard/89860617030017300390/status", "", 404, 404.0},
		{"POST", "/cardservice/flowcard/89860617030017300390/network", `{"action":"stop"}`, 404, 404.0},
		{"GET", "/cardservice/flowcard/1/status", "", 422, 422.0},
		{"GET", path + "/status?x=1", "", 422, 422.0},
		{"GET", "/cardservice/flowcard", "", 422, 422.0},
		{"GET", "/cardservice/flowcard?page=0&size=10", "", 422, 422.0},
		{"GET", "/cardservice/flowcard?page=1&size=ten", "", 422, 422.0},
		{"GET", "/cardservice/flowcard?page=1&size=1&size=2", "", 422, 422.0},
		{"GET", "/cardservice/flowcard?page=1&pagesize=1", "", 422, 422.0},
		{"POST", path + "/network", ``, 422, 422.0},
		{"POST", path + "/network", `{"action":"kill"}`, 422, 422.0},
		{"POST", path + "/network", `{"action":"stop","why":"x"}`, 422, 422.0},
		{"POST", path + "/network", `{"action":"stop"} {}`, 422, 422.0},
		{"POST", "/cardservice/flowcard/89860617030017300391/network", `{"action":"resume"}`, 422, 422.0},
		{"POST", "/paymentservice/order", `{"iccid":"` + card + `","package":"100G","outId":"1"}`, 422, 422.0},
		{"POST", "/paymentservice/order", `{"iccid":"` + card + `","package":"100M"}`, 422, 422.0},
		{"POST", "/paymentservice/order", `{"package":"100M","outId":"1"}`, 422, 422.0},
		{"POST", "/paymentservice/order", `{"iccid":"89860617030017300399","package":"100M","outId":"1"}`, 404, 404.0},
	} {
		status, reply := call(t, s, row.method, row.path, row.body)
		assert.Equal(t, row.status, status, "%s %s %s", row.method, row.path, row.body)
		assert.Equal(t, row.code, reply["code"], "%s %s %s", row.method, row.path, row.body)
	}
}

func TestCodesHaveTheDocumentsNamesAndWords(t *testing.T) {
	for code, want := range map[string][2]string{
		"422":   {"UnprocessableEntity", "请求实体错误"},
		"417":   {"ExpectationFailed", "服务器内部错误"},
		"404":   {"NotFound", "未找到内容"},
		"10000": {"Transfer_ConsigneeIsNotExists", "接收人账户不存在"},
		"10001": {"Transfer_CardIDCanNotBeLessThanOne", "卡号不能少于1个"},
		"10002": {"Generate_ExptimeNeedGreaterThanNow", "到期时间必须大于当前时间"},
		"10003": {"Generate_MaximumOf99999999CardsPerDay", "每天最多生成99,999,999张卡"},
	} {
		w := world()
		w.Faults = []carriersim.Fault{{Action: "status", Kind: carriersim.CodeFault(code)}}
		_, reply := call(t, &Shingsou{World: w}, "GET", "/cardservice/flowcard/"+card+"/status", "")
		assert.Equal(t, code, fmt.Sprint(reply["code"]))
		assert.Equal(t, want, [2]string{reply["name"].(string), reply["description"].(string)})
	}
}

func TestEveryStateHasAValueOfEachOperatorsTable(t *testing.T) {
	for operator, want := range map[string]map[spec.Lifecycle]string{
		"cmcc": {spec.Active: "0", spec.SuspendedByOwner: "2", spec.Closing: "3", spec.Closed: "4", spec.Transferred: "5", spec.Dormant: "6", spec.Pending: "7"},
		"ctcc": {spec.Active: "1", spec.SuspendedByOwner: "2", spec.SuspendedByCarrier: "7", spec.Closed: "3", spec.Pending: "19", spec.Testing: "100001"},
		"cucc": {spec.Active: "1", spec.SuspendedByOwner: "2", spec.Testing: "3", spec.Inventory: "4", spec.Pending: "6", spec.Closing: "7", spec.Closed: "8"},
	} {
		for state, value := range want {
			assert.Equal(t, value, status(&carriersim.Card{Operator: operator, Status: state}), "%s %s", operator, state)
		}
		for _, state := range []spec.Lifecycle{
			spec.Active, spec.Testing, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Pending, spec.Inventory,
			spec.Dormant, spec.Closing, spec.Closed, spec.Transferred, spec.UnknownLifecycle,
		} {
			assert.NotEmpty(t, status(&carriersim.Card{Operator: operator, Status: state}), "%s %s", operator, state)
		}
	}
	assert.Equal(t, "170000", status(&carriersim.Card{Operator: "ctcc", Words: "170000"}))
}

func TestThrottleCarriesRetryAfter(t *testing.T) {
	w := world()
	s := &Shingsou{World: w}
	good := token(t, s)
	w.Faults = []carriersim.Fault{{Kind: carriersim.Throttle, RetryAfter: carriersim.Duration(1500 * time.Millisecond)}}
	r := httptest.NewRequest(http.MethodGet, "/cardservice/flowcard/"+card+"/status", nil)
	r.Header.Set("Authorization", "Bearer "+good)
	r.Header.Set("Ocp-Apim-Subscription-Key", "testkey")
	recorder := httptest.NewRecorder()
	API{s}.ServeHTTP(recorder, r)
	assert.Equal(t, 429, recorder.Code)
	assert.Equal(t, "2", recorder.Header().Get("Retry-After"))
	assert.NotEmpty(t, recorder.Header().Get("X-Request-Id"))
}

func TestRecordedRequestsHoldNoCredentials(t *testing.T) {
	w := world()
	w.Record = true
	s := &Shingsou{World: w}
	call(t, s, "POST", "/paymentservice/order", `{"iccid":"`+card+`","package":"100M","outId":"k"}`)
	requests := w.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, map[string]string{"grant_type": "client_credentials", "scope": "iot.cardservice.all iot.paymentservice.all"}, requests[0].Params)
	assert.Equal(t, carriersim.Request{
		Carrier: "xuyu", Action: "subscribe", ICCID: card, Params: map[string]string{"package": "100M", "outId": "k"}, Effect: true,
	}, requests[1])
}
