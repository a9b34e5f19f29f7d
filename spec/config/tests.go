package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
	"github.com/cardfleet/cardfleet/spec/file"
)

// testSuffix ends the names of test files, which stand in the configuration's folder
// or in its folder tests.
const (
	testSuffix = ".fleettest.hcl"
	testFolder = "tests"
)

// Test is a test file without mistakes.
type Test struct {
	Name string // its path from the configuration's folder, with slashes
	Runs []*TestRun
}

// TestRun is one run block of a test file: what is done with the configuration, and
// what must come of it.
type TestRun struct {
	Name  string
	Apply bool // carries the plan out
	// World is a simulated world as JSON, and WorldFile the path of one from the
	// configuration's folder. At most one of them is there; without either, the run
	// goes on with the world of the run before.
	World     []byte
	WorldFile string
	WorldAt   *spec.Range
	At        spec.Range // of the block's header

	expected  []expectedFailure
	variables []*hcl.Attribute // the file's before the run's
	asserts   []*check
	source    *source
}

// expectedFailure is a check that a run expects to fail.
type expectedFailure struct {
	check string
	at    hcl.Range
}

// TestFiles lists the test files of a configuration in dir, by their paths from it:
// those in dir itself, then those in its folder tests.
func TestFiles(dir string) ([]string, error) {
	var files []string
	for _, folder := range []string{".", testFolder} {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if folder == testFolder && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list the test files: %w", err)
		}
		for _, e := range entries { // by name
			if name := e.Name(); !e.IsDir() && strings.HasSuffix(name, testSuffix) && !isLeftover(name) {
				files = append(files, path.Join(folder, name))
			}
		}
	}
	return files, nil
}

// LoadTest reads a test file, named by its path from the configuration's folder dir.
// The Test is nil where a diagnostic is an error.
func LoadTest(dir, name string) (*Test, spec.Diagnostics) {
	t := &testLoader{report: newReport(), source: &source{name: name}}
	text, err := file.Read(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.report.unplaced("File cannot be read", "%s.", expr.FileError(name, err))
		return nil, t.report.done()
	}
	var diags hcl.Diagnostics
	t.source.text = text
	t.source.file, diags = parseFile(name, text)
	t.report.sources[name] = t.source
	t.report.broken[name] = t.report.HCL(diags)
	out := &Test{Name: name}
	if t.source.file != nil {
		out.Runs = t.load(t.source.file.Body)
	}
	if found := t.report.done(); found.HasErrors() {
		return nil, found
	}
	return out, t.report.list
}

// testLoader reads one test file.
type testLoader struct {
	report *report
	source *source
}

func (t *testLoader) load(body hcl.Body) []*TestRun {
	content, diags := body.Content(testSchema())
	t.report.HCL(diags)
	var shared []*hcl.Attribute
	for _, b := range content.Blocks.OfType("variables") {
		shared = append(shared, t.attributes(b)...)
	}
	names := expr.Names{}
	var runs []*TestRun
	for _, b := range content.Blocks.OfType("run") {
		if r := t.run(b, shared); names.Claim(t.report, r.Name, fmt.Sprintf("run %q", r.Name), b.LabelRanges[0]) {
			runs = append(runs, r)
		}
	}
	if len(runs) == 0 && len(t.report.list) == 0 {
		t.report.ErrorAt(hcl.Range{Filename: t.source.name, Start: hcl.InitialPos, End: hcl.InitialPos}, "No run block",
			"A test file says in run blocks what is planned or applied, and what must come of it. See docs/testing.md.")
	}
	return runs
}

func testSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "variables"}, {Type: "run", LabelNames: []string{"name"}}}}
}

func runSchema() *hcl.BodySchema {
	return &hcl.BodySchema{
		Attributes: attrs("command", "world", "expect_failures"),
		Blocks:     []hcl.BlockHeaderSchema{{Type: "variables"}, {Type: "world"}, {Type: "assert"}},
	}
}

func assertSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(attrs("condition", "error_message"), "condition", "error_message")}
}

func (t *testLoader) attributes(b *hcl.Block) []*hcl.Attribute {
	attributes, diags := b.Body.JustAttributes()
	t.report.HCL(diags)
	return inSourceOrder(attributes)
}

