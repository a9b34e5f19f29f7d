package expr

import "github.com/hashicorp/hcl/v2"

// Report takes what is wrong with expressions, and shows it to people.
type Report interface {
	// ErrorAt reports a mistake at a place in the source.
	ErrorAt(at hcl.Range, summary, format string, args ...any)
	// HCL reports what the HCL libraries found, and says whether there is an error among it.
	HCL(hcl.Diagnostics) (failed bool)
	// Broken says whether a file can't be read to its end: names that nothing
	// declares may be declared there, so they are not reported.
	Broken() bool
}
