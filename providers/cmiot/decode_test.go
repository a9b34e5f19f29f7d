package cmiot

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The sample of CMIOT_API2002 (API响应示例), white space and all.
const statusSample = `
                {
    "status":"0",
    "message":"正确",
    "result":[
        {
            "STATUS":"00"
        }
    ]
}
            `

// The sample of IOTOS.
const expiredSample = `{"status":"12021","message":"TOKEN不存在或已过期，请重新获取","result":[]}`

func TestDocumentedSampleIsASuccess(t *testing.T) {
	var r rows[statusV2]
	require.NoError(t, decode([]byte(statusSample), &r))
	assert.Equal(t, text("0"), r.Status)
	assert.Equal(t, text("正确"), r.Message)
	assert.Equal(t, text("00"), r.Result[0].Status)
}

// Shapes of docs/carriers.md §3.3.
func TestShapesOfV5(t *testing.T) {
	var status rows[statusV5]
	require.NoError(t, decode([]byte(`{"status":"0","message":"正确","result":[{"cardStatus":"2","lastChangeDate":"20201130105532"}]}`), &status))
	assert.Equal(t, statusV5{CardStatus: "2", LastChangeDate: "20201130105532"}, status.Result[0])
	var order rows[orderRow]
	require.NoError(t, decode([]byte(`{"status":"0","message":"正确","result":[{"orderNum":"7001","msisdn":"14765004176"}]}`), &order))
	assert.Equal(t, orderRow{OrderNum: "7001", MSISDN: "14765004176"}, order.Result[0])
	var job rows[jobRow]
	require.NoError(t, decode([]byte(`{"status":"0","message":"正确","result":[{"jobId":"9001"}]}`), &job))
	assert.Equal(t, text("9001"), job.Result[0].JobID)
	var refused rows[tokenRow]
	require.NoError(t, decode([]byte(expiredSample), &refused))
	assert.Equal(t, text(codeTokenExpired), refused.head().Status)
}

func TestRefusalMayHoldAnything(t *testing.T) {
	for _, body := range []string{
		`{"status":"12010","message":"x"}`, `{"status":"12010","message":"x","result":null}`, `{"status":"12010","message":"x","result":[]}`,
		`{"status":"12010","message":"x","result":"提示"}`, `{"status":"12010","message":"x","result":[{"STATUS":{}}]}`, `{"status":12010,"message":null}`,
	} {
		var r rows[statusV2]
		require.NoError(t, decode([]byte(body), &r), body)
		assert.Equal(t, text("12010"), r.head().Status, body)
	}
}

func TestTextIsKeptAsItIsWritten(t *testing.T) {
	for in, want := range map[string]text{`"02"`: "02", `2`: "2", `"2"`: "2", `true`: "true", `null`: "", `12345678901234567890`: "12345678901234567890"} {
		var got text
		require.NoError(t, json.Unmarshal([]byte(in), &got))
		assert.Equal(t, want, got, in)
	}
}

func TestOddAnswersAreNamed(t *testing.T) {
	for body, want := range map[string]string{
		"":                                      "the answer is empty",
		"<html><h1>502</h1>":                    "the answer is no JSON (18 bytes)",
		statusSample[:60]:                       "the answer is JSON cut off after 60 bytes",
		`{}`:                                    "the answer has no status",
		`null`:                                  "the answer has no status",
		`[]`:                                    "the answer has an odd shape",
		`{"status":"0"}`:                        "the answer's result is empty",
		`{"status":"0","result":[]}`:            "the answer's result is empty",
		`{"status":"0","result":[{}]}`:          "the answer has no STATUS",
		`{"status":"0","result":"ok"}`:          "the answer has an odd shape",
		`{"status":{"a":1}}`:                    "an object stands where a text should",
		`{"status":"0","result":{"STATUS":[]}}`: "a list stands where a text should",
		`{"status":"0","result":[{"STATUS":"00"}]} ok`: "the answer is no JSON",
	} {
		assert.ErrorContains(t, decode([]byte(body), &rows[statusV2]{}), want, body)
	}
	assert.ErrorContains(t, decode([]byte(`{"status":"0","result":[{"prodinfos":[{}]}]}`), &rows[packagesV2]{}), "no prodinfos.prodid")
	assert.ErrorContains(t, decode([]byte(`{"status":"0","result":[{"offeringInfoList":[{}]}]}`), &rows[packagesV5]{}), "no offeringInfoList.offeringId")
	assert.ErrorContains(t, decode([]byte(`{"status":"0","result":[{}]}`), &rows[tokenRow]{}), "no token")
	assert.ErrorContains(t, decode([]byte(`{"status":"0","result":[{}]}`), &rows[jobRow]{}), "no jobId")
	assert.ErrorContains(t, decode([]byte(`{"status":"0","result":[{}]}`), &rows[jobResultRow]{}), "no jobStatus")
}

