// Package cardfleet holds the files of examples/ci/atlantis to Atlantis' own
// reader of them. .ci/atlantis runs it within Atlantis' sources.
package cardfleet

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"

	"github.com/runatlantis/atlantis/server/core/config"
	"github.com/runatlantis/atlantis/server/core/config/valid"
	"github.com/runatlantis/atlantis/server/logging"
)

const repository = "github.com/acme/bikes"

// folder has repos.yaml and atlantis.yaml.
func folder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CARDFLEET_ATLANTIS")
	if dir == "" {
		t.Fatal("CARDFLEET_ATLANTIS is the folder of the files")
	}
	return dir
}

// server is what Atlantis makes of repos.yaml.
func server(t *testing.T) valid.GlobalCfg {
	t.Helper()
	var reader config.ParserValidator
	got, err := reader.ParseGlobalCfg(filepath.Join(folder(t), "repos.yaml"), valid.NewGlobalCfgFromArgs(valid.GlobalCfgArgs{}))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAtlantisPlansAndAppliesByOurWorkflow(t *testing.T) {
	var reader config.ParserValidator
	of := server(t)
	branch, err := reader.ParseRepoCfg(folder(t), of, repository, "main")
	if err != nil {
		t.Fatal(err)
	}
	if len(branch.Projects) != 1 {
		t.Fatalf("projects: %v", branch.Projects)
	}
	got := of.MergeProjectCfg(logging.NewNoopLogger(t), repository, branch.Projects[0], branch)
	for stage, steps := range map[string][]valid.Step{"cardfleet plan": got.Workflow.Plan.Steps, "cardfleet apply": got.Workflow.Apply.Steps} {
		if len(steps) != 1 || steps[0].StepName != "run" || !strings.HasPrefix(steps[0].RunCommand, stage+" ") {
			t.Errorf("%s: %+v", stage, steps)
		}
	}
	if want := []string{"approved", "mergeable", "undiverged"}; !slices.Equal(got.ApplyRequirements, want) {
		t.Errorf("an apply asks for %v, and should for %v", got.ApplyRequirements, want)
	}
	if !got.AutoplanEnabled || got.RepoRelDir != "." {
		t.Errorf("the project: %+v", got)
	}
}

func TestABranchBringsNoWorkflowAndAsksForNoLess(t *testing.T) {
	var reader config.ParserValidator
	text, err := os.ReadFile(filepath.Join(folder(t), "atlantis.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.ParseRepoCfgData(text, server(t), repository, "main"); err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string]string{
		"its own workflow":     "    workflow: mine\nworkflows:\n  mine:\n    plan:\n      steps: [{run: env}]\n",
		"fewer requirements":   "    apply_requirements: []\n",
		"a misspelled setting": "    when_modified: []\n",
	} {
		if _, err := reader.ParseRepoCfgData([]byte(string(text)+more), server(t), repository, "main"); err == nil {
			t.Errorf("a branch may bring %s", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

func TestAPullRequestIsPlannedWhereItChangesTheFleet(t *testing.T) {
	var reader config.ParserValidator
	branch, err := reader.ParseRepoCfg(folder(t), server(t), repository, "main")
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(branch.Projects[0].Autoplan.WhenModified) // as Atlantis' project finder does
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{
		"fleet.fleet.hcl": true, "cards.fleet.json": true, "acme.carrier.hcl": true, "a.auto.fleetvars.hcl": true, "cards.csv": true,
		"lists/2026/cards.csv": true, "lists/cards.xlsx": true, "lists/cards.yaml": true, "allowed_signers": true, "fleet.approvals": true, "README.md": false, "docs/fleet.md": false,
	} {
		if got, err := matcher.MatchesOrParentMatches(file); err != nil || got != want {
			t.Errorf("a change of %s is planned: %v, and should be %v; %v", file, got, want, err)
		}
	}
}
