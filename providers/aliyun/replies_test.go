package aliyun

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/alirpctest"
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
	require.NoError(t, alirpc.Decode([]byte(cardStatusSample), codeOK, &status))
	assert.Equal(t, alirpc.Text("OK"), status.Code)
	assert.Equal(t, alirpc.Text("475C4B95-FB6E-4B2A-B0C6-8AAA136B323A"), status.RequestID)
	assert.Equal(t, alirpc.Text("89860617030017300390"), status.CardStatus.Iccid)
	assert.Equal(t, alirpc.Text("1064633113571"), status.CardStatus.Msisdn)
	assert.Equal(t, alirpc.Text("正常"), status.CardStatus.UserStatus)

	var bind modBindReply
	require.NoError(t, alirpc.Decode([]byte(modBindSample), codeOK, &bind))
	assert.True(t, bind.IotModBind.IsModSuccess.On)
}

func TestListsComeBareOrInAnObject(t *testing.T) {
	for _, body := range []string{
		`{"Code":"OK","CardOfferDetail":[{"OfferId":"1","OfferName":"n"},{"OfferId":2}]}`,
		`{"Code":"OK","CardOfferDetail":{"detail":[{"OfferId":"1","OfferName":"n"},{"OfferId":2}]}}`,
		`{"code":"OK","cardofferdetail":{"CardOfferDetail":[{"offerid":1,"OFFERNAME":"n"},{"offerId":"2"}]}}`,
		`{"Code":"OK","CardOfferDetail":{"Total":2,"detail": [{"OfferId":"1","OfferName":"n"},{"OfferId":2}]}}`,
	} {
		var r offersReply
		require.NoError(t, alirpc.Decode([]byte(body), codeOK, &r), body)
		assert.Equal(t, alirpc.List[offer]{{OfferID: "1", OfferName: "n"}, {OfferID: "2"}}, r.CardOfferDetail, body)
	}
	for _, body := range []string{
		`{"Code":"OK"}`, `{"Code":"OK","CardOfferDetail":null}`, `{"Code":"OK","CardOfferDetail":[]}`,
		`{"Code":"OK","CardOfferDetail":{}}`, `{"Code":"OK","CardOfferDetail":{"detail":[]}}`,
	} {
		var r offersReply
		require.NoError(t, alirpc.Decode([]byte(body), codeOK, &r), body)
		assert.Empty(t, r.CardOfferDetail, body)
	}
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
		err := alirpc.Decode([]byte(body), codeOK, &cardStatusReply{})
		assert.ErrorContains(t, err, want, body)
	}
	assert.ErrorContains(t, alirpc.Decode([]byte(`{"Code":"OK","CardOfferDetail":{"a":[],"b":[]}}`), codeOK, &offersReply{}), "several lists")
	assert.ErrorContains(t, alirpc.Decode([]byte(`{"Code":"OK","CardOfferDetail":{"a":1}}`), codeOK, &offersReply{}), "without a list")
	assert.ErrorContains(t, alirpc.Decode([]byte(`{"Code":"OK","CardOfferDetail":[{}]}`), codeOK, &offersReply{}), "no CardOfferDetail.OfferId")
}

func TestRefusalWithAnOddBodyIsARefusal(t *testing.T) {
	var r cardStatusReply
	require.NoError(t, alirpc.Decode([]byte(`{"Code":"isv.IOT_RES_NOT_EXIST","CardStatus":""}`), codeOK, &r))
	assert.Equal(t, alirpc.Text("isv.IOT_RES_NOT_EXIST"), r.Code)
}

func TestCallStatusInEitherSpelling(t *testing.T) {
	for _, body := range []string{
		`{"Code":"OK","SecretCallStatusDTO":{"status":2,"calledNo":"17000000000"}}`,
		`{"Code":"OK","SecretCallStatusDTO":{"Status":"2","CalledNo":17000000000}}`,
	} {
		var r callStatusReply
		require.NoError(t, alirpc.Decode([]byte(body), codeOK, &r))
		assert.Equal(t, alirpc.Text("2"), r.SecretCallStatusDTO.Status)
		assert.Equal(t, alirpc.Text("17000000000"), r.SecretCallStatusDTO.CalledNo)
	}
	var r callStatusReply
	require.NoError(t, alirpc.Decode([]byte(`{"Code":"OK","SecretCallStatusDTO":{"status":3,"calledNo":null}}`), codeOK, &r))
	assert.Empty(t, r.SecretCallStatusDTO.CalledNo)
}

func FuzzDecodeStatus(f *testing.F) {
	alirpctest.FuzzDecode[cardStatusReply](f, codeOK, cardStatusSample)
}

func FuzzDecodeOffers(f *testing.F) {
	alirpctest.FuzzDecode[offersReply](f, codeOK, `{"Code":"OK","CardOfferDetail":{"detail":[{"OfferId":"1","ExpireTime":"2026-01-01 00:00:00"}]}}`)
}

func FuzzDecodeBind(f *testing.F) { alirpctest.FuzzDecode[modBindReply](f, codeOK, modBindSample) }

func FuzzDecodeStopResume(f *testing.F) {
	alirpctest.FuzzDecode[stopResumeReply](f, codeOK, `{"Code":"OK","Result":{"ControlResult":"true"}}`)
}

func FuzzDecodeImeiExist(f *testing.F) {
	alirpctest.FuzzDecode[imeiExistReply](f, codeOK, `{"Code":"OK","IotImeiExist":{"IsImeiExist":1}}`)
}

func FuzzDecodePostImei(f *testing.F) {
	alirpctest.FuzzDecode[postImeiReply](f, codeOK, `{"Code":"OK","IotPostImei":{"IsPostSuccess":false}}`)
}

func FuzzDecodeRecharge(f *testing.F) {
	alirpctest.FuzzDecode[rechargeReply](f, codeOK, `{"Code":"OK","IotRecharge":{"OrderNo":1,"DoneCode":"2","OrderResult":true}}`)
}

func FuzzDecodeCallStatus(f *testing.F) {
	alirpctest.FuzzDecode[callStatusReply](f, codeOK, `{"Code":"OK","SecretCallStatusDTO":{"status":3,"calledNo":null}}`)
}

func FuzzDecodeSubscription(f *testing.F) {
	alirpctest.FuzzDecode[subscriptionReply](f, codeOK, `{"Code":"OK","SecretBindDetailDTO":{"Status":1,"PhoneNoX":"17000000000","ExpireDate":"2026-01-01 00:00:00"}}`)
}
