package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

func sensitiveFunctions(w World) map[string]function.Function {
	anything := []function.Parameter{{
		Name: "value", Type: cty.DynamicPseudoType,
		AllowUnknown: true, AllowNull: true, AllowMarked: true, AllowDynamicType: true,
	}}
	sameType := func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil }
	return map[string]function.Function{
		"env": envFunction(w),
		"sensitive": function.New(&function.Spec{Params: anything, Type: sameType,
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return w.Secrets.Mark(args[0]), nil },
		}),
		"nonsensitive": function.New(&function.Spec{Params: anything, Type: sameType,
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				v, _ := args[0].Unmark()
				w.Secrets.Forget(v)
				return v, nil
			},
		}),
		"issensitive": function.New(&function.Spec{Params: anything, Type: function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return cty.BoolVal(args[0].IsMarked()), nil },
		}),
	}
}

// envFunction reads the environment. What comes from there is sensitive, since
// that is where people keep credentials.
func envFunction(w World) function.Function {
	return textFunction(cty.String, []string{"name"}, func(args []string) (cty.Value, error) {
		value, ok := w.Env(args[0])
		if !ok {
			return cty.NilVal, &unsetError{args[0]}
		}
		return w.Secrets.Mark(cty.StringVal(value)), nil
	})
}
