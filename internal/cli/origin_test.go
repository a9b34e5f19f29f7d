package cli_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A plan says whose work it is, as far as CI tells that.
func TestAPlanNamesWhatCITells(t *testing.T) {
	github := map[string]string{
		"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "acme/bikes", "GITHUB_RUN_ID": "17",
		"GITHUB_SHA": "1111111", "GITHUB_ACTOR": "mei", "GITHUB_REF": "refs/pull/7/merge",
	}
	ofGitHub := map[string]string{
		"fleet": "acme/bikes", "commit": "1111111", "author": "mei", "request": "#7", "request_url": "https://github.example/acme/bikes/pull/7",
		"run": "https://github.example/acme/bikes/actions/runs/17",
	}
	for name, row := range map[string]struct{ env, want map[string]string }{
		"nothing": {},
		"github":  {github, ofGitHub},
		"a push":  {map[string]string{"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "1"}, map[string]string{"commit": "1"}},
		"gitlab": {
			map[string]string{
				"CI_PROJECT_PATH": "acme/bikes", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "2222222", "CI_COMMIT_SHA": "3333333", "GITLAB_USER_LOGIN": "mei",
				"CI_MERGE_REQUEST_IID": "8", "CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.example/acme/bikes", "CI_JOB_URL": "https://gitlab.example/acme/bikes/-/jobs/9",
			},
			map[string]string{
				"fleet": "acme/bikes", "commit": "2222222", "author": "mei", "request": "!8", "request_url": "https://gitlab.example/acme/bikes/-/merge_requests/8",
				"run": "https://gitlab.example/acme/bikes/-/jobs/9",
			},
		},
		"said": {
			map[string]string{"CARDFLEET_NAME": "hangzhou", "CARDFLEET_COMMIT": "4", "CARDFLEET_AUTHOR": "li", "GITHUB_SHA": "1", "GITHUB_ACTOR": "mei", "GITHUB_REPOSITORY": "acme/bikes"},
			map[string]string{"fleet": "hangzhou", "commit": "4", "author": "li"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, describe())
			for k, v := range row.env {
				r.env[k] = v
			}
			r.write("main.fleet.hcl", rebind)
			r.want(0, r.run("plan", "-out=p.fleetplan"))
			for k := range row.env {
				delete(r.env, k) // who shows the plan is nobody to it
			}
			var shown struct{ Origin map[string]string }
			require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("show", "-json", "p.fleetplan")).out), &shown))
			assert.Equal(t, row.want, shown.Origin)
		})
	}
}
