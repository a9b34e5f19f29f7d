package spec

import "slices"

// Need is what a value of the configuration is needed for.
type Need int

// The needs.
const (
	ForCarriers   Need = iota + 1 // calling a carrier
	ForState                      // opening the state
	ForEncryption                 // reading what is encrypted
	ForMessages                   // telling people of a run
	ForOutputs                    // showing outputs, and judging checks
)

// UnsetValue is a value that is made from a variable of the environment which isn't set.
// It is a mistake for who needs the value, and for nobody else: validate has no
// credentials, and state list needs none.
type UnsetValue struct {
	For      Need
	Provider ProviderName // whose block it stands in; "" for none
	Setting  string       // the attribute; "" for an output
	Diagnostic
}

// UnsetFor are the mistakes of who needs these values.
func (f *Fleet) UnsetFor(needs ...Need) Diagnostics {
	var diags Diagnostics
	for i := range f.Unset {
		if slices.Contains(needs, f.Unset[i].For) {
			diags = append(diags, f.Unset[i].Diagnostic)
		}
	}
	return diags
}
