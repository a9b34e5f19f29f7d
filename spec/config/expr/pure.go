package expr

import (
	"maps"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Pure is every function of the language whose result follows from its arguments
// alone: none that reads a file, the environment or the clock, and none that says
// what is secret; nor convert, whose second argument is a type's name, which
// whoever checks references must know. They may be called by many goroutines at once. Whoever needs
// more adds it to the map, which is the caller's own.
func Pure() map[string]function.Function {
	all := map[string]function.Function{}
	maps.Copy(all, numberFunctions())
	maps.Copy(all, textFunctions())
	maps.Copy(all, collectionFunctions())
	maps.Copy(all, conversionFunctions())
	maps.Copy(all, encodingFunctions())
	maps.Copy(all, packFunctions())
	maps.Copy(all, addressFunctions())
	maps.Copy(all, assumeFunctions())
	maps.Copy(all, ownFunctions())
	quick(all)
	all["formatdate"], all["timeadd"], all["timecmp"] = stdlib.FormatDateFunc, stdlib.TimeAddFunc, timeCmpFunc
	return all
}

// TextFunction makes a function from texts to type ret.
func TextFunction(ret cty.Type, names []string, impl func(args []string) (cty.Value, error)) function.Function {
	return textFunction(ret, names, impl)
}

// CheckMaps reports keys of the maps that are written out in an expression: one
// that stands twice, and a number in place of a text.
var CheckMaps = checkMaps
