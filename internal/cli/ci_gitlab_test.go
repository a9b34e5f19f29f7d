package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cardfleet/cardfleet/spec"
)

const (
	gitlabFile      = examplesCI + "/gitlab/cardfleet.gitlab-ci.yml"
	gitlabComponent = examplesCI + "/gitlab-component/templates/cardfleet.yml"
)

// component is the component's pipeline as a project has it that gives no inputs,
// after the head, which declares these.
func component(t *testing.T) (head, pipeline map[string]any) {
	t.Helper()
	text, err := os.ReadFile(gitlabComponent)
	require.NoError(t, err)
	declared, rest, ok := strings.Cut(string(text), "\n---\n")
	require.True(t, ok, "a component's inputs are a document before its jobs")
	require.NoError(t, yaml.Unmarshal([]byte(declared), &head))
	inputs := head["spec"].(map[string]any)["inputs"].(map[string]any)
	used := map[string]bool{}
	rest = regexp.MustCompile(`\$\[\[ inputs\.(\w+) \]\]`).ReplaceAllStringFunc(rest, func(s string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(s, "$[[ inputs."), " ]]")
		require.Contains(t, inputs, name)
		used[name] = true
		return inputs[name].(map[string]any)["default"].(string)
	})
	require.Len(t, used, len(inputs), "an input that nothing uses")
	require.NoError(t, yaml.Unmarshal([]byte(rest), &pipeline))
	return head, pipeline
}

// gitlabCI runs the jobs of the pipeline whose rules hold, as GitLab's runner does,
// and answers the calls of its REST API that they make (docs.gitlab.com/api).
type gitlabCI struct {
	*ciRig
	api       *httptest.Server
	file      map[string]any
	requests  []*thread
	drift     []*thread
	pipelines []*pipeline
	revoked   bool
	quality   []byte // the last report on code quality
	ids       int
}

// pipeline is one run of the file. Its only job that matters is the last one.
type pipeline struct {
	id, request int
	ref, sha    string
	jobs        []*gitlabRun
}

type gitlabRun struct {
	id     int
	name   string
	failed bool
	files  map[string][]byte
}

// botUser is the user of the project's access token; gitlabToken is that token.
const (
	botUser     = 4711
	gitlabToken = "glpat-of-the-project"
)

func newGitLab(c *ciRig) *gitlabCI {
	var file map[string]any
	text, err := os.ReadFile(gitlabFile)
	require.NoError(c.t, err)
	require.NoError(c.t, yaml.Unmarshal(text, &file))
	return serveGitLab(c, file)
}

// serveGitLab runs the jobs of a pipeline's file that is read.
func serveGitLab(c *ciRig, file map[string]any) *gitlabCI {
	g := &gitlabCI{ciRig: c, file: file}
	g.api = httptest.NewServer(c.inTurn(g.routes()))
	c.t.Cleanup(g.api.Close)
	return g
}

func (g *gitlabCI) id() int { g.ids++; return g.ids }

func (g *gitlabCI) request(branch string) *thread {
	for _, th := range slices.Backward(g.requests) {
		if th.branch == branch {
			return th
		}
	}
	th := &thread{number: len(g.requests) + 1, title: "$(touch injected)", branch: branch}
	g.requests = append(g.requests, th)
	return th
}

func (g *gitlabCI) issues() []*thread { return g.drift }

func (g *gitlabCI) revoke() { g.revoked = true }

func (g *gitlabCI) stranger(branch, text string) {
	th := g.request(branch)
	th.comments = append(th.comments, &remark{id: g.id(), by: "mallory", body: text})
}

func (g *gitlabCI) kept() []string {
	last := g.pipelines[len(g.pipelines)-1]
	var names []string
	for _, job := range last.jobs {
		for name := range job.files {
			names = append(names, filepath.Base(name))
		}
	}
	return slices.Sorted(slices.Values(names))
}

