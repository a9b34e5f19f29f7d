package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const documented = "../../../docs/performance.md"

// TestMain plays the small process that runs the program, where it is told to.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == oneRole {
		os.Exit(one(os.Args[2:], os.Stdout))
	}
	os.Exit(m.Run())
}

// cells are the lines of a page's tables, by the title above them.
func cells(text string) map[string][][]string {
	tables := map[string][][]string{}
	title := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if t, ok := strings.CutPrefix(line, "### "); ok {
			title = t
		}
		if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "| ---") {
			var row []string
			for _, c := range strings.Split(strings.Trim(line, "|"), "|") {
				row = append(row, strings.TrimSpace(c))
			}
			tables[title] = append(tables[title], row)
		}
	}
	return tables
}

// frame is what tables have but for their figures: heads and first columns.
func frame(tables map[string][][]string) map[string][][]string {
	out := map[string][][]string{}
	for title, lines := range tables {
		out[title] = [][]string{lines[0]}
		for _, line := range lines[1:] {
			out[title] = append(out[title], line[:1])
		}
	}
	return out
}

func measured(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(documented)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), beginMark)
	require.True(t, ok)
	text, _, ok := strings.Cut(rest, endMark)
	require.True(t, ok)
	return text
}

func TestEveryRowIsMeasuredAndDocumented(t *testing.T) {
	page, err := os.ReadFile(documented)
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "performance.md")
	require.NoError(t, os.WriteFile(copied, page, 0o600))

	require.NoError(t, run(t.Context(), []string{"-sizes=1000", "-best=1", "-terraform=none", "-out=" + copied}, io.Discard, io.Discard))

	after, err := os.ReadFile(copied)
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(page), beginMark)
	_, tail, _ := strings.Cut(string(page), endMark)
	assert.True(t, strings.HasPrefix(string(after), head) && strings.HasSuffix(string(after), tail), "the rest of the page stays as it is")
	_, text, _ := strings.Cut(string(after), beginMark)
	text, _, _ = strings.Cut(text, endMark)
	got := cells(text)
	assert.Equal(t, frame(got), frame(cells(measured(t))), "docs/performance.md has other rows or columns: measure again")
	for title, lines := range got {
		for _, line := range lines[1:] {
			require.Greater(t, len(line), 1, title)
			if title == "Beside the build before" {
				assert.Equal(t, notMeasured, line[1], "no other build was named")
				continue
			}
			if title == "Beside Terraform" {
				assert.Equal(t, []string{notMeasured, notMeasured}, line[2:], "neither was to be measured")
			}
			if strings.HasPrefix(line[0], "`init`") {
				assert.Equal(t, "–", line[1], "there is nothing to do")
				continue
			}
			assert.Regexp(t, `^\d`, line[1], "%s: %s", title, line[0])
		}
	}
	for _, r := range rows() {
		assert.Len(t, linesOf(got["CPU"], r.name), 1, r.name)
	}
}

func TestDocumentedBenchmarksExist(t *testing.T) {
	page, err := os.ReadFile(documented)
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "| layer | package | benchmarks |\n")
	require.True(t, ok)
	for line := range strings.Lines(table) {
		columns := strings.Split(line, "|")
		if len(columns) != 5 || strings.HasPrefix(line, "| ---") {
			continue
		}
		source := ""
		for _, name := range code(columns[2]) {
			source += testsOf(t, name)
		}
		for _, name := range code(columns[3]) {
			assert.Contains(t, source, "func Benchmark"+name, columns[2])
		}
	}
}

// code are the words of a cell that stand as code.
func code(cell string) []string {
	var out []string
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			out = append(out, part)
		}
	}
	return out
}

// testsOf is the source of a package's tests.
func testsOf(t *testing.T, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../..", name, "*_test.go"))
	require.NoError(t, err)
	source := ""
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		source += string(text)
	}
	return source
}

