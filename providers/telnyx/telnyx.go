// Package telnyx has the definition of Telnyx's IoT SIM cards, which
// providers/described makes a provider of. The facts in it come of the types of
// Telnyx's client (npm telnyx 7.24.0) and of developers.telnyx.com/docs/iot-sim.
package telnyx

import _ "embed"

// Definition is the text of telnyx.carrier.hcl.
//
//go:embed telnyx.carrier.hcl
var Definition string