func (g *gitlabCI) plan(branch string) []byte {
	for _, p := range slices.Backward(g.pipelines) {
		for _, job := range p.jobs {
			if text, ok := job.files["cardfleet-ci/fleet.fleetplan"]; ok && p.request == g.request(branch).number {
				return text
			}
		}
	}
	return nil
}

// ofRequest are the variables of a merge request's pipeline.
func (g *gitlabCI) ofRequest(branch, event string) (vars map[string]string, ref string) {
	th := g.request(branch)
	th.head = g.tip(branch)
	vars = map[string]string{
		"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_EVENT_TYPE": event, "CI_MERGE_REQUEST_IID": strconv.Itoa(th.number),
		"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42", "CI_COMMIT_SHA": th.head, "CI_MERGE_REQUEST_TITLE": th.title,
	}
	return vars, "refs/merge-requests/" + strconv.Itoa(th.number) + "/head"
}

func (g *gitlabCI) pushed(branch string) ended {
	vars, ref := g.ofRequest(branch, "detached")
	return g.run(vars, ref)
}

// fork is a pipeline in the fork's own project, without the variables of ours.
func (g *gitlabCI) fork(branch string) ended {
	vars, ref := g.ofRequest(branch, "detached")
	vars["CI_MERGE_REQUEST_SOURCE_PROJECT_ID"] = "666"
	return g.run(vars, ref)
}

// approved runs a merge train's check.
func (g *gitlabCI) approved(branch string) ended {
	vars, ref := g.ofRequest(branch, "merge_train")
	return g.run(vars, strings.TrimSuffix(ref, "/head")+"/train")
}

func (g *gitlabCI) merge(branches ...string) ended {
	before := strings.Repeat("0", 40)
	if len(branches) > 0 {
		before = g.tip("main")
	}
	for i, commit := range g.mergeAll(branches...) {
		th := g.request(branches[i])
		th.head, th.merged, th.mergedAt = g.tip(branches[i]), commit, stamp(g.id())
	}
	return g.run(map[string]string{
		"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": g.tip("main"), "CI_COMMIT_BEFORE_SHA": before,
	}, "main")
}

func (g *gitlabCI) night() ended {
	return g.run(map[string]string{
		"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": g.tip("main"), "CI_COMMIT_BEFORE_SHA": strings.Repeat("0", 40),
	}, "main")
}

// run runs a pipeline: each job that isn't manual and whose rules hold.
func (g *gitlabCI) run(vars map[string]string, ref string) ended {
	vars["CI_PROJECT_ID"], vars["CI_DEFAULT_BRANCH"] = "42", "main"
	request, _ := strconv.Atoi(vars["CI_MERGE_REQUEST_IID"])
	p := &pipeline{id: g.id(), request: request, ref: ref, sha: vars["CI_COMMIT_SHA"]}
	g.pipelines = append(g.pipelines, p)
	var all ended
	for name, job := range g.file {
		if !strings.HasPrefix(name, "cardfleet-") || !g.holds(job.(map[string]any), vars) {
			continue
		}
		got := g.job(p, name, job.(map[string]any), vars)
		all.ran = append(all.ran, name)
		all.log += got.log
		all.code = max(all.code, got.code)
	}
	return all
}

// holds is GitLab's rules: the first that fits decides.
func (g *gitlabCI) holds(job map[string]any, vars map[string]string) bool {
	for _, rule := range job["rules"].([]any) {
		rule := rule.(map[string]any)
		if g.fits(rule["if"].(string), vars) {
			return rule["when"] == nil
		}
	}
	return false
}

var comparison = regexp.MustCompile(`^\$(\w+) == (?:"([^"]*)"|\$(\w+))$`)

func (g *gitlabCI) fits(condition string, vars map[string]string) bool {
	for part := range strings.SplitSeq(condition, " && ") {
		m := comparison.FindStringSubmatch(part)
		require.NotNil(g.t, m, part)
		right := m[2]
		if m[3] != "" {
			right = vars[m[3]]
		}
		if vars[m[1]] != right {
			return false
		}
	}
	return true
}

