package render

import (
	"strings"
	"time"
)

// Clock tells people times in their own zone too. The zero value leaves texts as they are.
type Clock struct{ zone *time.Location }

// ClockOf is the clock of a time zone of the IANA database; the zero value for a
// name that is none.
func ClockOf(zone string) Clock {
	if zone == "" || zone == "Local" {
		return Clock{}
	}
	l, err := time.LoadLocation(zone)
	if err != nil {
		return Clock{} // of a plan that somebody edited: the times in UTC still hold
	}
	return Clock{l}
}

// utcForms are how our texts write times.
var utcForms = []string{"2006-01-02 15:04:05 UTC", "2006-01-02 15:04 UTC", "2006-01-02T15:04:05Z"}

// Both has each time of a text in the zone too:
// "2026-11-21 20:46 UTC (2026-11-22 04:46 Asia/Shanghai)". zoned of page.js has the same.
func (c Clock) Both(text string) string {
	if c.zone == nil || !strings.Contains(text, "UTC") && !strings.Contains(text, "Z") {
		return text
	}
	var b strings.Builder
	from := 0
	for at := 0; at < len(text); {
		end, told := c.timeAt(text, at)
		if end == 0 {
			at++
			continue
		}
		b.WriteString(text[from:end] + " (" + told + ")")
		from, at = end, end
	}
	b.WriteString(text[from:])
	return b.String()
}

// timeAt is where the time that begins at a place of the text ends, and the same in
// the zone; 0 where none begins there, and where the zone's stands behind it already.
func (c Clock) timeAt(text string, at int) (end int, told string) {
	const shortest = len("2006-01-02 15:04")
	if len(text)-at < shortest || text[at] < '0' || text[at] > '9' || text[at+4] != '-' || at > 0 && text[at-1] >= '0' && text[at-1] <= '9' {
		return 0, ""
	}
	for _, form := range utcForms {
		end := at + len(form)
		if end > len(text) {
			continue
		}
		t, err := time.Parse(form, text[at:end])
		if err != nil || strings.HasPrefix(text[end:], " (20") && strings.HasPrefix(text[end:], " ("+c.tell(t, form)) {
			continue
		}
		return end, c.tell(t, form)
	}
	return 0, ""
}

func (c Clock) tell(t time.Time, form string) string {
	layout := "2006-01-02 15:04:05 "
	if form == utcForms[1] {
		layout = "2006-01-02 15:04 "
	}
	return t.In(c.zone).Format(layout) + c.zone.String()
}
