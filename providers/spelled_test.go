package providers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func TestACardThatIsNotFoundAsDeclaredIsReadInItsOtherSpelling(t *testing.T) {
	const declared, other spec.ICCID = "8986061703001730011", "89860617030017300115"
	for _, known := range []spec.ICCID{declared, other, ""} {
		var asked []spec.ICCID
		p := reads(func(_ context.Context, iccid spec.ICCID) (spec.Reading, error) {
			asked = append(asked, iccid)
			if iccid == known {
				return spec.Reading{ICCID: iccid, Lifecycle: spec.Active}, nil
			}
			return spec.Reading{ICCID: iccid, Lifecycle: spec.NotFound}, nil
		})
		got, err := ReadSpelled(t.Context(), p, declared, other, spec.AttrActive)
		require.NoError(t, err)
		assert.Equal(t, declared, got.ICCID)
		assert.Equal(t, declared, asked[0], "the declared spelling is sent first")
		assert.Equal(t, known == "", got.Lifecycle == spec.NotFound)
		assert.Equal(t, known != declared, len(asked) == 2)
	}
}
