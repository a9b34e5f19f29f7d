package spec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
)

func TestEachKindHasItsWordsInEachForm(t *testing.T) {
	for _, kind := range spec.Kinds() {
		p := kind.Phrase()
		assert.Contains(t, []string{"+", "-", "~"}, p.Symbol, "%s", kind)
		assert.True(t, strings.HasPrefix(string(p.Message), string(kind)), "the message %q doesn't begin with %s", p.Message, kind)
		from, to := kind.Values()
		for form, words := range map[string]spec.Words{"message": p.Message, "line": p.Line, "said": p.Said, "beside": p.Beside, "alike": p.Alike} {
			assert.NotEmpty(t, words, "%s, %s", kind, form)
			if form != "alike" {
				assert.Equal(t, from != spec.NoValue, strings.Contains(string(words), "{from}"), "%s, %s: %q", kind, form, words)
				assert.Equal(t, to != spec.NoValue, strings.Contains(string(words), "{to}"), "%s, %s: %q", kind, form, words)
			}
			told := sampleOf(kind).Tell(words, "F", "T")
			assert.False(t, strings.ContainsAny(told, "{}[]"), "%s, %s: %q", kind, form, told)
		}
	}
}

func TestAValueIsNeverTakenForAPlace(t *testing.T) {
	c := spec.Change{Kind: spec.ChangeBind, From: "{to}", To: "[{from}]"}
	assert.Equal(t, "change-bind {to} -> [{from}]", c.String())
}

func TestAWordThatIsNoKindIsToldAsItIs(t *testing.T) {
	assert.Equal(t, "vow", spec.Change{Kind: "vow", To: "x"}.String())
	assert.NotPanics(t, func() { _ = spec.Change{Kind: "{[x"}.String() })
}

func TestAFirstDeviceIsToldAsComingAfterNone(t *testing.T) {
	c := spec.Change{Kind: spec.ChangeBind, To: "861536030196019"}
	assert.Equal(t, "change-bind no device -> 861536030196019", c.String())
	assert.Equal(t, "imei: no device → B", c.Tell(c.Kind.Phrase().Said, "", "B"))
}
