package render

import (
	"cmp"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Past is what the history has of the last [daysBack] days: what was done a day,
// and the last runs. It is filled entry by entry, in the order of the history.
type Past struct {
	now  time.Time
	zone *time.Location
	days []pastDay // the last is today
	runs []*pastRun
	at   map[string]*pastRun // those of runs, by id
}

// pastDay counts the actions of a day.
type pastDay struct {
	Done            map[spec.Risk]int
	Undone, InDoubt int // failed or dropped; in doubt
	Outside         int // values that changed outside
}

// pastRun is a run, with what became of its actions.
type pastRun struct {
	state.Run
	Last                           time.Time // of its actions
	Done, Undone, InDoubt, Outside int
}

// runsMost is how many runs are kept.
const runsMost = 10

// NewPast is the past of a fleet as it is seen at a time; nil is UTC.
func NewPast(now time.Time, zone *time.Location) *Past {
	return &Past{now: now, zone: cmp.Or(zone, time.UTC), days: make([]pastDay, daysBack), at: map[string]*pastRun{}}
}

// Since is the first time that counts.
func (p *Past) Since() time.Time { return midnight(p.now, p.zone).AddDate(0, 0, 1-daysBack) }

// Add takes one action, nil for none, and the run that it is of, nil where that isn't known.
// What a reading showed of a call in doubt is no action of the run that read it: the
// call counts once, as in doubt, in the run that made it.
func (p *Past) Add(run *state.Run, e *state.Event) {
	var r *pastRun
	if run != nil {
		r = p.runOf(run)
	}
	if e == nil || e.Settles {
		return
	}
	day := p.day(e.At)
	switch e.Outcome {
	case "done":
		if day.Done == nil {
			day.Done = map[spec.Risk]int{}
		}
		day.Done[e.Kind.Risk()]++
	case "in-doubt":
		day.InDoubt++
	case "outside":
		day.Outside++
	default:
		day.Undone++
	}
	if r != nil {
		r.add(e)
	}
}

func (r *pastRun) add(e *state.Event) {
	if e.At.After(r.Last) {
		r.Last = e.At
	}
	switch e.Outcome {
	case "done":
		r.Done++
	case "in-doubt":
		r.InDoubt++
	case "outside":
		r.Outside++
	default:
		r.Undone++
	}
}

// runOf finds a run, and forgets the oldest where there are too many.
func (p *Past) runOf(run *state.Run) *pastRun {
	if r := p.at[run.ID]; r != nil {
		return r
	}
	r := &pastRun{Run: *run}
	p.at[run.ID] = r
	p.runs = append(p.runs, r)
	if len(p.runs) > runsMost {
		delete(p.at, p.runs[0].ID)
		p.runs = slices.Delete(p.runs, 0, 1)
	}
	return r
}

// day is the day of a time; what lies further back, or ahead by a wrong clock, is
// counted at the first and the last.
func (p *Past) day(at time.Time) *pastDay {
	today := midnight(p.now, p.zone)
	ago := int(today.Sub(midnight(at, p.zone)).Hours()+12) / 24 // a day may have 23 hours, or 25
	return &p.days[max(0, min(daysBack-1, daysBack-1-ago))]
}

func midnight(at time.Time, zone *time.Location) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}
