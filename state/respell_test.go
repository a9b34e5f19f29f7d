package state_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

const bare spec.ICCID = "8986061703001730011"

func TestACardIsRememberedAsItIsDeclaredAndNeverPickedByGuess(t *testing.T) {
	for name, c := range map[string]struct {
		declared, state, released []spec.ICCID
		respelled                 []state.Respelled
		open                      []spec.ICCID
	}{
		"as it is":                            {declared: []spec.ICCID{bare}, state: []spec.ICCID{bare}},
		"the check digit is left out now":     {declared: []spec.ICCID{bare}, state: []spec.ICCID{bare + "5"}, respelled: []state.Respelled{{Old: bare + "5", New: bare}}},
		"the check digit is written now":      {declared: []spec.ICCID{bare + "5"}, state: []spec.ICCID{bare}, respelled: []state.Respelled{{Old: bare, New: bare + "5"}}},
		"another check digit is another card": {declared: []spec.ICCID{bare + "5"}, state: []spec.ICCID{bare + "6"}},
		"two of the state may be it":          {declared: []spec.ICCID{bare}, state: []spec.ICCID{bare + "5", bare + "6"}, open: []spec.ICCID{bare + "5", bare + "6"}},
		"one is it, another may be it":        {declared: []spec.ICCID{bare}, state: []spec.ICCID{bare, bare + "5"}, open: []spec.ICCID{bare + "5", bare}},
		"two declared may be one of the state": {
			declared: []spec.ICCID{bare + "5", bare + "6"}, state: []spec.ICCID{bare}, open: []spec.ICCID{bare},
		},
		"both are declared, one is new": {declared: []spec.ICCID{bare, bare + "5"}, state: []spec.ICCID{bare + "5"}},
		"the other is to be forgotten":  {declared: []spec.ICCID{bare}, state: []spec.ICCID{bare, bare + "5"}, released: []spec.ICCID{bare + "5"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &state.Snapshot{}
			for _, iccid := range append([]spec.ICCID{"89860617030017300000"}, c.state...) {
				s.Cards = append(s.Cards, state.Card{Provider: "aliyun", ICCID: iccid, Binding: state.BoundTo("861536030196001")})
			}
			open := s.Respell(slices.Values(c.declared), func(iccid spec.ICCID) bool { return slices.Contains(c.released, iccid) })
			assert.Equal(t, c.open, open)
			assert.Equal(t, c.respelled, s.Respelled)
			e := s.Settlement()
			assert.NoError(t, e.Check())
			for _, r := range c.respelled {
				assert.Nil(t, s.Card(r.Old))
				assert.Equal(t, r.Old, s.Card(r.New).OtherSpelling(), "the carrier may know it in that")
				assert.Equal(t, state.BoundTo("861536030196001"), s.Card(r.New).Binding)
				assert.Equal(t, []spec.CardID{{Provider: "aliyun", ICCID: r.Old}}, e.Drop)
				assert.Len(t, e.Put, 1)
			}
		})
	}
}
