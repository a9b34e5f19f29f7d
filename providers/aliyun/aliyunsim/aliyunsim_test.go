package aliyunsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	card   = "89860617030017300390"
	device = "867194030000017"
	spare  = "867194030000025"
)

var at = time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC)

func world() *carriersim.World {
	return &carriersim.World{
		Cards:   []carriersim.Card{{ICCID: card, MSISDN: "1064633113571", IMEI: device}},
		Devices: []spec.IMEI{spare},
		Now:     func() time.Time { return at },
	}
}

var nonce int

// call is a well-formed call; params override its parameters, and a blank one
// leaves its parameter out.
func call(action string, params map[string]string) url.Values {
	nonce++
	all := map[string]string{
		"Action": action, "Version": "2017-11-11", "Format": "JSON", "AccessKeyId": "testid", "SignatureMethod": "HMAC-SHA1",
		"SignatureVersion": "1.0", "SignatureNonce": fmt.Sprint(nonce), "Timestamp": "2026-11-21T20:55:58Z", "RegionId": "cn-hangzhou",
	}
	maps.Copy(all, params)
	q := url.Values{}
	for name, v := range all {
		if v != "" {
			q.Set(name, v)
		}
	}
	return q
}

// sign signs with the secret; the signature is held to the golden vectors below.
func sign(method, secret string, q url.Values) url.Values {
	q.Set("Signature", alirpcsim.Signature(method, secret, q))
	return q
}

type reply struct {
	status          int
	RequestID, Code string
	Message, HostID string
	CardStatus      struct{ Iccid, Msisdn, UserStatus string }
	CardOfferDetail struct {
		Detail []struct{ OfferID, OfferName, EffectiveTime, ExpireTime string }
	}
	IotModBind          struct{ IsModSuccess bool }
	IotImeiExist        struct{ IsImeiExist bool }
	IotPostImei         struct{ IsPostSuccess bool }
	Result              struct{ ControlResult bool }
	IotRecharge         struct{ OrderNo string }
	SecretCallStatusDTO map[string]any
	SecretBindDetailDTO map[string]any
}

func send(t *testing.T, h http.Handler, method, path string, q url.Values) (r reply) {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(method, path+"?"+q.Encode(), nil))
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &r), recorder.Body.String())
	r.status = recorder.Code
	return r
}

// do makes a signed call.
func do(t *testing.T, h http.Handler, action string, params map[string]string) reply {
	t.Helper()
	return send(t, h, http.MethodPost, "/", sign(http.MethodPost, "testsecret", call(action, params)))
}

// The golden vectors of docs/carriers.md §1.1: the gateway's rule by itself.
func TestGoldenSignaturesAreAccepted(t *testing.T) {
	for _, v := range []struct {
		method   string
		withType bool
		sig      string
	}{
		{"POST", true, "rmcwGdQj5AwHswxT2GzprL5d3kA="}, {"GET", true, "MTAPd2+2Gd5d9mRxlA6JiWINtj8="},
		{"POST", false, "9vZ1AZOtmUk95YCnKTkMvUasf4Q="}, {"GET", false, "hZdbkWf348HxWJfCXImPjbAVww4="},
	} {
		q := call("QueryCardStatus", map[string]string{"Iccid": card, "SignatureNonce": "4b3723f014eea179366564c67d462949"})
		if v.withType {
			q.Set("SignatureType", "")
		}
		q.Set("Signature", v.sig)
		r := send(t, &Dyiotapi{World: world()}, v.method, "/", q)
		assert.Equal(t, "OK", r.Code, "%s, SignatureType %v: %s", v.method, v.withType, r.Message)
	}
}

func TestZeroValuesServeAnOpenWorld(t *testing.T) {
	r := do(t, &Dyiotapi{}, "QueryCardStatus", map[string]string{"Iccid": card})
	assert.Equal(t, "OK", r.Code)
	assert.Equal(t, "正常", r.CardStatus.UserStatus)
	r = do(t, &Dyplsapi{}, "QueryCallStatus", map[string]string{"Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": "12345"})
	assert.Equal(t, "OK", r.Code)
}

