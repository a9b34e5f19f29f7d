package cli

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"
	"slices"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// configuration is a configuration that was read, with its providers opened.
type configuration struct {
	*program
	config   *config.Config
	fleet    *spec.Fleet
	carriers run.Carriers
	blocks   []spec.ProviderConfig // as they were opened: simulated ones have their endpoints
	// left are the blocks that can't be called here, and needn't be: why.
	left    map[spec.ProviderName]string
	closers []func() error // of the simulated carriers
	told    bool           // a worker has told how the apply's run ended
	next    string         // what to do for the rest of the apply's runs that workers have; "" where they have none
}

// session is a configuration with its state: what a run takes.
type session struct {
	*configuration
	run *run.Session
}

// openConfig reads the configuration, and checks it without any call: every
// mistake of the files and of the settings of providers, backend and encryption
// comes out at once.
//
// With calls false no carrier can be asked, not even a simulated one, and no
// credential is missed: it may be elsewhere that they are.
func (prog *program) openConfig(ctx context.Context, in inputOptions, calls bool) (*configuration, error) {
	return prog.openFor(ctx, in, calling{calls: calls})
}

// openFor is openConfig for who calls some of the carriers.
func (prog *program) openFor(ctx context.Context, in inputOptions, who calling) (*configuration, error) {
	c, warnings, err := prog.openParts(ctx, in, who)
	if err == nil {
		prog.out.diagnostics(warnings)
	}
	return c, err
}

// openQuietly is openConfig that shows no warnings.
func (prog *program) openQuietly(ctx context.Context, in inputOptions, calls bool) (*configuration, spec.Diagnostics, error) {
	return prog.openParts(ctx, in, calling{calls: calls})
}

// calling says whose carriers are called.
type calling struct {
	calls bool
	// needs reports whether a block has to be one that can be called; nil is all.
	needs func(spec.ProviderName) bool
	// worker says that -accounts would have it need less.
	worker bool
}

func (prog *program) openParts(ctx context.Context, in inputOptions, who calling) (*configuration, spec.Diagnostics, error) {
	loaded, diags, err := prog.load(ctx, prog.dir(), in, loadOptions{expressions: prog.bed != nil})
	switch {
	case err != nil:
		return nil, nil, err
	case loaded == nil || loaded.Fleet == nil:
		return nil, nil, mistakes(diags)
	}
	if prog.bed != nil {
		prog.bed.take(loaded.Fleet)
	}
	c := &configuration{program: prog, config: loaded, fleet: loaded.Fleet}
	c.boundMemory()
	simulated, err := c.simulate(who.calls)
	if err != nil {
		return nil, nil, errors.Join(err, c.close())
	}
	c.leave(simulated, who)
	if who.calls {
		diags = append(diags, c.unsetForCalls(who)...)
	}
	diags = append(diags, c.openCarriers(simulated, who)...)
	diags = append(diags, checkBackend(prog.env, prog.dir(), c.fleet)...)
	if !diags.HasErrors() {
		diags = append(diags, plan.CheckCapabilities(c.fleet, c.carriers.Capabilities)...)
	}
	if !who.calls {
		for _, e := range c.fleet.Emptied { // a plan judges them by the state
			diags = append(diags, e.Diagnostic)
		}
	}
	diags.Sort()
	if diags.HasErrors() {
		return nil, nil, errors.Join(mistakes(diags), c.close())
	}
	return c, diags, nil
}

// openCarriers opens the provider blocks. Those that are left to others are checked with
// credentials that are made up, and then forgotten.
func (c *configuration) openCarriers(blocks []spec.ProviderConfig, who calling) spec.Diagnostics {
	for i := range blocks {
		if c.left[blocks[i].Name] == "" {
			c.blocks = append(c.blocks, blocks[i])
		}
	}
	opened, diags := run.Open(c.madeUp(blocks, who.calls), c.types(), c.providerEnv())
	for name := range c.left {
		delete(opened.Providers, name)
		delete(opened.Paces, name)
	}
	opened.Accounts = run.Accounts(c.fleet.Providers, c.types(), c.env.getenv)
	c.carriers = opened
	return diags
}

