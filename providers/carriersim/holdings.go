package carriersim

import (
	"sync"

	"github.com/cardfleet/cardfleet/spec"
)

// Holdings are the cards of accounts, which are found anew only once the world has
// changed. The zero value is ready, and many may use it at once.
type Holdings struct {
	mu sync.Mutex
	of map[string]holding // by account
}

// holding is an account's cards as of a version of the world.
type holding struct {
	version int
	iccids  []spec.ICCID
}

// Of lists the cards of the world that an account has, as has tells, by ICCID. The
// list is only to be read.
func (h *Holdings) Of(w *World, account string, has func(*Card) bool) []spec.ICCID {
	h.mu.Lock()
	defer h.mu.Unlock()
	version := w.Version()
	if known, ok := h.of[account]; ok && known.version == version {
		return known.iccids
	}
	found := holding{version: version}
	_, total := w.Page(0, 0)
	cards, _ := w.Page(0, total)
	for i := range cards {
		if card, ok := w.Card(cards[i].ICCID); ok && has(&card) {
			found.iccids = append(found.iccids, card.ICCID)
		}
	}
	if h.of == nil {
		h.of = map[string]holding{}
	}
	h.of[account] = found
	return found.iccids
}

// OwnedBy reports whether an account has the card. One that was closed or handed on
// is nobody's.
func (c *Card) OwnedBy(account string) bool {
	return (c.Account == "" || c.Account == account) && c.Status != spec.Closed && c.Status != spec.Transferred
}
