package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

func (prog *program) runsCommand() *cli.Command {
	return &cli.Command{
		Name: "runs", Usage: "runs that were handed over to workers",
		Commands: []*cli.Command{
			prog.runsListCommand(), prog.runsShowCommand(), prog.runsWatchCommand(), prog.runsCancelCommand(), prog.runsRetryCommand(),
			prog.runsPauseCommand("pause", "have no worker change anything in an account until it is resumed; calls under way end"),
			prog.runsPauseCommand("resume", "let workers go on in an account that was paused"),
		},
	}
}

// runsOptions are what the commands about runs take.
type runsOptions struct {
	inputOptions
	json, all bool
	accounts  string
}

func (o *runsOptions) jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "as JSON", Destination: &o.json}
}

func (prog *program) runsListCommand() *cli.Command {
	o := &runsOptions{}
	return &cli.Command{
		Name: "list", Usage: "list the runs, the newest first", UsageText: "cardfleet runs list\ncardfleet runs list -json",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "going", Usage: "only those that haven't ended", Destination: &o.all}, o.jsonFlag(),
		}, o.inputOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return prog.onRuns(ctx, *o, func(r *workSession) error { return r.list(ctx, !o.all, o.json) })
		},
	}
}

func (prog *program) runsShowCommand() *cli.Command {
	o := &runsOptions{}
	return &cli.Command{
		Name: "show", Usage: "show a run: whose it is, what is done, what is under way, what waits and why", ArgsUsage: "ID",
		UsageText: "cardfleet runs show 6fa3c0de",
		Flags:     append([]cli.Flag{o.jsonFlag()}, o.inputOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return prog.onRun(ctx, *o, cmd, func(r *workSession, one *postgres.WorkRun) error { return r.show(ctx, one, o.json) })
		},
	}
}

func (prog *program) runsWatchCommand() *cli.Command {
	o := &runsOptions{}
	view := &viewOptions{}
	return &cli.Command{
		Name: "watch", Usage: "follow a run as the apply that handed it over does, and end with its exit code", ArgsUsage: "ID",
		UsageText: "cardfleet runs watch 6fa3c0de",
		Flags:     append(view.flags(), o.inputOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			id, err := oneArgument(cmd, "run")
			if err != nil {
				return err
			}
			return prog.withRuns(ctx, *o, *view, func(r *workSession) error {
				one, err := r.find(ctx, id)
				if err != nil {
					return err
				}
				return r.watch(ctx, one)
			})
		},
	}
}

func (prog *program) runsCancelCommand() *cli.Command {
	o := &runsOptions{}
	return &cli.Command{
		Name: "cancel", Usage: "start nothing more of a run; calls under way end", ArgsUsage: "ID",
		UsageText: "cardfleet runs cancel 6fa3c0de", Flags: o.inputOptions.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return prog.onRun(ctx, *o, cmd, func(r *workSession, one *postgres.WorkRun) error {
				return r.cancel(ctx, one)
			})
		},
	}
}

func (prog *program) runsRetryCommand() *cli.Command {
	o := &runsOptions{}
	return &cli.Command{
		Name: "retry", Usage: "let a run go on in accounts where it couldn't: once a key was renewed, say", ArgsUsage: "ID",
		UsageText: "cardfleet runs retry 6fa3c0de\ncardfleet runs retry -accounts='aliyun*' 6fa3c0de",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "accounts", Usage: "only accounts whose name is `GLOB`, with * and ?", Destination: &o.accounts},
		}, o.inputOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return prog.onRun(ctx, *o, cmd, func(r *workSession, one *postgres.WorkRun) error { return r.retry(ctx, one, o.accounts) })
		},
	}
}

func (prog *program) runsPauseCommand(name, usage string) *cli.Command {
	o := &runsOptions{}
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "ACCOUNT", UsageText: "cardfleet runs " + name + " aliyun", Flags: o.inputOptions.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			account, err := oneArgument(cmd, "account")
			if err != nil {
				return err
			}
			return prog.onRuns(ctx, *o, func(r *workSession) error { return r.pause(ctx, account, name == "pause") })
		},
	}
}

