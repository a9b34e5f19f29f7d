package lenient_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/providers/internal/lenient"
)

func TestTextTakesAnyScalarAsItIsWritten(t *testing.T) {
	for in, want := range map[string]string{`"02"`: "02", `2`: "2", `1.50`: "1.50", `true`: "true", `null`: "", `"正常"`: "正常", `""`: ""} {
		var got lenient.Text
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		assert.EqualValues(t, want, got, in)
	}
	var got lenient.Text
	require.ErrorContains(t, json.Unmarshal([]byte(`{"a":1}`), &got), "an object stands where a text should")
	require.ErrorContains(t, json.Unmarshal([]byte(`["a"]`), &got), "a list stands where a text should")
}

// Most texts are taken as they stand; each is what encoding/json reads there.
func TestEveryTextIsWhatJSONSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]*`)).Draw(t, "text")
		data, err := json.Marshal(written)
		require.NoError(t, err)
		in := rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "before") + string(data) + rapid.SampledFrom([]string{"", " ", "\r\n"}).Draw(t, "behind")
		var want string
		require.NoError(t, json.Unmarshal([]byte(in), &want))
		var got, raw lenient.Text
		require.NoError(t, json.Unmarshal([]byte(in), &got))
		assert.EqualValues(t, want, got)
		require.NoError(t, raw.UnmarshalJSON(bytes.TrimLeft([]byte(in), " \n")))
		assert.EqualValues(t, want, raw)
	})
	var broken lenient.Text
	require.NoError(t, json.Unmarshal([]byte("\"a\xffb\""), &broken))
	assert.EqualValues(t, "a\uFFFDb", broken)
}

func TestWhatIsWrongIsNamedAndNeverQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "the answer is empty",
		`{"token": "s3cret`:        "the answer is JSON cut off after 17 bytes",
		`<html>s3cret</html>`:      "the answer is no JSON (19 bytes)",
		`{"Token": ["s3cret", 1]}`: `the answer has an odd shape: a JSON array stands at "Token"`,
	} {
		var reply struct{ Token string }
		err := lenient.Describe(json.Unmarshal([]byte(in), &reply), len(in))
		assert.EqualError(t, err, want)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	assert.NoError(t, lenient.Need(true, "Code"))
	assert.EqualError(t, lenient.Need(false, "Code"), "the answer has no Code")
}
