package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

func TestTheFirstCardOfANameIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cards []plain.Card
		want := map[string]int{}
		for _, name := range rapid.SliceOfN(rapid.StringMatching(`[ab]{0,4}`), 0, 200).Draw(t, "names") {
			cards = append(cards, plain.Card{Name: name})
		}
		names := newCardNames(cards)
		for i, c := range cards {
			if _, has := want[c.Name]; !has {
				want[c.Name] = i
			}
			assert.Equal(t, want[c.Name], names.first(i), i)
		}
	})
}
