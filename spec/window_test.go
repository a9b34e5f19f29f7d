package spec_test

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // as the program has it

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

func window(t require.TestingT, cron, zone string, length time.Duration) spec.Window {
	opens, err := spec.ParseTimetable(cron, zone)
	require.NoError(t, err)
	return spec.Window{Name: "night", Kinds: []spec.Kind{spec.Stop}, Opens: opens, Length: length}
}

func moment(t require.TestingT, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

// Each row is a moment, and what a window says of it.
func TestAWindowIsOpenFromItsTimeOnForItsLength(t *testing.T) {
	for _, row := range []struct {
		name, cron, zone string
		length           time.Duration
		now              string
		open             bool
		opens, closes    string
	}{
		{"before", "0 1 * * *", "Asia/Shanghai", 4 * time.Hour, "2026-11-29T16:59:59Z", false, "2026-11-30T01:00:00+08:00", "2026-11-30T05:00:00+08:00"},
		{"at its beginning", "0 1 * * *", "Asia/Shanghai", 4 * time.Hour, "2026-11-29T17:00:00Z", true, "2026-11-30T01:00:00+08:00", "2026-11-30T05:00:00+08:00"},
		{"within", "0 1 * * *", "Asia/Shanghai", 4 * time.Hour, "2026-11-29T20:59:59Z", true, "2026-11-30T01:00:00+08:00", "2026-11-30T05:00:00+08:00"},
		{"at its end", "0 1 * * *", "Asia/Shanghai", 4 * time.Hour, "2026-11-29T21:00:00Z", false, "2026-12-01T01:00:00+08:00", "2026-12-01T05:00:00+08:00"},
		{"over midnight", "0 23 * * *", "", 2 * time.Hour, "2026-11-30T00:30:00Z", true, "2026-11-29T23:00:00Z", "2026-11-30T01:00:00Z"},
		{"that join", "0 1,3 * * *", "", 2 * time.Hour, "2026-11-30T02:00:00Z", true, "2026-11-30T01:00:00Z", "2026-11-30T05:00:00Z"},
		{"always open", "0 0 * * *", "", 24 * time.Hour, "2026-11-30T02:00:00Z", true, "2026-11-30T00:00:00Z", ""},
		{"where the clock leaps over its beginning", "30 2 * * *", "Europe/Berlin", time.Hour, "2026-03-29T00:00:00Z", false, "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"},
		{"where the clock shows its beginning twice", "30 2 * * *", "Europe/Berlin", time.Hour, "2026-10-25T00:00:00Z", false, "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"},
		{"the second time", "30 2 * * *", "Europe/Berlin", time.Hour, "2026-10-25T01:30:00Z", false, "2026-10-26T02:30:00+01:00", "2026-10-26T03:30:00+01:00"},
		{"a night with an hour more", "0 1 * * *", "Europe/Berlin", 4 * time.Hour, "2026-10-25T02:59:00Z", true, "2026-10-25T01:00:00+02:00", "2026-10-25T04:00:00+01:00"},
		{"of half an hour's leap", "15 2 * * *", "Australia/Lord_Howe", time.Hour, "2026-10-03T12:00:00Z", false, "2026-10-04T02:30:00+11:00", "2026-10-04T03:30:00+11:00"},
		{"each hour, while the clock shows one twice", "0 * * * *", "Europe/Berlin", 10 * time.Minute, "2026-10-25T00:30:00Z", false, "2026-10-25T02:00:00+01:00", "2026-10-25T02:10:00+01:00"},
		{"a day that was left out", "0 1 30 12 *", "Pacific/Apia", time.Hour, "2011-12-30T00:00:00Z", false, "2011-12-31T00:00:00+14:00", "2011-12-31T01:00:00+14:00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := window(t, row.cron, row.zone, row.length)
			open, opens, closes := w.At(moment(t, row.now))
			assert.Equal(t, row.open, open)
			assert.Equal(t, row.opens, opens.Format(time.RFC3339))
			if row.closes == "" {
				assert.Zero(t, closes)
				return
			}
			assert.Equal(t, row.closes, closes.Format(time.RFC3339))
		})
	}
}

var (
	someZones = []string{"UTC", "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Gaza", "America/St_Johns"}
	someCrons = []string{"0 1 * * *", "30 2 * * *", "0 0 * * *", "*/20 1-3 * * *", "15 2 * * sun", "59 23 * * *", "0 2 25 10 *", "10 * * * *", "0 */6 * * *", "45 0,12 * * mon-fri"}
)

func drawnMoment(t *rapid.T) time.Time {
	from := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)
	return from.Add(time.Duration(rapid.Int64Range(0, int64(20*365*24*time.Hour/time.Second)).Draw(t, "second")) * time.Second)
}

