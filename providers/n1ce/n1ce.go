// Package n1ce has the definition of 1NCE's SIM cards, which providers/described
// makes a provider of. The facts in it come of 1NCE's OpenAPI documents, SIM
// Management v2.0 and Authorization v2.1.1.
package n1ce

import _ "embed"

// Definition is the text of n1ce.carrier.hcl.
//
//go:embed n1ce.carrier.hcl
var Definition string
