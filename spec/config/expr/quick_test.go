package expr

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// tupleOf is what a for expression gives: a tuple, each element with its own type.
func tupleOf(n int) cty.Value {
	list := make([]cty.Value, n)
	for i := range list {
		list[i] = cty.BoolVal(i < n) // all true
		if i%2 == 1 {
			list[i] = cty.StringVal("true")
		}
	}
	return cty.TupleVal(list)
}

// A tuple of a hundred thousand elements takes a hundred times what one of a
// thousand does: HCL's own conversion of an argument compares each with every other.
func TestFunctionsOfCollectionsAreLinearInTheirLength(t *testing.T) {
	all := Functions()
	for _, name := range []string{"alltrue", "anytrue", "distinct", "compact", "sort", "setunion", "chunklist"} {
		t.Run(name, func(t *testing.T) {
			f := all[name]
			for _, p := range append(f.Params(), restOf(f)...) {
				assert.False(t, p.Type.IsCollectionType(), "HCL converts no argument to %s", p.Type.FriendlyName())
			}
			small, large := allocated(t, f, name, 1000), allocated(t, f, name, 16_000)
			assert.Less(t, large, 40*small, "%d bytes for 1,000 elements, %d for 16,000", small, large)
		})
	}
}

func restOf(f function.Function) []function.Parameter {
	if f.VarParam() == nil {
		return nil
	}
	return []function.Parameter{*f.VarParam()}
}

// allocated is how many bytes a call allocates.
func allocated(t *testing.T, f function.Function, name string, n int) uint64 {
	t.Helper()
	args := []cty.Value{tupleOf(n)}
	if name == "chunklist" {
		args = append(args, cty.NumberIntVal(100))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := f.Call(args)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	return after.TotalAlloc - before.TotalAlloc
}

// What a function that takes collections said of other arguments, it still says.
func TestAQuickFunctionRefusesWhatItDidNotTakeBefore(t *testing.T) {
	all := Functions()
	_, err := all["alltrue"].Call([]cty.Value{cty.TupleVal([]cty.Value{cty.StringVal("maybe")})})
	require.ErrorContains(t, err, "a bool is required")
	_, err = all["sort"].Call([]cty.Value{cty.StringVal("x")})
	require.Error(t, err)
	v, err := all["alltrue"].Call([]cty.Value{cty.TupleVal([]cty.Value{cty.True, cty.UnknownVal(cty.Bool)})})
	require.NoError(t, err)
	assert.False(t, v.IsKnown())
	v, err = all["distinct"].Call([]cty.Value{cty.DynamicVal})
	require.NoError(t, err)
	assert.False(t, v.IsKnown())
	_, err = all["join"].Call([]cty.Value{cty.StringVal(","), cty.NullVal(cty.List(cty.String))})
	require.Error(t, err)
	v, err = all["alltrue"].Call([]cty.Value{cty.TupleVal([]cty.Value{cty.True.Mark(sensitive{})})})
	require.NoError(t, err)
	assert.True(t, v.IsMarked(), "a secret stays a secret")
}
