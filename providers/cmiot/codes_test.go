package cmiot

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

// documented is every code of docs/carriers.md §3.5.
func documented() []string {
	return strings.Fields("12021 12004 12022 12009 12010 12034 12089 12098 12141 12099 12100 11000 11011 12047 12048 12199")
}

func TestEveryDocumentedCodeIsExplained(t *testing.T) {
	for _, code := range documented() {
		m, ok := meanings()[code]
		assert.True(t, ok, code)
		assert.NotEmpty(t, m.Text, code)
	}
	assert.NotContains(t, meanings(), codeOK)
}

func TestCodesSayWhatHappened(t *testing.T) {
	for code, want := range map[string]struct {
		cause  providers.Cause
		effect providers.Effect // of a changing call
	}{
		"12004": {providers.Denied, providers.EffectNone}, "12022": {providers.Denied, providers.EffectNone}, "12021": {providers.Denied, providers.EffectNone},
		"12009": {providers.Refused, providers.EffectNone}, "12010": {providers.Refused, providers.EffectNone}, "11011": {providers.Refused, providers.EffectNone},
		"12034": {providers.Refused, providers.EffectNone}, "11000": {providers.Refused, providers.EffectNone},
		"12089": {providers.Refused, providers.EffectNone}, "12098": {providers.Refused, providers.EffectNone}, "12141": {providers.Refused, providers.EffectNone},
		"12099": {providers.Refused, providers.EffectNone}, "12100": {providers.Refused, providers.EffectNone}, "12199": {providers.Refused, providers.EffectNone},
		"500": {providers.Unavailable, providers.EffectUnknown}, "19010": {providers.Unavailable, providers.EffectUnknown},
		"12777": {providers.Refused, providers.EffectUnknown}, "-1": {providers.Refused, providers.EffectUnknown},
	} {
		a := &account{Client: &carriercall.Client{}, codes: meanings()}
		a.Veil.Add("s3cret")
		head := &envelope{Status: text(code), Message: "s3cret"}
		changing := a.explain(carriercall.Call{Name: "change/it", Changing: true}, head)
		assert.Equal(t, want.cause, changing.Cause, code)
		assert.Equal(t, want.effect, providers.EffectOf(changing), code)
		assert.Equal(t, code, changing.Code)
		assert.NotContains(t, changing.Error(), "s3cret")
		assert.Equal(t, providers.EffectNone, providers.EffectOf(a.explain(carriercall.Call{Name: "query/it"}, head)), "reading changes nothing")
	}
}

func TestForeignTextIsKeptShort(t *testing.T) {
	head := &envelope{Status: text(strings.Repeat("9", 500)), Message: text(strings.Repeat("长", 500))}
	e := (&account{Client: &carriercall.Client{}, codes: meanings()}).explain(carriercall.Call{Name: "query/it"}, head)
	assert.Less(t, len([]rune(e.Error())), 400)
}
