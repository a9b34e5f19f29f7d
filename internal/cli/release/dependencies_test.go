package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// required are the modules that go.mod requires, with the folders of those that
// this machine has.
func required(t *testing.T) map[string]module {
	t.Helper()
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	var file struct {
		Require []struct {
			Path, Version string
			Indirect      bool
		}
	}
	require.NoError(t, json.Unmarshal(out, &file))
	list := map[string]module{}
	args := []string{"list", "-m", "-f", "{{.Path}} {{.Dir}}"}
	for _, r := range file.Require {
		if !r.Indirect {
			list[r.Path] = module{path: r.Path, version: r.Version}
			args = append(args, r.Path)
		}
	}
	cmd = exec.Command("go", args...)
	cmd.Dir = root
	out, err = cmd.Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		m := list[path]
		m.dir = dir
		list[path] = m
	}
	return list
}

// Whoever adds a module says why it, what else there was, and its licence.
func TestEachModuleOfGoModHasItsRowInTheDependenciesPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	require.NoError(t, err)
	modules := required(t)
	require.Greater(t, len(modules), 30)
	rows := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$").FindAllStringSubmatch(string(page), -1) {
		rows[m[1]] = strings.Split(m[2], " | ")
	}
	for path, m := range modules {
		row, ok := rows[path]
		if !assert.True(t, ok, "add to docs/dependencies.md, in the order of the alphabet: | `%s` | why it | what else was looked at | its licence, as in %v |", path, licencesOf(t, m)) {
			continue
		}
		if assert.Len(t, row, 3, "%s: why, what else, licence", path) {
			assert.NotEmpty(t, row[0], path)
			assert.NotEmpty(t, row[1], path)
			assert.Equal(t, strings.Join(licencesOf(t, m), ", "), row[2], "the licence of %s", path)
		}
	}
	for path := range rows {
		assert.Contains(t, modules, path, "docs/dependencies.md has a row for a module that go.mod doesn't require any more")
	}
}

func licencesOf(t *testing.T, m module) []string {
	t.Helper()
	require.NotEmpty(t, m.dir, "go list knows no folder of %s: go mod download", m.path)
	files, err := m.files()
	require.NoError(t, err)
	_, names, err := texts(m, files)
	require.NoError(t, err)
	assert.NotEmpty(t, names, "%s has no licence that the project takes", m.path)
	return names
}

func TestLicencesAreOfEachPlatformThatIsBuiltFor(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	require.NoError(t, err)
	var config struct {
		Builds []struct{ GOOS, GOARCH []string }
	}
	require.NoError(t, yaml.Unmarshal(text, &config))
	var built []string
	for _, b := range config.Builds {
		for _, system := range b.GOOS {
			for _, arch := range b.GOARCH {
				built = append(built, system+"/"+arch)
			}
		}
	}
	assert.Equal(t, platforms, built)
}
