package state_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func TestUntilWhenChangesAreKnownIsSharedWithNoCopy(t *testing.T) {
	at := time.Date(2026, 11, 29, 8, 0, 0, 700, time.FixedZone("CST", 8*3600))
	var f state.Fleet
	f.NotFed("jasper")
	f.Fed("jasper", at)
	copied := f
	copied.Fed("jasper", at.Add(time.Hour))
	copied.Fed("acme", at)
	assert.Equal(t, map[spec.ProviderName]time.Time{"jasper": time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)}, f.Feeds)
	copied.NotFed("jasper")
	assert.Contains(t, f.Feeds, spec.ProviderName("jasper"))
}