// leave finds the blocks that can't be called with what this program has, where they
// needn't be.
func (c *configuration) leave(blocks []spec.ProviderConfig, who calling) {
	if !who.calls || who.needs == nil {
		return
	}
	c.left = map[spec.ProviderName]string{}
	for i := range blocks {
		name := blocks[i].Name
		if who.needs(name) {
			continue
		}
		var diags spec.Diagnostics
		for k := range c.fleet.Unset { // first: what isn't set looks to the carrier as if it weren't written
			if u := &c.fleet.Unset[k]; u.For == spec.ForCarriers && u.Provider == name {
				diags = append(diags, u.Diagnostic)
			}
		}
		_, opened := run.Open(blocks[i:i+1], c.types(), c.providerEnv())
		diags = append(diags, opened...)
		if at := slices.IndexFunc(diags, func(d spec.Diagnostic) bool { return d.Severity == spec.Error }); at >= 0 {
			c.left[name] = cmp.Or(diags[at].Detail, diags[at].Summary)
		}
	}
}

// unsetForCalls are the values that aren't set, of those that a program needs which
// calls carriers.
func (c *configuration) unsetForCalls(who calling) spec.Diagnostics {
	var diags spec.Diagnostics
	for i := range c.fleet.Unset {
		u := &c.fleet.Unset[i]
		if u.For == spec.ForCarriers && c.left[u.Provider] != "" {
			continue
		}
		d := u.Diagnostic
		if who.worker && who.needs == nil && u.For == spec.ForCarriers {
			d.Detail += "\nA worker for some accounts needs the credentials of these alone: worker -accounts=GLOB."
		}
		diags = append(diags, d)
	}
	return diags
}

// boundMemory has a large fleet take half as much memory again as it needs, in
// place of twice: at a million cards that is 0.3 GiB less, for a quarter of a
// second of CPU. GOGC, where it is set, counts before that.
func (c *configuration) boundMemory() {
	const large = 100_000
	if len(c.fleet.Cards) >= large && c.env.getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// boundApply is boundMemory for an apply, which holds for an hour what a plan holds
// for seconds: a fleet of that size takes a quarter more memory than it needs.
func (c *configuration) boundApply() {
	const huge = 500_000
	if len(c.fleet.Cards) >= huge && c.env.getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}

// providerEnv is what the providers of a run take from the program's surroundings.
func (prog *program) providerEnv() providers.Env {
	env := prog.env
	return providers.Env{
		Getenv: env.getenv, Now: env.Now, Sleep: env.Sleep, Random: env.Random, Transport: env.Transport, Version: Version,
		Accounts: &providers.Accounts{}, Observer: prog.seen.observer(),
	}
}

// openState opens the backend that the configuration names.
func (c *configuration) openState() (*session, error) {
	w := &watcher{out: c.out, telemetry: c.seen.telemetry}
	b, err := backendOf(c.env, c.dir(), c.fleet, w.away)
	if err != nil {
		return nil, err
	}
	s := &run.Session{
		Store: run.Store{Backend: b, Env: c.runEnv()}, Carriers: c.carriers, Fleet: c.fleet, Watcher: w,
		Place: placeOf(c.env, c.dir(), c.fleet), Places: placeFile(c.dir()),
		Trace: c.seen.telemetry.Action,
	}
	if c.config.HasChecks() {
		s.Checks, s.ChecksRead = c.config.Checks, c.config.ChecksRead()
	}
	return &session{c, s}, nil
}

func (c *configuration) close() error {
	var errs []error
	for i := len(c.closers) - 1; i >= 0; i-- {
		errs = append(errs, c.closers[i]())
	}
	c.closers = nil
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
