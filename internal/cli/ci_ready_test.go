package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cardfleet/cardfleet/spec"
)

// The action of GitHub and the component of GitLab run the same scripts, without a
// copy of them in the repository.
func TestTheActionAndTheComponentDoWhatTheWorkflowsDo(t *testing.T) {
	for name, start := range map[string]func(*ciRig) platform{
		"action": func(c *ciRig) platform {
			g := newGitHub(c)
			g.folder = "github-action"
			return g
		},
		"component": func(c *ciRig) platform {
			_, pipeline := component(c.t)
			return serveGitLab(c, pipeline)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCIRig(t)
			c.git("rm", "-rq", "ci")
			c.git("commit", "-q", "-m", "no copy of the scripts")
			c.adopt()
			plansChecksAppliesAndLooks(t, c, start(c))
		})
	}
}

// plansChecksAppliesAndLooks is a request from its plan to what a night finds.
func plansChecksAppliesAndLooks(t *testing.T, c *ciRig, p platform) {
	c.commit("broken", "a mistake", "card {\n")
	p.pushed("broken").want(t, 1)
	require.Len(t, p.request("broken").ours("plan"), 1)
	assert.Contains(t, p.request("broken").ours("plan")[0].body, "## No plan")

	c.git("checkout", "-q", "main")
	c.commit("winter", "stop the gate; $(touch injected)", c.fleet("active = false", "", ""))
	p.pushed("winter").want(t, 0)
	p.pushed("winter").want(t, 0)
	th := p.request("winter")
	require.Len(t, th.ours("plan"), 1)
	assert.Contains(t, th.ours("plan")[0].body, "1 to stop")
	p.approved("winter").want(t, 0)

	p.merge("winter").want(t, 0)
	assert.Equal(t, spec.SuspendedByOwner, c.card(gate).Status)
	assert.Equal(t, 1, c.effects())
	require.Len(t, th.ours("apply"), 1)
	assert.Contains(t, p.kept(), fmt.Sprintf("report-%d.jsonl", th.number))

	p.night().want(t, 0)
	assert.Empty(t, p.issues())
	c.elsewhere(harbour, spec.SuspendedByOwner)
	p.night().want(t, 0)
}

// actionFile is all that GitHub's documentation of action.yml has for a composite
// action (docs.github.com/en/actions, metadata syntax), as far as this one has it.
type actionFile struct {
	Name, Description string
	Inputs            map[string]struct {
		Description, Default string
		Required             bool
	}
	Runs struct {
		Using string
		Steps []struct {
			ID, If, Shell, Run, Uses string
			With, Env                map[string]string
		}
	}
}

func TestTheActionFitsGitHubsForm(t *testing.T) {
	text, err := os.ReadFile(root + "/.github/actions/cardfleet/action.yml")
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var a actionFile
	require.NoError(t, decoder.Decode(&a))
	assert.NotEmpty(t, a.Name)
	assert.NotEmpty(t, a.Description)
	for name, input := range a.Inputs {
		assert.NotEmpty(t, input.Description, name)
		assert.NotEqual(t, input.Default == "", !input.Required, "%s has a default, or is required", name)
	}
	pinned := regexp.MustCompile(`^actions/upload-artifact@[0-9a-f]{40}$`)
	for _, s := range a.Runs.Steps {
		assert.NotEqual(t, s.Run == "", s.Uses == "", "a step runs or uses something")
		assert.Equal(t, s.Run != "", s.Shell == "bash", "a step of a composite action names its shell")
		assert.NotContains(t, s.Run, "${{", "an expression would be pasted into the script")
		if s.Uses != "" {
			assert.Regexp(t, pinned, s.Uses)
		}
	}
}
