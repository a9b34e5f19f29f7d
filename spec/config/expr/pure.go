package expr

import (
	"maps"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Pure is every function of the language whose result follows from its arguments
// alone: none that reads a file, the environment or the clock, and none that says
// what is secret. They may be called by many goroutines at once. Whoever needs
// more adds it to the map, which is the caller's own.
func Pure() map[string]function.Function {
	all := map[string]function.Function{}
	maps.Copy(all, numberFunctions())
	maps.Copy(all, textFunctions())
	maps.Copy(all, collectionFunctions())
	maps.Copy(all, conversionFunctions())
	maps.Copy(all, encodingFunctions())
	all["formatdate"], all["timeadd"] = stdlib.FormatDateFunc, stdlib.TimeAddFunc
	return all
}

// TextFunction makes a function from texts to type ret.
func TextFunction(ret cty.Type, names []string, impl func(args []string) (cty.Value, error)) function.Function {
	return textFunction(ret, names, impl)
}

// CheckMaps reports keys of the maps that are written out in an expression: one
// that stands twice, and a number in place of a text.
var CheckMaps = checkMaps
