package carriercall

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

func TestAnswerAboutTheSameCard(t *testing.T) {
	const asked = spec.ICCID("898600D6991330004146")
	for answered, want := range map[string]bool{
		"": true, "898600D6991330004146": true, " 898600d6991330004146": true, "898600D699133000414": true, // without its last digit
		"898600D6991330004147": false, "8986": false,
	} {
		assert.Equal(t, want, sameCard(asked, answered), answered)
	}
	assert.True(t, sameCard(asked[:19], string(asked)))
}

func TestAnswerAboutAnotherCardIsAnErrorWithoutSecrets(t *testing.T) {
	c := &Client{}
	c.Veil.Add("s3cret")
	err := c.CheckCard(Call{Name: "Read"}, "s3cret-1", "898600D6991330004146", "s3cret")
	assert.EqualError(t, err, `Read: the carrier answered about another card, "[hidden]" (request [hidden]-1)`)
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
}
