package expr

import (
	"errors"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// Convert is cty's conversion, at a cost that grows with the length of a list or
// a map. cty compares the type of each element with that of every other one,
// which takes minutes for 100,000 of them.
func Convert(v cty.Value, ty cty.Type) (cty.Value, error) {
	if !gathers(v.Type(), ty) || !v.IsKnown() || v.IsNull() {
		return convert.Convert(v, ty)
	}
	plain, marks := v.Unmark()
	out, err := gather(plain, ty)
	if err != nil {
		return cty.NilVal, err
	}
	return out.WithMarks(marks), nil
}

// gathers reports whether elements of several types become elements of one.
func gathers(from, to cty.Type) bool {
	return from.IsTupleType() && (to.IsListType() || to.IsSetType()) || from.IsObjectType() && to.IsMapType()
}

// gather converts each element alone.
func gather(v cty.Value, ty cty.Type) (cty.Value, error) {
	if v.LengthInt() == 0 {
		return convert.Convert(v, ty)
	}
	element, ok := elementType(v.Type(), ty)
	if !ok {
		return cty.NilVal, errors.New(convert.MismatchMessage(v.Type(), ty))
	}
	keys, elements, path := make([]cty.Value, 0, v.LengthInt()), make([]cty.Value, 0, v.LengthInt()), make(cty.Path, 1)
	same := true
	for it := v.ElementIterator(); it.Next(); {
		key, e := it.Element()
		e, err := Convert(e, element)
		if err != nil {
			path[0] = cty.IndexStep{Key: key}
			return cty.NilVal, path.NewError(err)
		}
		if ty.IsSetType() && e.IsNull() {
			e = cty.NullVal(e.Type().WithoutOptionalAttributesDeep())
		}
		keys, elements = append(keys, key), append(elements, e)
		same = same && e.Type().Equals(elements[0].Type())
	}
	if !same && !ty.IsSetType() { // a type that is any within
		return convert.Convert(v, ty)
	}
	return collection(ty, keys, elements)
}

func collection(ty cty.Type, keys, elements []cty.Value) (cty.Value, error) {
	switch {
	case ty.IsListType():
		return cty.ListVal(elements), nil
	case ty.IsSetType() && !cty.CanSetVal(elements):
		return cty.NilVal, errors.New("element types must all match for conversion to set")
	case ty.IsSetType():
		return cty.SetVal(elements), nil
	}
	of := make(map[string]cty.Value, len(keys))
	for i, key := range keys {
		of[key.AsString()] = elements[i]
	}
	return cty.MapVal(of), nil
}

// elementType is the type that the elements of a tuple or an object have in a
// collection of type ty; false where one of them can't have it.
func elementType(from, ty cty.Type) (cty.Type, bool) {
	types := differentTypes(from)
	element := ty.ElementType()
	if element == cty.DynamicPseudoType {
		element, _ = convert.UnifyUnsafe(types)
		return element, element != cty.NilType && (element != cty.DynamicPseudoType || len(types) == 1 || ty.IsMapType())
	}
	for _, t := range types {
		if !t.Equals(element) && convert.GetConversionUnsafe(t, element) == nil {
			return cty.NilType, false
		}
	}
	return element, true
}

// differentTypes are the types of the elements, each once: a tuple's as they
// come, an object's by name.
func differentTypes(from cty.Type) []cty.Type {
	if from.IsObjectType() {
		attributes := from.AttributeTypes()
		all := make([]cty.Type, 0, len(attributes))
		for _, name := range slices.Sorted(maps.Keys(attributes)) {
			all = append(all, attributes[name])
		}
		return withoutRepeats(all)
	}
	return withoutRepeats(from.TupleElementTypes())
}

func withoutRepeats(all []cty.Type) []cty.Type {
	var types []cty.Type
	seen := map[cty.Type]bool{} // of the types that Go compares
	for _, t := range all {
		if t.IsPrimitiveType() || t == cty.DynamicPseudoType {
			if !seen[t] {
				seen[t] = true
				types = append(types, t)
			}
		} else if !slices.ContainsFunc(types, t.Equals) {
			types = append(types, t)
		}
	}
	return types
}

func isEmpty(structural cty.Type) bool {
	if structural.IsObjectType() {
		return len(structural.AttributeTypes()) == 0
	}
	return len(structural.TupleElementTypes()) == 0
}

// toFunc makes tolist, toset and tomap. Its messages are those of [stdlib.MakeToFunc].
func toFunc(want cty.Type) function.Function {
	cannot := func(got cty.Type) error {
		return function.NewArgErrorf(0, "cannot convert %s to %s", got.FriendlyName(), want.FriendlyNameForConstraint())
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "v", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			got := args[0].Type()
			ok := got.Equals(want)
			switch {
			case ok:
			case gathers(got, want) && !isEmpty(got):
				_, ok = elementType(got, want)
			default:
				ok = convert.GetConversionUnsafe(got, want) != nil
			}
			if !ok {
				return cty.NilType, cannot(got)
			}
			return want, nil
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			v, err := Convert(args[0], ty)
			if err != nil {
				return cty.NilVal, cannot(args[0].Type())
			}
			return v, nil
		},
	})
}
