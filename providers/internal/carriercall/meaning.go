package carriercall

import (
	"fmt"

	"github.com/cardfleet/cardfleet/providers"
)

// Meaning is what a carrier's code says. Whether a call that got the code is
// made again follows from it: one that failed for a passing reason (throttled,
// unavailable) is, where it certainly had no effect.
type Meaning struct {
	Cause providers.Cause
	// Proof is what the code proves where a call that changes a card gets it.
	// [providers.ProvesNothing] is right for a code that leaves any doubt.
	Proof providers.Proof
	Text  string // in plain English; the carrier's words in brackets; what to do
	// Quotes: the code says little without the carrier's own words.
	Quotes bool
}

// Undocumented is the meaning of a code that no document has: nothing is known
// of how far the call got.
func Undocumented() Meaning {
	return Meaning{Cause: providers.Refused, Proof: providers.ProvesNothing, Text: "a code that no document has", Quotes: true}
}

// Explain makes an error of a code that is no success. Says is the carrier's
// own text beside the code.
func (c *Client) Explain(call Call, m Meaning, code, says string) *providers.Error {
	e := &providers.Error{Call: call.Name, Code: c.Clean(call, code), Message: m.Text, Proof: m.Proof, Cause: m.Cause}
	if m.Quotes {
		e.Message = fmt.Sprintf("%s; the carrier says %q", m.Text, c.Clean(call, says))
	}
	if !call.Changing {
		e.Proof = providers.NeverSeen
	}
	return e
}
