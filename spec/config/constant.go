package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// constant reports whether an expression means what stands in the file: texts,
// numbers and path.root. What is reviewed is then what counts, whatever variables,
// the environment, tables and the time of day say. Where it isn't so, that is a
// mistake at the part that may vary.
func (s settings) constant(name string) bool {
	a := s.attributes[name]
	for _, t := range a.Expr.Variables() {
		if len(t) == 2 && t.RootName() == "path" {
			if step, ok := t[1].(hcl.TraverseAttr); ok && step.Name == "root" {
				continue
			}
		}
		s.varies(t.SourceRange(), name)
		return false
	}
	// Without functions each call is a mistake, in HCL's JSON syntax too. Other
	// mistakes come out where the expression is evaluated for its value.
	bare := &hcl.EvalContext{Variables: map[string]cty.Value{"path": cty.ObjectVal(map[string]cty.Value{"root": cty.StringVal(".")})}}
	_, diags := a.Expr.Value(bare)
	for _, d := range diags {
		if d.Summary == "Function calls not allowed" && d.Subject != nil {
			s.varies(*d.Subject, name)
			return false
		}
	}
	return true
}

func (s settings) varies(at hcl.Range, name string) {
	detail := "In a policy and in approval blocks each value is written out, so that what is reviewed is what counts: texts, numbers, path.root; no variable, local, function or environment. Write the value of %s here."
	if name == "cards" {
		detail += " For many cards there is from_csv."
	}
	s.report.ErrorAt(at, "Value is not constant", detail, name)
}
