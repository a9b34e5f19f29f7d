package carrierhttp

import (
	"fmt"
	"time"
)

// quota counts the requests of a day and of a month, and knows how many there
// may be. It counts this process's alone.
type quota struct {
	perDay, perMonth int // 0: no limit

	day, month     string // that are counted
	ofDay, ofMonth int
}

// QuotaError is a request that was not sent, since a quota is used up.
type QuotaError struct {
	Most   int
	Period string // "day", "month"
}

// Error says which quota, and where it is set.
func (e *QuotaError) Error() string {
	return fmt.Sprintf("the quota of %d calls a %s is used up (calls_per_%s in the provider's block)", e.Most, e.Period, e.Period)
}

// china is the zone of the carriers' days. GUESS: no document says when a day begins.
func china() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// take counts a request, or refuses it.
func (q *quota) take(now time.Time) error {
	if q.perDay == 0 && q.perMonth == 0 {
		return nil
	}
	date := now.In(china()).Format(time.DateOnly)
	if date != q.day {
		q.day, q.ofDay = date, 0
	}
	if month := date[:len("2006-01")]; month != q.month {
		q.month, q.ofMonth = month, 0
	}
	switch {
	case q.perDay > 0 && q.ofDay >= q.perDay:
		return &QuotaError{q.perDay, "day"}
	case q.perMonth > 0 && q.ofMonth >= q.perMonth:
		return &QuotaError{q.perMonth, "month"}
	}
	q.ofDay++
	q.ofMonth++
	return nil
}

// giveBack undoes take for a request that was not sent.
func (q *quota) giveBack() { q.ofDay, q.ofMonth = max(q.ofDay-1, 0), max(q.ofMonth-1, 0) }
