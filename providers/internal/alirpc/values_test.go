package alirpc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
)

func TestAnswerAboutTheSameCard(t *testing.T) {
	const asked = spec.ICCID("898600D6991330004146")
	for answered, want := range map[string]bool{
		"": true, "898600D6991330004146": true, "898600d6991330004146": true, "898600D699133000414": true, // without its last digit
		"898600D6991330004147": false, "8986": false,
	} {
		assert.Equal(t, want, sameCard(asked, answered), answered)
	}
	assert.True(t, sameCard(asked[:19], string(asked)))
}

func TestDatesAreChinasTime(t *testing.T) {
	want := time.Date(2026, 1, 31, 15, 59, 59, 0, time.UTC)
	for _, s := range []Text{"2026-01-31 23:59:59", "20260131235959", "2026-01-31T15:59:59Z", "2026-01-31T23:59:59+08:00"} {
		assert.True(t, ParseTime(s).Equal(want), s)
	}
	assert.True(t, ParseTime("2026-01-31").Equal(time.Date(2026, 1, 30, 16, 0, 0, 0, time.UTC)))
	for _, s := range []Text{"", "never", "2026-13-01 00:00:00"} {
		assert.Zero(t, ParseTime(s), s)
	}
}
