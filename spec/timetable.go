package spec

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Timetable is when something comes round: a cron line of five fields in a time
// zone. The zero value never does.
//
// A time that the clock leaps over is the moment of the leap, and one that it shows
// twice is the first of the two (as RFC 5545, section 3.3.5, has the second). A line
// for every hour of the day goes by the hours that pass.
type Timetable struct {
	cron, zone string
	schedule   *cron.SpecSchedule // by the clock on the wall: as if the zone were UTC
	location   *time.Location
}

// everyHour are the bits of a schedule's hours where it has each of them.
const everyHour = 1<<24 - 1

// ParseTimetable reads a cron line: minute, hour, day of the month, month and day of
// the week. zone is a time zone's name of the IANA database; "" is UTC. Its error is
// a sentence without a stop.
func ParseTimetable(line, zone string) (Timetable, error) {
	location, err := LoadZone(zone)
	if err != nil {
		return Timetable{}, err
	}
	fields := strings.Fields(line)
	if len(fields) != 5 || strings.ContainsAny(line, "=@") {
		return Timetable{}, fmt.Errorf("it has %s, and a cron line has five: minute, hour, day of the month, month, day of the week", Count(len(fields), "field"))
	}
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse("TZ=UTC " + strings.Join(fields, " "))
	if err != nil {
		return Timetable{}, err
	}
	schedule, ok := parsed.(*cron.SpecSchedule)
	if !ok || schedule.Minute == 0 || schedule.Hour == 0 || schedule.Next(time.Unix(0, 0)).IsZero() { // to look for no minute takes long
		return Timetable{}, errors.New("no day is like that, so it never comes round")
	}
	return Timetable{cron: strings.Join(fields, " "), zone: location.String(), schedule: schedule, location: location}, nil
}

// LoadZone finds a time zone by its name of the IANA database; "" is UTC. "Local"
// is none: it would be another one on each machine.
func LoadZone(name string) (*time.Location, error) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	return location, nil
}

// Cron is the line, its fields parted by one space.
func (t Timetable) Cron() string { return t.cron }

// Zone is the name of its time zone.
func (t Timetable) Zone() string { return t.zone }

// Next is the first time after a moment, in the timetable's zone; the zero time where
// there is none within five years.
func (t Timetable) Next(after time.Time) time.Time {
	if t.schedule == nil {
		return time.Time{}
	}
	after = after.In(t.location)
	if bits.OnesCount64(t.schedule.Hour&everyHour) == 24 {
		hourly := *t.schedule
		hourly.Location = t.location
		return hourly.Next(after)
	}
	for wall := t.schedule.Next(onWall(after)); !wall.IsZero(); wall = t.schedule.Next(wall) {
		if at := t.moment(wall); at.After(after) {
			return at
		}
	}
	return time.Time{}
}

// onWall is what a clock on the wall shows, as a time of UTC.
func onWall(at time.Time) time.Time {
	year, month, day := at.Date()
	hour, minute, second := at.Clock()
	return time.Date(year, month, day, hour, minute, second, at.Nanosecond(), time.UTC)
}

// moment is when the clock on the wall first shows that time, or leaps over it.
func (t Timetable) moment(wall time.Time) time.Time {
	const apart = 36 * time.Hour // more than the clock of any zone ever leapt
	before, after := t.offsetAt(wall.Add(-apart)), t.offsetAt(wall.Add(apart))
	first, second := wall.Add(-max(before, after)).In(t.location), wall.Add(-min(before, after)).In(t.location)
	switch {
	case onWall(first).Equal(wall):
		return first
	case onWall(second).Equal(wall):
		return second
	}
	leap, _ := second.ZoneBounds()
	return leap
}

// offsetAt is how far the zone's clock is ahead of UTC's.
func (t Timetable) offsetAt(at time.Time) time.Duration {
	_, seconds := at.In(t.location).Zone()
	return time.Duration(seconds) * time.Second
}
