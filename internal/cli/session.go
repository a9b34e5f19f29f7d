package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/state"
)

// session is what plan and apply work with: the configuration, its providers,
// and the state.
type session struct {
	*program
	config    *config.Config
	fleet     *spec.Fleet
	providers map[spec.ProviderName]providers.Provider
	caps      map[spec.ProviderName]spec.Capabilities
	accounts  providers.Accounts // that the providers share
	store     run.Store
	numbers   []spec.NumberReading // as they were read last
	digest    string               // of the saved plan that was loaded; "" for none
	ran       *apply.Report        // what became of the plan; nil until it was carried out
	closers   []func() error
}

// openConfig reads the configuration, and checks it without any call: every
// mistake of the files and of the settings of providers, backend and encryption
// comes out at once.
//
// With calls false no carrier can be asked, not even a simulated one.
func (prog *program) openConfig(in inputOptions, calls bool) (*session, error) {
	s := &session{program: prog, providers: map[spec.ProviderName]providers.Provider{}, caps: map[spec.ProviderName]spec.Capabilities{}}
	loaded, diags := config.Load(config.Options{
		Dir: prog.dir(), Cwd: prog.env.Dir, Env: prog.env.LookupEnv, Vars: in.inOrder(), Schemas: schemas(), Backends: backendSchemas(), Now: prog.env.Now, Version: Version,
	})
	if loaded == nil || loaded.Fleet == nil {
		return nil, mistakes(diags)
	}
	s.config, s.fleet = loaded, loaded.Fleet
	s.boundMemory()
	prog.out.hide(loaded.Secrets())
	simulated, err := s.simulate(calls)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	for _, p := range simulated {
		opened, more := openProvider(p, prog.providerEnv(&s.accounts))
		diags = append(diags, more...)
		if opened != nil {
			s.providers[p.Name], s.caps[p.Name] = opened, opened.Capabilities()
		}
	}
	diags = append(diags, checkBackend(prog.env, prog.dir(), s.fleet)...)
	if !diags.HasErrors() {
		diags = append(diags, plan.CheckCapabilities(s.fleet, s.caps)...)
	}
	diags.Sort()
	if diags.HasErrors() {
		return nil, errors.Join(mistakes(diags), s.close())
	}
	prog.out.diagnostics(diags)
	return s, nil
}

// boundMemory has a large fleet take half as much memory again as it needs, in
// place of twice: at a million cards that is 0.3 GiB less, for a quarter of a
// second of CPU. GOGC, where it is set, counts before that.
func (s *session) boundMemory() {
	const large = 100_000
	if len(s.fleet.Cards) >= large && s.env.getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// paces are how many calls the providers may make.
func (s *session) paces() map[spec.ProviderName]spec.Pace {
	paces := make(map[spec.ProviderName]spec.Pace, len(s.providers))
	for name, p := range s.providers {
		paces[name] = providers.PaceOf(p)
	}
	return paces
}

func (prog *program) providerEnv(accounts *providers.Accounts) providers.Env {
	env := prog.env
	return providers.Env{
		Getenv: env.getenv, Now: env.Now, Sleep: env.Sleep, Random: env.Random, Transport: env.Transport, Version: Version,
		Accounts: accounts,
	}
}

// openState opens the backend that the configuration names.
func (s *session) openState() error {
	b, err := backendOf(s.env, s.dir(), s.fleet)
	s.store = run.Store{Backend: b, Env: s.runEnv()}
	return err
}

func (s *session) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// runURL is where the run can be seen, in the CI systems that say so.
func runURL(env *Env) string {
	if url := env.getenv("CI_JOB_URL"); url != "" { // GitLab
		return url
	}
	server, repo, id := env.getenv("GITHUB_SERVER_URL"), env.getenv("GITHUB_REPOSITORY"), env.getenv("GITHUB_RUN_ID")
	if server != "" && repo != "" && id != "" {
		return server + "/" + repo + "/actions/runs/" + id
	}
	return ""
}

// readNumbers reads the privacy numbers, in the fleet's order.
func (s *session) readNumbers(ctx context.Context) []spec.NumberReading {
	out := make([]spec.NumberReading, len(s.fleet.Numbers))
	var g errgroup.Group
	g.SetLimit(16)
	for i := range s.fleet.Numbers {
		n := &s.fleet.Numbers[i]
		g.Go(func() error {
			out[i] = s.readNumber(ctx, n)
			return nil
		})
	}
	_ = g.Wait() // workers report through the readings
	return out
}

func (s *session) readNumber(ctx context.Context, n *spec.PrivacyNumber) spec.NumberReading {
	reader, ok := s.providers[n.Provider].(providers.NumberReader)
	if !ok {
		return spec.NumberReading{Address: n.Address(), Unread: fmt.Sprintf("provider %s can't read privacy numbers", n.Provider)}
	}
	reading, err := reader.ReadNumber(ctx, n)
	if err != nil {
		return spec.NumberReading{Address: n.Address(), Unread: err.Error()}
	}
	reading.Address = n.Address()
	return reading
}

// makePlan reads what is live and turns all into a plan.
func (s *session) makePlan(ctx context.Context, prior *state.Snapshot, o runOptions, approvals plan.Approvals) (*plan.Plan, live, error) {
	if err := o.refreshOptions.check(); err != nil {
		return nil, live{}, err
	}
	l, err := s.read(ctx, prior, o)
	if err != nil {
		return nil, l, err
	}
	p, diags := plan.Make(plan.Input{
		Fleet: s.fleet, Prior: prior, Live: l.cards, Numbers: l.numbers, Incomplete: l.incomplete, Reads: l.reads,
		Capabilities: s.caps, Paces: s.paces(), Approvals: approvals, Accepted: o.accepted, Select: o.selection(), RefreshOnly: o.refreshOnly, Now: s.env.Now().UTC(), Version: Version,
	})
	if p == nil {
		return nil, l, mistakes(diags)
	}
	s.out.diagnostics(diags)
	return p, l, nil
}
