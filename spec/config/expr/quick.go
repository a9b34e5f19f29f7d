package expr

import (
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// quick has each function take a tuple for a list in a time that grows with its
// length: what HCL converts by the type of a parameter takes minutes for 100,000
// elements, see [Convert]. A for expression over cards gives such a tuple.
func quick(all map[string]function.Function) {
	for name, f := range all {
		all[name] = quickly(f)
	}
}

// quickly is the function with parameters of any type in the place of those that
// are collections. It converts their arguments itself.
func quickly(f function.Function) function.Function {
	params, rest := f.Params(), f.VarParam()
	wants := make([]cty.Type, len(params))
	for i := range params {
		wants[i] = collectionWanted(&params[i])
	}
	more := cty.NilType
	if rest != nil {
		more = collectionWanted(rest)
	}
	if more == cty.NilType && !slices.ContainsFunc(wants, func(ty cty.Type) bool { return ty != cty.NilType }) {
		return f
	}
	converted := func(args []cty.Value) ([]cty.Value, error) {
		own := slices.Clone(args)
		for i := range own {
			want := more
			if i < len(wants) {
				want = wants[i]
			}
			if want == cty.NilType {
				continue
			}
			v, err := Convert(own[i], want)
			if err != nil {
				return nil, function.NewArgError(i, err)
			}
			own[i] = v
		}
		return own, nil
	}
	return function.New(&function.Spec{
		Description: f.Description(), Params: params, VarParam: rest,
		Type: func(args []cty.Value) (cty.Type, error) {
			own, err := converted(args)
			if err != nil {
				return cty.NilType, err
			}
			return f.ReturnTypeForValues(own)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			own, err := converted(args)
			if err != nil {
				return cty.NilVal, err
			}
			return f.Call(own)
		},
	})
}

// collectionWanted has a parameter that is a collection take any type, and returns
// the collection; [cty.NilType] for another parameter.
func collectionWanted(p *function.Parameter) cty.Type {
	want := p.Type
	if !want.IsCollectionType() {
		return cty.NilType
	}
	p.Type = cty.DynamicPseudoType
	return want
}
