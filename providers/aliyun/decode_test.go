package aliyun

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
)

// The sample of QueryCardStatus (返回示例), without its comments, Message and all.
const cardStatusSample = `{
  "RequestId": "475C4B95-FB6E-4B2A-B0C6-8AAA136B323A",
  "Code": "OK",
  "Message": "ServiceUnavailable",
  "CardStatus": {
    "Iccid": "89860617030017300390",
    "Msisdn": "1064633113571",
    "UserStatus": "正常"
  }
}`

// The sample of DoIotChgBindOrUnBind (返回示例).
const modBindSample = `{
  "RequestId": "475C4B95-FB6E-4B2A-B0C6-8AAA136B323A",
  "Code": "OK",
  "Message": "ServiceUnavailable",
  "IotModBind": {
    "IsModSuccess":true
  }
}`

func TestDocumentedSamplesAreSuccesses(t *testing.T) {
	var status cardStatusReply
	require.NoError(t, decode([]byte(cardStatusSample), &status))
	assert.Equal(t, text("OK"), status.Code)
	assert.Equal(t, text("475C4B95-FB6E-4B2A-B0C6-8AAA136B323A"), status.RequestID)
	assert.Equal(t, text("89860617030017300390"), status.CardStatus.Iccid)
	assert.Equal(t, text("1064633113571"), status.CardStatus.Msisdn)
	assert.Equal(t, text("正常"), status.CardStatus.UserStatus)

	var bind modBindReply
	require.NoError(t, decode([]byte(modBindSample), &bind))
	assert.True(t, bind.IotModBind.IsModSuccess.on)
}

func TestListsComeBareOrInAnObject(t *testing.T) {
	for _, body := range []string{
		`{"Code":"OK","CardOfferDetail":[{"OfferId":"1","OfferName":"n"},{"OfferId":2}]}`,
		`{"Code":"OK","CardOfferDetail":{"detail":[{"OfferId":"1","OfferName":"n"},{"OfferId":2}]}}`,
		`{"code":"OK","cardofferdetail":{"CardOfferDetail":[{"offerid":1,"OFFERNAME":"n"},{"offerId":"2"}]}}`,
		`{"Code":"OK","CardOfferDetail":{"Total":2,"detail": [{"OfferId":"1","OfferName":"n"},{"OfferId":2}]}}`,
	} {
		var r offersReply
		require.NoError(t, decode([]byte(body), &r), body)
		assert.Equal(t, list[offer]{{OfferID: "1", OfferName: "n"}, {OfferID: "2"}}, r.CardOfferDetail, body)
	}
	for _, body := range []string{
		`{"Code":"OK"}`, `{"Code":"OK","CardOfferDetail":null}`, `{"Code":"OK","CardOfferDetail":[]}`,
		`{"Code":"OK","CardOfferDetail":{}}`, `{"Code":"OK","CardOfferDetail":{"detail":[]}}`,
	} {
		var r offersReply
		require.NoError(t, decode([]byte(body), &r), body)
		assert.Empty(t, r.CardOfferDetail, body)
	}
}

func TestFlagsComeInSeveralForms(t *testing.T) {
	for body, want := range map[string]flag{
		`true`: {true, true}, `"true"`: {true, true}, `"True"`: {true, true}, `1`: {true, true}, `"1"`: {true, true},
		`false`: {set: true}, `"false"`: {set: true}, `0`: {set: true}, `null`: {}, `""`: {},
	} {
		var f flag
		require.NoError(t, json.Unmarshal([]byte(body), &f), body)
		assert.Equal(t, want, f, body)
	}
	var f flag
	assert.Error(t, json.Unmarshal([]byte(`"maybe"`), &f))
}