// workSession is a session with what workers share.
type workSession struct {
	*session
	work *postgres.Work
}

// withWork opens the configuration's state with what workers share, for as long as do
// takes, and closes all three.
func (c *configuration) withWork(ctx context.Context, do func(*workSession) error) (err error) {
	defer func() { err = errors.Join(err, c.close()) }()
	s, err := c.openState()
	if err != nil {
		return err
	}
	work, err := s.openWork(ctx)
	if err != nil {
		return err
	}
	defer work.Close()
	return do(&workSession{s, work})
}

func (prog *program) onRuns(ctx context.Context, o runsOptions, do func(*workSession) error) error {
	return prog.withRuns(ctx, o, viewOptions{}, do)
}

// onRun is for a command about one run.
func (prog *program) onRun(ctx context.Context, o runsOptions, cmd *cli.Command, do func(*workSession, *postgres.WorkRun) error) error {
	id, err := oneArgument(cmd, "run")
	if err != nil {
		return err
	}
	return prog.onRuns(ctx, o, func(r *workSession) error {
		one, err := r.find(ctx, id)
		if err != nil {
			return err
		}
		return do(r, one)
	})
}

func (prog *program) withRuns(ctx context.Context, o runsOptions, view viewOptions, do func(*workSession) error) error {
	prog.open(view)
	c, _, err := prog.openQuietly(ctx, o.inputOptions, false)
	if err != nil {
		return err
	}
	return c.withWork(ctx, do)
}

// find is the run with that id, or with one that begins so.
func (r *workSession) find(ctx context.Context, id string) (*postgres.WorkRun, error) {
	if id == "" {
		return nil, refuse("No such run", "The id of the run is empty. To list the runs: %s", r.command("runs", "list"))
	}
	one, err := r.work.Run(ctx, id)
	switch {
	case errors.Is(err, postgres.ErrSeveralRuns):
		return nil, refuse("Which run?", "The ids of several runs begin with %s: write more of it. To list them: %s", safe.Text(id), r.command("runs", "list"))
	case errors.Is(err, postgres.ErrNoRun):
		return nil, refuse("No such run", "No run that was handed over has the id %s. To list them: %s", safe.Text(id), r.command("runs", "list"))
	}
	return one, err
}

// cancel has nothing more of a run start. For one that somebody has cancelled already it
// says so, and that is no failure: what is asked for is so.
func (r *workSession) cancel(ctx context.Context, one *postgres.WorkRun) error {
	switch {
	case !one.Cancelled.IsZero():
		if err := r.settle(ctx, one.ID); err != nil {
			return err
		}
		r.out.result("Run %s was cancelled already, at %s by %s.\n", one.ID, one.Cancelled.UTC().Format(time.RFC3339), safe.Text(one.CancelledBy))
		return nil
	case !one.Ended.IsZero() && !cutShort(one):
		return refuse("The run has ended", "Run %s ended at %s: there is nothing to cancel.", one.ID, one.Ended.UTC().Format(time.RFC3339))
	}
	if err := r.work.Cancel(ctx, one.ID, r.run.Env.Who); err != nil {
		return err
	}
	if err := r.settle(ctx, one.ID); err != nil {
		return err
	}
	r.out.result("Cancelled: run %s starts nothing more. What is left of it, the next plan shows.\n", one.ID)
	return nil
}

// settle says what became of what lost workers had begun of a run that is cancelled.
func (r *workSession) settle(ctx context.Context, id string) error {
	one, err := r.work.Run(ctx, id)
	if err != nil || !one.Ended.IsZero() {
		return err
	}
	return workers.Settle(ctx, r.work, r.history(), r.run.Env, one, r.run.Env.Who)
}

