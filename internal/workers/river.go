package workers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/cardfleet/cardfleet/state/postgres"
)

// job is the one kind of job. What it says is for this version of it: an older worker
// leaves newer jobs to others.
type job struct {
	V     int       `json:"v"`
	State int64     `json:"state"` // in the schema
	What  string    `json:"what"`  // [startAccount] or [runCheck]
	Name  string    `json:"name"`  // of the account, or of the schedule
	Token int64     `json:"token,omitempty"`
	Due   time.Time `json:"due,omitzero"`
}

// Kind implements [river.JobArgs].
func (job) Kind() string { return "cardfleet" }

const (
	jobVersion   = 1
	startAccount = "account"
	runCheck     = "check"
)

// The bounds of a job. It hands work to the worker, and ends: so slots never limit a
// takeover, and a dead worker's job blocks nobody, since the next job of its account
// carries the next token.
const (
	jobTimeout  = 30 * time.Second
	jobSlots    = 100
	pollEvery   = 500 * time.Millisecond
	manyTries   = 100
	snoozeAfter = 500 * time.Millisecond
)

// unique are the states in which a job keeps another one like it from being inserted:
// not those of jobs that have ended.
func unique() river.UniqueOpts {
	return river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}
}

// queueOf is the queue of a state: several may be in one schema.
func queueOf(state int64) string { return fmt.Sprintf("cardfleet_%d", state) }

// starter is the worker as River has it.
type starter struct {
	river.WorkerDefaults[job]
	w      *Worker
	client *river.Client[pgx.Tx]
	state  int64
}

// Migrate makes River's tables in the schema, where they are missing; one worker at a
// time.
func Migrate(ctx context.Context, work *postgres.Work) error {
	m, err := rivermigrate.New(riverpgxv5.New(work.Pool()), &rivermigrate.Config{Schema: work.Schema(), Logger: quiet()})
	if err == nil {
		err = migrate(ctx, work, m)
	}
	if err != nil {
		return fmt.Errorf("make River's tables in the schema %s: %w", work.Schema(), err)
	}
	return nil
}

// migrate holds a lock meanwhile, in a transaction of its own: River's migrations are
// several, and the later need the earlier committed.
func migrate(ctx context.Context, work *postgres.Work, m *rivermigrate.Migrator[pgx.Tx]) error {
	return pgx.BeginFunc(ctx, work.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('cardfleet river ' || $1, 0))", work.Schema()); err != nil {
			return err
		}
		there, err := m.ExistingVersions(ctx)
		if err != nil || len(there) >= len(m.AllVersions()) {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
}

// templateOfSchema stands in River's migrations where the schema goes.
const templateOfSchema = "/* TEMPLATE: schema */"

// PrintMigrations is the DDL of River's tables in a schema, for whoever may run it.
func PrintMigrations(schema string) (string, error) {
	m, err := rivermigrate.New[pgx.Tx](riverpgxv5.New(nil), &rivermigrate.Config{Schema: schema, Logger: quiet()})
	if err != nil {
		return "", err
	}
	text, versions := "", ""
	for _, v := range m.AllVersions() {
		text += fmt.Sprintf("-- River, version %d\nBEGIN;\n%s\nCOMMIT;\n", v.Version, strings.ReplaceAll(v.SQLUp, templateOfSchema, pgx.Identifier{schema}.Sanitize()+"."))
		if versions != "" {
			versions += ", "
		}
		versions += fmt.Sprintf("('main', %d)", v.Version)
	}
	return text + "INSERT INTO " + pgx.Identifier{schema, "river_migration"}.Sanitize() + " (line, version) VALUES " + versions + " ON CONFLICT DO NOTHING;\n", nil
}

