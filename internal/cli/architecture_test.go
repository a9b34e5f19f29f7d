package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/cardfleet/cardfleet"
	root   = "../.." // of the repository, from this package
)

// layer is a row of the import table in docs/architecture.md.
type layer struct {
	packages string   // a pattern of [path.Match]; the first row that matches a package is its row
	imports  []string // patterns of the packages of ours that it may import
}

var layers = []layer{
	{"spec", nil},
	{"spec/file", nil},
	{"spec/safe", nil},
	{"spec/lang", nil},
	{"spec/table", []string{"spec"}},
	{"spec/table/xlsx", []string{"spec", "spec/table"}},
	{"spec/config", []string{"spec", "spec/file", "spec/table", "spec/config/expr", "spec/config/internal/plain"}},
	{"spec/config/expr", []string{"spec", "spec/file", "spec/table"}},
	{"spec/config/internal/plain", []string{"spec"}},
	{"spec/config/generate", []string{"spec", "spec/config"}},
	{"spec/config/editor", []string{"spec", "spec/file", "spec/config", "spec/config/internal/plain"}},
	{"state", []string{"spec", "spec/safe"}},
	{"state/lines", []string{"spec", "state"}},
	{"state/stored", []string{"spec", "state", "state/lines"}},
	{"state/statetest", []string{"spec", "state"}},
	{"state/postgres/pgtest", nil},
	{"state/s3/s3test", nil},
	{"state/seal", nil},
	{"state/all", []string{"spec", "state", "state/*"}},
	{"state/http", []string{"spec", "spec/file", "spec/safe", "state", "state/stored"}},
	{"state/*", []string{"spec", "spec/file", "state", "state/stored"}},
	{"plan", []string{"spec", "state", "state/lines", "plan/signers"}},
	{"plan/signers", nil},
	{"plan/render", []string{"spec", "spec/safe", "spec/lang", "state", "plan", "plan/signers"}},
	{"providers", []string{"spec", "spec/safe", "providers/internal/carrierhttp"}},
	{"providers/internal/carrierhttp", nil},
	{"providers/internal/lenient", nil},
	{"providers/internal/carriercall", []string{"spec", "providers", "providers/internal/carrierhttp"}},
	{"providers/internal/alirpc", []string{"spec", "providers", "providers/internal/carriercall", "providers/internal/lenient"}},
	{"providers/internal/alirpcsim", []string{"spec", "providers/carriersim"}},
	{"providers/internal/alirpctest", []string{"spec", "providers", "providers/carriersim", "providers/providertest", "providers/internal/alirpc", "providers/internal/carriercall"}},
	{"providers/carriersim", []string{"spec"}},
	{"providers/providertest", []string{"spec", "providers", "providers/carriersim"}},
	{"providers/providertest/sample", []string{"spec", "providers", "providers/internal/carriercall", "providers/internal/lenient"}},
	{"providers/providertest/sample/samplesim", []string{"spec", "providers/carriersim"}},
	{"providers/all", []string{"spec", "providers", "providers/*", "providers/*/*sim"}},
	{"providers/described/madeupsim", []string{"spec", "providers/carriersim"}},
	{"providers/*/*sim", []string{"spec", "providers/carriersim", "providers/internal/alirpcsim"}},
	{"providers/described", []string{"spec", "spec/safe", "spec/config/expr", "providers", "providers/internal/carriercall"}},
	{"providers/*", []string{"spec", "providers", "providers/internal/carriercall", "providers/internal/lenient", "providers/internal/alirpc"}},
	{"apply", []string{"spec", "state", "plan", "providers"}},
	{"internal/run", []string{"spec", "state", "state/stored", "plan", "apply", "providers"}},
	{"internal/workers", []string{"spec", "state", "state/postgres", "plan", "apply", "internal/run"}},
	{"internal/telemetry", []string{"plan", "apply", "providers"}},
	{"internal/logs", []string{"spec", "providers"}},
	{"internal/cli/notify", []string{"spec", "spec/safe", "spec/lang"}},
	{"internal/cli/lsp", []string{"spec", "spec/config/editor"}},
	{"docs", nil},
	{"internal/cli/measure", []string{"spec", "state", "state/local", "providers/all", "providers/carriersim"}},
	{"internal/cli/release", []string{"internal/cli"}},
	{"examples/ci", nil},
	{"internal/cli", []string{"*", "*/*", "*/*/*"}},
	{".", []string{"internal/cli"}},
}

// configOnly are the modules that only readers of HCL import: spec/config and the
// packages below it, and what evaluates definitions of carriers at each call.
var configOnly = []string{"github.com/hashicorp/hcl/v2", "github.com/hashicorp/hcl-lang", "github.com/zclconf/go-cty", "github.com/zclconf/go-cty-yaml"}

// processOnly are packages of a process and its terminal. A run knows none of
// them, so that it works in any process.
var processOnly = []string{"os", "flag", "syscall", "log", "runtime/debug", "net", "golang.org/x/term"}

// terminalOnly are the modules that draw on a terminal or read a command line:
// a run doesn't meet them, not even in the packages that it imports.
var terminalOnly = []string{
	"github.com/fatih/color", "github.com/mattn/go-isatty", "github.com/mattn/go-runewidth", "github.com/urfave/cli", "github.com/vbauerster/mpb",
	"golang.org/x/term",
}

// topLevel is all that may stand at the top of the repository, besides dot files.
var topLevel = []string{
	"go.mod", "go.sum", "main.go", "README.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md",
	"spec", "plan", "apply", "providers", "examples", "state", "findings", "internal", "docs",
}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Imports    []string // of the package without its tests, which may import more
	Deps       []string // those, and all that they import in turn
}

