package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

// made is what a release of this source has, which takes a while to make.
var made = sync.OnceValues(func() (map[string]string, error) { return contents(context.Background(), root, "") })

func contentsOfHere(t *testing.T) map[string]string {
	t.Helper()
	files, err := made()
	require.NoError(t, err)
	return files
}

func TestEachCommandHasAManualPageOfAllItsOptions(t *testing.T) {
	files := contentsOfHere(t)
	var look func(path ...string)
	pages := 0
	look = func(path ...string) {
		help, err := say(t.Context(), append(path, "-h")...)
		require.NoError(t, err)
		name := strings.Join(append([]string{"cardfleet"}, path...), "-")
		page, ok := files["man/"+name+".1"]
		require.True(t, ok, "%s has no page", name)
		pages++
		for _, m := range regexp.MustCompile(`(?m)^  (-\S+)`).FindAllStringSubmatch(help, -1) {
			assert.Contains(t, page, `\fB`+strings.ReplaceAll(m[1], "-", `\-`)+`\fR`, "%s, %s", name, m[1])
		}
		_, list, _ := strings.Cut(help, "\nCommands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		for _, m := range regexp.MustCompile(`(?m)^  (\w[\w-]*) `).FindAllStringSubmatch(list, -1) {
			look(append(path[:len(path):len(path)], m[1])...)
		}
	}
	look()
	require.Greater(t, pages, 25)
	for name := range files {
		if strings.HasPrefix(name, "man/") {
			pages--
		}
	}
	assert.Zero(t, pages, "pages of commands that don't exist")
}

func TestTheProgramsPageHasExitCodesAndEnvironment(t *testing.T) {
	page := contentsOfHere(t)["man/cardfleet.1"]
	for _, want := range []string{".SH EXIT STATUS\n.TP\n\\fB0\\fR\n", "\\fB130\\fR\ninterrupted", ".SH ENVIRONMENT\n.TP\n\\fBCARDFLEET_VAR_name\\fR\nsets a variable\n"} {
		assert.Contains(t, page, want)
	}
}

func TestCompletionsAreOfEachShell(t *testing.T) {
	files := contentsOfHere(t)
	for _, name := range scripts {
		assert.Contains(t, files["completions/"+name], "cardfleet", name)
	}
}

func TestNoTextOfAPageIsARequest(t *testing.T) {
	p := page{words: []string{"cardfleet"}, does: `a\b`, usage: "cardfleet", text: []string{".dot\n'quote\n-dash"}, options: []entry{{"-x", ".starts with a dot"}}}
	text := p.roff()
	assert.Contains(t, text, "a\\eb")
	assert.Contains(t, text, "\\&.dot\n\\&'quote\n\\-dash")
	assert.Contains(t, text, "\\fB\\-x\\fR\n\\&.starts")
}

func TestHelpThatIsInAnotherFormIsAnError(t *testing.T) {
	for _, help := range []string{"", "cardfleet plan", "cardfleet plan: plans\n\nOptions:\n  -h   help"} {
		_, err := readHelp(help)
		assert.Error(t, err, help)
	}
}

const changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- New.\n\n## [0.2.0] - 2026-12-01\n\n### Fixed\n\n- Old.\n\n## [0.1.0] - 2026-11-01\n\n[0.2.0]: https://example.com\n"

func TestNotesAreTheChangelogsSectionOfTheTag(t *testing.T) {
	text, err := notes(changelog, "v0.2.0")
	require.NoError(t, err)
	assert.Equal(t, "### Fixed\n\n- Old.\n", text)
	text, err = notes(changelog, "")
	require.NoError(t, err)
	assert.Equal(t, "### Added\n\n- New.\n", text)
	_, err = notes(changelog, "v0.3.0")
	require.ErrorContains(t, err, "## [0.3.0]")
	_, err = notes(changelog, "v0.1.0")
	require.ErrorContains(t, err, "says nothing")
}

func TestATagOfAnotherVersionIsRefused(t *testing.T) {
	var log strings.Builder
	err := run(t.Context(), []string{"-tag=v9.9.9", "-into=" + filepath.Join(t.TempDir(), "x")}, &log)
	require.ErrorContains(t, err, "v9.9.9")
}

func TestWhatWasThereBeforeIsTakenAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "into")
	require.NoError(t, write(dir, map[string]string{"man/old.1": "old"}))
	require.NoError(t, write(dir, map[string]string{"man/new.1": "new"}))
	assert.NoFileExists(t, filepath.Join(dir, "man/old.1"))
	assert.FileExists(t, filepath.Join(dir, "man/new.1"))
}

func TestALicenceThatIsNotTakenIsRefused(t *testing.T) {
	dir := t.TempDir()
	m := module{path: "example.com/other", version: "v1.0.0", dir: dir}
	_, err := licences([]module{m})
	require.ErrorContains(t, err, "example.com/other has no licence")
	file := filepath.Join(dir, "LICENSE")
	require.NoError(t, os.WriteFile(file, []byte("                    GNU GENERAL PUBLIC LICENSE\n Version 3\n"), 0o600))
	_, err = licences([]module{m})
	require.Error(t, err)
	require.NoError(t, os.WriteFile(file, []byte("Redistribution and use in source and\nbinary forms, with or without\n"), 0o600))
	text, err := licences([]module{m})
	require.NoError(t, err)
	assert.Contains(t, text, "example.com/other v1.0.0: BSD")
	assert.Contains(t, text, "with or without")
}

func TestLicencesOfFoldersThatAreLinkedAreThereToo(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "internal", "borrowed")
	other := filepath.Join(dir, "unused")
	for folder, text := range map[string]string{dir: "Apache License\nVersion 2.0", inner: "Redistribution and use in source and binary forms", other: "unused"} {
		require.NoError(t, os.MkdirAll(folder, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "LICENSE.txt"), []byte(text), 0o600))
	}
	text, err := licences([]module{{path: "example.com/both", dir: dir, packages: []string{inner}}})
	require.NoError(t, err)
	assert.Contains(t, text, "Apache-2.0, BSD")
	assert.Contains(t, text, "internal/borrowed/LICENSE.txt")
	assert.NotContains(t, text, "unused")
}
