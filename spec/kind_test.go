package spec_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
)

func TestTheTableSaysAllOfEachKind(t *testing.T) {
	turns := slices.SortedFunc(slices.Values(spec.Kinds()), spec.Kind.CompareTurn)
	for i, kind := range turns {
		parsed, ok := spec.ParseKind(string(kind))
		assert.True(t, ok)
		assert.Equal(t, kind, parsed)
		assert.Contains(t, []spec.Risk{spec.Reversible, spec.Disruptive, spec.Irreversible}, kind.Risk(), "%s", kind)
		assert.Equal(t, kind.CallsCarrier(), kind.Attr() != 0, "%s: a call changes an attribute, and nothing else does", kind)
		if i > 0 {
			assert.Negative(t, turns[i-1].CompareTurn(kind), "%s and %s run at the same time", turns[i-1], kind)
		}
	}
	_, ok := spec.ParseKind("vow")
	assert.False(t, ok)
	_, ok = spec.ParseKind("")
	assert.False(t, ok)
}

func TestACardIsInServiceBeforeItIsGivenAnything(t *testing.T) {
	assert.Equal(t, []spec.Kind{spec.Resume, spec.Subscribe, spec.ChangeBind, spec.Unsubscribe, spec.Stop, spec.Unbind}, spec.CarrierKinds())
	assert.Equal(t, []spec.Kind{
		spec.Adopt, spec.ChangeBind, spec.Unbind, spec.Stop, spec.Resume, spec.Subscribe, spec.Unsubscribe, spec.Move, spec.Forget,
	}, spec.Kinds(), "the order of a plan's last line")
}

// The numbers are in every state file.
func TestAnAttributeKeepsItsNumberAndItsName(t *testing.T) {
	assert.Equal(t, []spec.Attr{1, 2, 4}, spec.Attrs())
	for _, attr := range spec.Attrs() {
		parsed, ok := spec.ParseAttr(attr.String())
		assert.True(t, ok)
		assert.Equal(t, attr, parsed)
	}
	assert.Equal(t, "imei, active, packages", (spec.AttrBinding | spec.AttrActive | spec.AttrPackages).String())
	assert.Empty(t, spec.Attr(0).String())
	_, ok := spec.ParseAttr("colour")
	assert.False(t, ok)
}
