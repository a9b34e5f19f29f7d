package config

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
	"github.com/cardfleet/cardfleet/spec/file"
)

// Options is what [Load] may look at.
type Options struct {
	// Dir is the folder with *.fleet.hcl and *.fleet.json; "" means the
	// working directory. Relative paths start there, those of Vars included.
	Dir string
	// Cwd is the working directory, for path.cwd; "" means it isn't known.
	Cwd string
	// Env looks a name up in the environment, for env("X") and
	// CARDFLEET_VAR_x. nil is an empty environment.
	Env func(string) (string, bool)
	// Unsaved are texts that an editor has open, by absolute path; each takes the
	// place of the file on disk. Nobody may write to them any more. Dir must then
	// be absolute.
	Unsaved map[string][]byte
	// Stop is asked between blocks and rows, and ends the load early where it is
	// true: there is no Config then, and the diagnostics are not all. nil never is.
	Stop func() bool
	// Vars are the values given on the command line, in their order; later ones win.
	Vars []Assignment
	// Schemas are the types of provider that exist.
	Schemas []spec.Schema
	// Define compiles the carrier blocks; nil where there can be none.
	Define Definer
	// PassOverEmpty passes over files of carriers without a byte: a shell makes
	// such a file for the output of the command that reads them.
	PassOverEmpty bool
	// Expressions keeps what [Config.Console] needs, which a fleet of a million cards
	// doesn't carry along for nobody.
	Expressions bool
	// Simulated leaves out, unread, where providers and backends are and what they ask
	// for: endpoints, and settings that are secret or may come from the environment;
	// and so what encrypts the state and who is notified.
	Simulated bool
	// Backends are the types of backend that exist.
	Backends []spec.Schema
	// Now is asked once, for timestamp(). nil is the zero time.
	Now func() time.Time
	// Version is the program's, for required_version. One that is no version
	// ("dev", "") meets every constraint.
	Version string
}

// Assignment is one -var or -var-file of the command line, or what a test gives.
type Assignment struct {
	Name, Value string // -var Name=Value
	File        string // where set: -var-file File
	// Run is the run of a test file, where set, which gives variables their values.
	Run *TestRun
}

// Config is a configuration without mistakes.
type Config struct {
	Fleet *spec.Fleet

	variables map[string]Variable
	secrets   *expr.Secrets
	keyed     map[string]bool // the card blocks with for_each or from_csv
	files     []string        // that were read
	outputs   []*output
	checks    []*check
	judged    []spec.Check // what becomes of the checks where nothing was read
	// scope and report are kept for outputs, checks and expressions only, and nil where
	// there are none. They hold every local value, and every file without its plain cards.
	scope  *expr.Scope
	report *report
}

// Secrets lists every sensitive string that went into the configuration,
// longest first, so that nothing else shows one: values of sensitive variables,
// of env and sensitive, and of the providers' secret settings.
func (c *Config) Secrets() []string { return c.secrets.Texts() }

// Tables are the tables (.csv) that were read, by their paths from the
// configuration's folder, sorted.
func (c *Config) Tables() []string {
	return slices.DeleteFunc(slices.Clone(c.files), func(name string) bool { return !strings.EqualFold(path.Ext(name), ".csv") })
}

// CardNames are the names of the card blocks, those without cards included.
func (c *Config) CardNames() map[string]bool {
	names := maps.Clone(c.keyed)
	for i := range c.Fleet.Cards {
		names[c.Fleet.Cards[i].Block.Name] = true
	}
	return names
}

// Load reads the configuration in o.Dir. The diagnostics are in the order of
// the source; the Config is nil where one of them is an error. All mistakes
// are found at once, whichever file they are in.
func Load(o Options) (*Config, spec.Diagnostics) { return newLoader(o).load() }

func (l *loader) load() (*Config, spec.Diagnostics) {
	l.readFiles()
	l.loadVariables()
	l.scope.SetLive(l.liveNames())
	l.scope.DeclareLocals(l.blocks["locals"])
	l.scope.ValidateVariables()
	l.loadCarriers()
	l.loadProviders()
	l.loadFleet()
	l.loadCards()
	l.loadNumbers()
	l.loadPrices()
	l.loadApprovals()
	l.loadRemoved()
	l.loadChecks()
	l.loadOutputs()
	return l.finish()
}

