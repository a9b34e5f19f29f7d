package state_test

import (
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// What the tests of this package speak of.
var (
	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	bike = spec.CardID{Provider: "aliyun", ICCID: "89860617030017300390"}
	stop = state.Change{Change: spec.Change{Kind: spec.Stop}, At: noon}
)

func cardOf(id spec.CardID, address string) state.Card {
	return state.Card{Provider: id.Provider, ICCID: id.ICCID, Address: address}
}
