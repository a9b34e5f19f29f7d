package providers

import "github.com/cardfleet/cardfleet/spec"

// Key is what is known of a card besides its ICCID, for carriers that take it by
// something else. The zero value knows nothing.
type Key struct {
	MSISDN string
	IMEI   spec.IMEI // the device that it is remembered or declared with
	Labels map[string]string
	// IDs are the carrier's own ids of the card, by their names.
	IDs map[string]string
}

// Keyed is a provider that takes cards by more than their ICCIDs.
type Keyed interface {
	// SetKeys says where to look up what is known of a card. It is called before a
	// run reads, and again whenever more is known; find may be called by many
	// goroutines at once.
	SetKeys(find func(card spec.ICCID) Key)
}
