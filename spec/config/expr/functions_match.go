package expr

import (
	"errors"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// matchKeysFunc keeps the values whose keys stand in a list. Its parameters are
// of any type, since cty's conversion of a long tuple to a list takes minutes.
var matchKeysFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "values", Type: cty.DynamicPseudoType},
		{Name: "keys", Type: cty.DynamicPseudoType},
		{Name: "searchset", Type: cty.DynamicPseudoType},
	},
	Type: func(args []cty.Value) (cty.Type, error) {
		lists, err := asLists(args)
		if err != nil {
			return cty.NilType, err
		}
		return lists[0].Type(), nil
	},
	Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
		lists, err := asLists(args)
		if err != nil {
			return cty.NilVal, err
		}
		values, keys, searchset := lists[0], lists[1], lists[2]
		if !values.IsWhollyKnown() || !keys.IsWhollyKnown() || !searchset.IsWhollyKnown() {
			return cty.UnknownVal(ty), nil
		}
		if values.LengthInt() != keys.LengthInt() {
			return cty.NilVal, errors.New("length of keys and values should be equal")
		}
		var kept []cty.Value
		wanted, all := newValueSet(searchset), values.AsValueSlice()
		for i, key := range keys.AsValueSlice() {
			if wanted.has(key) {
				kept = append(kept, all[i])
			}
		}
		if len(kept) == 0 {
			return cty.ListValEmpty(ty.ElementType()), nil
		}
		return cty.ListVal(kept), nil
	},
})

// asLists are the arguments as lists, the second and the third of one type.
func asLists(args []cty.Value) ([]cty.Value, error) {
	lists := make([]cty.Value, len(args))
	for i, arg := range args {
		v, err := Convert(arg, cty.List(cty.DynamicPseudoType))
		if err != nil {
			return nil, function.NewArgErrorf(i, "list of any single type required")
		}
		lists[i] = v
	}
	ty, _ := convert.UnifyUnsafe([]cty.Type{lists[1].Type(), lists[2].Type()})
	if ty == cty.NilType {
		return nil, errors.New("keys and searchset must be of the same type")
	}
	for i := 1; i < len(lists); i++ {
		v, err := Convert(lists[i], ty)
		if err != nil {
			return nil, function.NewArgError(i, err)
		}
		lists[i] = v
	}
	return lists, nil
}

// valueSet finds values: by their text where they have one, else one by one.
type valueSet struct {
	texts map[string]bool
	list  []cty.Value
}

func newValueSet(list cty.Value) valueSet {
	s := valueSet{texts: map[string]bool{}, list: list.AsValueSlice()}
	for _, v := range s.list {
		if text, ok := primitiveText(v); ok {
			s.texts[text] = true
		}
	}
	return s
}

func (s valueSet) has(v cty.Value) bool {
	if text, ok := primitiveText(v); ok {
		return s.texts[text]
	}
	return slices.ContainsFunc(s.list, v.RawEquals)
}

// primitiveText is a text, a number or a bool as a text; false for others and null.
func primitiveText(v cty.Value) (string, bool) {
	if v.IsNull() || !v.Type().IsPrimitiveType() {
		return "", false
	}
	text, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", false
	}
	return text.AsString(), true
}

// transposeFunc swaps the keys and the values of a map of lists of texts.
var transposeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "values", Type: cty.Map(cty.List(cty.String))}},
	Type:   function.StaticReturnType(cty.Map(cty.List(cty.String))),
	Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(ty), nil
		}
		keysOf := map[string][]cty.Value{} // in the order of the keys, which is the map's own
		for it := args[0].ElementIterator(); it.Next(); {
			key, list := it.Element()
			if list.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "cannot use null list for [%q]", key.AsString())
			}
			for _, v := range list.AsValueSlice() {
				if v.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "cannot use null string in [%q]", key.AsString())
				}
				keysOf[v.AsString()] = append(keysOf[v.AsString()], key)
			}
		}
		swapped := make(map[string]cty.Value, len(keysOf))
		for text, keys := range keysOf {
			swapped[text] = cty.ListVal(keys)
		}
		if len(swapped) == 0 {
			return cty.MapValEmpty(cty.List(cty.String)), nil
		}
		return cty.MapVal(swapped), nil
	},
})

// timeCmpFunc is -1, 0 or 1: the first time is before the second, the same, or after it.
var timeCmpFunc = textFunction(cty.Number, []string{"timestamp_a", "timestamp_b"}, func(args []string) (cty.Value, error) {
	var at [2]time.Time
	for i, text := range args {
		if _, err := stdlib.TimeAdd(cty.StringVal(text), cty.StringVal("0s")); err != nil { // whose words say what is wrong
			return cty.NilVal, function.NewArgError(i, err)
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(i, "not a valid RFC3339 timestamp")
		}
		at[i] = t
	}
	return cty.NumberIntVal(int64(at[0].Compare(at[1]))), nil
})