// short is the package's path within the module; "." for the program itself.
func short(importPath string) (name string, ours bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func TestPackagesImportOnlyWhatTheArchitectureAllows(t *testing.T) {
	packages := listPackages(t)
	require.Greater(t, len(packages), 5, "go list found the module")
	for _, p := range packages {
		name, _ := short(p.ImportPath)
		row, ok := rowOf(name)
		if !assert.True(t, ok, "package %s has no row in the import table: add one here and in docs/architecture.md", name) {
			continue
		}
		for _, imported := range p.Imports {
			assert.NoError(t, row.check(name, imported))
		}
	}
}

func TestARunKnowsNoProcessAndNoTerminal(t *testing.T) {
	packages := listPackages(t)
	i := slices.IndexFunc(packages, func(p listed) bool { return p.ImportPath == module+"/internal/run" })
	require.GreaterOrEqual(t, i, 0, "go list found the package")
	assert.Empty(t, ofModules(packages[i].Imports, processOnly))
	assert.Empty(t, ofModules(packages[i].Deps, terminalOnly))

	cli := slices.IndexFunc(packages, func(p listed) bool { return p.ImportPath == module+"/internal/cli" })
	assert.Contains(t, ofModules(packages[cli].Imports, processOnly), "os", "the command line has what a run has not")
	assert.NotEmpty(t, ofModules(packages[cli].Deps, terminalOnly))
}

// ofModules are the imports that are of one of the modules.
func ofModules(imports, modules []string) []string {
	return slices.DeleteFunc(slices.Clone(imports), func(imported string) bool {
		return !slices.ContainsFunc(modules, func(m string) bool { return within(m, imported) })
	})
}

func TestTheTableRefusesWhatItShould(t *testing.T) {
	rows := []struct {
		from, to string
		allowed  bool
	}{
		{"spec", "plan", false},
		{"plan", "state", true},
		{"plan", "providers", false},
		{"state", "plan", false},
		{"state/local", "state", true},
		{"state/local", "state/http", false},
		{"state/local", "state/stored", true},
		{"state", "state/stored", false},
		{"plan", "state/stored", false},
		{"providers/aliyun", "providers/internal/carriercall", true},
		{"providers/aliyun", "providers/internal/carrierhttp", false},
		{"providers/aliyun", "providers/aliyun/aliyunsim", false},
		{"providers/aliyun/aliyunsim", "providers/aliyun", false},
		{"providers/internal/carrierhttp", "spec", false},
		{"apply", "spec/config", false},
		{"spec/config", "spec/config/expr", true},
		{"spec/config/expr", "spec/config", false},
		{"spec/config/internal/plain", "spec/config/expr", false},
		{"providers/aliyun", "spec/config/expr", false},
		{"providers/described", "spec/config/expr", true},
		{"providers/described", "spec/config", false},
		{"providers/soracom", "providers/described", false},
		{"internal/run", "plan/render", false},
		{"internal/run", "internal/cli", false},
		{"internal/run", "spec/config", false},
		{"internal/cli", "internal/run", true},
		{"internal/cli", "providers/aliyun/aliyunsim", true},
		{".", "spec", false},
	}
	for _, r := range rows {
		row, ok := rowOf(r.from)
		require.True(t, ok, r.from)
		assert.Equal(t, r.allowed, row.check(r.from, module+"/"+r.to) == nil, "%s imports %s", r.from, r.to)
	}
	row, _ := rowOf("plan")
	assert.Error(t, row.check("plan", "github.com/zclconf/go-cty/cty"))
	for _, name := range []string{"spec/config", "spec/config/expr"} {
		row, _ = rowOf(name)
		assert.NoError(t, row.check(name, "github.com/zclconf/go-cty/cty"))
	}
}

func rowOf(name string) (layer, bool) {
	i := slices.IndexFunc(layers, func(l layer) bool { return matches(l.packages, name) })
	if i < 0 {
		return layer{}, false
	}
	return layers[i], true
}

func (l layer) check(name, imported string) error {
	readsHCL := within("spec/config", name) || name == "providers/described"
	if !readsHCL && slices.ContainsFunc(configOnly, func(m string) bool { return within(m, imported) }) {
		return fmt.Errorf("package %s imports %s, and only spec/config, what is below it, and providers/described may", name, imported)
	}
	target, ours := short(imported)
	if !ours || slices.ContainsFunc(l.imports, func(p string) bool { return matches(p, target) }) {
		return nil
	}
	return fmt.Errorf("package %s imports %s, and may import of ours: %v", name, target, l.imports)
}

func within(module, importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	if err != nil {
		panic(err)
	}
	return ok
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go list: %s", &stderr)
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
}

func TestTheTopLevelHoldsNothingElse(t *testing.T) {
	for _, name := range trackedTop(t) {
		if !strings.HasPrefix(name, ".") {
			assert.Contains(t, topLevel, name, "it doesn't belong at the top of the repository")
		}
	}
	inside, err := os.ReadDir(filepath.Join(root, "internal"))
	require.NoError(t, err)
	for _, e := range inside {
		assert.Contains(t, []string{"cli", "logs", "run", "telemetry", "workers"}, e.Name(), "internal/ holds the command line, the run, and how they are seen")
	}
}

// trackedTop is what stands at the top and isn't ignored by git; all of it
// where the source is no clone.
func trackedTop(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	var names []string
	if err != nil { // an unpacked archive, or no git here
		entries, err := os.ReadDir(root)
		require.NoError(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	for file := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(file), "/")
		names = append(names, top)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
