package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty/function"
)

// VariableSchema is what a variable block may have.
func VariableSchema() *hcl.BodySchema { return variableSchema() }

// ValidationSchema is what a validation block may have.
func ValidationSchema() *hcl.BodySchema { return validationSchema() }

// Functions are the functions of expressions, by name, for what they take and
// give. They see no files, so that none of them may be called.
func Functions() map[string]function.Function {
	return functions(World{Files: NewInputs(""), Env: func(string) (string, bool) { return "", false }, Secrets: &Secrets{}})
}
