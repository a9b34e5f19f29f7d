package cli

import (
	"cmp"
	"strings"

	"github.com/cardfleet/cardfleet/plan"
)

// originOf is what the environment tells of whose work a run is. What is set for
// this program comes before what the CI system says of itself.
func originOf(env *Env) plan.Origin {
	first := func(names ...string) string {
		for _, name := range names {
			if v := env.getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	request, url := requestOf(env)
	return plan.Origin{
		Fleet:      first("CARDFLEET_NAME", "GITHUB_REPOSITORY", "CI_PROJECT_PATH"),
		Commit:     first("CARDFLEET_COMMIT", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA", "GITHUB_SHA"),
		Author:     first("CARDFLEET_AUTHOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"),
		Request:    request,
		RequestURL: url,
		Run:        runURL(env),
	}
}

// requestOf is the pull or merge request that a run is for, as people call it,
// and where it can be seen; "" for none.
func requestOf(env *Env) (name, url string) {
	if iid := env.getenv("CI_MERGE_REQUEST_IID"); iid != "" {
		project := cmp.Or(env.getenv("CI_MERGE_REQUEST_PROJECT_URL"), env.getenv("CI_PROJECT_URL"))
		if project != "" {
			url = project + "/-/merge_requests/" + iid
		}
		return "!" + iid, url
	}
	number, ok := strings.CutPrefix(env.getenv("GITHUB_REF"), "refs/pull/")
	if !ok {
		return "", ""
	}
	number, _, _ = strings.Cut(number, "/")
	if server, repo := env.getenv("GITHUB_SERVER_URL"), env.getenv("GITHUB_REPOSITORY"); server != "" && repo != "" {
		url = server + "/" + repo + "/pull/" + number
	}
	return "#" + number, url
}
