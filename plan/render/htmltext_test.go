package render

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec/safe"
)

func TestATextOfThePageIsAsJSONHasIt(t *testing.T) {
	texts := []string{"", "正常", "a\xffb", "\xe6\xad", "##[group]x", "section_start:1"}
	for r := range rune(0x3000) {
		texts = append(texts, "a"+string(r)+"b")
	}
	for _, s := range texts {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		require.Equal(t, safe.JSONText(string(text)), string(appendText(nil, s)), "%q", s)
	}
}
