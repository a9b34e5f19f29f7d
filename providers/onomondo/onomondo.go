// Package onomondo has the definition of Onomondo's SIMs, which providers/described
// makes a provider of. The facts in it come of Onomondo's OpenAPI document, version
// 1.0, and of what Onomondo's own services send.
package onomondo

import _ "embed"

// Definition is the text of onomondo.carrier.hcl.
//
//go:embed onomondo.carrier.hcl
var Definition string