func linesOf(table [][]string, name string) [][]string {
	var out [][]string
	for _, line := range table {
		if line[0] == name {
			out = append(out, line)
		}
	}
	return out
}

func TestAFleetChangesAsManyCardsAsTheRowSays(t *testing.T) {
	for _, r := range rows() {
		for _, n := range []int{100, 1000, 12_345} {
			stopped := 0
			for i := range n {
				if !r.active(i, n) {
					stopped++
				}
			}
			assert.InDelta(t, r.changes*float64(n), stopped, 1, "%s, %d cards", r.name, n)
		}
	}
}

func TestRowsAreLeftOutAsAsked(t *testing.T) {
	s := &session{options: options{only: regexp.MustCompile("blocks|for_each"), skip: regexp.MustCompile("blocks, 1000000 cards")}}
	for _, r := range rows() {
		asked := strings.Contains(r.name, "blocks") || strings.Contains(r.name, "for_each")
		assert.Equal(t, asked, s.measures(r, 1000), r.name)
		assert.False(t, s.measures(r, 1_000_000), r.name)
	}
}

func TestAFailedRunIsAnError(t *testing.T) {
	_, err := runOne(t.Context(), t.TempDir(), "go", "no-such-command")
	require.ErrorContains(t, err, "exit code 2")
	require.ErrorContains(t, err, "no-such-command")
	_, err = runOne(t.Context(), t.TempDir(), "no-such-program")
	require.ErrorContains(t, err, "no-such-program")
}

func TestWhatTheOtherBuildCannotDoIsNotMeasured(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // where a script is no program
	}
	other := filepath.Join(t.TempDir(), "older")
	require.NoError(t, os.WriteFile(other, []byte("#!/bin/sh\ncase $1 in version|plan) exit 0;; esac\necho no such command >&2; exit 1\n"), 0o700))
	var out, log strings.Builder
	require.NoError(t, run(t.Context(), []string{"-sizes=100", "-best=1", "-rows=`fmt`", "-terraform=none", "-base=" + other}, &out, &log))
	assert.Contains(t, log.String(), "no such command")
	share := linesOf(cells(out.String())["Beside the build before"], "`fmt`, blocks")
	require.Len(t, share, 1)
	for _, figure := range share[0][1:] {
		assert.Equal(t, notMeasured, figure)
	}
}

func TestAnotherBuildIsHeldAgainstThisOneOnlyForTheSameWork(t *testing.T) {
	this := result{Calls: 2000, Plan: 36_000}
	for _, other := range []result{{Calls: 2000, Plan: 36_000}, {Calls: 4000, Plan: 90_000}, {Calls: 1000, Plan: 9_000}} {
		assert.False(t, other.didLess(this), other)
	}
	for _, other := range []result{{Calls: 0, Plan: 36_000}, {Calls: 2000, Plan: 1_000}} {
		assert.True(t, other.didLess(this), other)
	}
	for _, r := range rows() {
		assert.Equal(t, r.changes > 0, !slices.Contains(adopting(r), "-refresh=false"), "%s: it reads what it is to change", r.name)
	}
}

func TestBadOptionsAreErrors(t *testing.T) {
	for _, args := range [][]string{{"-sizes=many"}, {"-sizes=10"}, {"-rows=("}, {"-skip=("}, {"-no-such"}, {"-terraform="}, {"-terraform=no-such-program"}, {"-terraform=go"}} {
		assert.Error(t, run(t.Context(), args, io.Discard, io.Discard), args)
	}
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(page, []byte("no marks"), 0o600))
	require.ErrorContains(t, fill(page, "text"), "no marks")
}

func TestFiguresHaveTheDigitsThatMeanSomething(t *testing.T) {
	for f, want := range map[float64]string{0.0123: "0.01", 9.994: "9.99", 12.34: "12.3", 123.4: "123", 1234567: "1,234,567"} {
		assert.Equal(t, want, decimal(f))
	}
}