// job runs a job, with the variables of its environment.
func (g *gitlabCI) job(p *pipeline, name string, job map[string]any, vars map[string]string) ended {
	run := &gitlabRun{id: g.id(), name: name, files: map[string][]byte{}}
	p.jobs = append(p.jobs, run)
	env := g.environment("GITLAB_CI=true", "CI_API_V4_URL="+g.api.URL, "CI_JOB_URL=https://gitlab.example/acme/bikes/-/jobs/"+strconv.Itoa(run.id))
	depth := 20
	base := g.file[job["extends"].(string)].(map[string]any)
	for _, more := range []any{g.file["variables"], base["variables"], job["variables"]} {
		m, _ := more.(map[string]any)
		for k, v := range m {
			if k == "GIT_DEPTH" {
				depth = v.(int)
				continue
			}
			env = append(env, k+"="+v.(string))
		}
	}
	for k, v := range vars {
		env = append(env, k+"="+v)
	}
	env = append(env, g.secrets(job, vars)...)
	script := "set -eo pipefail\n"
	for _, line := range slices.Concat(base["before_script"].([]any), job["script"].([]any)) {
		script += line.(string) + "\n"
	}
	dir := g.clone(vars["CI_COMMIT_SHA"], depth)
	got := g.shell(dir, env, "-c", script)
	run.failed = got.code != 0
	assert.NoFileExists(g.t, filepath.Join(dir, "injected"))
	assert.NotContains(g.t, got.log, gitlabToken)
	assert.NotContains(g.t, got.log, "changes-cards")
	if artifacts, ok := job["artifacts"].(map[string]any); ok && (got.code == 0 || artifacts["when"] == "always") {
		for _, pattern := range artifacts["paths"].([]any) {
			g.keep(run, dir, pattern.(string))
		}
		if reports, ok := artifacts["reports"].(map[string]any); ok {
			text, err := os.ReadFile(filepath.Join(dir, reports["codequality"].(string)))
			if err == nil { // GitLab only warns of one that isn't there
				g.quality = text
			}
		}
	}
	return got
}

// secrets are the variables that a job's environment has.
func (g *gitlabCI) secrets(job map[string]any, vars map[string]string) []string {
	environment, _ := job["environment"].(map[string]any)
	switch {
	case vars["CI_MERGE_REQUEST_SOURCE_PROJECT_ID"] == "666":
		return nil
	case environment["name"] == "cardfleet":
		return []string{"CARDFLEET_GITLAB_TOKEN=" + gitlabToken, "ALIBABA_CLOUD_ACCESS_KEY_ID=writer", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=changes-cards"}
	case environment["name"] == "cardfleet-read":
		return []string{"CARDFLEET_GITLAB_TOKEN=" + gitlabToken, "ALIBABA_CLOUD_ACCESS_KEY_ID=reader", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=reads-only"}
	default:
		return []string{"CARDFLEET_GITLAB_TOKEN=" + gitlabToken}
	}
}

func (g *gitlabCI) keep(run *gitlabRun, dir, pattern string) {
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(g.t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(g.t, err)
		name, err := filepath.Rel(dir, file)
		require.NoError(g.t, err)
		run.files[filepath.ToSlash(name)] = text
	}
}

// routes are the calls that there are.
func (g *gitlabCI) routes() http.Handler {
	mux := http.NewServeMux()
	const project = "/projects/42"
	for pattern, serve := range map[string]http.HandlerFunc{
		"GET /user": func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, map[string]any{"id": botUser}) },
		"GET " + project + "/merge_requests/{iid}":                    g.getRequest,
		"PUT " + project + "/merge_requests/{iid}":                    g.putRequest,
		"GET " + project + "/merge_requests/{iid}/notes":              g.getNotes,
		"POST " + project + "/merge_requests/{iid}/notes":             g.postNote,
		"PUT " + project + "/merge_requests/{iid}/notes/{id}":         g.putNote,
		"GET " + project + "/merge_requests/{iid}/pipelines":          g.getPipelines,
		"GET " + project + "/repository/commits/{sha}/merge_requests": g.requestsOf,
		"GET " + project + "/repository/commits/{sha}":                g.getCommit,
		"GET " + project + "/repository/merge_base":                   g.getMergeBase,
		"GET " + project + "/pipelines/{id}/jobs":                     g.getJobs,
		"GET " + project + "/jobs/{id}/artifacts/{path...}":           g.getFile,
		"GET " + project + "/issues":                                  g.getIssues,
		"POST " + project + "/issues":                                 g.postIssue,
		"PUT " + project + "/issues/{iid}":                            g.putIssue,
		"POST " + project + "/issues/{iid}/notes":                     g.postIssueNote,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if g.revoked || r.Header.Get("PRIVATE-TOKEN") != gitlabToken {
				reply(w, http.StatusUnauthorized, map[string]string{"message": "401 Unauthorized"})
				return
			}
			serve(w, r)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		assert.Fail(g.t, "no such call", "%s %s", r.Method, r.URL)
		reply(w, http.StatusNotFound, map[string]string{"error": "404 Not Found"})
	})
	return mux
}

