package lenient

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDatesInEveryForm(t *testing.T) {
	want := time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC)
	for _, s := range []Text{
		"2027-01-01T00:00:00+08:00", "2026-12-31T16:00:00Z", "2027-01-01T00:00:00", "2027-01-01T00:00:00.000", "2027-01-01 00:00:00",
		"2027/01/01 00:00:00", "20270101000000", "2027-01-01", "20270101",
	} {
		assert.True(t, s.Time().Equal(want), s)
	}
	assert.Zero(t, Text("never").Time())
	assert.Zero(t, Text("").Time())
}

func TestDatesAreChinasTime(t *testing.T) {
	want := time.Date(2026, 1, 31, 15, 59, 59, 0, time.UTC)
	for _, s := range []Text{"2026-01-31 23:59:59", "20260131235959", "2026-01-31T15:59:59Z", "2026-01-31T23:59:59+08:00"} {
		assert.True(t, s.Time().Equal(want), s)
	}
	assert.True(t, Text("2026-01-31").Time().Equal(time.Date(2026, 1, 30, 16, 0, 0, 0, time.UTC)))
	for _, s := range []Text{"", "never", "2026-13-01 00:00:00"} {
		assert.Zero(t, s.Time(), s)
	}
}
