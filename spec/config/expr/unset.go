package expr

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// unsetError is why env has no value: the variable isn't set.
type unsetError struct{ name string }

func (e *unsetError) Error() string {
	return fmt.Sprintf("the environment variable %s is not set; set it, or write try(env(%q), null) where it may be missing", e.name, e.name)
}

// onlyUnset reports whether nothing is wrong but that variables aren't set.
func onlyUnset(diags hcl.Diagnostics) bool {
	for _, d := range diags {
		call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
		var unset *unsetError
		if d.Severity == hcl.DiagError && !(ok && errors.As(call.FunctionCallError(), &unset)) {
			return false
		}
	}
	return diags.HasErrors()
}

// failed reports what is wrong with an expression. That variables aren't set is only
// gathered, where whoever asked may do without the value.
func (s *Scope) failed(diags hcl.Diagnostics) bool {
	if s.unset == nil || !onlyUnset(diags) {
		return s.report.HCL(diags)
	}
	*s.unset = append(*s.unset, diags...)
	return true
}

// EvalLater is [Scope.Eval] for a value that not everybody needs. Where all that is
// wrong is that variables of the environment aren't set, that is returned in place of
// being reported.
func (s *Scope) EvalLater(e hcl.Expression, where Setting) (v cty.Value, unset hcl.Diagnostics, ok bool) {
	defer s.gather(&unset)()
	v, ok = s.Eval(e, where)
	return v, unset, ok
}

// gather has variables that aren't set gathered, until it is undone.
func (s *Scope) gather(into *hcl.Diagnostics) (undo func()) {
	before := s.unset
	s.unset = into
	return func() { s.unset = before }
}
