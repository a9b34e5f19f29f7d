package aliyunsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// What the gateway makes of requests that the carriers' own clients send in
// other ways than this program; internal/cli runs those clients.

const formType = "application/x-www-form-urlencoded"

// serve sends a request, and reads a JSON answer.
func serve(t *testing.T, h http.Handler, r *http.Request) (got reply) {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &got), recorder.Body.String())
	got.status = recorder.Code
	return got
}

// posted has some parameters in the address, and others in a form.
func posted(address, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/?"+address.Encode(), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", formType)
	return r
}

// split signs a call and moves the named parameters to a form.
func split(q url.Values, names ...string) (address, form url.Values) {
	address, form = sign(http.MethodPost, "testsecret", q), url.Values{}
	for _, name := range names {
		form[name] = address[name]
		address.Del(name)
	}
	return address, form
}

func TestParametersOfAddressAndFormAreSignedTogether(t *testing.T) {
	h := &Dyiotapi{World: world()}
	all := call("QueryCardStatus", map[string]string{"Iccid": card})
	var names []string
	for name := range all {
		names = append(names, name)
	}
	for _, moved := range [][]string{{"Iccid"}, append(names, "Signature"), nil} {
		address, form := split(call("QueryCardStatus", map[string]string{"Iccid": card}), moved...)
		assert.Equal(t, "正常", serve(t, h, posted(address, form)).CardStatus.UserStatus, moved)
	}
}

func TestUnsignedParametersOfABodyAreRefused(t *testing.T) {
	w := world()
	address, _ := split(call("DoIotUserStopResume", map[string]string{"Iccid": card}))
	r := posted(address, url.Values{"OptionType": {"MANAGE_STOP"}})
	assert.Equal(t, "SignatureDoesNotMatch", serve(t, &Dyiotapi{World: w}, r).Code)

	address, form := split(call("QueryCardStatus", map[string]string{"Iccid": card}), "Iccid")
	twice := posted(sign(http.MethodPost, "testsecret", call("QueryCardStatus", map[string]string{"Iccid": card})), form)
	assert.Equal(t, "InvalidParameter", serve(t, &Dyiotapi{World: w}, twice).Code, "in both places")

	for _, kind := range []string{"application/json", "text/plain", ""} {
		r := httptest.NewRequest(http.MethodPost, "/?"+address.Encode(), strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", kind)
		got := serve(t, &Dyiotapi{World: w}, r)
		assert.Equal(t, "InvalidParameter", got.Code, kind)
		assert.Contains(t, got.Message, "not signed", kind)
	}
	assert.Zero(t, w.Count("DoIotUserStopResume")+w.Count("QueryCardStatus"))
}

func TestFormatIsJSONOrXMLInAnyCase(t *testing.T) {
	type answer struct {
		XMLName                          xml.Name
		RequestId, Code, Message, HostId string
		CardStatus                       struct{ Iccid, UserStatus string }
		CardOfferDetail                  struct {
			Detail []struct{ OfferId string } `xml:"detail"`
		}
	}
	get := func(action string, params map[string]string) (kind string, got answer) {
		recorder := httptest.NewRecorder()
		q := sign(http.MethodGet, "testsecret", call(action, params))
		(&Dyiotapi{World: world()}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/?"+q.Encode(), nil))
		if kind = recorder.Header().Get("Content-Type"); strings.HasPrefix(kind, "text/xml") {
			require.NoError(t, xml.Unmarshal(recorder.Body.Bytes(), &got), recorder.Body.String())
			return kind, got
		}
		require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &got), recorder.Body.String())
		return kind, got
	}
	for format, want := range map[string]string{"json": "application/json", "JSON": "application/json", "xml": "text/xml", "XML": "text/xml", "": "text/xml"} {
		kind, got := get("QueryCardStatus", map[string]string{"Iccid": card, "Format": format})
		assert.True(t, strings.HasPrefix(kind, want), "%s: %s", format, kind)
		assert.Equal(t, "正常", got.CardStatus.UserStatus, format)
	}
	_, got := get("QueryCardStatus", map[string]string{"Iccid": card, "Format": "XML"})
	assert.Equal(t, "QueryCardStatusResponse", got.XMLName.Local)
	_, got = get("QueryCardStatus", map[string]string{"Format": "XML"})
	assert.Equal(t, answer{
		XMLName: xml.Name{Local: "Error"}, RequestId: got.RequestId, Code: "MissingIccid", Message: "Iccid is mandatory for this action.", HostId: "example.com",
	}, got)
}

