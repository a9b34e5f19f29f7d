package config

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// workersBackend is the only backend that workers share a state by.
const workersBackend = "postgres"

// longestWindow is the longest that a window may be open each time.
const longestWindow = 366 * 24 * time.Hour

// loadTimed reads the windows and the schedules, once the fleet's zone is known.
func (l *loader) loadTimed(blocks hcl.Blocks) {
	for _, b := range blocks {
		if b.Type == "window" {
			l.loadWindow(b)
		} else {
			l.loadSchedule(b)
		}
	}
	slices.SortFunc(l.fleet.Schedules, func(a, b spec.Schedule) int { return compareStrings(a.Name, b.Name) })
}

// loadExecutor reads who carries changes out.
func (l *loader) loadExecutor(b *hcl.Block) {
	content, diags := b.Body.Content(executorSchema())
	l.report.HCL(diags)
	if typ := b.Labels[0]; typ != spec.WorkersExecutor {
		l.report.ErrorAt(b.LabelRanges[0], "Unknown type of executor", "There is no executor %q.%s There is %q; without the block, the program that plans carries everything out itself.",
			typ, spec.DidYouMean(typ, []string{spec.WorkersExecutor}), spec.WorkersExecutor)
		return
	}
	e := spec.Executor{Type: spec.WorkersExecutor, Accounts: "*", Source: *rangeOf(b.DefRange)}
	s := settings{loader: l, attributes: content.Attributes, shows: true}
	if text, ok := s.filled("accounts"); ok && s.isGlobOfProviders("accounts", text) {
		e.Accounts = text
	}
	l.fleet.Executor = &e
}

// isGlobOfProviders reports a pattern that is none, and one that names no provider.
func (s settings) isGlobOfProviders(name, pattern string) bool {
	if _, err := path.Match(pattern, ""); err != nil {
		s.wrong(name, "Invalid pattern", `%q is no pattern. Write the name of a provider block, or one with * and ? in it, such as "aliyun.*".`, pattern)
		return false
	}
	blocks := s.providers.sorted()
	matches := func(block string) bool { ok, _ := path.Match(pattern, block); return ok } // it is a pattern
	if pattern == "*" || s.providers.unsure || slices.ContainsFunc(blocks, matches) {
		return true
	}
	s.wrong(name, "Pattern that matches nothing", "No provider block is called like %q, so workers would have nothing to do.%s The provider blocks are %s.",
		pattern, spec.DidYouMean(pattern, blocks), spec.QuoteList(blocks, "and"))
	return false
}

// loadWindow reads when actions of some kinds may run.
func (l *loader) loadWindow(b *hcl.Block) {
	content, diags := b.Body.Content(windowSchema())
	failed := l.report.HCL(diags)
	s := settings{loader: l, attributes: content.Attributes, shows: true}
	w := spec.Window{Name: b.Labels[0], Kinds: s.windowKinds(), Length: s.windowLength(), Source: *rangeOf(b.DefRange)}
	opens, ok := s.timetable()
	w.Opens = opens
	s.refuseNull("kinds")
	s.refuseNull("length")
	if l.checkName(b) && ok && !failed && len(w.Kinds) > 0 && w.Length > 0 {
		l.fleet.Windows = append(l.fleet.Windows, w)
	}
}

// windowKinds are the kinds of action that a window holds.
func (s settings) windowKinds() []spec.Kind {
	words, ok := s.texts("kinds")
	var kinds []spec.Kind
	for _, w := range words {
		if k, known := s.kindOf(w, s.attributes["kinds"].Expr.Range(), "a window", spec.CarrierKinds()); known {
			kinds = append(kinds, k)
		}
	}
	if ok && len(words) == 0 {
		s.wrong("kinds", "Empty list", "kinds names no kind of action, so the window would hold nothing. Name some, or delete the block.")
	}
	slices.SortFunc(kinds, spec.Kind.CompareTurn)
	return slices.Compact(kinds)
}

func (s settings) windowLength() time.Duration {
	text, ok := s.text("length")
	if !ok {
		return 0
	}
	d, err := spec.ParseDuration(text)
	if err != nil || d < time.Second || d > longestWindow {
		s.wrong("length", "Invalid duration", `%q is no duration that a window may be open for. Write one from "1s" to "366d", such as "4h" or "90m".`, text)
		return 0
	}
	return d
}

// loadSchedule reads when workers do something by themselves.
func (l *loader) loadSchedule(b *hcl.Block) {
	content, diags := b.Body.Content(scheduleSchema())
	l.report.HCL(diags)
	s := settings{loader: l, attributes: content.Attributes, shows: true}
	at, ok := s.timetable()
	if name := b.Labels[0]; name != spec.DriftSchedule {
		l.report.ErrorAt(b.LabelRanges[0], "Unknown schedule", "There is no schedule %q.%s There is %q: a worker then looks for drift, as plan -refresh-only does.",
			name, spec.DidYouMean(name, []string{spec.DriftSchedule}), spec.DriftSchedule)
		return
	}
	if ok {
		l.fleet.Schedules = append(l.fleet.Schedules, spec.Schedule{Name: b.Labels[0], At: at, Source: *rangeOf(b.DefRange)})
	}
}

// timetable reads cron and zone; the zone is the fleet's where the block doesn't say it.
func (s settings) timetable() (spec.Timetable, bool) {
	zone, said := s.filled("zone")
	wrongZone := said && !s.isZone("zone", zone) || !said && s.attributes["zone"] != nil
	switch {
	case wrongZone:
		zone = "" // the line is read all the same, so that its mistakes are told too
	case !said:
		zone = s.fleet.Zone
	}
	line, ok := s.text("cron")
	if !ok {
		s.refuseNull("cron")
		return spec.Timetable{}, false
	}
	t, err := spec.ParseTimetable(line, zone)
	if err != nil {
		s.wrong("cron", "Invalid cron line", `%q is no cron line: %s. Write five fields, such as "0 1 * * *" for each day at 01:00.`, line, err)
		return spec.Timetable{}, false
	}
	return t, !wrongZone
}

// checkWorkers reports what only workers do where the state is kept out of their reach.
func (l *loader) checkWorkers(once expr.Names) {
	if _, said := once["backend"]; l.fleet.Backend.Type == workersBackend || said && l.fleet.Backend.Source == nil {
		return // what is wrong with the backend was reported
	}
	without := func(at spec.Range, format string, args ...any) {
		l.report.add(spec.Diagnostic{Summary: "Workers without a database", Subject: &at, Detail: fmt.Sprintf(format, args...) +
			` Workers need the state in PostgreSQL: backend "postgres" { conn_str = env("CARDFLEET_PG_CONN_STR") }.`})
	}
	if e := l.fleet.Executor; e != nil {
		without(e.Source, "Changes can't be left to workers here. Leave the block out, and the program that plans carries them out itself.")
	}
	for _, b := range l.timed { // also those whose own settings are wrong
		if b.Type == "schedule" && b.Labels[0] == spec.DriftSchedule {
			without(*rangeOf(b.DefRange), "Nobody would look to the schedule %q. Leave the block out, and run plan -refresh-only by CI's own schedule.", b.Labels[0])
		}
	}
}
