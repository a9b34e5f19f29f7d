package expr

import (
	"errors"
	"math"
	"math/big"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// assumeFunctions are OpenTofu's: each gives its value back, fails where the
// value isn't as it says, and has an unknown one known to be so.
func assumeFunctions() map[string]function.Function {
	all := map[string]function.Function{
		"assumeequal": assumeEqualFunc, "assumenotnull": assumeNotNullFunc, "assumestringprefix": assumeStringPrefixFunc,
	}
	for noun, kind := range map[string]func(cty.Type) cty.Type{"list": cty.List, "set": cty.Set, "map": cty.Map} {
		name := "assume" + noun + "length"
		all[name] = assumeLength(kind, "min_length", "max_length")
		all[name+"min"] = assumeLength(kind, "min_length", "")
		all[name+"max"] = assumeLength(kind, "", "max_length")
	}
	return all
}

var errNotUpheld = errors.New("assumption was not upheld")

// assumed is the parameter that an assumption is about.
func assumed(ty cty.Type) function.Parameter {
	return function.Parameter{Name: "value", Type: ty, AllowNull: true, AllowUnknown: true, AllowDynamicType: true}
}

var assumeEqualFunc = function.New(&function.Spec{
	Params: []function.Parameter{assumed(cty.DynamicPseudoType), {
		Name: "expected_value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true,
	}},
	Type: func(args []cty.Value) (cty.Type, error) { return args[1].Type(), nil },
	Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
		actual, err := Convert(args[0], ty)
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(0, "actual value type %s does not match assumed value type %s",
				args[0].Type().FriendlyName(), ty.FriendlyName())
		}
		if eq := actual.Equals(args[1]); eq.IsKnown() && eq.False() {
			return cty.NilVal, function.NewArgErrorf(0, "the actual value does not match the assumed value")
		}
		return args[1], nil
	},
})

var assumeNotNullFunc = function.New(&function.Spec{
	Params: []function.Parameter{assumed(cty.DynamicPseudoType)},
	Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
	Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
		switch {
		case ty == cty.DynamicPseudoType:
			return cty.NilVal, function.NewArgErrorf(0, "given value must have a known type; convert(…, TYPE) gives it one")
		case args[0].IsNull():
			return cty.NilVal, function.NewArgError(0, errNotUpheld)
		}
		return args[0].RefineNotNull(), nil
	},
})

var assumeStringPrefixFunc = function.New(&function.Spec{
	Params: []function.Parameter{assumed(cty.String), {Name: "prefix", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, prefix := args[0], args[1].AsString()
		var begins bool
		switch {
		case v.IsNull():
			return cty.NilVal, function.NewArgError(0, errNotUpheld)
		case v.IsKnown():
			begins = strings.HasPrefix(v.AsString(), prefix)
		default:
			known := v.Range().StringPrefix()
			begins = strings.HasPrefix(known, prefix) || strings.HasPrefix(prefix, known)
		}
		if !begins {
			return cty.NilVal, function.NewArgError(0, errNotUpheld)
		}
		if v.IsKnown() || len(v.Range().StringPrefix()) >= len(prefix) {
			return v, nil
		}
		return v.Refine().NotNull().StringPrefixFull(prefix).NewValue(), nil
	},
})

// assumeLength makes a function of a collection and one or two bounds of its
// length; "" for a bound that there isn't. A tuple or an object becomes one.
func assumeLength(kind func(cty.Type) cty.Type, least, most string) function.Function {
	want := kind(cty.DynamicPseudoType)
	params := []function.Parameter{assumed(cty.DynamicPseudoType)} // converted below, since cty's conversion of a long tuple takes minutes
	for _, name := range []string{least, most} {
		if name != "" {
			params = append(params, function.Parameter{Name: name, Type: cty.Number})
		}
	}
	bounded := func(args []cty.Value) (cty.Value, error) {
		low, high, err := bounds(args[1:], least != "", most != "")
		if err != nil {
			return cty.NilVal, err
		}
		v, err := Convert(args[0], want)
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(0, "cannot convert %s to %s", args[0].Type().FriendlyName(), want.FriendlyNameForConstraint())
		}
		return withLength(v, low, high)
	}
	return function.New(&function.Spec{
		Params: params,
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := bounded(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return bounded(args) },
	})
}

// bounds are the least and the most elements that arguments tell.
func bounds(args []cty.Value, least, most bool) (low, high int, err error) {
	low, high = 0, math.MaxInt
	for i, arg := range args {
		if !arg.IsKnown() {
			continue
		}
		n, acc := arg.AsBigFloat().Int64()
		if acc != big.Exact || n < 0 || n >= math.MaxInt {
			return 0, 0, function.NewArgErrorf(i+1, "must be a whole number between 0 and %d", math.MaxInt)
		}
		if i == 0 && least {
			low = int(n)
		}
		if i == len(args)-1 && most {
			high = int(n)
		}
	}
	return low, high, nil
}

func withLength(v cty.Value, low, high int) (cty.Value, error) {
	switch {
	case v.IsNull():
		return cty.NilVal, function.NewArgError(0, errNotUpheld)
	case v.Type() == cty.DynamicPseudoType:
		return v, nil
	case v.IsKnown():
		if n := v.LengthInt(); n < low || n > high {
			return cty.NilVal, function.NewArgError(0, errNotUpheld)
		}
		return v, nil
	}
	was := v.Range()
	low, high = max(low, was.LengthLowerBound()), min(high, was.LengthUpperBound())
	if low > high {
		return cty.NilVal, function.NewArgError(0, errNotUpheld)
	}
	return v.Refine().NotNull().CollectionLengthLowerBound(low).CollectionLengthUpperBound(high).NewValue(), nil
}