func TestListsInXMLHaveAnElementEach(t *testing.T) {
	h := &Dyiotapi{World: world()}
	for _, offer := range []string{"100M", "1G & more"} {
		order := map[string]string{"Iccid": card, "OfferIds": offer, "EffCode": "1000", "OutId": offer, "Amount": "0"}
		require.Equal(t, "OK", do(t, h, "DoIotRecharge", order).Code)
	}
	recorder := httptest.NewRecorder()
	q := sign(http.MethodPost, "testsecret", call("QueryIotCardOfferDtl", map[string]string{"Iccid": card, "Format": "XML"}))
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/?"+q.Encode(), nil))
	var got struct {
		Offers []string `xml:"CardOfferDetail>detail>OfferId"`
	}
	require.NoError(t, xml.Unmarshal(recorder.Body.Bytes(), &got))
	assert.Equal(t, []string{"100M", "1G & more"}, got.Offers)
}

func TestRefusalsNameTheHostThatWasCalled(t *testing.T) {
	r := do(t, &Dyiotapi{World: world()}, "QueryCardStatus", nil)
	assert.Equal(t, "example.com", r.HostID, "the gateway's")
	r = do(t, &Dyiotapi{World: world()}, "QueryCardStatus", map[string]string{"Iccid": "89860617030017300391"})
	assert.Equal(t, "example.com", r.HostID, "the product's")
	r = do(t, &Dyiotapi{World: world()}, "QueryCardStatus", map[string]string{"Iccid": card})
	assert.Empty(t, r.HostID, "successes have none")
}

// acs3 is a call in the newer style, signed here by the document's steps; alter
// changes it before or after.
func acs3(action string, query, form url.Values, before, after func(http.Header)) *http.Request {
	nonce++
	r := posted(query, form)
	for name, value := range map[string]string{
		"x-acs-action": action, "x-acs-version": "2017-11-11", "x-acs-date": "2026-11-21T20:55:58Z", "x-acs-signature-nonce": fmt.Sprint(nonce),
		"x-acs-content-sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(form.Encode()))),
	} {
		r.Header.Set(name, value)
	}
	before(r.Header)
	signed := "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
	text := "POST\n/\n" + strings.ReplaceAll(query.Encode(), "+", "%20") + "\n"
	for name := range strings.SplitSeq(signed, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		text += name + ":" + value + "\n"
	}
	text += "\n" + signed + "\n" + r.Header.Get("x-acs-content-sha256")
	mac := hmac.New(sha256.New, []byte("testsecret"))
	fmt.Fprintf(mac, "ACS3-HMAC-SHA256\n%x", sha256.Sum256([]byte(text)))
	r.Header.Set("Authorization", fmt.Sprintf("ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=%s,Signature=%x", signed, mac.Sum(nil)))
	after(r.Header)
	return r
}

func asItIs(http.Header) {}

func TestNewerStyleIsAcceptedInAddressAndForm(t *testing.T) {
	w := world()
	w.Record = true
	h := &Dyiotapi{World: w}
	got := serve(t, h, acs3("QueryCardStatus", url.Values{"Iccid": {card}}, nil, asItIs, asItIs))
	assert.Equal(t, "正常", got.CardStatus.UserStatus)
	got = serve(t, h, acs3("DoIotUserStopResume", url.Values{"Iccid": {card}}, url.Values{"OptionType": {"MANAGE_STOP"}}, asItIs, asItIs))
	assert.True(t, got.Result.ControlResult)
	assert.Equal(t, map[string]string{"Iccid": card, "OptionType": "MANAGE_STOP"}, w.Requests()[1].Params, "without credentials")
}