func TestGatewayIsStrict(t *testing.T) {
	good := map[string]string{"Iccid": card}
	for name, c := range map[string]struct {
		alter  map[string]string
		code   string
		status int
	}{
		"no version":         {map[string]string{"Version": ""}, "MissingVersion", 400},
		"another version":    {map[string]string{"Version": "2017-05-25"}, "InvalidVersion", 400},
		"YAML":               {map[string]string{"Format": "YAML"}, "InvalidFormat", 400},
		"another method":     {map[string]string{"SignatureMethod": "HMAC-SHA256"}, "InvalidSignatureMethod", 400},
		"no key":             {map[string]string{"AccessKeyId": ""}, "MissingAccessKeyId", 400},
		"another's key":      {map[string]string{"AccessKeyId": "nobody"}, "InvalidAccessKeyId.NotFound", 404},
		"no nonce":           {map[string]string{"SignatureNonce": ""}, "MissingSignatureNonce", 400},
		"old":                {map[string]string{"Timestamp": "2026-11-21T20:40:57Z"}, "InvalidTimeStamp.Expired", 400},
		"early":              {map[string]string{"Timestamp": "2026-11-21T21:10:59Z"}, "InvalidTimeStamp.Expired", 400},
		"local time":         {map[string]string{"Timestamp": "2026-11-22T04:55:58+08:00"}, "InvalidTimeStamp.Format", 400},
		"milliseconds":       {map[string]string{"Timestamp": "2026-11-21T20:55:58.000Z"}, "InvalidTimeStamp.Format", 400},
		"no action":          {map[string]string{"Action": ""}, "MissingAction", 400},
		"another action":     {map[string]string{"Action": "QueryCardDetail"}, "InvalidAction.NotFound", 404},
		"no ICCID":           {map[string]string{"Iccid": ""}, "MissingIccid", 400},
		"a malformed ICCID":  {map[string]string{"Iccid": "1"}, "isv.INVALID_PARAMETERS", 400},
		"a misspelt one":     {map[string]string{"iccid": card}, "isv.INVALID_PARAMETERS", 400},
		"a card of nobody's": {map[string]string{"Iccid": "89860617030017300391"}, "isv.IOT_RES_NOT_EXIST", 400},
	} {
		params := maps.Clone(good)
		maps.Copy(params, c.alter)
		r := do(t, &Dyiotapi{World: world()}, "QueryCardStatus", params)
		assert.Equal(t, c.code, r.Code, name)
		assert.Equal(t, c.status, r.status, name)
		assert.NotEmpty(t, r.RequestID, name)
	}
}

func TestSignatureCoversEverything(t *testing.T) {
	h := &Dyiotapi{World: world()}
	q := sign(http.MethodPost, "testsecret", call("QueryCardStatus", map[string]string{"Iccid": card}))
	q.Set("RegionId", "elsewhere")
	assert.Equal(t, "SignatureDoesNotMatch", send(t, h, http.MethodPost, "/", q).Code)
	q = sign(http.MethodPost, "wrong", call("QueryCardStatus", map[string]string{"Iccid": card}))
	assert.Equal(t, "SignatureDoesNotMatch", send(t, h, http.MethodPost, "/", q).Code)
	q = sign(http.MethodGet, "testsecret", call("QueryCardStatus", map[string]string{"Iccid": card}))
	assert.Equal(t, "SignatureDoesNotMatch", send(t, h, http.MethodPost, "/", q).Code)
}

func TestRequestsOutOfForm(t *testing.T) {
	h := &Dyiotapi{World: world()}
	signed := func() url.Values {
		return sign(http.MethodPost, "testsecret", call("QueryCardStatus", map[string]string{"Iccid": card}))
	}
	assert.Equal(t, 405, send(t, h, http.MethodPut, "/", signed()).status)
	assert.Equal(t, 404, send(t, h, http.MethodPost, "/other", signed()).status)
	twice := signed()
	twice.Add("Iccid", card)
	assert.Equal(t, "InvalidParameter", send(t, h, http.MethodPost, "/", twice).Code)
}

func TestNonceIsTakenOnce(t *testing.T) {
	h := &Dyiotapi{World: world()}
	q := sign(http.MethodPost, "testsecret", call("QueryCardStatus", map[string]string{"Iccid": card}))
	assert.Equal(t, "OK", send(t, h, http.MethodPost, "/", q).Code)
	assert.Equal(t, "SignatureNonceUsed", send(t, h, http.MethodPost, "/", q).Code)
}

// The shape of the document's sample, its odd Message included.
func TestSuccessLooksLikeTheDocumentsSample(t *testing.T) {
	r := do(t, &Dyiotapi{World: world()}, "QueryCardStatus", map[string]string{"Iccid": card})
	assert.Equal(t, 200, r.status)
	assert.Equal(t, "OK", r.Code)
	assert.Equal(t, "ServiceUnavailable", r.Message)
	assert.Equal(t, struct{ Iccid, Msisdn, UserStatus string }{card, "1064633113571", "正常"}, r.CardStatus)
}

