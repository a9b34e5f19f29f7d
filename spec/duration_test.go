package spec_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

func TestALengthOfTimeIsWrittenAsPeopleWriteIt(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"10d": 240 * time.Hour, "1d": 24 * time.Hour, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute, "45m": 45 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "10m0.5s": 10*time.Minute + 500*time.Millisecond, "0s": 0,
	} {
		assert.Equal(t, want, spec.DurationText(d))
	}
	rapid.Check(t, func(rt *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(rt, "d")).Truncate(rapid.SampledFrom([]time.Duration{time.Nanosecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(rt, "to"))
		again, err := spec.ParseDuration(spec.DurationText(d))
		require.NoError(rt, err)
		assert.Equal(rt, d, again)
	})
}