func TestNewerStyleIsAsStrict(t *testing.T) {
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	replace := func(from, to string) func(http.Header) {
		return func(h http.Header) { h.Set("Authorization", strings.Replace(h.Get("Authorization"), from, to, 1)) }
	}
	for name, c := range map[string]struct {
		before, after func(http.Header)
		code          string
	}{
		"no action":             {set("x-acs-action", ""), asItIs, "MissingAction"},
		"another action":        {set("x-acs-action", "QueryCardDetail"), asItIs, "InvalidAction.NotFound"},
		"no version":            {set("x-acs-version", ""), asItIs, "MissingVersion"},
		"another version":       {set("x-acs-version", "2017-05-25"), asItIs, "InvalidVersion"},
		"no date":               {set("x-acs-date", ""), asItIs, "MissingTimestamp"},
		"milliseconds":          {set("x-acs-date", "2026-11-21T20:55:58.123Z"), asItIs, "InvalidTimeStamp.Format"},
		"old":                   {set("x-acs-date", "2026-11-21T20:40:57Z"), asItIs, "InvalidTimeStamp.Expired"},
		"no nonce":              {set("x-acs-signature-nonce", ""), asItIs, "MissingSignatureNonce"},
		"another body":          {set("x-acs-content-sha256", strings.Repeat("0", 64)), asItIs, "IncompleteSignature"},
		"an unsigned header":    {asItIs, set("x-acs-security-token", "x"), "IncompleteSignature"},
		"a changed header":      {asItIs, set("x-acs-signature-nonce", "other"), "SignatureDoesNotMatch"},
		"no signature":          {asItIs, set("Authorization", ""), "MissingAuthorization"},
		"another algorithm":     {asItIs, replace("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"), "IncompleteSignature"},
		"another's key":         {asItIs, replace("Credential=testid", "Credential=nobody"), "InvalidAccessKeyId.NotFound"},
		"no credential":         {asItIs, replace("Credential=testid", "Credential="), "IncompleteSignature"},
		"the host is unsigned":  {asItIs, replace("host;", ""), "IncompleteSignature"},
		"headers out of order":  {asItIs, replace("content-type;host", "host;content-type"), "IncompleteSignature"},
		"another signature":     {asItIs, replace("Signature=", "Signature=0"), "SignatureDoesNotMatch"},
		"a part of a signature": {asItIs, set("Authorization", "ACS3-HMAC-SHA256"), "IncompleteSignature"},
	} {
		got := serve(t, &Dyiotapi{World: world()}, acs3("QueryCardStatus", url.Values{"Iccid": {card}}, nil, c.before, c.after))
		assert.Equal(t, c.code, got.Code, "%s: %s", name, got.Message)
	}
	h := &Dyiotapi{World: world()}
	r := acs3("QueryCardStatus", url.Values{"Iccid": {card}}, nil, asItIs, asItIs)
	require.Equal(t, "OK", serve(t, h, r.Clone(r.Context())).Code)
	assert.Equal(t, "SignatureNonceUsed", serve(t, h, r).Code)
	changed := acs3("QueryCardStatus", url.Values{"Iccid": {card}}, nil, asItIs, asItIs)
	changed.URL.RawQuery = "Iccid=89860617030017300391"
	assert.Equal(t, "SignatureDoesNotMatch", serve(t, h, changed).Code, "the address is signed")
	changed = acs3("QueryCardStatus", url.Values{"Iccid": {card}}, nil, asItIs, asItIs)
	changed.URL.RawQuery += "&Signature=x"
	assert.Equal(t, "SignatureDoesNotMatch", serve(t, h, changed).Code, "all of it")
}