func TestBindings(t *testing.T) {
	for name, c := range map[string]struct {
		params map[string]string
		code   string
		status int
	}{
		"changed":             {map[string]string{"OpionType": "chgBind", "Imei": device, "NewImei": spare}, "OK", 200},
		"with fewer digits":   {map[string]string{"OpionType": "chgBind", "Imei": device[:14], "NewImei": spare}, "OK", 200},
		"unbound":             {map[string]string{"OpionType": "unBind", "Imei": device}, "OK", 200},
		"another current":     {map[string]string{"OpionType": "chgBind", "Imei": spare, "NewImei": spare}, "isv.ERROR_BIND_NOT_EXIST", 404},
		"another to unbind":   {map[string]string{"OpionType": "unBind", "Imei": spare}, "isv.ERROR_BIND_NOT_EXIST", 404},
		"never uploaded":      {map[string]string{"OpionType": "chgBind", "Imei": device, "NewImei": "867194030000033"}, "isv.ERROR_IMEI_ERROR", 404},
		"malformed":           {map[string]string{"OpionType": "chgBind", "Imei": device, "NewImei": "8671940300000"}, "isv.ERROR_IMEI_ERROR", 404},
		"malformed current":   {map[string]string{"OpionType": "unBind", "Imei": "x"}, "isv.ERROR_IMEI_ERROR", 404},
		"no new one":          {map[string]string{"OpionType": "chgBind", "Imei": device}, "isv.INVALID_PARAMETERS", 400},
		"a new one to unbind": {map[string]string{"OpionType": "unBind", "Imei": device, "NewImei": spare}, "isv.INVALID_PARAMETERS", 400},
		"the right spelling":  {map[string]string{"OptionType": "unBind", "Imei": device}, "MissingOpionType", 400},
		"another option":      {map[string]string{"OpionType": "bind", "Imei": device}, "isv.INVALID_PARAMETERS", 400},
		"a card of nobody's":  {map[string]string{"OpionType": "unBind", "Imei": device, "Iccid": "89860617030017300391"}, "isv.IOT_RES_NOT_EXIST", 400},
	} {
		params := map[string]string{"Iccid": card}
		maps.Copy(params, c.params)
		r := do(t, &Dyiotapi{World: world()}, "DoIotChgBindOrUnBind", params)
		assert.Equal(t, c.code, r.Code, name)
		assert.Equal(t, c.status, r.status, name)
		assert.Equal(t, c.code == "OK", r.IotModBind.IsModSuccess, name)
	}
}

func TestUnbindClosesTheAccountForGood(t *testing.T) {
	w := world()
	h := &Dyiotapi{World: w}
	require.Equal(t, "OK", do(t, h, "DoIotChgBindOrUnBind", map[string]string{"Iccid": card, "OpionType": "unBind", "Imei": device}).Code)
	assert.Equal(t, "营业预销", do(t, h, "QueryCardStatus", map[string]string{"Iccid": card}).CardStatus.UserStatus)
	assert.Equal(t, "isv.ERROR_BIND_NOT_EXIST", do(t, h, "DoIotChgBindOrUnBind", map[string]string{"Iccid": card, "OpionType": "unBind", "Imei": device}).Code)
	assert.False(t, do(t, h, "DoIotUserStopResume", map[string]string{"Iccid": card, "OptionType": "MANAGE_RESUME"}).Result.ControlResult)
}

func TestExclusiveDevices(t *testing.T) {
	w := world()
	w.ExclusiveIMEI = true
	w.Cards = append(w.Cards, carriersim.Card{ICCID: "89860617030017300391", IMEI: spare})
	r := do(t, &Dyiotapi{World: w}, "DoIotChgBindOrUnBind", map[string]string{"Iccid": card, "OpionType": "chgBind", "Imei": device, "NewImei": spare})
	assert.Equal(t, "isv.ERROR_IOT_CHGBINDED_ERROR", r.Code)
}

func TestDevicesAreUploadedOnce(t *testing.T) {
	h := &Dyiotapi{World: world()}
	fresh := map[string]string{"Imei": "867194030000033"}
	assert.False(t, do(t, h, "DoIotIsImeiExist", fresh).IotImeiExist.IsImeiExist)
	assert.True(t, do(t, h, "DoIotPostImei", map[string]string{"Imei": "867194030000033", "DeviceType": "IOT"}).IotPostImei.IsPostSuccess)
	assert.True(t, do(t, h, "DoIotIsImeiExist", fresh).IotImeiExist.IsImeiExist)
	for _, action := range []string{"DoIotIsImeiExist", "DoIotPostImei"} {
		params := map[string]string{"Imei": "1"}
		if action == "DoIotPostImei" {
			params["DeviceType"] = "IOT"
		}
		assert.Equal(t, "isv.ERROR_IMEI_ERROR", do(t, h, action, params).Code, action)
	}
}