func (g *gitlabCI) thread(r *http.Request, among []*thread) *thread {
	for _, th := range among {
		if strconv.Itoa(th.number) == r.PathValue("iid") {
			return th
		}
	}
	assert.Fail(g.t, "no such thread", r.URL.Path)
	return &thread{}
}

func mergeRequestJSON(th *thread) map[string]any {
	out := map[string]any{"iid": th.number, "title": th.title, "sha": th.head, "state": "opened", "target_branch": "main", "merge_commit_sha": nil, "squash_commit_sha": nil,
		"merged_at": nil, "source_project_id": 42, "target_project_id": 42}
	if th.merged != "" {
		out["state"], out["merge_commit_sha"], out["merged_at"] = "merged", th.merged, th.mergedAt
	}
	return out
}

func (g *gitlabCI) getRequest(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, mergeRequestJSON(g.thread(r, g.requests)))
}

func (g *gitlabCI) putRequest(w http.ResponseWriter, r *http.Request) {
	th := g.thread(r, g.requests)
	in := decode(g.t, r, "add_labels", "remove_labels")
	list := func(field string) []string {
		text, _ := in[field].(string)
		return slices.DeleteFunc(strings.Split(text, ","), func(s string) bool { return s == "" })
	}
	th.labels = slices.DeleteFunc(th.labels, func(l string) bool { return slices.Contains(list("remove_labels"), l) })
	for _, l := range list("add_labels") {
		if !slices.Contains(th.labels, l) {
			th.labels = append(th.labels, l)
		}
	}
	reply(w, http.StatusOK, mergeRequestJSON(th))
}

func authorOf(by string) map[string]any {
	if by == "mallory" {
		return map[string]any{"id": 666}
	}
	return map[string]any{"id": botUser}
}

// getNotes lists the newest first, as GitLab does.
func (g *gitlabCI) getNotes(w http.ResponseWriter, r *http.Request) {
	var all []any
	for _, c := range slices.Backward(g.thread(r, g.requests).comments) {
		all = append(all, map[string]any{"id": c.id, "body": c.body, "author": authorOf(c.by), "system": false})
	}
	reply(w, http.StatusOK, paged(g.t, r, all))
}

func (g *gitlabCI) postNote(w http.ResponseWriter, r *http.Request) {
	th := g.thread(r, g.requests)
	th.comments = append(th.comments, &remark{id: g.id(), by: "bot", body: decode(g.t, r, "body")["body"].(string)})
	reply(w, http.StatusCreated, map[string]any{"id": g.ids})
}

