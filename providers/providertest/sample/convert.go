package sample

import (
	"time"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/providers/internal/lenient"
	"github.com/cardfleet/cardfleet/spec"
)

const codeNoCard = "no_card"

// meaningOf says what a code means, and what it proves about the card. Leave
// out the proof where you aren't sure: the call may then have had its effect.
func meaningOf(code, says string) carriercall.Meaning {
	const unseen, declined = providers.NeverSeen, providers.Declined
	m, ok := map[string]carriercall.Meaning{
		"unauthorized": {Cause: providers.Denied, Proof: unseen, Text: "the name or the password is wrong; check user and password"},
		"too_many":     {Cause: providers.Throttled, Proof: unseen, Text: "too many calls; lower requests_per_second"},
		codeNoCard:     {Cause: providers.Refused, Proof: declined, Text: "there is no such card; compare its ICCID with the portal's"},
		"not_allowed":  {Cause: providers.Refused, Proof: declined, Text: "the card's state doesn't allow it; look at it in the portal"},
		"bad_request":  {Cause: providers.Refused, Proof: declined, Text: "the request is wrong", Quotes: true},
		"other_device": {Cause: providers.PriorMismatch, Proof: declined, Text: "the card is bound to another device than the call names"},
		"already":      {Cause: providers.Refused, Proof: providers.AlreadySo, Text: "the card is so already"},
		"internal":     {Cause: providers.Unavailable, Text: "the carrier failed within"},
	}[code]
	if !ok {
		return carriercall.Undocumented(code, says)
	}
	return m
}

// cardReply is a card.
type cardReply struct {
	State lenient.Text `json:"state"`
	IMEI  lenient.Text `json:"imei"`
	Plans []struct {
		ID    lenient.Text `json:"id"`
		Until time.Time    `json:"until"`
	} `json:"plans"`
}

func (r *cardReply) lacks() error { return lenient.Need(r.State != "", "state") }

// reading is the card in our words.
func (r *cardReply) reading(iccid spec.ICCID, at time.Time) spec.Reading {
	reading := spec.Reading{
		ICCID: iccid, At: at, Status: string(r.State), Lifecycle: lifecycle(string(r.State)),
		IMEI: spec.IMEI(r.IMEI), Has: spec.AttrBinding | spec.AttrActive | spec.AttrPackages,
	}
	for _, p := range r.Plans {
		reading.Packages = append(reading.Packages, spec.Package{ID: string(p.ID), Expires: p.Until})
	}
	return reading
}

// lifecycle is what a state is in our words. A state that no document has is
// shown, and nothing is planned from it.
func lifecycle(state string) spec.Lifecycle {
	l, ok := map[string]spec.Lifecycle{
		"ready": spec.Pending, "on": spec.Active, "off": spec.SuspendedByOwner, "barred": spec.SuspendedByCarrier, "gone": spec.Closed,
	}[state]
	if !ok {
		return spec.UnknownLifecycle
	}
	return l
}

// doneReply is a change that was made.
type doneReply struct {
	Done bool `json:"done"`
}

func (r *doneReply) lacks() error { return lenient.Need(r.Done, "done") }
