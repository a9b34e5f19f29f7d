package expr

import (
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// writtenType is a type as a variable block says it.
type writtenType struct {
	typ      cty.Type
	defaults *typeexpr.Defaults
}

// typeArgument is the type of an argument that is a type's name, such as
// list(string), and no value.
func typeArgument() cty.Type {
	var ty cty.Type
	decode := customdecode.CustomExpressionDecoderFunc(func(e hcl.Expression, _ *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
		typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(e)
		return cty.CapsuleVal(ty, &writtenType{typ, defaults}), diags
	})
	ty = cty.CapsuleWithOps("type", reflect.TypeFor[writtenType](), &cty.CapsuleOps{
		ExtensionData: func(key any) any {
			if key == customdecode.CustomExpressionDecoder {
				return decode
			}
			return nil
		},
	})
	return ty
}

// convertFunc is a value as a type that is written out, as a variable's value
// becomes the variable's type.
func convertFunc() function.Function {
	converted := func(args []cty.Value) (cty.Value, error) {
		v, want := args[0], args[1].EncapsulatedValue().(*writtenType)
		if want.defaults != nil && !v.IsNull() {
			v = want.defaults.Apply(v)
		}
		v, err := Convert(v, want.typ)
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(0, "%s", ErrorText(err))
		}
		return v, nil
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true},
			{Name: "type", Type: typeArgument()},
		},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := converted(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return converted(args) },
	})
}

// typeNames are where the names of types stand in an expression, which look like
// references: string in convert(x, list(string)).
func typeNames(e hcl.Expression) map[hcl.Range]bool {
	native, ok := e.(hclsyntax.Expression)
	if !ok {
		return nil
	}
	var at map[hcl.Range]bool
	_ = hclsyntax.VisitAll(native, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is || strings.TrimPrefix(call.Name, corePrefix) != "convert" || len(call.Args) != 2 {
			return nil
		}
		for _, t := range call.Args[1].Variables() {
			if at == nil {
				at = map[hcl.Range]bool{}
			}
			at[t.SourceRange()] = true
		}
		return nil
	})
	return at
}

// references are what an expression refers to, without the names of types. In
// JSON, where calls can't be looked into, each such name is taken for a type's.
func references(e hcl.Expression) []hcl.Traversal {
	all := e.Variables()
	var types map[hcl.Range]bool
	kept, looked := all[:0:0], false
	for _, t := range all {
		if len(t) != 1 || !isTypeName(t.RootName()) {
			kept = append(kept, t)
			continue
		}
		if !looked {
			types, looked = typeNames(e), true
		}
		if _, native := e.(hclsyntax.Expression); native && !types[t.SourceRange()] {
			kept = append(kept, t)
		}
	}
	return kept
}

func isTypeName(name string) bool {
	switch name {
	case "string", "number", "bool", "any":
		return true
	}
	return false
}