func (t *testLoader) run(b *hcl.Block, shared []*hcl.Attribute) *TestRun {
	content, diags := b.Body.Content(runSchema())
	t.report.HCL(diags)
	r := &TestRun{Name: b.Labels[0], Apply: true, At: *rangeOf(b.DefRange), source: t.source, variables: slices.Clone(shared)}
	if a := content.Attributes["command"]; a != nil {
		r.Apply = t.applies(a)
	}
	t.world(r, content)
	for _, v := range content.Blocks.OfType("variables") {
		r.variables = append(r.variables, t.attributes(v)...)
	}
	for _, v := range content.Blocks.OfType("assert") {
		said, diags := v.Body.Content(assertSchema())
		if !t.report.HCL(diags) {
			r.asserts = append(r.asserts, &check{
				name: r.Name, where: expr.InTests, at: v.DefRange,
				condition: said.Attributes["condition"].Expr, message: said.Attributes["error_message"].Expr,
			})
		}
	}
	if a := content.Attributes["expect_failures"]; a != nil {
		r.expected = t.expected(a)
	}
	return r
}

// applies reads command, which Terraform writes without quotes.
func (t *testLoader) applies(a *hcl.Attribute) bool {
	word := hcl.ExprAsKeyword(a.Expr)
	if v, ok := expr.Literal(a.Expr); ok && v.Type() == cty.String && !v.IsNull() {
		word = v.AsString()
	}
	if word != "plan" && word != "apply" {
		t.report.ErrorAt(a.Expr.Range(), "Invalid command", "command is plan or apply; apply where it is left out.")
	}
	return word == "apply"
}

// world reads the simulated world that a run begins with: a block, or a file's name.
func (t *testLoader) world(r *TestRun, content *hcl.BodyContent) {
	blocks := content.Blocks.OfType("world")
	a := content.Attributes["world"]
	switch {
	case len(blocks) > 1 || len(blocks) == 1 && a != nil:
		t.report.ErrorAt(blocks[len(blocks)-1].DefRange, "Several worlds", "A run begins with one world: a block, or world = \"FILE\".")
	case a != nil:
		r.WorldAt = rangeOf(a.Expr.Range())
		v, diags := a.Expr.Value(nil)
		if t.report.HCL(diags) {
			return
		}
		if v.Type() != cty.String || v.IsNull() || v.AsString() == "" {
			t.report.ErrorAt(a.Expr.Range(), "Invalid world", "world is the path of a file as docs/simulator.md has it, from the configuration's folder; or a block that says the same.")
			return
		}
		r.WorldFile = v.AsString()
	case len(blocks) == 1:
		r.WorldAt = rangeOf(blocks[0].DefRange)
		r.World = t.worldOf(blocks[0])
	}
}

// worldOf is a world block as JSON, which has the same names.
func (t *testLoader) worldOf(b *hcl.Block) []byte {
	values := map[string]cty.Value{}
	for _, a := range t.attributes(b) {
		v, diags := a.Expr.Value(nil)
		if !t.report.HCL(diags) {
			values[a.Name] = v
		}
	}
	whole := cty.ObjectVal(values)
	text, err := ctyjson.Marshal(whole, whole.Type())
	if err != nil {
		t.report.ErrorAt(b.DefRange, "Invalid world", "%s.", spec.Capital(err.Error()))
	}
	return text
}

// expected reads expect_failures: check.NAME, check["a name"], or the name as a text.
func (t *testLoader) expected(a *hcl.Attribute) []expectedFailure {
	list, diags := hcl.ExprList(a.Expr)
	t.report.HCL(diags)
	var out []expectedFailure
	for _, e := range list {
		name := ""
		if v, ok := expr.Literal(e); ok && v.Type() == cty.String && !v.IsNull() {
			name = v.AsString()
		} else if ref, diags := hcl.AbsTraversalForExpr(e); !diags.HasErrors() && len(ref) == 2 && ref.RootName() == "check" {
			name = expr.StepName(ref)
		}
		if name == "" {
			t.report.ErrorAt(e.Range(), "Invalid expected failure", "expect_failures lists check blocks: check.NAME, or check[\"a name with blanks\"].")
			continue
		}
		out = append(out, expectedFailure{name, e.Range()})
	}
	return out
}

