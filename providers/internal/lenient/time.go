package lenient

import "time"

// China is the zone of dates that name none.
func China() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// Time reads a date in any form seen at China's carriers and their gateways;
// zero for others. No document gives the zone of a date without one: GUESS,
// China's. A date alone is read as its first moment.
func (t Text) Time() time.Time {
	if t == "" {
		return time.Time{}
	}
	zone := China()
	for _, layout := range []string{
		time.DateTime, "20060102150405", time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006/01/02 15:04:05", time.DateOnly, "20060102",
	} {
		if at, err := time.ParseInLocation(layout, string(t), zone); err == nil {
			return at
		}
	}
	return time.Time{}
}
