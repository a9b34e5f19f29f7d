package expr

import (
	"fmt"
	"math"
	"math/big"
	"net"

	"github.com/apparentlymart/go-cidr/cidr"
	ctycidr "github.com/hashicorp/go-cty-funcs/cidr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// addressFunctions count with IP addresses, such as those of a private APN.
func addressFunctions() map[string]function.Function {
	return map[string]function.Function{
		"cidrcontains": cidrContainsFunc,
		"cidrhost":     whole(ctycidr.HostFunc, math.MinInt64, math.MaxInt64),
		"cidrnetmask":  ctycidr.NetmaskFunc,
		"cidrsubnet":   whole(ctycidr.SubnetFunc, 0, math.MaxInt64),
		"cidrsubnets":  whole(ctycidr.SubnetsFunc, 1, 32),
	}
}

// whole is a function of a prefix and numbers that refuses numbers outside its
// bounds, on which the library panics.
func whole(f function.Function, least, most int64) function.Function {
	check := func(i int, arg cty.Value) error {
		switch n, acc := arg.AsBigFloat().Int64(); {
		case acc != big.Exact:
			return function.NewArgErrorf(i, "must be a whole number")
		case n < least:
			return function.NewArgErrorf(i, "must be a whole number from %d on", least)
		case n > most:
			return function.NewArgErrorf(i, "must be a whole number, %d at most", most)
		}
		return nil
	}
	return function.New(&function.Spec{
		Params: f.Params(), VarParam: f.VarParam(),
		Type: f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for i, arg := range args[1:] {
				if err := check(i+1, arg); err != nil {
					return cty.NilVal, err
				}
			}
			return f.Call(args)
		},
	})
}

// cidrContainsFunc is OpenTofu's: whether an address, or all of a prefix, lies
// in a prefix.
var cidrContainsFunc = textFunction(cty.Bool, []string{"containing_prefix", "contained_ip_or_prefix"},
	func(args []string) (cty.Value, error) {
		_, in, err := net.ParseCIDR(args[0])
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(0, "invalid CIDR expression: %s", err)
		}
		first := net.ParseIP(args[1])
		last := first
		if first == nil {
			_, prefix, err := net.ParseCIDR(args[1])
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(1, "invalid IP address or prefix: %s", args[1])
			}
			first, last = cidr.AddressRange(prefix)
		}
		if (first.To4() == nil) != (in.IP.To4() == nil) {
			return cty.NilVal, fmt.Errorf("address family mismatch: %s vs. %s", args[0], args[1])
		}
		return cty.BoolVal(in.Contains(first) && in.Contains(last)), nil
	})
