// Package ctwing has the definition of China Telecom's 5G CMP, the connection
// management platform of CTWing, which providers/described makes a provider of. Its
// manual isn't public: the facts in it come of clients that quote the manual, and no
// live platform was called. docs/providers/ctwing.md says which are guesses.
package ctwing

import _ "embed"

// Definition is the text of ctwing.carrier.hcl.
//
//go:embed ctwing.carrier.hcl
var Definition string