func (r *workSession) retry(ctx context.Context, one *postgres.WorkRun, glob string) error {
	if _, err := path.Match(glob, ""); err != nil {
		return refuse("Invalid option", "-accounts=%s is no glob: %v.", safe.Text(glob), err)
	}
	info, err := workers.InfoOf(one)
	if err != nil {
		return err
	}
	var accounts []string
	for i := range one.Accounts {
		if a := &one.Accounts[i]; a.Stuck != "" && info.Named(glob, a.Account) {
			accounts = append(accounts, a.Account)
		}
	}
	if !slices.ContainsFunc(one.Accounts, func(a postgres.WorkAccount) bool { return a.Stuck != "" }) {
		return refuse("Nothing to retry", "Run %s is not stuck: nothing of it waits for a retry. To look at it: %s", one.ID, r.command("runs", "show", one.ID))
	}
	if len(accounts) == 0 {
		return refuse("Nothing to retry", "Run %s is stuck in no such account. To look at it: %s", one.ID, r.command("runs", "show", one.ID))
	}
	for _, account := range accounts {
		if err := r.work.Retry(ctx, one.ID, account); err != nil {
			return err
		}
	}
	r.out.result("Run %s goes on in %s.\n", one.ID, strings.Join(accounts, ", "))
	return nil
}

func (r *workSession) pause(ctx context.Context, account string, paused bool) error {
	all := workers.Accounts(r.fleet.Providers, r.carriers.Paces)
	known := false
	for name, of := range all {
		known = known || of == account || string(name) == account
		if string(name) == account {
			account = of
		}
	}
	if !known {
		return refuse("No such account", "No provider block of this configuration is called %s. There are: %s.", safe.Text(account), listed(all))
	}
	already, err := r.paused(ctx)
	if err != nil {
		return err
	}
	before := ""
	if at := slices.IndexFunc(already, func(p pausedView) bool { return p.Account == account }); at >= 0 {
		before = already[at].By
	}
	if !paused && before == "" {
		r.out.result("Nothing to resume: %s is not paused.\n", account)
		return nil
	}
	if err := r.work.Pause(ctx, account, r.run.Env.Who, paused); err != nil {
		return err
	}
	switch {
	case paused && before != "":
		r.out.result("It was paused already, by %s.\n", safe.Text(before))
		fallthrough
	case paused:
		r.out.result("Paused: no worker changes anything in %s. To let workers go on: %s\n", account, r.command("runs", "resume", account))
	default:
		r.out.result("Resumed: workers go on in %s.\n", account)
	}
	return nil
}

// listed are the accounts' names, each once.
func listed(all map[spec.ProviderName]string) string {
	names := slices.Sorted(maps.Values(all))
	return strings.Join(slices.Compact(names), ", ")
}

// watch follows a run, after the one of which it is the rest: who handed both over may
// know the last one's id alone.
func (r *workSession) watch(ctx context.Context, one *postgres.WorkRun) error {
	info, err := workers.InfoOf(one)
	switch {
	case err != nil:
		return err
	case info.RestOf == "":
		return r.watchOne(ctx, one)
	}
	before, err := r.work.Run(ctx, info.RestOf)
	switch {
	case errors.Is(err, postgres.ErrNoRun): // forgotten by now
		return r.watchOne(ctx, one)
	case err != nil:
		return err
	}
	r.out.say("Run %s has the rest of run %s, which is followed first.\n", one.ID, before.ID)
	err = r.watchOne(ctx, before)
	return cmp.Or(err, r.watchOne(ctx, one))
}

