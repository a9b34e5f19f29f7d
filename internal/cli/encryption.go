package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/seal"
)

// sealerOf is what the configuration encrypts with; nil where it doesn't.
func sealerOf(env *Env, fleet *spec.Fleet) (state.Sealer, spec.Diagnostics) {
	e := fleet.Encryption
	if e == nil {
		return nil, nil
	}
	if unset := fleet.UnsetFor(spec.ForEncryption); len(unset) > 0 {
		return nil, unset
	}
	o := seal.Options{Random: env.Random, Enforced: e.Enforced}
	var diags spec.Diagnostics
	keys := append([]spec.EncryptionKey{e.EncryptionKey}, e.Previous...)
	for i, k := range keys {
		ids, missing, err := identitiesOf(env, fleet.Dir, k.Identities)
		if err != nil {
			diags = append(diags, encryptionMistake(e, &k, "identities", err))
		}
		o.Missing = append(o.Missing, missing...)
		key := seal.Key{Identities: ids, Passphrase: k.Passphrase}
		if i == 0 {
			key.Recipients = e.Recipients
			o.Key = key
		} else {
			o.Previous = append(o.Previous, key)
		}
	}
	ring, err := seal.New(o)
	var wrong seal.Mistakes
	if errors.As(err, &wrong) {
		for _, m := range wrong {
			diags = append(diags, encryptionMistake(e, &keys[m.Key], m.Setting, m.Err))
		}
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return ring, nil
}

// encryptionMistake is a mistake at a setting of the encryption block, or of a
// previous block in it.
func encryptionMistake(e *spec.Encryption, k *spec.EncryptionKey, setting string, err error) spec.Diagnostic {
	place := e.Source
	list, _, _ := strings.Cut(setting, "[")
	for _, name := range []string{list, setting} { // the element, where it stands by itself
		if r, ok := k.Ranges[name]; ok {
			place = &r
		}
	}
	return spec.Diagnostic{Summary: "Invalid encryption", Detail: spec.Sentence(err), Subject: place}
}

// identitiesOf reads the files among the identities. One that isn't there is
// passed over, so that one configuration serves people's machines and CI.
func identitiesOf(env *Env, dir string, list []string) (ids []seal.Identity, missing []string, err error) {
	for i, text := range list {
		if spec.IsSecretKey(text) {
			ids = append(ids, seal.Identity{Name: fmt.Sprint(i + 1), Text: text})
			continue
		}
		path := within(dir, expandHome(env, text))
		key, err := file.Read(path)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, text)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read identity: %w", err)
		}
		ids = append(ids, seal.Identity{Name: text, Text: string(key)})
	}
	return ids, missing, nil
}

// readPlan reads a plan file. keys is asked where the file is encrypted;
// enforced says that it has to be.
func readPlan(path string, keys func() (state.Sealer, error), enforced bool) (*run.Saved, error) {
	return planFrom(path, func(r io.Reader) (*run.Saved, error) { return run.ReadPlan(r, keys, enforced) })
}

// openPlan opens a plan file for who only looks at it.
func openPlan(path string, keys func() (state.Sealer, error)) (*plan.File, error) {
	return planFrom(path, func(r io.Reader) (*plan.File, error) { return run.OpenPlan(r, keys, false) })
}

func planFrom[T any](path string, read func(io.Reader) (*T, error)) (*T, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the saved plan: %w", err)
	}
	defer f.Close() // it was only read
	saved, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return saved, nil
}

// keysOf are the configuration's keys.
func (c *configuration) keysOf() (state.Sealer, error) { return keysFor(c.env, c.fleet) }

// keysFor is sealerOf for who needs nothing but the keys.
func keysFor(env *Env, fleet *spec.Fleet) (state.Sealer, error) {
	sealer, diags := sealerOf(env, fleet)
	if diags.HasErrors() {
		return nil, mistakes(diags)
	}
	return sealer, nil
}

// keysIn are the keys of the configuration in the command's folder, which is
// read only if it is asked for them.
func (prog *program) keysIn(ctx context.Context, in inputOptions) func() (state.Sealer, error) {
	return func() (state.Sealer, error) {
		fleet, err := prog.configuredFleet(ctx, prog.dir(), in)
		if err != nil {
			return nil, err
		}
		return keysFor(prog.env, fleet)
	}
}

// configuredFleet reads the configuration in dir, without opening its providers.
func (prog *program) configuredFleet(ctx context.Context, dir string, in inputOptions) (*spec.Fleet, error) {
	loaded, err := prog.loadFor(ctx, dir, in, loadOptions{})
	if err != nil {
		return nil, err
	}
	return loaded.Fleet, nil
}

// loadFor reads the configuration in dir for what doesn't open its providers. how
// says what it is read for.
func (prog *program) loadFor(ctx context.Context, dir string, in inputOptions, how loadOptions) (*config.Config, error) {
	loaded, diags, err := prog.load(ctx, dir, in, how)
	switch {
	case err != nil:
		return nil, err
	case loaded == nil || loaded.Fleet == nil:
		return nil, mistakes(diags)
	}
	return loaded, nil
}

// loadOptions say what a configuration is read for. The zero value is a fleet.
type loadOptions struct {
	expressions bool // some are evaluated later, which the configuration doesn't have
}

// load reads the configuration in dir. Its secrets are hidden from then on, and
// those that variables of the environment say from before on. Where ctx ends
// meanwhile, the error is ctx's.
func (prog *program) load(ctx context.Context, dir string, in inputOptions, how loadOptions) (*config.Config, spec.Diagnostics, error) {
	prog.out.hide(secretVariables(prog.env))
	o := prog.configOptions(dir)
	o.Vars, o.Expressions = in.inOrder(), how.expressions
	o.Simulated = prog.bed != nil
	o.Stop = func() bool { return ctx.Err() != nil }
	type result struct {
		loaded *config.Config
		diags  spec.Diagnostics
	}
	// It changes nothing and waits for nothing. So that an interrupt ends it also
	// within a parse or a function of a million rows, what is left of it is given
	// up, and ends with the process, which does so at once.
	done := make(chan result, 1)
	prog.loads.Go(func() {
		loaded, diags := config.Load(o)
		done <- result{loaded, diags}
	})
	select {
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("read the configuration: %w", ctx.Err())
	case r := <-done:
		if r.loaded != nil && r.loaded.Fleet != nil {
			prog.out.hide(r.loaded.Secrets())
		}
		return r.loaded, r.diags, nil
	}
}

// secretVariables are the values of every variable that says a secret setting,
// whichever blocks there are, and of those that libraries read by themselves.
func secretVariables(env *Env) []string {
	names := []string{"PGPASSWORD", "PGSSLPASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN"}
	for _, schema := range slices.Concat(schemas(), backendSchemas()) {
		for _, x := range schema.Settings {
			if x.Secret {
				names = append(names, x.Env, x.TerraformEnv)
			}
		}
	}
	var values []string
	for _, name := range names {
		if name == "" {
			continue
		}
		if value := env.getenv(name); value != "" {
			values = append(values, value)
		}
	}
	return values
}
