package lenient_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