func (g *gitlabCI) putNote(w http.ResponseWriter, r *http.Request) {
	for _, c := range g.thread(r, g.requests).comments {
		if strconv.Itoa(c.id) == r.PathValue("id") {
			assert.Equal(g.t, "bot", c.by)
			c.body = decode(g.t, r, "body")["body"].(string)
			reply(w, http.StatusOK, map[string]any{"id": c.id})
			return
		}
	}
	reply(w, http.StatusNotFound, map[string]string{"message": "404 Note Not Found"})
}

func (g *gitlabCI) getPipelines(w http.ResponseWriter, r *http.Request) {
	var all []any
	for _, p := range slices.Backward(g.pipelines) {
		if strconv.Itoa(p.request) == r.PathValue("iid") {
			all = append(all, map[string]any{"id": p.id, "ref": p.ref, "sha": p.sha})
		}
	}
	reply(w, http.StatusOK, paged(g.t, r, all))
}

func (g *gitlabCI) requestsOf(w http.ResponseWriter, r *http.Request) {
	out := []any{}
	for _, th := range g.requests {
		if th.merged == r.PathValue("sha") {
			out = append(out, mergeRequestJSON(th))
		}
	}
	reply(w, http.StatusOK, out)
}

func (g *gitlabCI) getCommit(w http.ResponseWriter, r *http.Request) {
	parents := strings.Fields(g.git("log", "-1", "--format=%P", r.PathValue("sha")))
	reply(w, http.StatusOK, map[string]any{"id": r.PathValue("sha"), "parent_ids": parents})
}

func (g *gitlabCI) getMergeBase(w http.ResponseWriter, r *http.Request) {
	queried(g.t, r, "refs[]")
	refs := r.URL.Query()["refs[]"]
	assert.Len(g.t, refs, 2)
	reply(w, http.StatusOK, map[string]any{"id": g.git("merge-base", refs[0], refs[1])})
}

func (g *gitlabCI) getJobs(w http.ResponseWriter, r *http.Request) {
	var all []any
	for _, p := range g.pipelines {
		for _, job := range p.jobs {
			if strconv.Itoa(p.id) != r.PathValue("id") {
				continue
			}
			status := "success"
			if job.failed {
				status = "failed"
			}
			all = append(all, map[string]any{"id": job.id, "name": job.name, "status": status, "finished_at": strings.Replace(stamp(job.id), "Z", ".895Z", 1)})
		}
	}
	reply(w, http.StatusOK, paged(g.t, r, all))
}

func (g *gitlabCI) getFile(w http.ResponseWriter, r *http.Request) {
	for _, p := range g.pipelines {
		for _, job := range p.jobs {
			if text, ok := job.files[r.PathValue("path")]; ok && strconv.Itoa(job.id) == r.PathValue("id") {
				_, _ = w.Write(text) // a client that is gone is seen on its side
				return
			}
		}
	}
	reply(w, http.StatusNotFound, map[string]string{"message": "404 Not Found"})
}

func (g *gitlabCI) getIssues(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	assert.Equal(g.t, "opened", q.Get("state"))
	var all []any
	for _, th := range g.drift {
		if !th.closed && slices.Contains(th.labels, q.Get("labels")) {
			all = append(all, map[string]any{"id": 1000 + th.number, "iid": th.number, "description": th.body, "author": authorOf("bot")})
		}
	}
	reply(w, http.StatusOK, paged(g.t, r, all, "state", "labels"))
}

func (g *gitlabCI) postIssue(w http.ResponseWriter, r *http.Request) {
	in := decode(g.t, r, "title", "description", "labels")
	th := &thread{number: len(g.drift) + 1, title: in["title"].(string), body: in["description"].(string), labels: strings.Split(in["labels"].(string), ",")}
	g.drift = append(g.drift, th)
	reply(w, http.StatusCreated, map[string]any{"iid": th.number})
}

