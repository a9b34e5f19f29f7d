package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cardfleet/cardfleet/spec"
)

// ownPrefix begins the names of the functions that Terraform doesn't have.
const ownPrefix = "provider::cardfleet::"

// ownFunctions are about cards and devices.
func ownFunctions() map[string]function.Function {
	return map[string]function.Function{
		ownPrefix + "imei_check": textFunction(cty.Bool, []string{"imei"}, func(args []string) (cty.Value, error) {
			imei, err := spec.ParseIMEI(args[0])
			return cty.BoolVal(err == nil && len(imei) == 15 && !imei.CheckDigitFails()), nil
		}),
		ownPrefix + "iccid_operator": textFunction(cty.String, []string{"iccid"}, func(args []string) (cty.Value, error) {
			iccid, err := spec.ParseICCID(args[0])
			if err != nil {
				return cty.NullVal(cty.String), nil //nolint:nilerr // of what is no ICCID no operator is known
			}
			return textOrNull(iccid.Operator()), nil
		}),
		ownPrefix + "tac": textFunction(cty.String, []string{"imei"}, func(args []string) (cty.Value, error) {
			imei, err := spec.ParseIMEI(args[0])
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.StringVal(imei.TAC()), nil
		}),
	}
}

func textOrNull(text string) cty.Value {
	if text == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(text)
}
