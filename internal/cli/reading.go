package cli

import (
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/plan"
)

// refreshOptions say which cards are read.
type refreshOptions struct {
	mode   refreshFlag
	maxAge time.Duration
	budget int
}

func (o *refreshOptions) flags() []cli.Flag {
	o.mode = refreshFlag(plan.RefreshAll)
	return []cli.Flag{
		&cli.GenericFlag{Name: "refresh", Usage: "which cards to read: `true`, changed (those that a plan from the state would touch) or false", Value: &o.mode},
		&cli.GenericFlag{Name: "max-age", Usage: "read only cards whose last reading is older than `DUR` (like 24h)", Value: (*durationFlag)(&o.maxAge)},
		&cli.IntFlag{Name: "refresh-budget", Usage: "read with at most `N` calls, the cards with the oldest readings first", Destination: &o.budget},
	}
}

// check refuses options that make no sense together.
func (o *refreshOptions) check() error {
	switch {
	case o.maxAge < 0:
		return refuse("Invalid option", "-max-age is a length of time, such as 24h; %s is below 0.", o.maxAge)
	case o.budget < 0:
		return refuse("Invalid option", "-refresh-budget is a number of calls; %d is below 0.", o.budget)
	case !o.asks() && (o.maxAge > 0 || o.budget > 0):
		return refuse("Options don't go together", "-refresh=false asks no carrier: leave out -max-age and -refresh-budget.")
	}
	return nil
}

// asks reports whether carriers are asked at all.
func (o *refreshOptions) asks() bool { return plan.RefreshMode(o.mode) != plan.RefreshNone }

// refreshFlag is -refresh: a word, and true where there is none.
type refreshFlag plan.RefreshMode

// Set takes the value; all that is true or false for other options is so here.
func (f *refreshFlag) Set(s string) error {
	if s == string(plan.RefreshChanged) {
		*f = refreshFlag(s)
		return nil
	}
	yes, err := strconv.ParseBool(s)
	if err != nil {
		return errNoRefresh
	}
	*f = refreshFlag(strconv.FormatBool(yes))
	return nil
}

// String is for help texts, which don't show it.
func (f *refreshFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f *refreshFlag) Get() any { return nil }

// IsBoolFlag lets the option stand without a value.
func (f *refreshFlag) IsBoolFlag() bool { return true }

const errNoRefresh = constError("-refresh wants true, false or changed")
