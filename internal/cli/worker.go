package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

type workerOptions struct {
	viewOptions
	inputOptions
	accounts string
	once     bool
	listen   string
}

// workerName is the command's.
const workerName = "worker"

// standardListen is where a worker tells how it is, unless it is told another place.
const standardListen = "127.0.0.1:9464"

func (prog *program) workerCommand() *cli.Command {
	o := &workerOptions{}
	return &cli.Command{
		Name: workerName, Usage: "carry out runs that apply hands over, and the checks of schedules",
		Description: `Works for the fleet whose configuration is here: its backend is postgres, and its fleet block
says executor "workers". Any number of workers may run, anywhere; an account is changed by one
of them at a time. Credentials are the worker's own. At SIGTERM it lets calls under way end,
and gives its accounts back. /healthz and /metrics tell how it is.`,
		UsageText: `cardfleet worker
cardfleet worker -accounts='aliyun*'
cardfleet worker -once`,
		Flags: append(append([]cli.Flag{
			&cli.StringFlag{Name: "accounts", Usage: "only accounts whose name is `GLOB`, with * and ?", Destination: &o.accounts},
			&cli.BoolFlag{Name: "once", Usage: "end when nothing is left that could begin", Destination: &o.once},
			&cli.StringFlag{Name: "listen", Value: standardListen, Usage: "serve /healthz and /metrics at `ADDR`; -listen= for nowhere", Destination: &o.listen},
		}, o.inputOptions.flags()...), o.viewOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			if _, err := path.Match(o.accounts, ""); err != nil {
				return refuse("Invalid option", "-accounts=%s is no glob: %v.", o.accounts, err)
			}
			return prog.runWorker(ctx, *o, cmd.IsSet("listen"))
		},
	}
}

// needs reports of which provider blocks this worker has to have the credentials: those
// that -accounts names. nil is all.
func (o *workerOptions) needs() func(spec.ProviderName) bool {
	if o.accounts == "" {
		return nil
	}
	return func(name spec.ProviderName) bool { return workers.Matches(o.accounts, string(name)) }
}

func (prog *program) runWorker(ctx context.Context, o workerOptions, listenSaid bool) error {
	prog.open(o.viewOptions)
	c, err := prog.openFor(ctx, o.inputOptions, calling{calls: true, needs: o.needs(), worker: true})
	if err != nil {
		return err
	}
	if c.fleet.Executor == nil {
		return errors.Join(refuse("No executor", `The fleet block says no executor "workers" { }, so nothing is handed over, and a worker has nothing to do.`), c.close())
	}
	return c.withWork(ctx, func(s *workSession) error { return s.works(ctx, o, listenSaid) })
}

// works is a worker from its first look to its last.
func (r *workSession) works(ctx context.Context, o workerOptions, listenSaid bool) error {
	w, err := r.workerOptions(o)
	if err != nil {
		return err
	}
	health := &health{name: w.Name, now: r.env.Now, page: r.seen.page}
	if err := r.seen.telemetry.Watch(health.crew); err != nil {
		return err
	}
	stop, err := r.serveHealth(o.listen, listenSaid, health)
	if err != nil {
		return err
	}
	defer stop()
	defer spareLongRuns(r.env.getenv("GOGC"))()
	w.Began = health.set
	text := fmt.Sprintf("Worker %s works for the accounts of configuration %s.", w.Name, w.Config)
	r.out.event("info", "worker", text, map[string]any{"worker": w.Name, "config": w.Config})
	r.out.say("%s\n", text)
	r.sayLeft(o)
	return workers.Run(ctx, w)
}

// sayLeft says which accounts are left to other workers, and why.
func (s *session) sayLeft(o workerOptions) {
	served := false
	for _, account := range workers.Accounts(s.blocks, s.carriers.Paces) {
		served = served || workers.Matches(o.accounts, account)
	}
	if !served {
		s.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "No such account",
			Detail: fmt.Sprintf("-accounts=%s fits no account of this configuration, so this worker does nothing. An account is called like its provider block; of blocks that share a carrier's account, like the first.", o.accounts),
		}})
	}
	for _, name := range slices.Sorted(maps.Keys(s.left)) {
		s.out.say("Provider %s is left to other workers, and so are the checks of schedules: %s\n", name, s.left[name])
	}
}

// workerOptions are those of the engine.
func (r *workSession) workerOptions(o workerOptions) (workers.Options, error) {
	name, err := nameWorker()
	if err != nil {
		return workers.Options{}, err
	}
	info, err := json.Marshal(map[string]any{"version": Version, "started": r.env.Now().UTC(), "pid": os.Getpid()})
	if err != nil {
		return workers.Options{}, err
	}
	history, _ := r.run.Backend.(state.Chronicler)
	check := func(ctx context.Context, _ string) error { return r.check(ctx, o) }
	if len(r.left) > 0 { // it reads the cards of all
		check = nil
	}
	ended := func(ctx context.Context, one *postgres.WorkRun, info *workers.Info) {
		r.tellEnded(ctx, r.work, one, info)
	}
	if len(r.fleet.Notify) == 0 {
		ended = nil // who would be told reads what became of each action
	}
	return workers.Options{
		Work: r.work, History: history, Name: name, Info: info, Accounts: o.accounts, Lacks: r.left, Once: o.once, Fleet: r.fleet, Config: r.configDigest(),
		Open: r.openAnew, Env: r.run.Env, Watcher: func(account string) run.Watcher { return r.watchAccount(account) },
		Say: func(text string) {
			r.out.event("info", "worker", text, nil)
			r.out.say("%s %s\n", r.env.Now().UTC().Format(time.RFC3339), text)
		},
		Check: check, Ended: ended,
		KeepRuns: keptHistory(r.fleet), Trace: r.seen.telemetry.Action, Parked: r.seen.telemetry.Stuck,
	}, nil
}

// openAnew opens the carriers with a pace of their own.
func (c *configuration) openAnew() (run.Carriers, error) {
	opened, diags := run.Open(c.blocks, c.types(), c.providerEnv())
	if diags.HasErrors() {
		return opened, mistakes(diags)
	}
	opened.Accounts = c.carriers.Accounts
	return opened, nil
}

// check plans what changed outside, and has the notify blocks told.
func (s *session) check(ctx context.Context, o workerOptions) error {
	drift := planOptions{}
	drift.runOptions.flags()
	drift.inputOptions, drift.refreshOnly = o.inputOptions, true
	checker := &program{env: s.env, chdir: s.chdir, seen: s.seen}
	return checker.runPlan(ctx, drift)
}

// nameWorker names a worker among all: its machine, its process, and a random part,
// since both may come again.
func nameWorker() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var b [3]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%d:%s", host, os.Getpid(), hex.EncodeToString(b[:])), nil
}

// serveHealth serves how the worker is. The standard place may be another worker's on
// the same machine: then it goes without.
func (c *configuration) serveHealth(address string, said bool, h *health) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil && !said {
		c.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "Nobody can look at this worker",
			Detail: fmt.Sprintf("It can't listen on %s: %v. It works all the same; -listen=ADDR names another place.", address, err),
		}})
		return func() {}, nil
	}
	if err != nil {
		return nil, refuse("Invalid option", "-listen=%s: %v.", address, err)
	}
	server := &http.Server{Handler: h.handler(), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // until it is closed
	}()
	c.out.say("Listening on http://%s (/healthz, /metrics).\n", l.Addr())
	return func() {
		_ = server.Close()
		<-done
	}, nil
}
