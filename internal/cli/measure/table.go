package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// standard are the sizes that the tables always have a column for.
func standard() []int { return []int{1000, 10_000, 100_000, 1_000_000} }

// The rows of the table of the start-up.
const (
	startVersion = "`version`"
	startPlan    = "`plan` of a first card, simulator and all"
)

// quickstart is the smallest fleet that a newcomer plans.
const quickstart = `provider "aliyun" {
  endpoint = "simulator"
}

card "kiosk" {
  iccid  = "89860617030017300008"
  active = false
}
`

const notMeasured = "not measured"

// markdown is the tables.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s with commit %s.\nMachine: %s. %s.\n", r.about.when.Format("2006-01-02"), r.about.commit, r.about.machine, r.about.system)
	r.table(&b, "CPU", "seconds (µs a card)", rows(), func(n int, got result) string {
		return fmt.Sprintf("%s (%s)", decimal(got.CPU.Seconds()), decimal(float64(got.CPU.Nanoseconds())/1e3/float64(n)))
	})
	r.table(&b, "Time", "seconds by the clock", rows(), func(_ int, got result) string { return decimal(got.Wall.Seconds()) })
	r.table(&b, "Memory", "MiB at most (KiB a card)", rows(), func(n int, got result) string {
		if got.Peak == 0 {
			return notMeasured
		}
		return fmt.Sprintf("%s (%s)", decimal(float64(got.Peak)/(1<<20)), decimal(float64(got.Peak)/(1<<10)/float64(n)))
	})
	r.table(&b, "Beside the build before", "CPU and memory: this build's share of that one's", rows(), share)
	r.table(&b, "Calls", "calls, at the rate allowed: share of the ideal time", asking(), func(_ int, got result) string {
		ideal := time.Duration(float64(got.Calls) / float64(got.Rate) * float64(time.Second))
		return fmt.Sprintf("%s, at %s/s: %.0f%%", thousands(got.Calls), thousands(got.Rate), 100*ideal.Seconds()/got.Wall.Seconds())
	})
	r.files(&b)
	r.startTable(&b)
	r.besideTable(&b)
	return b.String()
}

// share is what this build takes of what the other one takes.
func share(_ int, got result) string {
	if got.Base.CPU == 0 {
		return notMeasured
	}
	return fmt.Sprintf("%.2f, %.2f", got.CPU.Seconds()/got.Base.CPU.Seconds(), float64(got.Peak)/float64(max(got.Base.Peak, 1)))
}

// asking are the rows that ask carriers.
func asking() []row {
	return slices.DeleteFunc(rows(), func(r row) bool { return !r.calls })
}

// columns are the standard sizes, and those that were measured besides.
func (r *results) columns() []int {
	sizes := append(standard(), r.sizes...)
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// head writes a table's title and head.
func head(b *strings.Builder, title, unit string, columns []string) {
	fmt.Fprintf(b, "\n### %s\n\n| %s |", title, unit)
	for _, c := range columns {
		fmt.Fprintf(b, " %s |", c)
	}
	fmt.Fprintf(b, "\n| --- |%s\n", strings.Repeat(" ---: |", len(columns)))
}

func (r *results) sizeColumns() []string {
	var out []string
	for _, n := range r.columns() {
		out = append(out, thousands(n)+" cards")
	}
	return out
}

// table writes a table with a line for each row and a column for each size.
func (r *results) table(b *strings.Builder, title, unit string, of []row, cell func(n int, got result) string) {
	head(b, title, unit, r.sizeColumns())
	for _, row := range of {
		r.line(b, row.name, row.name, cell)
	}
}

// line writes a line of a table, from what was measured of a row.
func (r *results) line(b *strings.Builder, title, name string, cell func(n int, got result) string) {
	fmt.Fprintf(b, "| %s |", title)
	for _, n := range r.columns() {
		text := notMeasured
		if got, ok := r.fleets[name][n]; ok {
			text = cell(n, got)
		}
		fmt.Fprintf(b, " %s |", text)
	}
	b.WriteString("\n")
}

// files writes the sizes of files.
func (r *results) files(b *strings.Builder) {
	head(b, "Files", "KiB (bytes a card)", r.sizeColumns())
	for _, f := range []struct {
		title, row string
		size       func(result) int64
	}{
		{"state", planOfAll, func(got result) int64 { return got.State }},
		{"state after an apply that changes all", applyOfAll, func(got result) int64 { return got.After }},
		{"saved plan, 1% changes", planOfSome, func(got result) int64 { return got.Plan }},
		{"saved plan, all change", planOfAll, func(got result) int64 { return got.Plan }},
	} {
		r.line(b, f.title, f.row, func(n int, got result) string {
			size := float64(f.size(got))
			return fmt.Sprintf("%s (%s)", decimal(size/1024), decimal(size/float64(n)))
		})
	}
}

func (r *results) startTable(b *strings.Builder) {
	head(b, "Start-up", "", []string{"ms of CPU", "ms by the clock", "MiB at most", "CPU and memory beside the build before"})
	for _, name := range []string{startVersion, startPlan} {
		u := r.startup[name]
		beside := share(1, result{used: u, Base: r.baseStartup[name]})
		fmt.Fprintf(b, "| %s | %d | %d | %s | %s |\n", name, u.CPU.Milliseconds(), u.Wall.Milliseconds(), cmp.Or(nonZero(u.Peak>>20), notMeasured), beside)
	}
}

func nonZero(n int64) string {
	if n == 0 {
		return ""
	}
	return thousands(int(n))
}

// decimal is a figure with as many digits as mean something.
func decimal(f float64) string {
	switch {
	case f >= 100:
		return thousands(int(f + 0.5))
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}

// thousands is 1,234,567.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