// watchOne follows a run to its end, or until it waits.
func (r *workSession) watchOne(ctx context.Context, one *postgres.WorkRun) error {
	heard := &workers.Heard{}
	last, err := r.watchRun(ctx, r.work, one.ID, nil, heard.Put)
	after, over := lasting(ctx)
	defer over()
	if ctx.Err() != nil && last != nil {
		err = nil
	}
	if err != nil {
		return r.goesOn(ctx, one.ID, err)
	}
	left, err := r.tellRest(after, r.work, last, heard.Put)
	if err != nil {
		return err
	}
	p, report, err := heard.Report()
	if err != nil {
		return err
	}
	done := &run.Applied{Planned: &run.Planned{Plan: p, Prior: &state.Snapshot{}}, Report: report, Started: last.Created, Finished: r.env.Now(), Committed: true}
	for i := range last.Accounts {
		done.Left += last.Accounts[i].Actions
	}
	done.Left = max(0, done.Left-report.Len())
	if done.Left > 0 && !last.Cancelled.IsZero() {
		left[fmt.Sprintf("the run was cancelled by %s", last.CancelledBy)] += done.Left
	}
	return r.ended(ctx, done, &following{[]*postgres.WorkRun{last}, left}, "", inputOptions{})
}

// runView is a run as the commands show it.
type runView struct {
	ID       string        `json:"id"`
	Number   int64         `json:"number"`
	Status   string        `json:"status"` // going, waiting, stuck, ended, cancelled
	Priority int           `json:"priority"`
	Who      string        `json:"who,omitempty"`
	Created  time.Time     `json:"created"`
	Ended    time.Time     `json:"ended,omitzero"`
	Commit   string        `json:"commit,omitempty"`
	Request  string        `json:"request,omitempty"`
	Plan     string        `json:"plan,omitempty"`
	Config   string        `json:"config"` // the digest that a worker's configuration has to have
	Counts   runCounts     `json:"counts"`
	Accounts []accountView `json:"accounts"`
	UnderWay []callView    `json:"under_way"`

	CancelledBy string `json:"cancelled_by,omitempty"`

	stuck time.Time // since when nothing of it goes on; zero where something does
}

// stuckStatus is a run's of which nothing is left but what can't go on until it is
// retried.
const stuckStatus = "stuck"

type runCounts struct {
	Actions    int `json:"actions"`
	Done       int `json:"done"`
	Failed     int `json:"failed"`
	Dropped    int `json:"dropped"`
	InDoubt    int `json:"in_doubt"`
	NotStarted int `json:"not_started"`
}

type accountView struct {
	Account string `json:"account"`
	runCounts
	Worker string    `json:"worker,omitempty"`
	Waits  string    `json:"waits,omitempty"` // for what
	Until  time.Time `json:"until,omitzero"`
}

type callView struct {
	Account string    `json:"account"`
	Worker  string    `json:"worker"`
	ICCID   string    `json:"iccid"`
	Action  string    `json:"action"`
	Kind    spec.Kind `json:"kind"`
	From    string    `json:"from,omitempty"`
	To      string    `json:"to,omitempty"`
	Since   time.Time `json:"since"`
}

// view is a run with what is known of its accounts.
func (r *workSession) view(one *postgres.WorkRun, accounts []postgres.AccountState, calls []postgres.UnderWay) (*runView, error) {
	info, err := workers.InfoOf(one)
	if err != nil {
		return nil, err
	}
	v := &runView{
		ID: one.ID, Number: one.Number, Priority: one.Priority, Who: info.Run.Who, Created: one.Created.UTC(), Commit: info.Run.Commit,
		Request: info.Origin.Request, Plan: info.Plan, Config: one.Config, CancelledBy: one.CancelledBy, Accounts: []accountView{}, UnderWay: []callView{},
	}
	for i := range one.Accounts {
		a := &one.Accounts[i]
		view := accountView{Account: a.Account, runCounts: runCounts{a.Actions, a.Done, a.Failed, a.Dropped, a.InDoubt, a.NotStarted + a.Left}}
		if a.Left > 0 && (one.Ended.IsZero() || a.Stuck != "") {
			view.Worker, view.Waits, view.Until = r.waits(one, a, accounts, calls)
		}
		v.Accounts = append(v.Accounts, view)
		v.Counts.add(view.runCounts)
	}
	for _, c := range calls {
		if c.Run == one.ID {
			v.UnderWay = append(v.UnderWay, callView{c.Account, c.Worker, string(c.ICCID), c.Action, c.Change.Kind, c.Change.From, c.Change.To, c.Since.UTC()})
		}
	}
	if v.Status = statusOf(one, v); v.Status == stuckStatus {
		v.stuck = one.Ended // and no end: retry goes on with it
	} else {
		v.Ended = one.Ended
	}
	return v, nil
}

