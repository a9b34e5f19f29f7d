package state

import (
	"context"
	"errors"

	"github.com/cardfleet/cardfleet/spec"
)

// Rows is a state that is read card by card, so that nobody holds it whole.
type Rows struct {
	// Head is the snapshot without its cards.
	Head *Snapshot
	// Each visits the cards by ICCID. It may be called again. A card is good until
	// visit returns; the card's texts and lists stay as they are. With an error of
	// Each itself, what was visited counts for nothing: [ErrTangled] among others.
	Each func(visit func(*Card) error) error
}

// ErrTangled says that a state can't be read card by card: it has to be read
// whole, which also says what is wrong with it, if anything is.
var ErrTangled = errors.New("the state has to be read whole")

// RowReader is a backend whose state can be read card by card.
type RowReader interface {
	// Rows is Read for that. The error is [ErrTangled] where Read is to be asked.
	Rows(ctx context.Context) (*Rows, error)
}

// Leaves reports whether a provider block stands for another account now than at
// the last apply; see [Snapshot.LeaveAccounts].
func (f *Fleet) Leaves(now map[spec.ProviderName]spec.Account) bool {
	for block, before := range f.Accounts {
		if before.Left(now[block]) {
			return true
		}
	}
	return false
}
