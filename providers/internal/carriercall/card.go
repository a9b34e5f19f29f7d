package carriercall

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// CheckCard compares the card that was asked for with the one in an answer,
// which may leave it out, write it in lower case, or leave out the check digit.
func (c *Client) CheckCard(call Call, requestID string, asked spec.ICCID, answered string) error {
	if sameCard(asked, answered) {
		return nil
	}
	return &providers.Error{
		Call: call.Name, RequestID: c.Clean(call, requestID), Proof: providers.NeverSeen,
		Message: fmt.Sprintf("the carrier answered about another card, %q", c.Clean(call, answered)),
	}
}

func sameCard(asked spec.ICCID, answered string) bool {
	answered = strings.TrimSpace(answered)
	iccid, err := spec.ParseICCID(answered)
	return answered == "" || err == nil && iccid.SameCard(asked)
}
