package config

import (
	"hash/maphash"

	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// cardNames finds the cards that have the same name. It holds four to eight
// bytes a card, where a map of names holds 34.
type cardNames struct {
	cards []plain.Card
	seed  maphash.Seed
	slots []int32 // by the name's hash: 1 + the place in cards; 0 is empty
}

func newCardNames(cards []plain.Card) *cardNames {
	size := 8
	for size < len(cards)*3/2 {
		size *= 2
	}
	return &cardNames{cards: cards, seed: maphash.MakeSeed(), slots: make([]int32, size)}
}

// first is the place of the first card with the name of card i: i itself where
// no card before it has that name. Each card is asked for once, in their order.
func (n *cardNames) first(i int) int {
	name := n.cards[i].Name
	last := uint64(len(n.slots) - 1) // a power of two less one
	for at := maphash.String(n.seed, name) & last; ; at = (at + 1) & last {
		taken := n.slots[at]
		if taken == 0 {
			n.slots[at] = int32(i) + 1
			return i
		}
		if n.cards[taken-1].Name == name {
			return int(taken - 1)
		}
	}
}
