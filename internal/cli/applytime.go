package cli

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/spec"
)

// defaultPriority is a run's among those that wait for workers.
const defaultPriority = 5

// handingOptions say how long an apply takes at most, and how workers take it up.
type handingOptions struct {
	within   time.Duration // -for; 0 where it isn't given
	began    time.Time     // when the command did
	priority int           // from 0 to 9
	ranked   bool          // -priority was given
	detach   bool
}

func (o *handingOptions) flags() []cli.Flag {
	o.priority = defaultPriority
	return []cli.Flag{
		&cli.GenericFlag{Name: "for", Usage: "stop cleanly before `DUR` (like 50m) is over: what is left is not started, and is the next plan's", Value: (*withinFlag)(o)},
		&cli.BoolFlag{Name: "detach", Usage: "end once the run is handed over to workers", Destination: &o.detach},
		&cli.GenericFlag{Name: "priority", Usage: "which run workers go on with first: `N` from 0 to 9, the highest first; 5 unless said", Value: (*priorityFlag)(o)},
	}
}

// withinFlag takes -for.
type withinFlag handingOptions

// Set takes a length of time of more than 0.
func (f *withinFlag) Set(s string) error {
	d, err := spec.ParseDuration(s)
	if err != nil || d <= 0 {
		return errNoTime
	}
	f.within = d
	return nil
}

// String is for help texts, which don't show it.
func (f *withinFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f *withinFlag) Get() any { return nil }

// priorityFlag takes -priority.
type priorityFlag handingOptions

// Set takes a digit.
func (f *priorityFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 9 {
		return errNoPriority
	}
	f.priority, f.ranked = n, true
	return nil
}

// String is for help texts, which don't show it.
func (f *priorityFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f *priorityFlag) Get() any { return nil }

const (
	errNoTime     = constError("-for wants a length of time of more than 0, such as 50m or 1h30m")
	errNoPriority = constError("-priority wants a whole number from 0 to 9")
)

// checkHanding says which options need workers, of a fleet that has none.
func (c *configuration) checkHanding(o handingOptions) error {
	switch {
	case c.fleet.Executor != nil:
		return nil
	case o.detach:
		return refuse("No workers to hand the run over to", `-detach leaves a run to workers, and this fleet has none. Write executor "workers" {} into the fleet block, with backend "postgres", and start cardfleet worker; or leave -detach out.`)
	case o.ranked:
		c.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "-priority has no effect here",
			Detail: `It says which run workers go on with first, and this fleet has no executor "workers" block: this run is carried out at once, by this program.`,
		}})
	}
	return nil
}

// lastStart is when an apply starts nothing more; zero is no such time.
func (c *configuration) lastStart(o handingOptions) time.Time {
	if o.within == 0 {
		return time.Time{}
	}
	return c.carriers.LastStart(o.began, o.within)
}

// lockWithin has an apply wait for the state's lock no longer than its own time.
func (c *configuration) lockWithin(o runOptions, until time.Time) runOptions {
	if !until.IsZero() {
		o.lockTimeout = min(o.lockTimeout, max(0, until.Sub(c.env.Now())))
	}
	return o
}

// outOfTime is the error of planning within a context, in words of its own where the
// apply's time was over meanwhile.
func outOfTime(within context.Context, err error) error {
	if err == nil || !errors.Is(err, context.Canceled) || !errors.Is(context.Cause(within), apply.ErrOutOfTime) {
		return err
	}
	return refuse("The time was over before there was a plan", "The time that -for gives was over while cards were read: nothing was planned, and no card was changed. "+
		"What was read until then is in the state. Give it longer, or read less: -refresh=changed, or -max-age=DUR, goes on from there.")
}
