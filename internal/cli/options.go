package cli

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// viewOptions say how a command shows what it does.
type viewOptions struct {
	noColor bool
	json    bool
}

func (v *viewOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "no-color", Usage: "no colour (so does NO_COLOR in the environment)", Destination: &v.noColor},
		&cli.BoolFlag{Name: "json", Usage: "one JSON object a line instead of text", Destination: &v.json},
	}
}

// inputOptions say which configuration is read, with which variables.
type inputOptions struct {
	assignments []config.Assignment // -var and -var-file, as they were given
}

func (o *inputOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "var", Usage: "set a variable: `NAME=VALUE`; may be repeated", Value: &assignmentFlag{to: &o.assignments}},
		&cli.GenericFlag{Name: "var-file", Usage: "set variables from `FILE`; may be repeated", Value: &assignmentFlag{to: &o.assignments, file: true}},
	}
}

// inOrder are the assignments as they win: files first, then -var, each in the
// order in which they were given (docs/configuration.md, "Variables").
func (o *inputOptions) inOrder() []config.Assignment {
	sorted := slices.Clone(o.assignments)
	slices.SortStableFunc(sorted, func(a, b config.Assignment) int {
		return cmp.Compare(kindOf(a), kindOf(b))
	})
	return sorted
}

func kindOf(a config.Assignment) int {
	if a.File != "" {
		return 0
	}
	return 1
}

// assignmentFlag collects -var and -var-file.
type assignmentFlag struct {
	to   *[]config.Assignment
	file bool
}

// Set takes one value.
func (f *assignmentFlag) Set(s string) error {
	if f.file {
		*f.to = append(*f.to, config.Assignment{File: s})
		return nil
	}
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errNoAssignment
	}
	*f.to = append(*f.to, config.Assignment{Name: strings.TrimSpace(name), Value: value})
	return nil
}

// String is for help texts, which don't show it.
func (f *assignmentFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f *assignmentFlag) Get() any { return nil }

// labelFlag collects -select.
type labelFlag map[string]string

// Set takes one value.
func (f labelFlag) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return errNoLabel
	}
	f[key] = value
	return nil
}

// String is for help texts, which don't show it.
func (f labelFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f labelFlag) Get() any { return nil }

// acceptFlag collects -accept-count.
type acceptFlag map[spec.Kind]int

// Set takes one value.
func (f acceptFlag) Set(s string) error {
	word, number, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(number)
	if kind := spec.Kind(word); err == nil && n >= 0 && slices.Contains(spec.LimitKinds(), kind) {
		f[kind] = n
		return nil
	}
	return errNoCount
}

// String is for help texts, which don't show it.
func (f acceptFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f acceptFlag) Get() any { return nil }

type constError string

func (e constError) Error() string { return string(e) }

const (
	errNoAssignment = constError("-var wants NAME=VALUE")
	errNoLabel      = constError("-select wants KEY=VALUE")
	errNoCount      = constError("-accept-count wants KIND:N, such as stop:1200")
	errNoParallel   = constError("-parallelism wants a whole number of 1 or more; leave it out for as many as the provider's limits allow")
)

// durationFlag takes a length of time, also in days.
type durationFlag time.Duration

// Set takes what [spec.ParseDuration] reads.
func (f *durationFlag) Set(s string) error {
	d, err := spec.ParseDuration(s)
	*f = durationFlag(d)
	return err
}

// String is for help texts, which don't show it.
func (f *durationFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f *durationFlag) Get() any { return nil }

// parallelFlag takes -parallelism.
type parallelFlag int

// Set takes a number of 1 or more.
func (f *parallelFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return errNoParallel
	}
	*f = parallelFlag(n)
	return nil
}

// String is for help texts, which don't show it.
func (f *parallelFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f *parallelFlag) Get() any { return nil }

// runOptions are what plan and apply have in common.
type runOptions struct {
	viewOptions
	inputOptions
	refreshOptions
	parallelism    int
	lock           bool
	lockTimeout    time.Duration
	accepted       map[spec.Kind]int
	refreshOnly    bool
	acceptNewState bool
	jsonInto       string
	targets        []string
	excludes       []string
	labels         map[string]string
	retry          retry
}

func (o *runOptions) selection() plan.Selection {
	return plan.Selection{Targets: spelled(o.targets), Excludes: spelled(o.excludes), Labels: o.labels, Retry: o.retry.file, Cards: o.retry.cards}
}

// spelled writes the ICCIDs among globs in their one spelling.
func spelled(globs []string) []string {
	out := slices.Clone(globs)
	for i, glob := range out {
		if iccid, err := spec.ParseICCID(glob); err == nil {
			out[i] = string(iccid)
		}
	}
	return out
}

// forRun are the options as a run takes them.
func (o *runOptions) forRun(approvals plan.Approvals) run.Options {
	return run.Options{
		Select: o.selection(), Refresh: plan.Refresh{Mode: plan.RefreshMode(o.mode), MaxAge: o.maxAge}, Budget: o.budget,
		Parallel: o.parallelism, RefreshOnly: o.refreshOnly, Accepted: o.accepted, Approvals: approvals,
	}
}

func (o *runOptions) flags() []cli.Flag {
	o.accepted, o.labels = map[spec.Kind]int{}, map[string]string{}
	flags := append(o.inputOptions.flags(),
		&cli.GenericFlag{Name: "accept-count", Usage: "lift the limit on a kind for this run, if exactly so many are planned: `KIND:N`; may be repeated", Value: acceptFlag(o.accepted)},
		&cli.BoolFlag{Name: "accept-new-state", Usage: "begin a new state where the one that the fleet had is not there", Destination: &o.acceptNewState},
		&cli.BoolFlag{Name: "refresh-only", Usage: "change no card: show what changed outside, and let apply take it into the state", Destination: &o.refreshOnly},
		&cli.StringSliceFlag{Name: "target", Usage: "only cards whose address or ICCID is `ADDR|ICCID`, with * and ?; may be repeated", Destination: &o.targets},
		&cli.StringSliceFlag{Name: "exclude", Usage: "all but the cards whose address or ICCID is `ADDR|ICCID`; may be repeated", Destination: &o.excludes},
		&cli.GenericFlag{Name: "select", Usage: "only cards with the label `KEY=VALUE`, with * and ?; may be repeated, and all have to fit", Value: labelFlag(o.labels)},
		&cli.StringFlag{Name: "retry", Usage: "only cards with an action that the run of the report in `FILE` didn't get done; planned anew, from what is wanted and live now", Destination: &o.retry.file},
		&cli.GenericFlag{Name: "parallelism", Usage: "work on at most `N` cards at once at each provider", Value: (*parallelFlag)(&o.parallelism)},
		&cli.BoolFlag{Name: "lock", Value: true, Usage: "-lock=false: don't lock the state (dangerous beside other runs; no backend takes it whose lock is a lease)", Destination: &o.lock},
		&cli.GenericFlag{Name: "lock-timeout", Usage: "wait up to `DUR` (like 5m) for another run's lock, and say whose", Value: (*durationFlag)(&o.lockTimeout)},
		&cli.StringFlag{Name: "json-into", Usage: "write one JSON object a line to `FILE`, besides the text", Destination: &o.jsonInto},
	)
	flags = append(flags, o.refreshOptions.flags()...)
	return append(flags, o.viewOptions.flags()...)
}
