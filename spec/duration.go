package spec

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

var errDuration = errors.New(`it is no duration: write one such as "30d", "12h" or "90m"`)

// ParseDuration reads a length of time as people write it: days, such as "730d",
// or what [time.ParseDuration] takes, such as "36h" or "1h30m".
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > math.MaxInt64/uint64(24*time.Hour) {
			return 0, errDuration
		}
		return time.Duration(n) * 24 * time.Hour, nil //nolint:gosec // it was bounded
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errDuration
	}
	return d, nil
}

// DurationText writes a length of time as [ParseDuration] reads it, whole days as days: 10d, 36h, 1h30m.
func DurationText(d time.Duration) string {
	if day := 24 * time.Hour; d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
