package alirpc

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/internal/lenient"
)

func TestFlagsComeInSeveralForms(t *testing.T) {
	for body, want := range map[string]Flag{
		`true`: {true, true}, `"true"`: {true, true}, `"True"`: {true, true}, `1`: {true, true}, `"1"`: {true, true},
		`false`: {Set: true}, `"false"`: {Set: true}, `0`: {Set: true}, `null`: {}, `""`: {},
	} {
		var f Flag
		require.NoError(t, json.Unmarshal([]byte(body), &f), body)
		assert.Equal(t, want, f, body)
	}
	var f Flag
	assert.Error(t, json.Unmarshal([]byte(`"maybe"`), &f))
}

type thing struct {
	Envelope
	Data struct{ Name Text }
}

func (r *thing) Complete() error { return lenient.Need(r.Data.Name != "", "Data.Name") }

func TestSuccessNeedsTheCodeAndNoFalseSuccess(t *testing.T) {
	for body, want := range map[string]string{ // what Complete says, "" where it isn't asked
		`{"Code":"200","Data":{"Name":"n"}}`:                    "",
		`{"Code":200,"Success":true,"Data":{"Name":"n"}}`:       "",
		`{"Code":"200","Success":true,"Data":{}}`:               "the answer has no Data.Name",
		`{"Code":"200","Success":true,"Data":null}`:             "the answer has no Data.Name",
		`{"Code":"200","Success":false,"Data":{}}`:              "",
		`{"Code":"IccidNotExist","Success":true}`:               "",
		`{"Code":"IccidNotExist","Success":false,"Data":"odd"}`: "",
		`{"Code":"200","Success":true,"Data":"odd"}`:            "odd shape",
	} {
		err := Decode([]byte(body), "200", &thing{})
		if want == "" {
			assert.NoError(t, err, body)
		} else {
			assert.ErrorContains(t, err, want, body)
		}
	}
}

// The gateway answers in XML where it doesn't get as far as Format.
func TestErrorsInXMLAreRead(t *testing.T) {
	const refused = `<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>8906582E</RequestId><HostId>dyiotapi.aliyuncs.com</HostId>` +
		`<Code>MissingTimestamp</Code><Message>Timestamp is mandatory for this action.</Message></Error>`
	var r thing
	require.NoError(t, Decode([]byte("\n "+refused), "OK", &r))
	assert.Equal(t, Envelope{RequestID: "8906582E", Code: "MissingTimestamp", Message: "Timestamp is mandatory for this action."}, r.Envelope)
	for _, odd := range []string{
		`<html><body>502 Bad Gateway</body></html>`, `<Error><Code></Code></Error>`, `<Error><Code>MissingTimestamp</Co`,
		`<Reply><Code>OK</Code></Reply>`, // a success in XML lacks what was asked for
	} {
		assert.Error(t, Decode([]byte(odd), "OK", &thing{}), odd)
	}
}

func TestErrorsNeverQuoteTheAnswer(t *testing.T) {
	for _, body := range []string{`{"Code":"OK","Data":"s3cret"}`, `s3cret`, `{"Code":["s3cret"]}`, `{"Success":"s3cret"}`} {
		err := Decode([]byte(body), "OK", &thing{})
		require.Error(t, err, body)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}