// quiet is for River's own log: what matters of it comes back as errors.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// startRiver starts its client.
func startRiver(ctx context.Context, w *Worker) (*starter, error) {
	if err := Migrate(ctx, w.o.Work); err != nil {
		return nil, err
	}
	id, _ := w.o.Work.State()
	s := &starter{w: w, state: id}
	workers := river.NewWorkers()
	river.AddWorker(workers, s)
	client, err := river.NewClient(riverpgxv5.New(w.o.Work.Pool()), &river.Config{
		Schema: w.o.Work.Schema(), ID: w.o.Name, Logger: quiet(), Workers: workers, FetchOnlyKnownKinds: true,
		PollOnly: true, FetchPollInterval: pollEvery, FetchCooldown: pollEvery / 5, JobTimeout: jobTimeout, MaxAttempts: manyTries,
		Queues:                      map[string]river.QueueConfig{queueOf(id): {MaxWorkers: jobSlots}},
		PeriodicJobs:                w.periodic(id),
		CompletedJobRetentionPeriod: time.Hour, RescueStuckJobsAfter: 2 * jobTimeout,
	})
	if err != nil {
		return nil, fmt.Errorf("start River: %w", err)
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("start River: %w", err)
	}
	s.client = client
	return s, nil
}

// periodic are the schedules as River has them: whoever is its leader inserts a job at
// each time. What it misses while a new leader is elected is made up by
// [Worker.checks].
func (w *Worker) periodic(state int64) []*river.PeriodicJob {
	var jobs []*river.PeriodicJob
	for i := range w.o.Fleet.Schedules {
		s := &w.o.Fleet.Schedules[i]
		jobs = append(jobs, river.NewPeriodicJob(schedule{s.At.Next}, func() (river.JobArgs, *river.InsertOpts) {
			due := w.lastDue(s, time.Time{}, w.o.Env.Now().Add(time.Second))
			if due.IsZero() {
				return nil, nil
			}
			return job{V: jobVersion, State: state, What: runCheck, Name: s.Name, Due: due.UTC()}, &river.InsertOpts{Queue: queueOf(state), UniqueOpts: unique()}
		}, nil))
	}
	return jobs
}

// schedule is a timetable as River asks it.
type schedule struct {
	next func(time.Time) time.Time
}

// Next implements [river.PeriodicSchedule].
func (s schedule) Next(now time.Time) time.Time { return s.next(now) }

// Work implements [river.Worker].
func (s *starter) Work(ctx context.Context, j *river.Job[job]) error {
	switch {
	case j.Args.V > jobVersion:
		return river.JobSnooze(5 * time.Second) // a newer worker's
	case j.Args.State != s.state:
		return nil
	case j.Args.What == runCheck && s.w.o.Check == nil:
		return river.JobSnooze(5 * time.Second) // a worker's with all credentials
	case j.Args.What == runCheck:
		s.w.check(s.w.ctx, j.Args.Name, j.Args.Due)
		return nil
	case j.Args.What != startAccount:
		return nil
	}
	if !s.w.serves(j.Args.Name) || !s.w.waited(j.Args.Name) {
		return river.JobSnooze(snoozeAfter) // it is for a worker that holds fewer
	}
	accounts, err := s.w.o.Work.Accounts(ctx)
	if err != nil {
		return err
	}
	for i := range accounts {
		a := &accounts[i]
		if a.Account == j.Args.Name && a.Token == j.Args.Token && s.w.startable(a) {
			s.w.take(s.w.ctx, a.Account)
		}
	}
	return nil
}

// start has an account started on whichever worker is free. Where River can't, the
// worker's own look sees to it.
func (s *starter) start(ctx context.Context, a *postgres.AccountState) {
	s.insert(ctx, job{V: jobVersion, State: s.state, What: startAccount, Name: a.Account, Token: a.Token})
}

func (s *starter) check(ctx context.Context, name string, due time.Time) {
	s.insert(ctx, job{V: jobVersion, State: s.state, What: runCheck, Name: name, Due: due.UTC()})
}

func (s *starter) insert(ctx context.Context, j job) {
	_, _ = s.client.Insert(ctx, j, &river.InsertOpts{Queue: queueOf(s.state), UniqueOpts: unique(), MaxAttempts: manyTries})
}

// stop lets its jobs come to their end, also where ctx has ended.
func (s *starter) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if err := s.client.Stop(ctx); errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop River: %w", err)
	}
	return nil
}
