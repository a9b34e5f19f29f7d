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

// Atlantis runs each step by sh -c, in the project's folder, and both stages have
// the same PLANFILE.
func TestAtlantisStepsPlanAndApplyExactlyThePlan(t *testing.T) {
	var server atlantisServer
	readAtlantis(t, "repos.yaml", &server)
	workflow := server.Workflows["cardfleet"]
	c := newCIRig(t)
	c.adopt()
	c.commit("winter", "stop the gate", c.fleet("active = false", "", "active = true"))
	dir := c.clone(c.tip("winter"), 1)
	require.NoError(t, os.Symlink(c.built, filepath.Join(c.bin, "cardfleet")))
	stage := func(s atlantisStage, user, secret string) ended {
		t.Helper()
		require.NotEmpty(t, s.Steps)
		env := c.environment("PLANFILE="+filepath.Join(dir, "fleet-default.tfplan"), "DIR="+dir, "PULL_NUM=1", "ALIBABA_CLOUD_ACCESS_KEY_ID="+user, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+secret)
		var all ended
		for _, step := range s.Steps {
			got := c.shell(dir, env, "-c", "exec sh -c \"$0\"", step.Run)
			all.log += got.log
			all.code = max(all.code, got.code)
		}
		return all
	}
	got := stage(workflow.Plan, "reader", "reads-only").want(t, 0)
	assert.Contains(t, got.log, "1 to stop")
	c.elsewhere(harbour, spec.SuspendedByOwner) // nobody reviewed that it is resumed
	got = stage(workflow.Apply, "writer", "changes-cards").want(t, 0)
	assert.Contains(t, got.log, "1 done")
	assert.Equal(t, spec.SuspendedByOwner, c.card(gate).Status)
	assert.Equal(t, spec.SuspendedByOwner, c.card(harbour).Status)
	assert.Equal(t, 1, c.effects())
}
