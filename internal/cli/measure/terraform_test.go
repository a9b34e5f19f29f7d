package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script writes a program that plays Terraform or OpenTofu of a version. It plans
// where its configuration, its table and an environment of its own are as promised.
func script(t *testing.T, says, more string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "peer")
	text := "#!/bin/sh\ncase $1 in version) echo '" + says + "'; exit 0;; esac\n" + more + "\n" +
		"test -z \"$TF_CLI_ARGS\" && test -f \"$TF_CLI_CONFIG_FILE\" && grep -q terraform_data main.tf && test $(wc -l < cards.csv) -ge 101\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
	return path
}

// besideLines measures 100 cards beside programs, and returns the table's lines and
// what was said besides.
func besideLines(t *testing.T, programs string) (lines map[string][]string, page, log string) {
	t.Helper()
	var out, said strings.Builder
	require.NoError(t, run(t.Context(), []string{"-sizes=1000", "-best=2", "-rows=" + besideTerraform + ", 100 c", "-terraform=" + programs}, &out, &said), said.String())
	lines = map[string][]string{}
	for _, line := range cells(out.String())["Beside Terraform"][1:] {
		lines[line[0]] = line[1:]
	}
	return lines, out.String(), said.String()
}

func TestTerraformAndOpenTofuAreMeasuredBesideThisProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // where a script is no program
	}
	t.Setenv("TF_CLI_ARGS", "-of-somebody-else")
	terraform := script(t, "Terraform v1.2.3", "")
	tofu := script(t, "OpenTofu v4.5.6", "case $1 in apply) echo no room >&2; exit 1;; esac")

	lines, page, log := besideLines(t, terraform+","+tofu)

	assert.Contains(t, page, "\nMeasured: Terraform 1.2.3.\n", "what failed half way isn't measured")
	assert.Contains(t, log, "no room")
	for _, step := range besideSteps() {
		got := lines[besideName(step, 100)]
		require.Len(t, got, 3, step.name)
		assert.Equal(t, step.ours != nil, got[0] != "–", step.name)
		assert.Regexp(t, `^(\d\S*, \d|–)`, got[0], step.name)
		assert.Regexp(t, `^\d\S*, \d`, got[1], step.name)
		assert.Equal(t, notMeasured, got[2], step.name)
		assert.Equal(t, notMeasured, lines[besideName(step, 1000)][1], "it was left out")
	}
}

func TestWhatIsInPathIsMeasuredUnlessToldOtherwise(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	found, err := peers(t.Context(), installed)
	require.NoError(t, err)
	assert.Empty(t, found, "neither is there")
	if runtime.GOOS == "windows" {
		return // where a script is no program
	}
	tofu := script(t, "OpenTofu v4.5.6", "")
	bin := t.TempDir()
	require.NoError(t, os.Rename(tofu, filepath.Join(bin, "tofu")))
	t.Setenv("PATH", bin)
	found, err = peers(t.Context(), installed)
	require.NoError(t, err)
	assert.Equal(t, []peer{{column: tofuColumn, version: "4.5.6", path: filepath.Join(bin, "tofu")}}, found)
	found, err = peers(t.Context(), none)
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestTheTableSaysWhereThereIsNoTerraform(t *testing.T) {
	lines, page, _ := besideLines(t, none)
	assert.Contains(t, page, "Neither Terraform nor OpenTofu was there to be measured.")
	assert.Regexp(t, `^\d`, lines[besideName(besideSteps()[1], 100)][0], "this program was")
}

func TestWhatIsNamedHasToBeTerraformOrOpenTofu(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // where a script is no program
	}
	for says, want := range map[string]string{"Terraform v1.2.3": "a second Terraform", "Terragrunt v1.2.3": "doesn't say that it is Terraform or OpenTofu"} {
		path := script(t, says, "")
		err := run(t.Context(), []string{"-terraform=" + path + "," + path}, io.Discard, io.Discard)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, path)
	}
}

func TestAMedianIsOfEachFigureForItself(t *testing.T) {
	runs := []used{{CPU: 3 * time.Second, Wall: 1, Peak: 20}, {CPU: time.Second, Wall: 9, Peak: 30}, {CPU: 2 * time.Second, Wall: 5, Peak: 10}}
	assert.Equal(t, used{CPU: 2 * time.Second, Wall: 5, Peak: 20}, medians(runs))
	assert.Equal(t, used{CPU: time.Second, Wall: 1, Peak: 20}, medians(runs[:2]), "the lesser one of two")
	assert.Equal(t, time.Second, runs[1].CPU, "the runs stay as they were")
}