func TestStopAndResume(t *testing.T) {
	h := &Dyiotapi{World: world()}
	for _, step := range []struct{ option, status string }{
		{"MANAGE_STOP", "申请停机"}, {"MANAGE_STOP", "申请停机"}, {"MANAGE_RESUME", "正常"},
	} {
		r := do(t, h, "DoIotUserStopResume", map[string]string{"Iccid": card, "OptionType": step.option})
		assert.True(t, r.Result.ControlResult)
		assert.Equal(t, step.status, do(t, h, "QueryCardStatus", map[string]string{"Iccid": card}).CardStatus.UserStatus)
	}
}

func TestCarriersStopIsNotResumed(t *testing.T) {
	w := world()
	w.Cards[0].Status = spec.SuspendedByCarrier
	r := do(t, &Dyiotapi{World: w}, "DoIotUserStopResume", map[string]string{"Iccid": card, "OptionType": "MANAGE_RESUME"})
	assert.Equal(t, "OK", r.Code)
	assert.False(t, r.Result.ControlResult)
}

func TestRepeatedSerialIsTheFirstOrder(t *testing.T) {
	h := &Dyiotapi{World: world()}
	order := map[string]string{"Iccid": card, "OfferIds": "100M", "EffCode": "1000", "OutId": "k1", "Amount": "0"}
	first := do(t, h, "DoIotRecharge", order)
	again := do(t, h, "DoIotRecharge", order)
	assert.NotEmpty(t, first.IotRecharge.OrderNo)
	assert.Equal(t, first.IotRecharge, again.IotRecharge)
	offers := do(t, h, "QueryIotCardOfferDtl", map[string]string{"Iccid": card}).CardOfferDetail.Detail
	require.Len(t, offers, 1)
	assert.Equal(t, "100M", offers[0].OfferID)
	assert.Equal(t, "2026-11-22 04:55:58", offers[0].EffectiveTime, "China's time")
}

func TestOrdersOutOfForm(t *testing.T) {
	w := world()
	w.Offers = []string{"100M"}
	for name, c := range map[string]struct {
		alter map[string]string
		code  string
	}{
		"EffCode": {map[string]string{"EffCode": "NOW"}, "isv.INVALID_PARAMETERS"}, "Amount": {map[string]string{"Amount": "much"}, "isv.INVALID_PARAMETERS"},
		"offer": {map[string]string{"OfferIds": "100G"}, "isv.INVALID_PARAMETERS"}, "no serial": {map[string]string{"OutId": ""}, "MissingOutId"},
	} {
		params := map[string]string{"Iccid": card, "OfferIds": "100M", "EffCode": "1000", "OutId": "k", "Amount": "0"}
		maps.Copy(params, c.alter)
		assert.Equal(t, c.code, do(t, &Dyiotapi{World: w}, "DoIotRecharge", params).Code, name)
	}
}

func TestExpiredPackagesAreNotListed(t *testing.T) {
	w := world()
	w.Cards[0].Packages = []spec.Package{{ID: "old", Expires: at.Add(-time.Second)}, {ID: "new", Expires: at.Add(time.Second)}}
	offers := do(t, &Dyiotapi{World: w}, "QueryIotCardOfferDtl", map[string]string{"Iccid": card}).CardOfferDetail.Detail
	require.Len(t, offers, 1)
	assert.Equal(t, "new", offers[0].OfferID)
}

func TestCardOfAnotherAccount(t *testing.T) {
	w := world()
	w.Cards[0].Account = "somebody"
	assert.Equal(t, "isv.RAM_PERMISSION_DENY", do(t, &Dyiotapi{World: w}, "QueryCardStatus", map[string]string{"Iccid": card}).Code)
	assert.Equal(t, "isv.RAM_PERMISSION_DENY", do(t, &Dyiotapi{World: w}, "DoIotUserStopResume", map[string]string{"Iccid": card, "OptionType": "MANAGE_STOP"}).Code)
}

func TestEveryStatusHasWords(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range []spec.Lifecycle{
		spec.Active, spec.Pending, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Closing, spec.Closed, spec.Dormant, spec.Transferred, spec.UnknownLifecycle,
	} {
		word := userStatus(carriersim.Card{Status: l})
		assert.False(t, seen[word], "%s: %s stands for two", l, word)
		seen[word] = true
	}
	assert.Equal(t, "违章停机", userStatus(carriersim.Card{Status: spec.SuspendedByCarrier, Words: "违章停机"}))
}

