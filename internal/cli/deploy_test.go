//go:build unix

package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const workersFolder = root + "/examples/workers"

// The unit of the docs is one that systemd starts, and that may do little.
func TestTheWorkersUnitIsOneForSystemd(t *testing.T) {
	needs(t, "systemd-analyze")
	bin, err := program()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(workersFolder, "cardfleet-worker.service"))
	require.NoError(t, err)
	require.Contains(t, string(text), "ExecStart=/usr/bin/cardfleet ")
	unit := filepath.Join(t.TempDir(), "cardfleet-worker.service")
	require.NoError(t, os.WriteFile(unit, []byte(strings.Replace(string(text), "/usr/bin/cardfleet", bin, 1)), 0o600))
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Empty(t, string(out), "a line that systemd doesn't understand is passed over with a warning")
	out, err = exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", unit).CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

// deployment is what the test looks at of a Deployment.
type deployment struct {
	Spec struct {
		Selector struct{ MatchLabels map[string]string }
		Template struct {
			Metadata struct{ Labels, Annotations map[string]string }
			Spec     struct {
				TerminationGracePeriodSeconds int
				InitContainers, Containers    []container
				Volumes                       []struct{ Name string }
			}
		}
	}
}

type container struct {
	Args []string
	Env  []struct {
		Name, Value string
		ValueFrom   struct {
			SecretKeyRef struct{ Name, Key string }
		}
	}
	Ports []struct {
		Name          string
		ContainerPort int
	}
	ReadinessProbe, LivenessProbe struct {
		HTTPGet struct{ Path, Port string }
	}
	VolumeMounts []struct{ Name, MountPath string }
}

// The Deployment of the docs is one by Kubernetes' own types, and its parts fit.
func TestTheWorkersDeploymentIsOneForKubernetes(t *testing.T) {
	cmd := exec.Command(goClient(t, "kubernetes"), filepath.Join(workersFolder, "deployment.yaml"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	var d deployment
	require.NoError(t, json.Unmarshal(out, &d))
	pod := d.Spec.Template.Spec
	assert.Subset(t, d.Spec.Template.Metadata.Labels, d.Spec.Selector.MatchLabels)
	assert.GreaterOrEqual(t, pod.TerminationGracePeriodSeconds, 90, "the longest that a usual call takes to end, and more")
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range append(pod.InitContainers, pod.Containers...) {
		for _, m := range c.VolumeMounts {
			assert.True(t, volumes[m.Name], "volume %s", m.Name)
		}
	}
	require.Len(t, pod.Containers, 1)
	c := pod.Containers[0]
	assert.Equal(t, []string{"-chdir=/git/fleet", "worker", "-listen=0.0.0.0:9464"}, c.Args)
	require.Len(t, c.Ports, 1)
	assert.Equal(t, 9464, c.Ports[0].ContainerPort)
	assert.Equal(t, "9464", d.Spec.Template.Metadata.Annotations["prometheus.io/port"])
	for _, probe := range []string{c.ReadinessProbe.HTTPGet.Path + c.ReadinessProbe.HTTPGet.Port, c.LivenessProbe.HTTPGet.Path + c.LivenessProbe.HTTPGet.Port} {
		assert.Equal(t, "/healthz"+c.Ports[0].Name, probe)
	}
	for _, e := range c.Env {
		assert.Empty(t, e.Value, "%s is a secret's", e.Name)
		assert.Equal(t, e.Name, e.ValueFrom.SecretKeyRef.Key)
	}
}
