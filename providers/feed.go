package providers

import (
	"context"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// ChangeFeed is a provider whose carrier can tell which of its cards have changed
// since a time.
type ChangeFeed interface {
	// FeedsChanges reports whether it can; it makes no call.
	FeedsChanges() bool
	// Changed calls yield with the cards of each page of those that have changed
	// since a time, one page after the other, a card perhaps several times. Where
	// yield returns false, it asks for no further page, and that is no error.
	Changed(ctx context.Context, since time.Time, yield func(cards []spec.ICCID) bool) error
}
