package editor

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl-lang/schema"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cardfleet/cardfleet/spec/config"
)

// signatures are the functions of expressions, by name.
type signatures map[string]schema.FunctionSignature

func functionSignatures() signatures {
	out := signatures{}
	for name, f := range config.Functions() {
		if strings.Contains(name, "::") && !strings.HasPrefix(name, "provider::") {
			continue // another name of one that is there
		}
		out[name] = schema.FunctionSignature{
			Description: f.Description(), ReturnType: returned(f), Params: f.Params(), VarParam: f.VarParam(),
		}
	}
	return out
}

// returned is a function's type where it is the same for any argument; else any.
func returned(f function.Function) (t cty.Type) {
	defer func() {
		if recover() != nil { // a function of unknown values may expect known ones
			t = cty.DynamicPseudoType
		}
	}()
	types := make([]cty.Type, len(f.Params()))
	for i, p := range f.Params() {
		types[i] = p.Type
	}
	t, err := f.ReturnType(types)
	if err != nil {
		return cty.DynamicPseudoType
	}
	return t
}

// text is how a function is called, and what it gives, in Markdown.
func (s signatures) text(name string) string {
	f, ok := s[name]
	if !ok {
		return ""
	}
	var params []string
	for _, p := range f.Params {
		params = append(params, p.Name+" "+p.Type.FriendlyName())
	}
	if f.VarParam != nil {
		params = append(params, "…"+f.VarParam.Name+" "+f.VarParam.Type.FriendlyName())
	}
	text := fmt.Sprintf("```\n%s(%s) %s\n```", name, strings.Join(params, ", "), f.ReturnType.FriendlyName())
	if f.Description != "" {
		text += "\n\n" + f.Description
	}
	return text
}

// offered are the functions that begin as is typed, and those that are called at the
// place, whose arguments are completed; with nothing typed they would bury the names.
func (q question) offered() signatures {
	typed := q.typed()
	out := signatures{}
	for name, f := range q.signs {
		if typed != "" && strings.HasPrefix(name, typed) {
			out[name] = f
		}
	}
	q.x.calls(func(call *hclsyntax.FunctionCallExpr) {
		if f, ok := q.signs[call.Name]; ok && q.at >= call.NameRange.Start.Byte {
			out[call.Name] = f
		}
	})
	return out
}

// calls yields each call of a function.
func (x *excerpt) calls(yield func(*hclsyntax.FunctionCallExpr)) {
	// No visitor of ours finds anything wrong.
	_ = hclsyntax.VisitAll(x.body, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			yield(call)
		}
		return nil
	})
}
