package spec

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Window is when actions of some kinds may run: outside it they wait.
type Window struct {
	Name   string
	Kinds  []Kind // each once, in the order in which they run within one card
	Opens  Timetable
	Length time.Duration // how long it is open each time; more than 0
	Source Range
}

// Holds reports whether actions of kind k run only while the window is open.
func (w *Window) Holds(k Kind) bool { return slices.Contains(w.Kinds, k) }

// mostJoined is how many openings of a window may join into one.
const mostJoined = 10_000

// At says whether the window is open at a moment. Of an open window, opens is the
// earliest beginning that still counts, and closes is when it is open no longer: the
// zero time where one opening joins the next on and on. Of a closed window they are
// those of the next opening; zero where it doesn't open within five years.
func (w *Window) At(now time.Time) (open bool, opens, closes time.Time) {
	opens = w.Opens.Next(now.Add(-w.Length))
	if opens.IsZero() {
		return false, time.Time{}, time.Time{}
	}
	closes = opens.Add(w.Length)
	last := opens
	for range mostJoined {
		next := w.Opens.Next(last)
		if next.IsZero() || next.After(closes) {
			return !opens.After(now), opens, closes
		}
		last, closes = next, next.Add(w.Length)
	}
	return !opens.After(now), opens, time.Time{}
}

// Windows are those of a fleet. A kind that none of them holds may run at any time.
type Windows []Window

// At says whether an action of kind k may run at a moment, and until when that holds:
// the zero time for no end. window is the open one that closes last, or the one that
// opens first where none is open; nil where no window holds the kind, or none of those
// that do ever opens.
func (ws Windows) At(k Kind, now time.Time) (open bool, until time.Time, window *Window) {
	held := false
	for i := range ws {
		w := &ws[i]
		if !w.Holds(k) {
			continue
		}
		isOpen, opens, closes := w.At(now)
		switch {
		case isOpen && (!open || later(closes, until)):
			open, until, window = true, closes, w
		case !isOpen && !open && !opens.IsZero() && (window == nil || opens.Before(until)):
			until, window = opens, w
		}
		held = true
	}
	return open || !held, until, window
}

// later reports whether the end a comes after the end b, where zero is none.
func later(a, b time.Time) bool { return !b.IsZero() && (a.IsZero() || a.After(b)) }

// Executor says who carries out changes in place of the program that plans them.
type Executor struct {
	Type string // "workers"
	// Accounts is a glob of provider blocks' names ([path.Match]), whose cards'
	// changes workers carry out; "*" for all. The rest is done by the program itself.
	Accounts string
	Source   Range
}

// WorkersExecutor is the type of [Executor] whose runs workers carry out.
const WorkersExecutor = "workers"

// Schedule is something that a worker does by itself at its times.
type Schedule struct {
	Name   string // "drift"
	At     Timetable
	Source Range
}

// DriftSchedule is the name of the [Schedule] that looks for drift, as plan
// -refresh-only does.
const DriftSchedule = "drift"

// Held says why an action of kind k may not start at a moment; "" where it may. Until
// is when that changes; the zero time where it doesn't. A window that opens within a
// day is told by the hour, in the fleet's zone, or in its own where the fleet has none.
func (f *Fleet) Held(k Kind, now time.Time) (reason string, until time.Time) {
	open, until, w := f.Windows.At(k, now)
	switch {
	case open:
		return "", until
	case w == nil:
		return "no window for it opens any more", time.Time{}
	}
	zone, err := LoadZone(cmp.Or(f.Zone, w.Opens.Zone()))
	if err != nil {
		zone = until.Location()
	}
	told := until.In(zone)
	if until.Sub(now) <= 24*time.Hour {
		return fmt.Sprintf("the window %s opens %s", w.Name, told.Format("15:04")), until
	}
	return fmt.Sprintf("the window %s opens %s %s", w.Name, told.Format("2006-01-02 15:04"), zone), until
}
