package expr

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"pgregory.net/rapid"
)

func drawnValue(depth int) *rapid.Generator[cty.Value] {
	leaf := rapid.SampledFrom([]cty.Value{
		cty.StringVal("a"), cty.StringVal("7"), cty.StringVal("true"), cty.NumberIntVal(7), cty.True, cty.StringVal("x").Mark("secret"),
		cty.NullVal(cty.String), cty.NullVal(cty.DynamicPseudoType), cty.UnknownVal(cty.String), cty.DynamicVal, cty.ListVal([]cty.Value{cty.StringVal("l")}),
		cty.SetVal([]cty.Value{cty.True}), cty.ListValEmpty(cty.Number), cty.MapVal(map[string]cty.Value{"k": cty.NumberIntVal(1)}),
	})
	if depth == 0 {
		return leaf
	}
	return rapid.Custom(func(t *rapid.T) cty.Value {
		elements := rapid.SliceOfN(drawnValue(depth-1), 0, 4).Draw(t, "elements")
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return leaf.Draw(t, "leaf")
		case 1:
			return cty.TupleVal(elements)
		case 2:
			return cty.TupleVal(elements).Mark("secret")
		}
		attributes := map[string]cty.Value{}
		for i, e := range elements {
			attributes[fmt.Sprint("k", i)] = e
		}
		return cty.ObjectVal(attributes)
	})
}

func drawnType(depth int) *rapid.Generator[cty.Type] {
	leaf := rapid.SampledFrom([]cty.Type{cty.String, cty.Number, cty.Bool, cty.DynamicPseudoType})
	if depth == 0 {
		return leaf
	}
	return rapid.Custom(func(t *rapid.T) cty.Type {
		inner := drawnType(depth-1).Draw(t, "inner")
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return inner
		case 1:
			return cty.Set(inner)
		case 2:
			return cty.Map(inner)
		case 3:
			return cty.ObjectWithOptionalAttrs(map[string]cty.Type{"k0": inner, "k1": cty.String}, []string{"k1"})
		default:
			return cty.List(inner)
		}
	})
}

// outcome is what a conversion gave, to compare it with another.
func outcome(v cty.Value, err error) string {
	if err != nil {
		return "error: " + ErrorText(err)
	}
	return v.GoString()
}

// sameOutcome compares two outcomes. Which of an object's attributes cty finds
// wrong first is chance.
func sameOutcome(t require.TestingT, want, got string, v cty.Value) {
	if strings.Contains(v.GoString(), "ObjectVal") && strings.HasPrefix(want, "error: ") {
		want, got = want[:7], got[:7]
	}
	require.Equal(t, want, got)
}

// attempt tells a panic of cty's, which it has for some unknowns, from a result.
func attempt(do func() (cty.Value, error)) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = "panic"
		}
	}()
	return outcome(do())
}

func TestConvertGivesWhatCtyDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, ty := drawnValue(3).Draw(t, "value"), drawnType(3).Draw(t, "type")
		want := attempt(func() (cty.Value, error) { return convert.Convert(v, ty) })
		if want == "panic" {
			t.SkipNow()
		}
		sameOutcome(t, want, attempt(func() (cty.Value, error) { return Convert(v, ty) }), v)
	})
}

func TestToFunctionsGiveWhatCtysDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawnValue(3).Draw(t, "value")
		ty := rapid.SampledFrom([]cty.Type{cty.List(cty.DynamicPseudoType), cty.Set(cty.DynamicPseudoType), cty.Map(cty.DynamicPseudoType)}).Draw(t, "type")
		theirs, ours := stdlib.MakeToFunc(ty), toFunc(ty)
		want := attempt(func() (cty.Value, error) { return theirs.Call([]cty.Value{v}) })
		if want == "panic" {
			t.SkipNow()
		}
		sameOutcome(t, want, attempt(func() (cty.Value, error) { return ours.Call([]cty.Value{v}) }), v)
	})
}

// TestConvertTakesSecondsForAMillion would take hours if each element was
// compared with each other one.
func TestConvertTakesSecondsForAMillion(t *testing.T) {
	elements := make([]cty.Value, 1_000_000)
	for i := range elements {
		elements[i] = []cty.Value{cty.StringVal("a"), cty.NumberIntVal(1), cty.NullVal(cty.DynamicPseudoType)}[i%3]
	}
	began := time.Now()
	for _, ty := range []cty.Type{cty.List(cty.String), cty.Set(cty.DynamicPseudoType)} {
		v, err := Convert(cty.TupleVal(elements), ty)
		require.NoError(t, err)
		require.NotZero(t, v.LengthInt())
	}
	require.Less(t, time.Since(began), 2*time.Minute)
}