// fuzzDecode holds a decoder to: never a panic, and every success complete.
func fuzzDecode[R any, P replyTo[R]](f *testing.F, seeds ...string) {
	for _, s := range append(seeds, statusSample, expiredSample, "", "null", "{}", "<html>") {
		f.Add([]byte(s))
		f.Add([]byte(s)[:len(s)/2])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := P(new(R))
		err := decode(body, r)
		if err == nil && r.head().Status == "" {
			t.Errorf("%q passed without a status", body)
		}
		if err == nil && r.head().Status == codeOK && r.complete() != nil {
			t.Errorf("%q passed: %v", body, r.complete())
		}
	})
}

func FuzzDecodeStatusV2(f *testing.F) { fuzzDecode[rows[statusV2]](f) }

func FuzzDecodePackagesV2(f *testing.F) {
	fuzzDecode[rows[packagesV2]](f, `{"status":"0","result":[{"prodinfos":[{"prodid":"1","prodinstexptime":"20270101"}]}]}`)
}

func FuzzDecodeToken(f *testing.F) {
	fuzzDecode[rows[tokenRow]](f, `{"status":"0","result":[{"token":"T","ttl":3600}]}`)
}

func FuzzDecodeStatusV5(f *testing.F) {
	fuzzDecode[rows[statusV5]](f, `{"status":"0","result":[{"cardStatus":"2","lastChangeDate":"20201130105532"}]}`)
}

func FuzzDecodeStopReason(f *testing.F) {
	fuzzDecode[rows[stopReasonRow]](f, `{"status":"0","result":[{"platformType":"PB","stopReason":"000000002000"}]}`)
}

func FuzzDecodeIMEI(f *testing.F) {
	fuzzDecode[rows[imeiRow]](f, `{"status":"0","result":[{"imei":"867194030000017"}]}`)
}

func FuzzDecodePackagesV5(f *testing.F) {
	fuzzDecode[rows[packagesV5]](f, `{"status":"0","result":[{"offeringInfoList":[{"offeringId":"1","expiriedDate":"20270101"}]}]}`)
}

func FuzzDecodeOrder(f *testing.F) {
	fuzzDecode[rows[orderRow]](f, `{"status":"0","result":[{"orderNum":"7001","msisdn":"14765004176"}]}`)
}

func FuzzDecodeJob(f *testing.F) {
	fuzzDecode[rows[jobRow]](f, `{"status":"0","result":[{"jobId":"9"}]}`)
}

func FuzzDecodeJobResult(f *testing.F) {
	fuzzDecode[rows[jobResultRow]](f, `{"status":"0","result":[{"jobStatus":"3","resultList":[{"resultId":"1","status":"0"}]}]}`)
}

func FuzzDecodeNumbers(f *testing.F) {
	fuzzDecode[rows[numberRow]](f, `{"status":"0","result":[{"msisdn":"14765004176","iccid":"898600D6991330004146"}]}`)
}

func FuzzDecodeList(f *testing.F) {
	fuzzDecode[listReply](f, `{"status":"0","result":[{"groupId":"1"}]}`, `{"status":"0","result":[{"n":2,"list":[{"iccid":"898600D6991330004146"}]}]}`)
}

func FuzzWhoStopped(f *testing.F) {
	f.Add("000000002000")
	f.Fuzz(func(t *testing.T, mask string) {
		if l, reason := whoStopped(mask); l.InService() == 0 || (reason == "") != (l == "suspended-by-owner") {
			t.Errorf("%q: %s %q", mask, l, reason)
		}
	})
}
