package state

import "github.com/cardfleet/cardfleet/spec"

// SeenIn reports whether the reading can tell of the change at all, and
// whether it shows the change as made.
func (ch Change) SeenIn(r spec.Reading) (tells, done bool) { return ch.seenIn(&r) }
