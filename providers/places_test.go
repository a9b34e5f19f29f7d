package providers

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
)

func TestAListWithoutCheckDigitsFindsTheCardsThatHaveThem(t *testing.T) {
	p := newPlaces([]Want{
		{ICCID: "89882280666000000013"}, {ICCID: "8988228066600000002"}, {ICCID: "89882280666000000039"}, {ICCID: "8988228066600000003"},
		{ICCID: "89882280666000000047"}, {ICCID: "89882280666000000048"},
	})
	for listed, want := range map[spec.ICCID]int{
		"89882280666000000013": 0, "8988228066600000001": 0, // whole, and without its check digit
		"8988228066600000002":  1,
		"89882280666000000039": 2, "8988228066600000003": 3, // each as it is wanted
		"89882280666000000021": -1, // which of the 20 digits are right nobody knows
		"8988228066600000004":  -1, // of two
		"8988228066600000009":  -1,
	} {
		i, wanted := p.of(listed)
		assert.Equal(t, want >= 0, wanted, listed)
		if wanted {
			assert.Equal(t, want, i, listed)
		}
	}
}