func TestOddAnswersAreNamed(t *testing.T) {
	for body, want := range map[string]string{
		"":                               "the answer is empty",
		"<html><h1>502</h1>":             "the answer is no JSON (18 bytes)",
		cardStatusSample[:100]:           "the answer is JSON cut off after 100 bytes",
		`{}`:                             "the answer has no Code",
		`null`:                           "the answer has no Code",
		`[]`:                             "the answer has an odd shape",
		`{"Code":"OK"}`:                  "the answer has no CardStatus.UserStatus",
		`{"Code":{"a":1}}`:               "an object stands where a text should",
		`{"Code":"OK","CardStatus":[1]}`: "the answer has an odd shape",
		`{"Code":"OK","CardStatus":{"UserStatus":[]}}`:      "a list stands where a text should",
		`{"Code":"OK","CardStatus":{"UserStatus":"正常"}} ok`: "the answer is no JSON",
		`{"Code":"OK","CardStatus":{"UserStatus":null}}`:    "the answer has no CardStatus.UserStatus",
	} {
		err := decode([]byte(body), &cardStatusReply{})
		assert.ErrorContains(t, err, want, body)
	}
	assert.ErrorContains(t, decode([]byte(`{"Code":"OK","CardOfferDetail":{"a":[],"b":[]}}`), &offersReply{}), "several lists")
	assert.ErrorContains(t, decode([]byte(`{"Code":"OK","CardOfferDetail":{"a":1}}`), &offersReply{}), "without a list")
	assert.ErrorContains(t, decode([]byte(`{"Code":"OK","CardOfferDetail":[{}]}`), &offersReply{}), "no CardOfferDetail.OfferId")
}

func TestRefusalWithAnOddBodyIsARefusal(t *testing.T) {
	var r cardStatusReply
	require.NoError(t, decode([]byte(`{"Code":"isv.IOT_RES_NOT_EXIST","CardStatus":""}`), &r))
	assert.Equal(t, text("isv.IOT_RES_NOT_EXIST"), r.Code)
}

func TestCallStatusInEitherSpelling(t *testing.T) {
	for _, body := range []string{
		`{"Code":"OK","SecretCallStatusDTO":{"status":2,"calledNo":"17000000000"}}`,
		`{"Code":"OK","SecretCallStatusDTO":{"Status":"2","CalledNo":17000000000}}`,
	} {
		var r callStatusReply
		require.NoError(t, decode([]byte(body), &r))
		assert.Equal(t, text("2"), r.SecretCallStatusDTO.Status)
		assert.Equal(t, text("17000000000"), r.SecretCallStatusDTO.CalledNo)
	}
	var r callStatusReply
	require.NoError(t, decode([]byte(`{"Code":"OK","SecretCallStatusDTO":{"status":3,"calledNo":null}}`), &r))
	assert.Empty(t, r.SecretCallStatusDTO.CalledNo)
}

// documented is every code of the three documents.
func documented() []string {
	return strings.Fields(`
	isv.RES_OWNER_ID_UNKNOWN isv.PRODUCT_UN_SUBSCRIPT isv.IOT_RES_NOT_EXIST isv.QUERY_ASSETS_ERROR isv.RAM_PERMISSION_DENY
	isv.INVALID_PARAMETERS isv.SYSTEM_ERROR isv.ERROR_BIND_NOT_EXIST isv.ERROR_IOT_UNBINDED_ERROR isv.ERROR_IOT_CHGBINDED_ERROR
	isv.ERROR_IMEI_ERROR
	isp.RAM_PERMISSION_DENY isv.OUT_OF_SERVICE isv.PRODUCT_UN_SUBSCRIPT isv.PRODUCT_UNSUBSCRIBE isv.ACCOUNT_NOT_EXISTS
	isv.ACCOUNT_ABNORMAL isp.SYSTEM_ERROR isv.PARTNER_NOT_EXIST isv.NO_NOT_EXIST isv.ILLEGAL_ARGUMENT isp.DAO_EXCEPTION
	isv.NO_AVAILABLE_NUMBER isp.VENDOR_UNAVAILABLE isv.FLOW_LIMIT isv.PARTNER_IS_CLOSED isv.FORBIDDEN_ACTION
	isv.NO_USED_BY_OTHERS isv.EXPIRE_DATE_ILLEGAL isv.MOBILE_NUMBER_ILLEGAL isv.BIND_CONFLICT`)
}

func TestEveryDocumentedCodeIsExplained(t *testing.T) {
	table := meanings()
	for _, code := range documented() {
		m, ok := table[code]
		assert.True(t, ok, code)
		assert.NotEmpty(t, m.text, code)
		assert.True(t, strings.ContainsFunc(m.text, func(r rune) bool { return r > 0x4e00 }), "%s lacks the carrier's words", code)
	}
}

