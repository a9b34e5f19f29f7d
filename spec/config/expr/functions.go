package expr

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// World is what expressions may see of the outside.
type World struct {
	Files *Inputs
	Env   func(string) (string, bool)
	Now   time.Time // one time for the whole load, as Terraform has it
	// Cwd is path.cwd.
	Cwd     string
	Secrets *Secrets
}

// functions is every function of the language, with Terraform's names and results.
func functions(w World) map[string]function.Function {
	all := map[string]function.Function{}
	maps.Copy(all, numberFunctions())
	maps.Copy(all, textFunctions())
	maps.Copy(all, collectionFunctions())
	maps.Copy(all, conversionFunctions())
	maps.Copy(all, encodingFunctions())
	maps.Copy(all, packFunctions())
	maps.Copy(all, addressFunctions())
	maps.Copy(all, assumeFunctions())
	maps.Copy(all, decodeFunctions(w.Files))
	maps.Copy(all, timeFunctions(w.Now))
	maps.Copy(all, sensitiveFunctions(w))
	maps.Copy(all, fileFunctions(w.Files))
	maps.Copy(all, fileHashFunctions(w.Files))
	maps.Copy(all, ownFunctions())
	quick(all)
	all["convert"], all["pathexpand"] = convertFunc(), pathExpandFunction(w)
	maps.Copy(all, templateFunctions(w.Files, all))
	return withCore(all)
}

// corePrefix may stand before the name of each function that is Terraform's.
const corePrefix = "core::"

// withCore adds the names that say that a function is the language's own.
func withCore(all map[string]function.Function) map[string]function.Function {
	both := maps.Clone(all)
	for name, f := range all {
		if !strings.Contains(name, "::") {
			both[corePrefix+name] = f
		}
	}
	return both
}

// FunctionNames are the names of all functions, sorted, without those that begin
// with core::.
func FunctionNames() []string {
	all := Functions()
	maps.DeleteFunc(all, func(name string, _ function.Function) bool { return strings.HasPrefix(name, corePrefix) })
	return slices.Sorted(maps.Keys(all))
}

func numberFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
		"log": stdlib.LogFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
		"parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,
		"sum": sumFunc,
	}
}

func textFunctions() map[string]function.Function {
	return map[string]function.Function{
		"chomp": stdlib.ChompFunc, "endswith": endsWithFunc, "format": stdlib.FormatFunc,
		"formatlist": stdlib.FormatListFunc, "indent": stdlib.IndentFunc, "join": stdlib.JoinFunc,
		"lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"replace": replaceFunc, "split": stdlib.SplitFunc, "startswith": startsWithFunc,
		"strcontains": strContainsFunc, "strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc,
		"title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,
	}
}

func collectionFunctions() map[string]function.Function {
	return map[string]function.Function{
		"alltrue": allTrueFunc, "anytrue": anyTrueFunc, "chunklist": stdlib.ChunklistFunc,
		"coalesce": coalesceFunc, "coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc,
		"concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc,
		"element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "index": indexFunc,
		"keys": stdlib.KeysFunc, "length": lengthFunc, "lookup": lookupFunc, "matchkeys": matchKeysFunc, "merge": stdlib.MergeFunc,
		"one": oneFunc, "range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc,
		"setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc,
		"slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "transpose": transposeFunc, "values": stdlib.ValuesFunc,
		"zipmap": stdlib.ZipmapFunc,
	}
}

func conversionFunctions() map[string]function.Function {
	return map[string]function.Function{
		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,
		"tobool":   stdlib.MakeToFunc(cty.Bool),
		"tolist":   toFunc(cty.List(cty.DynamicPseudoType)),
		"tomap":    toFunc(cty.Map(cty.DynamicPseudoType)),
		"tonumber": stdlib.MakeToFunc(cty.Number),
		"toset":    toFunc(cty.Set(cty.DynamicPseudoType)),
		"tostring": stdlib.MakeToFunc(cty.String),
	}
}

func encodingFunctions() map[string]function.Function {
	return map[string]function.Function{
		"base64decode": base64DecodeFunc, "base64encode": base64EncodeFunc,
		"jsonencode": stdlib.JSONEncodeFunc, "md5": md5Func, "sha1": sha1Func,
		"sha256": sha256Func, "sha512": sha512Func, "yamlencode": ctyyaml.YAMLEncodeFunc,
	}
}

// timeFunctions have one time for the whole run: timestamp and plantimestamp are the same.
func timeFunctions(now time.Time) map[string]function.Function {
	timestamp := textFunction(cty.String, nil, func([]string) (cty.Value, error) {
		return cty.StringVal(now.UTC().Format(time.RFC3339)), nil
	})
	return map[string]function.Function{
		"formatdate": stdlib.FormatDateFunc, "timeadd": stdlib.TimeAddFunc, "timecmp": timeCmpFunc,
		"timestamp": timestamp, "plantimestamp": timestamp,
	}
}
