package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/state"
)

// session is what plan and apply work with: the configuration, its providers,
// and the state.
type session struct {
	env       *Env
	out       *output
	dir       string
	config    *config.Config
	fleet     *spec.Fleet
	providers map[spec.ProviderName]providers.Provider
	caps      map[spec.ProviderName]spec.Capabilities
	backend   state.Backend
	numbers   []spec.NumberReading // as they were read last
	digest    string               // of the saved plan that was loaded; "" for none
	ran       *apply.Report        // what became of the plan; nil until it was carried out
	closers   []func() error
}

// openConfig reads the configuration, and checks it without any call: every
// mistake of the files and of the providers' settings comes out at once.
//
// With calls false no carrier can be asked, not even a simulated one.
func openConfig(env *Env, out *output, dir string, in inputOptions, calls bool) (*session, error) {
	s := &session{env: env, out: out, dir: dir, providers: map[spec.ProviderName]providers.Provider{}, caps: map[spec.ProviderName]spec.Capabilities{}}
	loaded, diags := config.Load(config.Options{
		Dir: dir, Env: env.LookupEnv, Vars: in.inOrder(), Schemas: schemas(), Now: env.Now, Version: Version,
	})
	if loaded == nil || loaded.Fleet == nil {
		return nil, &exitError{code: exitFailed, diags: diags}
	}
	s.config, s.fleet = loaded, loaded.Fleet
	out.hide(loaded.Secrets())
	simulated, err := s.simulate(calls)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	for _, p := range simulated {
		opened, more := openProvider(p, s.providerEnv())
		diags = append(diags, more...)
		if opened != nil {
			s.providers[p.Name], s.caps[p.Name] = opened, capabilities(opened)
		}
	}
	var unknown *exitError
	if errors.As(unknownSettings(s.fleet.Backend), &unknown) {
		diags = append(diags, unknown.diags...)
	}
	if !diags.HasErrors() {
		diags = append(diags, plan.CheckCapabilities(s.fleet, s.caps)...)
	}
	diags.Sort()
	if diags.HasErrors() {
		return nil, errors.Join(&exitError{code: exitFailed, diags: diags}, s.close())
	}
	out.diagnostics(diags)
	return s, nil
}

// capabilities is what a provider can do, at the rate that it keeps to.
func capabilities(p providers.Provider) spec.Capabilities {
	able := p.Capabilities()
	if paced, ok := p.(providers.Paced); ok {
		able.PerSecond = paced.Limits().RequestsPerSecond
	}
	return able
}

func (s *session) providerEnv() providers.Env {
	return providers.Env{
		Getenv: s.env.getenv, Now: s.env.Now, Sleep: s.env.Sleep, Random: s.env.Random, Transport: s.env.Transport, Version: Version,
	}
}

// openState opens the backend that the configuration names.
func (s *session) openState() error {
	b, err := backendOf(s.env, s.dir, s.fleet)
	s.backend = b
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

// lock takes the state for an operation, or says who has it.
func (s *session) lock(ctx context.Context, operation string, patience time.Duration) (func() error, error) {
	var id [8]byte
	s.env.Random(id[:])
	info := state.LockInfo{
		ID: hex.EncodeToString(id[:]), Operation: operation, Who: s.env.User + "@" + s.env.Host,
		Version: Version, Created: s.env.Now().UTC(), Info: runURL(s.env),
	}
	return state.LockWithin(ctx, s.backend, info, patience, s.env.Sleep)
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

// live is what was read.
type live struct {
	cards      []spec.Reading // by provider and ICCID
	numbers    []spec.NumberReading
	incomplete []plan.Incomplete
}

// read asks every carrier at once for all cards that a plan needs, each within
// its own limits.
func (s *session) read(ctx context.Context, prior *state.Snapshot, o runOptions) (live, error) {
	targets := plan.Targets(s.fleet, prior, o.selection())
	if !o.refresh {
		return s.remembered(targets, prior), nil
	}
	l := live{cards: make([]spec.Reading, len(targets))}
	byProvider := split(targets)
	dark := make([]error, len(byProvider))
	progress := s.out.progress("refresh", "reading")
	defer progress.end()
	var g errgroup.Group
	for i, part := range byProvider {
		bar := progress.carrier(string(part.provider), len(part.wants))
		g.Go(func() error {
			readings, err := providers.ReadAll(ctx, s.providers[part.provider], part.wants, providers.ReadOptions{
				Provider: part.provider, Parallel: o.parallelism, Progress: func(done, _ int) { bar.set(done) },
			})
			copy(l.cards[part.from:], readings)
			dark[i] = err
			return nil
		})
	}
	g.Go(func() error { l.numbers = s.readNumbers(ctx); return nil })
	_ = g.Wait() // workers report through dark and the readings
	s.numbers = l.numbers
	if ctx.Err() != nil {
		return l, ctx.Err()
	}
	for i, part := range byProvider {
		var carrier *providers.CarrierError
		if errors.As(dark[i], &carrier) {
			l.incomplete = append(l.incomplete, plan.Incomplete{Provider: part.provider, Reason: carrier.Err.Error(), Cards: len(part.wants)})
		}
	}
	return l, nil
}

// part is one provider's share of the cards to be read.
type part struct {
	provider spec.ProviderName
	from     int
	wants    []providers.Want
}

func split(targets []plan.Target) []part {
	var parts []part
	for i, t := range targets {
		if len(parts) == 0 || parts[len(parts)-1].provider != t.ID.Provider {
			parts = append(parts, part{provider: t.ID.Provider, from: i})
		}
		p := &parts[len(parts)-1]
		p.wants = append(p.wants, providers.Want{ICCID: t.ID.ICCID, Attrs: t.Attrs})
	}
	return parts
}

// remembered are the readings that the state has, for a plan without a refresh.
func (s *session) remembered(targets []plan.Target, prior *state.Snapshot) live {
	l := live{cards: make([]spec.Reading, 0, len(targets))}
	for _, t := range targets {
		if c := prior.Card(t.ID); c != nil {
			l.cards = append(l.cards, c.Reading())
		}
	}
	return l
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
	l, err := s.read(ctx, prior, o)
	if err != nil {
		return nil, l, err
	}
	p, diags := plan.Make(plan.Input{
		Fleet: s.fleet, Prior: prior, Live: l.cards, Numbers: l.numbers, Incomplete: l.incomplete,
		Capabilities: s.caps, Approvals: approvals, Accepted: o.accepted, Select: o.selection(), RefreshOnly: o.refreshOnly, Now: s.env.Now().UTC(), Version: Version,
	})
	if p == nil {
		return nil, l, &exitError{code: exitFailed, diags: diags}
	}
	s.out.diagnostics(diags)
	return p, l, nil
}
