#!/usr/bin/env bash
# robfig/cron, by which most Go programs read cron lines, River's users among them,
# leaves a time out on the day on which the clock leaps over it, and has it twice on
# the day on which the clock is put back. Vixie's cron runs such a job once on both
# days, and RFC 5545 (section 3.3.5) has the first of two. A line that is nothing but
# a time zone ends the program.
#
# Expected: 02:30 in Berlin comes once on 2026-03-29 and once on 2026-10-25, and
# "TZ=UTC" is an error. Seen: not at all, twice, and a panic.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

// times is how often the line comes on a day in Berlin.
func times(line string, day time.Time) int {
	schedule, err := cron.ParseStandard("CRON_TZ=Europe/Berlin " + line)
	if err != nil {
		panic(err)
	}
	n := 0
	for at := schedule.Next(day.Add(-time.Nanosecond)); at.Before(day.AddDate(0, 0, 1)); at = schedule.Next(at) {
		n++
	}
	return n
}

func panics(line string) (did bool) {
	defer func() { did = recover() != nil }()
	_, _ = cron.ParseStandard(line)
	return false
}

func main() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	forward := times("30 2 * * *", time.Date(2026, 3, 29, 0, 0, 0, 0, berlin))
	back := times("30 2 * * *", time.Date(2026, 10, 25, 0, 0, 0, 0, berlin))
	fmt.Println("30 2 * * * in Berlin")
	fmt.Println("expected: once on 2026-03-29, once on 2026-10-25")
	fmt.Printf("seen:     %d times on 2026-03-29, %d times on 2026-10-25\n", forward, back)
	fmt.Println("TZ=UTC")
	fmt.Println("expected: an error")
	fmt.Println("seen:     a panic:", panics("TZ=UTC"))
	if forward != 0 || back != 2 || !panics("TZ=UTC") {
		fmt.Println("robfig/cron changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/robfig/cron/v3@v3.0.1 >/dev/null 2>&1
go list -m github.com/robfig/cron/v3
go run .
