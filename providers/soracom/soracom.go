// Package soracom has the definition of Soracom Air, which providers/described
// makes a provider of. The facts in it come of Soracom's OpenAPI document
// (soracom-api.en.yaml 20260604-092803, of soracom/soracom-cli at bad112d).
package soracom

import _ "embed"

// Definition is the text of soracom.carrier.hcl.
//
//go:embed soracom.carrier.hcl
var Definition string