// The times are those of a slow reader of the clock on the wall: minute by minute, a
// time that is shown for the first time that day, or has just been leapt over.
func TestATimetableIsWhatTheClockOnTheWallShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cron, zone := rapid.SampledFrom(someCrons[:7]).Draw(t, "cron"), rapid.SampledFrom(someZones).Draw(t, "zone")
		timetable, err := spec.ParseTimetable(cron, zone)
		require.NoError(t, err)
		asUTC, err := spec.ParseTimetable(cron, "UTC")
		require.NoError(t, err)
		now := drawnMoment(t)
		next := timetable.Next(now)
		require.True(t, next.After(now))
		require.Equal(t, 0, next.Second())
		location, err := time.LoadLocation(zone)
		require.NoError(t, err)
		wall := func(at time.Time) time.Time {
			at = at.In(location)
			return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
		}
		shown := wall(now.Add(-4 * time.Hour)) // the latest that the clock has shown
		for at := now.Truncate(time.Minute).Add(-4 * time.Hour).Add(time.Minute); !at.After(next); at = at.Add(time.Minute) {
			due := asUTC.Next(shown)
			w := wall(at)
			comes := !due.After(w)
			if w.After(shown) {
				shown = w
			}
			if at.After(now) {
				require.Equal(t, at.Equal(next), comes, "at %s, where the next is %s", at.In(location), next)
			}
			if at.Sub(now) > 3*24*time.Hour {
				return // it would take long
			}
		}
	})
}

func TestAWindowHoldsWhatItSaysOfAMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := window(t, rapid.SampledFrom(someCrons).Draw(t, "cron"), rapid.SampledFrom(someZones).Draw(t, "zone"),
			time.Duration(rapid.Int64Range(1, 30*3600).Draw(t, "length"))*time.Second)
		now := drawnMoment(t)
		open, opens, closes := w.At(now)
		require.Equal(t, open, !opens.After(now))
		begins, from, until := w.At(opens)
		require.True(t, begins, "it is open when it opens")
		require.False(t, from.After(opens))
		require.True(t, until.Equal(closes))
		if closes.IsZero() {
			return
		}
		require.True(t, closes.After(now) && !closes.Before(opens.Add(w.Length)))
		for _, at := range []time.Time{closes.Add(-time.Second), opens.Add(closes.Sub(opens) / 2)} {
			still, _, end := w.At(at)
			require.True(t, still, "it is open until it closes")
			require.True(t, end.Equal(closes))
		}
		ended, again, _ := w.At(closes)
		require.False(t, ended, "it isn't open once it has closed")
		require.True(t, again.After(closes))
		if !open {
			before, _, _ := w.At(opens.Add(-time.Second))
			require.False(t, before, "it is closed until it opens")
		}
	})
}

func TestAKindMayRunWhereAnyOfItsWindowsIsOpen(t *testing.T) {
	night, noon := window(t, "0 1 * * *", "UTC", 2*time.Hour), window(t, "0 12 * * *", "UTC", time.Hour)
	noon.Name, noon.Kinds = "noon", []spec.Kind{spec.Stop, spec.Unbind}
	late := window(t, "0 2 * * *", "UTC", 4*time.Hour)
	late.Name = "late"
	windows := spec.Windows{night, noon, late}
	for _, row := range []struct {
		kind  spec.Kind
		now   string
		open  bool
		until string
		by    string
	}{
		{spec.Resume, "2026-11-30T00:00:00Z", true, "0001-01-01T00:00:00Z", ""},
		{spec.Stop, "2026-11-30T00:00:00Z", false, "2026-11-30T01:00:00Z", "night"},
		{spec.Stop, "2026-11-30T02:30:00Z", true, "2026-11-30T06:00:00Z", "late"},
		{spec.Stop, "2026-11-30T07:00:00Z", false, "2026-11-30T12:00:00Z", "noon"},
		{spec.Stop, "2026-11-30T12:59:00Z", true, "2026-11-30T13:00:00Z", "noon"},
		{spec.Unbind, "2026-11-30T02:30:00Z", false, "2026-11-30T12:00:00Z", "noon"},
	} {
		open, until, by := windows.At(row.kind, moment(t, row.now))
		name := ""
		if by != nil {
			name = by.Name
		}
		assert.Equal(t, fmt.Sprint(row.open, row.until, row.by), fmt.Sprint(open, until.Format(time.RFC3339), name), "%s at %s", row.kind, row.now)
	}
}

func TestATimetableOfNothingNeverComes(t *testing.T) {
	require.Zero(t, spec.Timetable{}.Next(time.Unix(0, 0)))
	open, opens, closes := (&spec.Window{Length: time.Hour}).At(time.Unix(0, 0))
	require.False(t, open)
	require.Zero(t, opens)
	require.Zero(t, closes)
}

func FuzzParseTimetable(f *testing.F) {
	for _, line := range append(someCrons, "TZ=UTC 0 1 * *", "@daily", "0 , * * *", "0 1 30 2 *", "*/0 * * * *", "0-99 * * * *") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		timetable, err := spec.ParseTimetable(line, "Europe/Berlin")
		if err != nil {
			return
		}
		now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
		if next := timetable.Next(now); !next.IsZero() && !next.After(now) {
			t.Errorf("%q: after %s comes %s", line, now, next)
		}
	})
}
