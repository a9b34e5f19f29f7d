#!/usr/bin/env bash
# A River worker is killed while it works on a job that is unique by its arguments. Until
# the leader rescues the job, an hour later by default, nothing frees it: JobCancel and
# JobRetry return no error and leave it running, JobDelete refuses, and a new job like it
# is passed over as a duplicate. Whoever has work start again after a crash can't count on
# uniqueness alone: something that rises with each start has to be among the arguments.
# It needs PostgreSQL; without it, it ends with code 2.
#
# Expected: a job that was cancelled is cancelled, or an error says that it can't be.
# Seen: no error, and a job that stays "running" and keeps out its successor.
set -euo pipefail
bin=$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | tail -1)
if [ -z "$bin" ]; then
	echo "PostgreSQL isn't installed: apt-get install postgresql"
	exit 2
fi
work=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then su postgres -c "$*"; else bash -c "$*"; fi; }
end() {
	as "$bin/pg_ctl -D $work/data -m immediate stop >/dev/null" || true
	chmod -R u+w "$work"
	rm -rf "$work"
}
trap end EXIT
cd "$work"
[ "$(id -u)" = 0 ] && chown -R postgres "$work"
as "$bin/initdb -D $work/data -U postgres -A trust -N >/dev/null"
as "$bin/pg_ctl -D $work/data -o '-k $work -c listen_addresses=' -l $work/log -w start >/dev/null"
mkdir program
cd program
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

type start struct {
	Account string `json:"account"`
}

func (start) Kind() string { return "start" }

type worker struct{ river.WorkerDefaults[start] }

func (worker) Work(context.Context, *river.Job[start]) error {
	fmt.Println("working")
	time.Sleep(time.Hour)
	return nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	ctx := context.Background()
	pool := must(pgxpool.New(ctx, "host="+os.Args[1]+" user=postgres dbname=postgres"))
	driver := riverpgxv5.New(pool)
	if len(os.Args) > 2 {
		workers := river.NewWorkers()
		river.AddWorker(workers, &worker{})
		client := must(river.NewClient(driver, &river.Config{Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 1}}}))
		if err := client.Start(ctx); err != nil {
			panic(err)
		}
		select {}
	}
	must(must(rivermigrate.New(driver, nil)).Migrate(ctx, rivermigrate.DirectionUp, nil))
	client := must(river.NewClient[pgx.Tx](driver, &river.Config{}))
	unique := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}
	job := must(client.Insert(ctx, start{"one"}, unique)).Job
	dies := exec.Command(os.Args[0], os.Args[1], "work")
	out := must(dies.StdoutPipe())
	if err := dies.Start(); err != nil {
		panic(err)
	}
	must(out.Read(make([]byte, 8))) // it works
	_ = dies.Process.Kill()
	_ = dies.Wait()

	_, cancelled := client.JobCancel(ctx, job.ID)
	_, retried := client.JobRetry(ctx, job.ID)
	_, deleted := client.JobDelete(ctx, job.ID)
	state := must(client.JobGet(ctx, job.ID)).State
	skipped := must(client.Insert(ctx, start{"one"}, unique)).UniqueSkippedAsDuplicate
	fmt.Println("asked:    of a job whose worker is dead, JobCancel, JobRetry, JobDelete, and another one like it")
	fmt.Println("expected: it is cancelled or started anew, or an error says why not")
	fmt.Printf("seen:     JobCancel: %v; JobRetry: %v; JobDelete: %v; the job is %s; another is a duplicate: %v\n", cancelled, retried, deleted, state, skipped)
	if cancelled != nil || retried != nil || state != "running" || !skipped {
		fmt.Println("River changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/riverqueue/river@v0.51.2 github.com/riverqueue/river/riverdriver/riverpgxv5@v0.51.2 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go list -m github.com/riverqueue/river
go build -o finding .
chmod 755 "$work" "$work/program" finding
./finding "$work"