// loader carries the parts of one load from step to step.
type loader struct {
	Options
	report *report
	inputs *expr.Inputs
	scope  *expr.Scope
	fleet  *spec.Fleet

	autoVars []string
	given    []string              // the variables that -var and -var-file give their values
	blocks   map[string]hcl.Blocks // by type, in the order of the source; all but the cards
	cards    []plain.Card          // in the order of the source
	mistaken []spec.Card           // cards that have mistakes, and an ICCID: no part of the fleet
	// hclOnly leaves everything to HCL: no plain blocks, no columns taken as they
	// are. It gives the same fleet, slowly; tests compare the two.
	hclOnly bool

	providers providerNames
	csvFiles  map[*spec.Block]*csvFile    // of blocks with from_csv
	byStem    map[spec.ICCID][]*spec.Card // made when a removed block asks
	// toldNoProvider keeps the message that there is no provider block to one.
	toldNoProvider bool
	luhn           *luhnWarnings
	lost           map[*spec.Block]bool // the blocks whose ICCIDs lost digits
	timed          hcl.Blocks           // the windows and schedules: their zone is the fleet's, which may stand behind them
	keyed          map[string]bool      // the card blocks with for_each or from_csv
	outputs        []*output
	checks         []*check
	judged         []spec.Check
	// undefined are the carriers whose definitions have mistakes.
	undefined []string
}

func newLoader(o Options) *loader {
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	if o.Dir == "" {
		o.Dir = "."
	}
	var now time.Time
	if o.Now != nil {
		now = o.Now()
	}
	if o.Stop == nil {
		o.Stop = func() bool { return false }
	}
	r, in := newReport(), expr.NewInputs(o.Dir)
	in.Unsaved(o.Unsaved)
	r.secrets.KnowNames(secretSettings(slices.Concat(o.Schemas, o.Backends, spec.NotifySchemas())))
	return &loader{
		Options:  o,
		report:   r,
		inputs:   in,
		scope:    expr.NewScope(expr.World{Files: in, Env: o.Env, Now: now, Cwd: o.Cwd, Secrets: r.secrets}, r),
		fleet:    &spec.Fleet{Dir: o.Dir},
		blocks:   map[string]hcl.Blocks{},
		keyed:    map[string]bool{},
		csvFiles: map[*spec.Block]*csvFile{},
		luhn:     newLuhnWarnings(),
		lost:     map[*spec.Block]bool{},
	}
}

// readFiles parses every file and sorts its blocks by type.
func (l *loader) readFiles() {
	names, err := FilesWith(l.Dir, l.Unsaved)
	if err != nil {
		l.report.unplaced("Configuration cannot be read", "%s.", err)
		return
	}
	found := false
	for _, name := range names {
		if isAutoVarsFile(name) {
			l.autoVars = append(l.autoVars, name)
			continue
		}
		if isCarrierFile(name) {
			l.readCarrierFile(name)
			continue
		}
		found = true
		l.readConfig(name)
	}
	if !found {
		l.report.unplaced("No configuration files",
			"%q holds no file that ends in %s or %s. Change to the folder that does, or name it with -chdir=DIR.",
			l.Dir, nativeSuffix, jsonSuffix)
	}
}

// readConfig reads and parses a configuration file, and sorts its blocks by type.
func (l *loader) readConfig(name string) {
	text, err := l.inputs.Read(name)
	if isJSONFile(name) {
		text = bytes.TrimPrefix(text, []byte(expr.BOM)) // HCL's reader of JSON takes none
	}
	src := &source{name: name, text: text}
	if err == nil && !l.hclOnly && !isJSONFile(name) {
		if apart, found, ok := plain.TakeApart(name, text, rootSchema(), l.Stop); ok {
			src.apart = apart
			l.addFound(src, found)
			return
		}
	}
	if l.Stop() {
		return
	}
	if body := l.parse(name, src, err); body != nil {
		content, diags := body.Content(rootSchema())
		l.report.HCL(diags)
		l.sortBlocks(content.Blocks)
	}
}

// addFound takes over what stands in a file that was taken apart.
func (l *loader) addFound(src *source, f plain.Found) {
	l.report.sources[src.name] = src
	if l.report.HCL(f.Syntax) {
		l.report.broken[src.name], l.report.anyBroken = true, true
	}
	l.report.HCL(f.Stray)
	l.sortBlocks(f.Blocks)
	named := slices.DeleteFunc(f.Cards, func(c plain.Card) bool { return c.Block != nil && !l.checkName(c.Block) })
	if l.cards == nil {
		l.cards = named
		return
	}
	l.cards = append(l.cards, named...)
}