func (g *gitlabCI) putIssue(w http.ResponseWriter, r *http.Request) {
	th := g.thread(r, g.drift)
	in := decode(g.t, r, "description", "state_event")
	if body, ok := in["description"].(string); ok {
		th.body = body
	}
	th.closed = in["state_event"] == "close"
	reply(w, http.StatusOK, map[string]any{"iid": th.number})
}

func (g *gitlabCI) postIssueNote(w http.ResponseWriter, r *http.Request) {
	th := g.thread(r, g.drift)
	th.comments = append(th.comments, &remark{id: g.id(), by: "bot", body: decode(g.t, r, "body")["body"].(string)})
	reply(w, http.StatusCreated, map[string]any{"id": g.ids})
}

// onGitLab runs a story on GitLab alone.
func onGitLab(t *testing.T, story func(t *testing.T, c *ciRig, g *gitlabCI)) {
	t.Helper()
	t.Parallel()
	c := newCIRig(t)
	c.adopt()
	story(t, c, newGitLab(c))
}

// result runs a pipeline of merged results: of the branch's merge with a commit.
func (g *gitlabCI) result(branch, base string) ended {
	g.t.Helper()
	vars, _ := g.ofRequest(branch, "merged_result")
	g.git("checkout", "-q", "--detach", base)
	g.git("merge", "-q", "--no-ff", "-m", "result", branch)
	vars["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"], vars["CI_COMMIT_SHA"] = vars["CI_COMMIT_SHA"], g.git("rev-parse", "HEAD")
	return g.run(vars, "refs/merge-requests/"+strconv.Itoa(g.request(branch).number)+"/merge")
}

func TestGitLabPlanOfMergedResultsIsTaken(t *testing.T) {
	onGitLab(t, func(t *testing.T, c *ciRig, g *gitlabCI) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		g.result("winter", "main").want(t, 0)
		assert.Contains(t, g.request("winter").ours("plan")[0].body, c.tip("winter"))
		g.approved("winter").want(t, 0)
		g.merge("winter").want(t, 0)
		assert.Equal(t, spec.SuspendedByOwner, c.card(gate).Status)
	})
}

// A branch that nobody reviewed may have another pipeline, which puts another
// plan into its artifacts, and says of it whatever it likes.
func TestGitLabPlanOfAnotherCommitIsNotTaken(t *testing.T) {
	onGitLab(t, func(t *testing.T, c *ciRig, g *gitlabCI) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		c.commit("evil", "a branch of its own", c.fleet("", "active = false", ""))
		g.result("winter", "evil").want(t, 0)
		got := g.approved("winter").want(t, 1)
		assert.Contains(t, got.log, "isn't its last commit")

		g.pushed("winter").want(t, 0)
		last := g.pipelines[len(g.pipelines)-1]
		last.sha = c.tip("evil")
		last.jobs[len(last.jobs)-1].files["cardfleet-ci/head"] = []byte(c.tip("winter") + "\n")
		g.approved("winter").want(t, 1)
		g.merge("winter").want(t, 1)
		assert.Zero(t, c.effects())
	})
}

func TestGitLabPlanOfAnotherMergeRequestIsNotTaken(t *testing.T) {
	onGitLab(t, func(t *testing.T, c *ciRig, g *gitlabCI) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		g.pushed("winter").want(t, 0)
		for _, ref := range []string{"refs/merge-requests/8/head", "winter"} { // GitLab lists what has the same commit
			forged := &gitlabRun{id: g.id(), name: "cardfleet-plan", files: map[string][]byte{"cardfleet-ci/fleet.fleetplan": []byte("FORGED")}}
			g.pipelines = append(g.pipelines, &pipeline{id: g.id(), request: g.request("winter").number, ref: ref, sha: c.tip("winter"), jobs: []*gitlabRun{forged}})
		}
		g.approved("winter").want(t, 0)
		g.merge("winter").want(t, 0)
		assert.Equal(t, spec.SuspendedByOwner, c.card(gate).Status)
		assert.Equal(t, 1, c.effects())
	})
}
