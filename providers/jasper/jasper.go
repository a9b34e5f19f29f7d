// Package jasper has the definition of Cisco IoT Control Center, which Jasper was,
// and which providers/described makes a provider of. The facts in it come of
// developer.cisco.com/docs/control-center and of Cisco's own samples.
package jasper

import _ "embed"

// Definition is the text of jasper.carrier.hcl.
//
//go:embed jasper.carrier.hcl
var Definition string