func (n *runCounts) add(o runCounts) {
	n.Actions, n.Done, n.Failed, n.Dropped = n.Actions+o.Actions, n.Done+o.Done, n.Failed+o.Failed, n.Dropped+o.Dropped
	n.InDoubt, n.NotStarted = n.InDoubt+o.InDoubt, n.NotStarted+o.NotStarted
}

// waits says who works on a run's part in an account, or for what it waits.
func (r *workSession) waits(one *postgres.WorkRun, a *postgres.WorkAccount, accounts []postgres.AccountState, calls []postgres.UnderWay) (worker, why string, until time.Time) {
	at := slices.IndexFunc(accounts, func(s postgres.AccountState) bool { return s.Account == a.Account })
	var s postgres.AccountState
	if at >= 0 {
		s = accounts[at]
	}
	other := slices.IndexFunc(calls, func(c postgres.UnderWay) bool { return c.Account == a.Account && c.Run != one.ID })
	switch {
	case a.Stuck != "":
		return "", "can't go on: " + a.Stuck + "; once that is mended: " + r.command("runs", "retry", one.ID), until
	case s.PausedBy != "":
		return "", "paused by " + s.PausedBy, until
	case a.Left == a.Waiting:
		return "", a.Waits, a.NotBefore
	case s.Live && other >= 0:
		return s.Worker, "another run: " + calls[other].Run, until
	case s.Live:
		return s.Worker, "", until
	case s.Held:
		return "", fmt.Sprintf("worker %s has not renewed its lease since %s, and no other has taken the account over yet", s.Worker, s.Renewed.UTC().Format(time.RFC3339)), until
	default:
		return "", "no worker: none is there, or none with configuration " + one.Config + " and the account's credentials", until
	}
}

func statusOf(one *postgres.WorkRun, v *runView) string {
	switch {
	case !one.Cancelled.IsZero():
		return "cancelled"
	case !one.Ended.IsZero() && cutShort(one):
		return stuckStatus
	case !one.Ended.IsZero():
		return "ended"
	}
	for i := range v.Accounts {
		if v.Accounts[i].Worker != "" && v.Accounts[i].Waits == "" {
			return "going"
		}
	}
	if slices.ContainsFunc(one.Accounts, func(a postgres.WorkAccount) bool { return a.Stuck != "" }) {
		return stuckStatus
	}
	return "waiting"
}

