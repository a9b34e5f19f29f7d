package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cardfleet/cardfleet/spec"
)

// atlantisServer is the server's file, with the fields of Atlantis' own reader of
// it (server/core/config/raw at 078d0a82, August 2026) that ours has; it refuses
// all others.
type atlantisServer struct {
	Repos []struct {
		ID                   string
		Workflow             string
		ApplyRequirements    []string `yaml:"apply_requirements"`
		AllowedOverrides     []string `yaml:"allowed_overrides"`
		AllowCustomWorkflows *bool    `yaml:"allow_custom_workflows"`
	}
	Workflows map[string]struct{ Plan, Apply atlantisStage }
}

type atlantisStage struct{ Steps []struct{ Run string } }

// atlantisRepository is the repository's file.
type atlantisRepository struct {
	Version  int
	Projects []struct {
		Name, Dir string
		Autoplan  struct {
			Enabled      bool
			WhenModified []string `yaml:"when_modified"`
		}
	}
}

func readAtlantis(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examplesCI, "atlantis", name))
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into))
}

func TestAtlantisFilesFitItsReader(t *testing.T) {
	var server atlantisServer
	readAtlantis(t, "repos.yaml", &server)
	require.Len(t, server.Repos, 1)
	r := server.Repos[0]
	require.Contains(t, server.Workflows, r.Workflow)
	for _, requirement := range r.ApplyRequirements {
		assert.Contains(t, []string{"approved", "mergeable", "undiverged"}, requirement)
	}
	assert.Contains(t, r.ApplyRequirements, "approved")
	assert.Empty(t, r.AllowedOverrides)
	require.NotNil(t, r.AllowCustomWorkflows)
	assert.False(t, *r.AllowCustomWorkflows)
	var repository atlantisRepository
	readAtlantis(t, "atlantis.yaml", &repository)
	assert.Equal(t, 3, repository.Version)
	require.Len(t, repository.Projects, 1)
}

// atlantisRun is a server whose workflow runs in a clone of a branch: each step by
// sh -c, in the project's folder, and both stages have the same PLANFILE.
type atlantisRun struct {
	*ciRig
	workflow struct{ Plan, Apply atlantisStage }
	dir      string // the clone
	planFile string
}

func newAtlantisRun(c *ciRig, branch string) *atlantisRun {
	var server atlantisServer
	readAtlantis(c.t, "repos.yaml", &server)
	if _, err := os.Lstat(filepath.Join(c.bin, "cardfleet")); err != nil {
		require.NoError(c.t, os.Symlink(c.built, filepath.Join(c.bin, "cardfleet")))
	}
	dir := c.clone(c.tip(branch), 1)
	return &atlantisRun{ciRig: c, workflow: server.Workflows["cardfleet"], dir: dir, planFile: filepath.Join(dir, "fleet-default.tfplan")}
}

func (a *atlantisRun) plan() ended  { return a.stage(a.workflow.Plan, "reader", "reads-only") }
func (a *atlantisRun) apply() ended { return a.stage(a.workflow.Apply, "writer", "changes-cards") }

func (a *atlantisRun) stage(s atlantisStage, user, secret string) ended {
	a.t.Helper()
	require.NotEmpty(a.t, s.Steps)
	env := a.environment("PLANFILE="+a.planFile, "DIR="+a.dir, "PULL_NUM=1", "ALIBABA_CLOUD_ACCESS_KEY_ID="+user, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+secret)
	var all ended
	for _, step := range s.Steps {
		got := a.shell(a.dir, env, "-c", "exec sh -c \"$0\"", step.Run)
		all.log += got.log
		all.code = max(all.code, got.code)
	}
	return all
}

func TestAtlantisStepsPlanAndApplyExactlyThePlan(t *testing.T) {
	c := newCIRig(t)
	c.adopt()
	c.commit("winter", "stop the gate", c.fleet("active = false", "", "active = true"))
	a := newAtlantisRun(c, "winter")
	assert.Contains(t, a.plan().want(t, 0).log, "1 to stop")
	c.elsewhere(harbour, spec.SuspendedByOwner) // nobody reviewed that it is resumed
	assert.Contains(t, a.apply().want(t, 0).log, "1 done")
	assert.Equal(t, spec.SuspendedByOwner, c.card(gate).Status)
	assert.Equal(t, spec.SuspendedByOwner, c.card(harbour).Status)
	assert.Equal(t, 1, c.effects())
}

func TestAtlantisStepsCountSignaturesThatAreCommitted(t *testing.T) {
	c := newCIRig(t)
	c.adopt()
	key := c.signer("returned")
	fleet := c.fleet("", "-", "") + signersPolicy
	c.commit("returned", "the yard's card comes back", fleet)
	a := newAtlantisRun(c, "returned")
	assert.Contains(t, a.plan().want(t, 0).log, "1 to unbind (0 of 1 approved)")
	a.apply().want(t, 3)
	assert.Zero(t, c.effects())

	c.exec(a.dir, c.built, "approve", a.planFile, "-key", key)
	signatures, err := os.ReadFile(a.planFile + ".approvals")
	require.NoError(t, err)
	c.write("fleet.approvals", string(signatures))
	c.commit("returned", "signed", fleet)
	a = newAtlantisRun(c, "returned")
	assert.Contains(t, a.plan().want(t, 0).log, "1 to unbind (1 of 1 approved)")
	a.apply().want(t, 0)
	assert.Equal(t, spec.Closing, c.card(yard).Status)
}