func TestCodesSayWhatHappened(t *testing.T) {
	for code, want := range map[string]struct {
		cause  providers.Cause
		effect providers.Effect // of a changing call
	}{
		"isv.SYSTEM_ERROR":            {providers.Unavailable, providers.EffectUnknown},
		"isv.ERROR_BIND_NOT_EXIST":    {providers.PriorMismatch, providers.EffectNone},
		"isv.RAM_PERMISSION_DENY":     {providers.Refused, providers.EffectNone},
		"isv.PRODUCT_UN_SUBSCRIPT":    {providers.Denied, providers.EffectNone},
		"Throttling":                  {providers.Throttled, providers.EffectNone},
		"Throttling.User":             {providers.Throttled, providers.EffectNone},
		"Throttling.Api":              {providers.Throttled, providers.EffectNone},
		"isv.FLOW_LIMIT":              {providers.Throttled, providers.EffectNone},
		"SignatureDoesNotMatch":       {providers.Denied, providers.EffectNone},
		"InvalidAccessKeyId.NotFound": {providers.Denied, providers.EffectNone},
		"SignatureNonceUsed":          {providers.Unavailable, providers.EffectUnknown},
		"ServiceUnavailable":          {providers.Unavailable, providers.EffectUnknown},
		"isv.NOBODY_KNOWS":            {providers.Refused, providers.EffectUnknown},
	} {
		hide := strings.NewReplacer("s3cret", "[secret]")
		head := &envelope{Code: text(code), RequestID: "8906582E", Message: "s3cret"}
		changing := explain(meanings(), "DoIt", true, head, hide)
		assert.Equal(t, want.cause, changing.Cause, code)
		assert.Equal(t, want.effect, changing.Effect, code)
		assert.Equal(t, code, changing.Code)
		assert.NotContains(t, changing.Error(), "s3cret")
		assert.Equal(t, providers.EffectNone, explain(meanings(), "Read", false, head, hide).Effect, "reading changes nothing")
	}
}

// fuzzDecode holds a decoder to: never a panic, and every success complete.
func fuzzDecode[R any, P replyTo[R]](f *testing.F, seeds ...string) {
	for _, s := range append(seeds, cardStatusSample, modBindSample, "", "null", "{}", "<html>", `{"Code":"isv.SYSTEM_ERROR"}`) {
		f.Add([]byte(s))
		f.Add([]byte(s)[:len(s)/2])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := P(new(R))
		err := decode(body, r)
		if err == nil && r.head().Code == "" {
			t.Errorf("%q passed without a code", body)
		}
		if err == nil && r.head().Code == codeOK && r.complete() != nil {
			t.Errorf("%q passed: %v", body, r.complete())
		}
		if err == nil && r.head().Code != codeOK {
			explained := explain(meanings(), "DoIt", true, r.head(), strings.NewReplacer())
			var e *providers.Error
			if !errors.As(error(explained), &e) || len(e.Error()) > 4000 {
				t.Errorf("%q: %v", body, explained)
			}
		}
	})
}

func FuzzDecodeStatus(f *testing.F) { fuzzDecode[cardStatusReply](f) }

func FuzzDecodeOffers(f *testing.F) {
	fuzzDecode[offersReply](f, `{"Code":"OK","CardOfferDetail":{"detail":[{"OfferId":"1","ExpireTime":"2026-01-01 00:00:00"}]}}`)
}

func FuzzDecodeBind(f *testing.F) { fuzzDecode[modBindReply](f) }

func FuzzDecodeStopResume(f *testing.F) {
	fuzzDecode[stopResumeReply](f, `{"Code":"OK","Result":{"ControlResult":"true"}}`)
}

func FuzzDecodeImeiExist(f *testing.F) {
	fuzzDecode[imeiExistReply](f, `{"Code":"OK","IotImeiExist":{"IsImeiExist":1}}`)
}

func FuzzDecodePostImei(f *testing.F) {
	fuzzDecode[postImeiReply](f, `{"Code":"OK","IotPostImei":{"IsPostSuccess":false}}`)
}

func FuzzDecodeRecharge(f *testing.F) {
	fuzzDecode[rechargeReply](f, `{"Code":"OK","IotRecharge":{"OrderNo":1,"DoneCode":"2","OrderResult":true}}`)
}

func FuzzDecodeCallStatus(f *testing.F) {
	fuzzDecode[callStatusReply](f, `{"Code":"OK","SecretCallStatusDTO":{"status":3,"calledNo":null}}`)
}
