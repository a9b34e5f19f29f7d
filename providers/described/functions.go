package described

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// outside is what functions take from the world: the time of the request, and
// random bytes.
type outside struct {
	now    func() string // RFC 3339
	random func(p []byte)
}

// functions is every function that a definition may call.
func functions(o outside) map[string]function.Function {
	all := expr.Pure()
	maps.Copy(all, hashes())
	maps.Copy(all, timeFunctions())
	all["hex"] = textFunc([]string{"str"}, func(a []string) (string, error) { return hex.EncodeToString([]byte(a[0])), nil })
	all["urlencode"] = urlEncodeFunc
	all["sortedquery"] = sortedQueryFunc
	all["list"] = listFunc
	all["jsondecode"] = jsonDecodeFunc
	all["now"] = textFunc(nil, func([]string) (string, error) { return o.now(), nil })
	all["uuid"] = textFunc(nil, func([]string) (string, error) { return uuid(o.random), nil })
	all["random_digits"] = randomDigits(o.random)
	return all
}

// textFunc makes a function from texts to a text.
func textFunc(names []string, impl func(args []string) (string, error)) function.Function {
	return expr.TextFunction(cty.String, names, func(args []string) (cty.Value, error) {
		s, err := impl(args)
		return cty.StringVal(s), err
	})
}

// hashes give lower-case hex, and base64 under a name that says so.
func hashes() map[string]function.Function {
	all := map[string]function.Function{}
	add := func(name string, params []string, sum func(args []string) []byte) {
		all[name] = textFunc(params, func(a []string) (string, error) { return hex.EncodeToString(sum(a)), nil })
		all[name+"_base64"] = textFunc(params, func(a []string) (string, error) { return base64.StdEncoding.EncodeToString(sum(a)), nil })
	}
	for name, newHash := range map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sm3": newSM3} {
		add(name, []string{"str"}, func(a []string) []byte { return sumOf(newHash(), a[0]) })
	}
	for name, newHash := range map[string]func() hash.Hash{"hmac_md5": md5.New, "hmac_sha1": sha1.New, "hmac_sha256": sha256.New} {
		add(name, []string{"key", "str"}, func(a []string) []byte { return sumOf(hmac.New(newHash, []byte(a[0])), a[1]) })
	}
	return all
}

func sumOf(h hash.Hash, text string) []byte {
	_, _ = h.Write([]byte(text)) // a hash never fails
	return h.Sum(nil)
}

// escape escapes a text as RFC 3986 has it: all but letters, digits and -._~.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// urlEncodeFunc escapes a text, or each value of a map.
var urlEncodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		v, err := urlEncode(args[0])
		return v.Type(), err
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return urlEncode(args[0]) },
})

func urlEncode(v cty.Value) (cty.Value, error) {
	if v.IsNull() {
		return v, nil
	}
	if text, ok := textOf(v); ok {
		return cty.StringVal(escape(text)), nil
	}
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return cty.DynamicVal, errors.New("urlencode takes a text, or a map of texts")
	}
	out := map[string]cty.Value{}
	for name, e := range v.AsValueMap() {
		sub, err := urlEncode(e)
		if err != nil {
			return cty.DynamicVal, err
		}
		out[name] = sub
	}
	return cty.ObjectVal(out), nil
}

// sortedQueryFunc joins a map: k=v&…, in byte order of the names, values as they
// stand, nulls left out.
var sortedQueryFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "map", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if ty := args[0].Type(); !ty.IsObjectType() && !ty.IsMapType() {
			return cty.NilVal, function.NewArgErrorf(0, "it must be a map")
		}
		values := args[0].AsValueMap()
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if values[name].IsNull() {
				continue
			}
			text, ok := textOf(values[name])
			if !ok {
				return cty.NilVal, function.NewArgErrorf(0, "%q is no text, number or bool", name)
			}
			parts = append(parts, name+"="+text)
		}
		return cty.StringVal(strings.Join(parts, "&")), nil
	},
})

// listFunc makes a list of what may come once, several times, or not at all.
var listFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		return listOf(args[0]).Type(), nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return listOf(args[0]), nil },
})

func listOf(v cty.Value) cty.Value {
	switch ty := v.Type(); {
	case v.IsNull():
		return cty.EmptyTupleVal
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		return v
	default:
		return cty.TupleVal([]cty.Value{v})
	}
}

// jsonDecodeFunc reads a document that stands in a text of a reply, as the reply
// itself is read: numbers are texts.
var jsonDecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "str", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if !args[0].IsKnown() {
			return cty.DynamicPseudoType, nil
		}
		v, err := decodeJSON([]byte(args[0].AsString()), everything)
		if err != nil {
			return cty.DynamicPseudoType, err
		}
		return v.Type(), nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return decodeJSON([]byte(args[0].AsString()), everything)
	},
})

// uuid is a random one, of version 4 (RFC 9562 §5.4).
func uuid(random func(p []byte)) string {
	var b [16]byte
	random(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// mostDigits is how many random digits there are at most.
const mostDigits = 100

func randomDigits(random func(p []byte)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "n", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			n, _ := args[0].AsBigFloat().Int64()
			if n < 1 || n > mostDigits {
				return cty.NilVal, function.NewArgErrorf(0, "it must be from 1 to %d", mostDigits)
			}
			b := make([]byte, n)
			random(b)
			for i := range b {
				b[i] = '0' + b[i]%10 // 250 of 256 bytes are even; a nonce needs no more
			}
			return cty.StringVal(string(b)), nil
		},
	})
}