func (r *workSession) views(ctx context.Context, list []postgres.WorkRun) ([]*runView, error) {
	accounts, err := r.work.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	calls, err := r.work.UnderWay(ctx, "")
	if err != nil {
		return nil, err
	}
	if list, err = workers.Lately(ctx, r.work, r.history(), list); err != nil {
		return nil, err
	}
	views := make([]*runView, 0, len(list))
	for i := range list {
		v, err := r.view(&list[i], accounts, calls)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

func (r *workSession) list(ctx context.Context, ended, asJSON bool) error {
	list, err := r.work.Runs(ctx, true)
	if err != nil {
		return err
	}
	views, err := r.views(ctx, list)
	if err != nil {
		return err
	}
	if !ended {
		views = slices.DeleteFunc(views, func(v *runView) bool { return !v.Ended.IsZero() })
	}
	paused, err := r.paused(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return r.json(views, paused)
	}
	if len(views) == 0 {
		r.out.result("No runs.\n")
	}
	for _, v := range views {
		r.out.result("%s\n", v.line(r.out.style.Lang))
	}
	for _, p := range paused {
		r.out.result("Account %s is paused by %s. To let workers go on: %s\n", safe.Text(p.Account), safe.Text(p.By), r.command("runs", "resume", p.Account))
	}
	return nil
}

// pausedView is an account that somebody paused, as the commands show it.
type pausedView struct {
	Account string `json:"account"`
	By      string `json:"by"`
}

// paused are the accounts that somebody paused, by name.
func (r *workSession) paused(ctx context.Context) ([]pausedView, error) {
	accounts, err := r.work.Accounts(ctx)
	list := []pausedView{}
	for i := range accounts {
		if by := accounts[i].PausedBy; by != "" {
			list = append(list, pausedView{accounts[i].Account, by})
		}
	}
	return list, err
}

func (r *workSession) show(ctx context.Context, one *postgres.WorkRun, asJSON bool) error {
	views, err := r.views(ctx, []postgres.WorkRun{*one})
	if err != nil {
		return err
	}
	v := views[0]
	if asJSON {
		return r.json(views, nil)
	}
	r.out.result("Run %s: %s\n", v.ID, v.Status)
	for _, l := range v.lines(r.out.style.Lang) {
		if l[1] != "" {
			r.out.result("  %s %s\n", padded(r.out.style.Lang.Word(l[0]+":"), 13), safe.Text(l[1]))
		}
	}
	for _, a := range v.Accounts {
		r.out.result("\n  %s: %s\n", safe.Text(a.Account), a.text())
		if a.Worker != "" {
			r.out.result("    at worker %s\n", safe.Text(a.Worker))
		}
		if a.Waits != "" {
			r.out.result("    waits: %s\n", safe.Text(a.Waits))
		}
		for _, c := range v.UnderWay {
			if c.Account == a.Account {
				change := spec.Change{Kind: c.Kind, From: c.From, To: c.To}
				r.out.result("    under way: card %s: %s, since %s\n", c.ICCID, safe.Text(change.String()), c.Since.Format(time.RFC3339))
			}
		}
	}
	return nil
}

// line is a run in a list.
func (v *runView) line(l lang.Language) string {
	who := v.Who
	if who == "" {
		who = l.Word("somebody")
	}
	return strings.Join([]string{
		v.ID, padded(l.Word(v.Status), 9), v.Created.Format("2006-01-02 15:04:05Z"), l.Word(fmt.Sprintf("priority %d", v.Priority)), l.Word(v.Counts.text()), safe.Text(who),
	}, "  ")
}

// lines are what a run tells of itself, by name.
func (v *runView) lines(l lang.Language) [][2]string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	return [][2]string{
		{"By", v.Who}, {"Handed over", at(v.Created)}, {"Stuck since", at(v.stuck)}, {"Ended", at(v.Ended)}, {"Cancelled by", v.CancelledBy}, {"Commit", v.Commit},
		{"Request", v.Request}, {"Plan", v.Plan}, {"Priority", fmt.Sprint(v.Priority)}, {"Actions", l.Word(v.Counts.text())},
	}
}

// text is "3 of 5 done, 1 failed, 1 not started".
func (n runCounts) text() string {
	text := fmt.Sprintf("%s of %s done", render.Thousands(n.Done), render.Thousands(n.Actions))
	for _, part := range []struct {
		n    int
		word string
	}{{n.Failed, "failed"}, {n.Dropped, "dropped"}, {n.NotStarted, "not started"}, {n.InDoubt, "in doubt"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %s %s", render.Thousands(part.n), part.word)
		}
	}
	return text
}

// runsFormat is the version of the form of runs in JSON: docs/schema/runs.schema.json.
const runsFormat = "1.0"

// json writes runs as one object, and the accounts that are paused; nil says nothing of
// these.
func (r *workSession) json(views []*runView, paused []pausedView) error {
	said := map[string]any{"format_version": runsFormat, "cardfleet_version": Version, "runs": views}
	if paused != nil {
		said["paused"] = paused
	}
	text, err := json.MarshalIndent(said, "", "  ")
	if err != nil {
		return err
	}
	r.out.result("%s\n", text)
	return nil
}