func TestEachOfDyiotapis16ActionsIsServed(t *testing.T) {
	params := map[string]map[string]string{
		"QueryCardHistoryFlowInfo":     {"Iccid": card, "StartTime": "202610", "EndTime": "202611"},
		"DoIotChgBindOrUnBind":         {"Iccid": card, "OpionType": "chgBind", "Imei": device, "NewImei": spare},
		"DoIotIsImeiExist":             {"Imei": device},
		"DoIotPostImei":                {"Imei": spare, "DeviceType": "IOT"},
		"DoIotUserStopResume":          {"Iccid": card, "OptionType": "MANAGE_STOP"},
		"DoIotRecharge":                {"Iccid": card, "OfferIds": "100M", "EffCode": "1000", "OutId": "k", "Amount": "0"},
		"DoIotSetRemindConfig":         {"BizId": card, "BizType": "x", "ConfigInfo": "{}", "OperationType": "x"},
		"DoIotSetAbsoluteRemindConfig": {"BizId": card, "BizType": "x", "ConfigInfo": "{}"},
		"DoSendIotSms":                 {"PhoneNumbers": "1064633113571", "SignName": "x", "TemplateCode": "x"},
	}
	all := dyiotapi()
	assert.Len(t, all, 16)
	for action, does := range all {
		given := params[action]
		if given == nil {
			given = map[string]string{"Iccid": card}
		}
		h := &Dyiotapi{World: world()}
		assert.Equal(t, "OK", do(t, h, action, given).Code, action)
		for _, name := range does.Required {
			less := maps.Clone(given)
			delete(less, name)
			got := do(t, h, action, less)
			assert.Equal(t, "Missing"+name, got.Code, action)
			assert.Equal(t, name+" is mandatory for this action.", got.Message, action)
		}
		if does.Required[0] == "Iccid" {
			other := maps.Clone(given)
			other["Iccid"] = "89860617030017300391"
			if other["OutId"] != "" {
				other["OutId"] = "another"
			}
			assert.Equal(t, "isv.IOT_RES_NOT_EXIST", do(t, h, action, other).Code, action)
		}
	}
}

// The words of QueryCallStatus's table.
func TestCodesOfNumbersHaveTheDocumentsWords(t *testing.T) {
	for code, words := range map[string]string{
		"isp.RAM_PERMISSION_DENY": "RAM权限DENY", "isv.OUT_OF_SERVICE": "业务停机", "isv.PRODUCT_UN_SUBSCRIPT": "未开通云通信产品的阿里云客户",
		"isv.PRODUCT_UNSUBSCRIBE": "产品未开通", "isv.ACCOUNT_NOT_EXISTS": "账户不存在", "isv.ACCOUNT_ABNORMAL": "账户异常", "isp.SYSTEM_ERROR": "系统错误",
		"isv.PARTNER_NOT_EXIST": "未知合作伙伴", "isv.NO_NOT_EXIST": "号码不存在", "isv.ILLEGAL_ARGUMENT": "参数非法", "isp.DAO_EXCEPTION": "数据库异常",
		"isv.NO_AVAILABLE_NUMBER": "无可用号码", "isp.VENDOR_UNAVAILABLE": "运营商降级", "isv.FLOW_LIMIT": "业务流控", "isv.PARTNER_IS_CLOSED": "partner被关停",
		"isv.FORBIDDEN_ACTION": "无权操作", "isv.NO_USED_BY_OTHERS": "码被其他业务方占用", "isv.EXPIRE_DATE_ILLEGAL": "过期时间非法",
		"isv.MOBILE_NUMBER_ILLEGAL": "号码格式非法", "isv.BIND_CONFLICT": "绑定冲突",
	} {
		w := world()
		w.Faults = []carriersim.Fault{{Kind: carriersim.CodeFault(code)}}
		got := do(t, &Dyplsapi{World: w}, "QueryCallStatus", map[string]string{"Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": "1"})
		assert.Equal(t, [2]string{code, words}, [2]string{got.Code, got.Message})
	}
	got := do(t, &Dyplsapi{}, "QueryCallStatus", map[string]string{"Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": "1", "CallNumber": "1"})
	assert.Equal(t, "isv.ILLEGAL_ARGUMENT", got.Code, "not Dyiotapi's isv.INVALID_PARAMETERS")
	assert.Contains(t, got.Message, "CallNumber")
}
