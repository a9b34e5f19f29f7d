package expr

import (
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// textFunction makes a function from strings to type ret.
func textFunction(ret cty.Type, names []string, impl func(args []string) (cty.Value, error)) function.Function {
	params := make([]function.Parameter, len(names))
	for i, n := range names {
		params[i] = function.Parameter{Name: n, Type: cty.String}
	}
	return function.New(&function.Spec{
		Params: params,
		Type:   function.StaticReturnType(ret),
		Impl: func(values []cty.Value, _ cty.Type) (cty.Value, error) {
			args := make([]string, len(values))
			for i, v := range values {
				args[i] = v.AsString()
			}
			return impl(args)
		},
	})
}

// textTest makes a function that answers a question about two strings.
func textTest(test func(s, part string) bool) function.Function {
	return textFunction(cty.Bool, []string{"str", "part"}, func(args []string) (cty.Value, error) {
		return cty.BoolVal(test(args[0], args[1])), nil
	})
}

var (
	startsWithFunc  = textTest(strings.HasPrefix)
	endsWithFunc    = textTest(strings.HasSuffix)
	strContainsFunc = textTest(strings.Contains)
)

// replaceFunc takes a substring between slashes as a regular expression, as
// Terraform does: replace("a1", "/[0-9]/", "").
var replaceFunc = textFunction(cty.String, []string{"str", "substr", "replace"},
	func(args []string) (cty.Value, error) {
		str, old, with := args[0], args[1], args[2]
		if len(old) > 1 && old[0] == '/' && old[len(old)-1] == '/' {
			re, err := regexp.Compile(old[1 : len(old)-1])
			if err != nil {
				return cty.UnknownVal(cty.String), function.NewArgError(1, err)
			}
			return cty.StringVal(re.ReplaceAllString(str, with)), nil
		}
		return cty.StringVal(strings.ReplaceAll(str, old, with)), nil
	})
