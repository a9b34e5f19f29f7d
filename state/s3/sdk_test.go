package s3

import (
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// asked opens a block with these variables of the environment, reads, and
// returns the requests that left. None reaches a store.
func asked(t *testing.T, block map[string]any, variables map[string]string, answer func(r *http.Request) string) (requests []*http.Request, diags spec.Diagnostics) {
	t.Helper()
	env := state.Env{
		Getenv: func(name string) string { return variables[name] }, Now: time.Now,
		Random: func(p []byte) { _, _ = rand.Read(p) },
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			requests = append(requests, r)
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer(r))), Request: r}, nil
		}),
	}
	b, diags := Type().Open(spec.Backend{Type: "s3", Settings: block}, env)
	require.False(t, diags.HasErrors(), "%v", diags)
	_, _ = b.Read(t.Context()) // what it reads is nothing
	return requests, diags
}

func nothing(*http.Request) string { return "" }

func TestTheEndpointIsTakenFromTheEnvironmentThatIsHandedIn(t *testing.T) {
	keys := map[string]any{"bucket": "b", "key": "k", "region": "eu-central-1", "use_path_style": true, "access_key": "a", "secret_key": "s"}
	for name, row := range map[string]struct {
		variables map[string]string
		host      string
		warned    int
	}{
		"none":         {nil, "s3.eu-central-1.amazonaws.com", 0},
		"of S3":        {map[string]string{"AWS_ENDPOINT_URL_S3": "https://own.example", "AWS_ENDPOINT_URL": "https://all.example"}, "own.example", 0},
		"of all":       {map[string]string{"AWS_ENDPOINT_URL": "https://all.example"}, "all.example", 0},
		"in clear":     {map[string]string{"AWS_ENDPOINT_URL": "http://all.example"}, "all.example", 1},
		"switched off": {map[string]string{"AWS_ENDPOINT_URL": "https://all.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "s3.eu-central-1.amazonaws.com", 0},
	} {
		requests, diags := asked(t, keys, row.variables, nothing)
		require.NotEmpty(t, requests, name)
		assert.Equal(t, row.host, requests[0].URL.Host, name)
		assert.Len(t, diags, row.warned, name)
	}
}

// TestARoleByWebIdentityIsTakenFromTheEnvironmentThatIsHandedIn: GitHub's and
// GitLab's jobs, and pods of Kubernetes, come to a bucket so.
func TestARoleByWebIdentityIsTakenFromTheEnvironmentThatIsHandedIn(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("eyJhbGciOi.of.the-job"), 0o600))
	variables := map[string]string{
		"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/fleet", "AWS_ROLE_SESSION_NAME": "job-7",
		"AWS_REGION": "eu-central-1", "AWS_CONFIG_FILE": token, "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"),
	}
	require.NoError(t, os.WriteFile(token+".config", nil, 0o600))
	variables["AWS_CONFIG_FILE"] = token + ".config"
	var form string
	requests, _ := asked(t, map[string]any{"bucket": "states", "key": "k"}, variables, func(r *http.Request) string {
		if !strings.HasPrefix(r.URL.Host, "sts.") {
			return ""
		}
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		form = string(body)
		return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>` +
			`<AccessKeyId>ASIAOFTHEROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>` +
			`</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`
	})
	require.Contains(t, form, "WebIdentityToken=eyJhbGciOi.of.the-job")
	require.Contains(t, form, "RoleSessionName=job-7")
	last := requests[len(requests)-1]
	require.Equal(t, "states.s3.eu-central-1.amazonaws.com", last.URL.Host)
	require.Contains(t, last.Header.Get("Authorization"), "ASIAOFTHEROLE")

	variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"] = "AKIAOWN", "s"
	requests, _ = asked(t, map[string]any{"bucket": "states", "key": "k"}, variables, nothing)
	require.Contains(t, requests[0].Header.Get("Authorization"), "AKIAOWN", "a key counts before it")
}
