package spec_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

func TestAnAddressQuotesItsKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9]{20}`), rapid.SampledFrom([]string{"\xff", "\x7f", `"`, `\`, "\u00a0"})).Draw(t, "key")
		c := spec.Card{Block: &spec.Block{Name: "bike", Keyed: true}, Key: key}
		require.Equal(t, "card.bike["+strconv.Quote(key)+"]", c.Address())
	})
}