func TestDocumentedCodesHaveTheirHTTPStatus(t *testing.T) {
	for code, status := range map[string]int{
		"isv.RES_OWNER_ID_UNKNOWN": 400, "isv.PRODUCT_UN_SUBSCRIPT": 400, "isv.IOT_RES_NOT_EXIST": 400, "isv.QUERY_ASSETS_ERROR": 400,
		"isv.RAM_PERMISSION_DENY": 400, "isv.INVALID_PARAMETERS": 400, "isv.SYSTEM_ERROR": 404, "isv.ERROR_BIND_NOT_EXIST": 404,
		"isv.ERROR_IOT_UNBINDED_ERROR": 404, "isv.ERROR_IOT_CHGBINDED_ERROR": 404, "isv.ERROR_IMEI_ERROR": 404,
	} {
		w := world()
		w.Faults = []carriersim.Fault{{Kind: carriersim.CodeFault(code)}}
		r := do(t, &Dyiotapi{World: w}, "QueryCardStatus", map[string]string{"Iccid": card})
		assert.Equal(t, code, r.Code)
		assert.Equal(t, status, r.status, code)
	}
}

func TestThrottleCarriesRetryAfter(t *testing.T) {
	w := world()
	w.Faults = []carriersim.Fault{{Kind: carriersim.Throttle, RetryAfter: carriersim.Duration(1500 * time.Millisecond)}}
	recorder := httptest.NewRecorder()
	q := sign(http.MethodPost, "testsecret", call("QueryCardStatus", map[string]string{"Iccid": card}))
	(&Dyiotapi{World: w}).ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/?"+q.Encode(), nil))
	assert.Equal(t, "2", recorder.Header().Get("Retry-After"))
	assert.Contains(t, recorder.Body.String(), "Throttling.User")
}

func TestCallStatusInTheSDKsSpelling(t *testing.T) {
	w := world()
	w.Numbers = []carriersim.Number{{Pool: "FC12345", Subs: "12345", Status: 1, Number: "17000000000"}, {Pool: "FC12345", Subs: "3", Status: 3}}
	h := &Dyplsapi{World: w}
	params := map[string]string{"Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": "12345", "callNo": "17000000000"}
	assert.Equal(t, map[string]any{"Status": 1.0, "CalledNo": "17000000000"}, do(t, h, "QueryCallStatus", params).SecretCallStatusDTO)
	params["SubsId"] = "3"
	assert.Equal(t, map[string]any{"Status": 3.0, "CalledNo": nil}, do(t, h, "QueryCallStatus", params).SecretCallStatusDTO)
	params["SubsId"] = "4"
	assert.Equal(t, "isv.NO_NOT_EXIST", do(t, h, "QueryCallStatus", params).Code)
}

func TestBindingOfANumber(t *testing.T) {
	w := world()
	w.Numbers = []carriersim.Number{
		{Pool: "FC12345", Subs: "1", Status: 1, Number: "17000000000"}, {Pool: "FC12345", Subs: "2", Status: 2, Number: "17000000009"},
		{Pool: "FC12345", Subs: "3", Status: 3}, {Pool: "FC12345", Subs: "4", Status: 4, Number: "17000000000"},
	}
	h := &Dyplsapi{World: w}
	for subs, want := range map[string]float64{"1": 1, "2": 1, "3": 1, "4": 0} {
		params := map[string]string{"Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": subs, "PhoneNoX": "17000000000"}
		got := do(t, h, "QuerySubscriptionDetail", params).SecretBindDetailDTO
		assert.Equal(t, want, got["Status"], subs)
		assert.Equal(t, "17000000000", got["PhoneNoX"], subs)
	}
	params := map[string]string{"Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": "1", "PhoneNoX": "17000000001"}
	assert.Equal(t, "isv.NO_NOT_EXIST", do(t, h, "QuerySubscriptionDetail", params).Code)
	params["PhoneNoX"] = ""
	assert.Equal(t, "MissingPhoneNoX", do(t, h, "QuerySubscriptionDetail", params).Code)
}

func TestRetiredActionIsNotFound(t *testing.T) {
	w := world()
	w.Retired = []string{"QueryCallStatus"}
	r := do(t, &Dyplsapi{World: w}, "QueryCallStatus", map[string]string{"Version": "2017-05-25", "PoolKey": "FC12345", "SubsId": "1"})
	assert.Equal(t, "InvalidAction.NotFound", r.Code)
	assert.Equal(t, 404, r.status)
	assert.Equal(t, 1, w.Count("QueryCallStatus"), "it is counted")
}