// Expects reports whether a run expects the check of that name to fail.
func (r *TestRun) Expects(check string) bool {
	return slices.ContainsFunc(r.expected, func(e expectedFailure) bool { return e.check == check })
}

// giveFromTest gives variables the values that a test file says.
func (l *loader) giveFromTest(r *TestRun) {
	l.report.sources[r.source.name] = &source{name: r.source.name, text: r.source.text, file: r.source.file, secret: true}
	names := l.scope.VariableNames()
	for _, a := range r.variables {
		if !l.scope.HasVariable(a.Name) {
			l.report.ErrorAt(a.NameRange, "Value for undeclared variable", "There is no variable named %q.%s", a.Name, spec.DidYouMean(a.Name, names))
			continue
		}
		l.scope.Give(a.Name, a.Expr)
	}
}

// Judge is what a test's run found that it must not: conditions that fail, checks that
// fail or that were expected to and don't, and mistakes in either. planned is the
// plan as show -json writes it, checks what became of the check blocks. The
// configuration has to be loaded with [Options].Expressions.
func (c *Config) Judge(r *TestRun, planned []byte, checks []spec.Check, live spec.Live) (spec.Diagnostics, error) {
	parts, err := planParts(planned)
	if err != nil {
		return nil, err
	}
	found := &report{sources: maps.Clone(c.report.sources), secrets: c.secrets}
	found.sources[r.source.name] = r.source
	objects := newLiveObjects(c, &live)
	value := func(kind, name string) cty.Value {
		if kind == expr.RootPlan {
			return parts[name]
		}
		return objects.value(kind, name)
	}
	s := c.scope.WithPlan(found, slices.Sorted(maps.Keys(parts)), value)
	objects.outputs = outputValues(c.outputs, s, found)
	for _, a := range r.asserts {
		a.assert(s, found)
	}
	r.judgeChecks(checks, found)
	return found.done(), nil
}

// planParts are the parts of a plan by their names.
func planParts(planned []byte) (map[string]cty.Value, error) {
	typ, err := ctyjson.ImpliedType(planned)
	if err != nil {
		return nil, fmt.Errorf("read the plan for a test: %w", err)
	}
	v, err := ctyjson.Unmarshal(planned, typ)
	if err != nil {
		return nil, fmt.Errorf("read the plan for a test: %w", err)
	}
	return v.AsValueMap(), nil
}

// assert reports a condition that doesn't hold, with what the names in it stand for.
func (k *check) assert(s *expr.Scope, found *report) {
	lacks := false
	got, ok := k.judge(s, found, func(d hcl.Diagnostics) { lacks = found.HCL(d) })
	if lacks || !ok || got.Status == spec.CheckPasses {
		return
	}
	if got.Status == spec.CheckUnknown {
		found.ErrorAt(k.condition.Range(), "Condition not known", "Nobody knows whether it holds: it depends on a card or number that was not read.")
	} else {
		found.ErrorAt(k.condition.Range(), "Test assertion failed", "%s", got.Message)
	}
	if p, ok := s.Prepare(k.condition, k.where); ok {
		if last := &found.list[len(found.list)-1]; last.Snippet != nil {
			last.Snippet.Values = expr.Explain(k.condition, p.Ctx)
		}
	}
}

// judgeChecks reports the check blocks that fail unexpectedly, or unexpectedly don't.
func (r *TestRun) judgeChecks(checks []spec.Check, found *report) {
	status := map[string]spec.CheckStatus{}
	for i := range checks {
		k := &checks[i]
		if status[k.Name] = k.Status; k.Status == spec.CheckFails && !r.Expects(k.Name) {
			found.add(spec.Diagnostic{
				Summary: "Check block failed", Subject: &r.At,
				Detail: fmt.Sprintf("check %q (%s line %d) fails: %s. Where it is meant to, list it in expect_failures.", k.Name, k.File, k.Line, k.Message),
			})
		}
	}
	for _, e := range r.expected {
		switch was, known := status[e.check]; {
		case !known:
			names := slices.Sorted(maps.Keys(status))
			found.ErrorAt(e.at, "Undeclared check", "The configuration has no check named %q.%s", e.check, spec.DidYouMean(e.check, names))
		case was != spec.CheckFails:
			found.ErrorAt(e.at, "Missing expected failure", "check %q was expected to fail, and its status is %q.", e.check, was)
		}
	}
}