// parseVars parses a file of variable values. Any of them may be
// secret, so they show in no snippet and are not in the digest.
func (l *loader) parseVars(name string) hcl.Body {
	src, err := l.readVars(expr.Absolute(l.Dir, name))
	return l.parse(name, &source{name: name, text: src, secret: true}, err)
}

func (l *loader) readVars(path string) ([]byte, error) {
	if text, open := l.Unsaved[path]; open {
		return text, nil
	}
	return file.Read(path)
}

func (l *loader) parse(name string, src *source, err error) hcl.Body {
	if err != nil {
		l.report.unplaced("File cannot be read", "%s.", expr.FileError(name, err))
		return nil
	}
	var diags hcl.Diagnostics
	src.file, diags = parseFile(name, src.text)
	l.report.sources[name] = src
	if l.report.HCL(diags) {
		l.report.broken[name], l.report.anyBroken = true, true
	}
	if src.file == nil {
		return nil
	}
	return src.file.Body
}

func (l *loader) sortBlocks(blocks hcl.Blocks) {
	for _, b := range blocks {
		switch {
		case len(b.Labels) > 0 && !slices.Contains([]string{"provider", "package", "check"}, b.Type) && !l.checkName(b):
		case b.Type == "card":
			l.cards = append(l.cards, plain.Card{Name: b.Labels[0], Block: b})
		default:
			l.blocks[b.Type] = append(l.blocks[b.Type], b)
		}
	}
}

// secretSettings are the names of the settings whose values are secret.
func secretSettings(schemas []spec.Schema) []string {
	names := []string{"passphrase"}
	for _, schema := range schemas {
		for _, x := range schema.Settings {
			if x.Secret {
				names = append(names, x.Name)
			}
		}
	}
	return names
}

// liveNames are the card, privacy_number and output blocks, by those words. Only
// outputs, checks, and local values for them, may refer to these.
func (l *loader) liveNames() map[string][]string {
	if len(l.blocks["output"])+len(l.blocks["locals"])+len(l.blocks["check"]) == 0 && !l.Expressions {
		return nil
	}
	cards := make([]string, len(l.cards))
	for i := range l.cards {
		cards[i] = l.cards[i].Name
	}
	live := map[string][]string{expr.RootCard: cards}
	for _, kind := range []string{expr.RootNumber, expr.RootOutput} {
		for _, b := range l.blocks[kind] {
			live[kind] = append(live[kind], b.Labels[0])
		}
	}
	return live
}

// finish sorts the fleet and ends the load.
func (l *loader) finish() (*Config, spec.Diagnostics) {
	l.luhn.report(l.report)
	l.oddWords()
	diags := l.report.done()
	if diags.HasErrors() || l.Stop() {
		return nil, diags
	}
	f := l.fleet
	slices.SortFunc(f.Providers, func(a, b spec.ProviderConfig) int { return compareStrings(a.Name, b.Name) })
	slices.SortFunc(f.Numbers, func(a, b spec.PrivacyNumber) int { return compareStrings(a.Name, b.Name) })
	slices.SortFunc(f.Approvals, func(a, b spec.Approval) int { return compareStrings(a.Name, b.Name) })
	slices.SortFunc(f.Removed, func(a, b spec.Removed) int { return compareStrings(a.ICCID, b.ICCID) })
	for i := range f.Emptied {
		l.report.secrets.Redact(&f.Emptied[i].Diagnostic)
	}
	l.sortUnset()
	f.Digest = l.inputs.Digest(l.scope.ShownVariables())
	c := l.config()
	c.outputs, c.checks, c.judged = l.outputs, l.checks, l.judged
	if len(l.outputs)+len(l.checks) > 0 || l.Expressions {
		c.scope, c.report = l.scope, l.report
		for _, src := range l.report.sources {
			src.forgetCards()
		}
	}
	return c, diags
}

func (l *loader) config() *Config {
	return &Config{Fleet: l.fleet, variables: l.variables(), secrets: l.report.secrets, keyed: l.keyed, files: l.inputs.Paths()}
}
