package plan

import (
	"crypto/sha256"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// TextDigest is the digest that the trailer behind a text has.
func TextDigest(text string) string {
	sum := sha256.New()
	sum.Write([]byte(text))
	return digestOf(sum)
}

// Selects reports whether options select a card of an address, by looking each
// name up and by trying each in turn.
func Selects(s Selection, address string, iccid spec.ICCID) (lookedUp, tried bool) {
	selects := newSelector(s)
	names := func(glob string) bool { return named(glob, address, iccid) }
	tried = (len(s.Targets) == 0 || slices.ContainsFunc(s.Targets, names)) && !slices.ContainsFunc(s.Excludes, names)
	return selects.has(address, iccid, nil), tried
}
