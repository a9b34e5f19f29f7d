package state_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func TestWalkFindsWhatCardDoes(t *testing.T) {
	s := &state.Snapshot{}
	for _, iccid := range []spec.ICCID{"89860000000000000001", "89860000000000000003", "89860000000000000004"} {
		s.Cards = append(s.Cards, state.Card{Provider: "aliyun", ICCID: iccid})
	}
	find := s.Walk()
	for _, iccid := range []spec.ICCID{"89860000000000000000", "89860000000000000001", "89860000000000000002", "89860000000000000004", "89860000000000000009"} {
		assert.Same(t, s.Card(iccid), find(iccid), "%s", iccid)
	}
	assert.Nil(t, (*state.Snapshot)(nil).Walk()(""))
}
