package cli_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cardfleet/cardfleet/spec"
)

// workflow is what the tests need of a workflow file.
type workflow struct {
	Env  map[string]string
	Jobs map[string]workflowJob
}

type workflowJob struct {
	If, Environment  string
	Env, Permissions map[string]string
	Steps            []workflowStep
}

type workflowStep struct {
	ID, If, Uses, Run string
	With, Env         map[string]string
}

func readWorkflow(t *testing.T, file string) workflow {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var w workflow
	require.NoError(t, yaml.Unmarshal(text, &w))
	return w
}

// githubCI runs workflows as GitHub's runner does, and answers the calls of its
// REST API that they make, each with the permission that the documentation asks
// for (docs.github.com/en/rest, version 2022-11-28).
type githubCI struct {
	*ciRig
	folder   string // of the workflows, within examples/ci
	api      *httptest.Server
	tokens   map[string]map[string]string // the permissions of each job's token
	requests []*thread
	drift    []*thread
	runs     []*workflowRun
	last     *workflowRun
	revoked  bool
	broken   string // how the paths end that have no answer now
	ids      int
}

type workflowRun struct {
	id                          int
	file, event, head, fork     string
	failed                      bool
	artifacts                   []*artifact
	number                      int // of the request
	sha, ref, before, queuedRef string
}

type artifact struct {
	id      int
	name    string
	content []byte
	files   []string
}

func newGitHub(c *ciRig) *githubCI {
	g := &githubCI{ciRig: c, folder: "github", tokens: map[string]map[string]string{}}
	g.api = httptest.NewServer(c.inTurn(g.routes()))
	c.t.Cleanup(g.api.Close)
	return g
}

func (g *githubCI) id() int { g.ids++; return g.ids }

func (g *githubCI) request(branch string) *thread {
	for _, th := range slices.Backward(g.requests) {
		if th.branch == branch {
			return th
		}
	}
	return g.open(branch, "main")
}

// open opens a pull request.
func (g *githubCI) open(branch, base string) *thread {
	th := &thread{number: g.id(), title: "$(touch injected)", branch: branch, base: base}
	g.requests = append(g.requests, th)
	return th
}

func (g *githubCI) issues() []*thread { return g.drift }

func (g *githubCI) revoke() { g.revoked = true }

func (g *githubCI) stranger(branch, text string) {
	th := g.request(branch)
	th.comments = append(th.comments, &remark{id: g.id(), by: "mallory", body: text})
}

func (g *githubCI) kept() []string {
	var names []string
	for _, a := range g.last.artifacts {
		names = append(names, a.files...)
	}
	return slices.Sorted(slices.Values(names))
}

func (g *githubCI) plan(branch string) []byte {
	for _, run := range slices.Backward(g.runs) {
		for _, a := range run.artifacts {
			if a.name == "cardfleet-plan" && run.number == g.request(branch).number {
				archive, err := zip.NewReader(bytes.NewReader(a.content), int64(len(a.content)))
				require.NoError(g.t, err)
				text, err := fs.ReadFile(archive, "fleet.fleetplan")
				require.NoError(g.t, err)
				return text
			}
		}
	}
	return nil
}

func (g *githubCI) pushed(branch string) ended {
	th := g.request(branch)
	th.head = g.tip(branch)
	return g.run(&workflowRun{file: "cardfleet-plan.yml", event: "pull_request", head: th.head, number: th.number, sha: th.head, ref: "refs/pull/1/merge"})
}

func (g *githubCI) fork(branch string) ended {
	th := g.request(branch)
	th.head = g.tip(branch)
	return g.run(&workflowRun{file: "cardfleet-plan.yml", event: "pull_request", head: th.head, number: th.number, sha: th.head, ref: "refs/pull/1/merge", fork: "mallory/bikes"})
}

// approved runs the check of a review and that of a merge queue, which agree.
func (g *githubCI) approved(branch string) ended {
	th := g.request(branch)
	th.head = g.tip(branch)
	review := g.run(&workflowRun{file: "cardfleet-check.yml", event: "pull_request_review", head: th.head, number: th.number, sha: th.head, ref: "refs/pull/1/merge"})
	queue := g.run(&workflowRun{file: "cardfleet-check.yml", event: "merge_group", head: th.head, sha: th.head, ref: "refs/heads/gh-readonly-queue/main/x",
		queuedRef: fmt.Sprintf("refs/heads/gh-readonly-queue/main/pr-%d-%s", th.number, th.head)})
	assert.Equal(g.t, review.code, queue.code, "%s", queue.log)
	return review
}

func (g *githubCI) merge(branches ...string) ended {
	before := strings.Repeat("0", 40)
	if len(branches) > 0 {
		before = g.tip("main")
	}
	for i, commit := range g.mergeAll(branches...) {
		th := g.request(branches[i])
		th.head, th.merged, th.mergedAt = g.tip(branches[i]), commit, stamp(g.id())
		th.closedAt = th.mergedAt
	}
	tip := g.tip("main")
	return g.run(&workflowRun{file: "cardfleet-apply.yml", event: "push", head: tip, sha: tip, ref: "refs/heads/main", before: before})
}

func (g *githubCI) night() ended {
	tip := g.tip("main")
	return g.run(&workflowRun{file: "cardfleet-drift.yml", event: "schedule", head: tip, sha: tip, ref: "refs/heads/main"})
}

const ownRepository = "acme/bikes"

// event is the context github, with what the event has of it.
func (g *githubCI) event(run *workflowRun) map[string]any {
	event := map[string]any{"repository": map[string]any{"default_branch": "main"}}
	if run.number != 0 {
		from := ownRepository
		if run.fork != "" {
			from = run.fork
		}
		event["pull_request"] = map[string]any{"number": run.number, "head": map[string]any{"sha": run.head, "repo": map[string]any{"full_name": from}}}
	}
	switch run.event {
	case "pull_request_review":
		event["review"] = map[string]any{"state": "approved"}
	case "merge_group":
		event["merge_group"] = map[string]any{"head_ref": run.queuedRef}
	case "push":
		event["before"] = run.before
	}
	return map[string]any{"event_name": run.event, "repository": ownRepository, "ref": run.ref, "event": event}
}

// secrets are those that a job gets: a fork none, and those of an environment
// only a job in it.
func (run *workflowRun) secrets(environment string) map[string]any {
	switch {
	case run.fork != "":
		return map[string]any{}
	case environment == "cardfleet":
		return map[string]any{"ALIBABA_CLOUD_ACCESS_KEY_ID": "writer", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "changes-cards"}
	default:
		return map[string]any{"CARDFLEET_READ_KEY_ID": "reader", "CARDFLEET_READ_KEY_SECRET": "reads-only"}
	}
}

// run runs a workflow: each job whose condition holds.
func (g *githubCI) run(run *workflowRun) ended {
	g.t.Helper()
	run.id = g.id()
	g.runs, g.last = append(g.runs, run), run
	w := readWorkflow(g.t, filepath.Join(examplesCI, g.folder, run.file))
	var all ended
	for name, job := range w.Jobs {
		context := map[string]any{"github": g.event(run), "secrets": run.secrets(job.Environment), "env": anyOf(w.Env), "steps": map[string]any{}}
		if job.If != "" && !truthy(evaluate(g.t, job.If, context)) {
			continue
		}
		got := g.job(run, w, job, context)
		all.ran = append(all.ran, name)
		all.log += got.log
		all.code = max(all.code, got.code)
	}
	run.failed = all.code != 0
	return all
}

// job runs a job's steps; after one that failed, only those that always run.
func (g *githubCI) job(run *workflowRun, w workflow, job workflowJob, context map[string]any) ended {
	token := fmt.Sprintf("ghs_%d_%d", run.id, g.id())
	g.tokens[token] = job.Permissions
	context["github"].(map[string]any)["token"] = token
	r := &runner{githubCI: g, of: run, context: context, files: g.t.TempDir()}
	var all ended
	for _, step := range job.Steps {
		if all.code != 0 && step.If != "always()" {
			continue
		}
		got := r.step(step, w.Env, job.Env)
		all.log += got.log
		all.code = max(all.code, got.code)
	}
	assert.NoFileExists(g.t, filepath.Join(r.dir, "injected"))
	assert.NotContains(g.t, all.log, token)
	assert.NotContains(g.t, all.log, "changes-cards")
	return all
}

// runner is one job's machine.
type runner struct {
	*githubCI
	of      *workflowRun
	context map[string]any
	dir     string // the workspace
	files   string // where the files are that steps write settings to
}

func (r *runner) step(step workflowStep, envs ...map[string]string) ended {
	switch {
	case strings.HasPrefix(step.Uses, "actions/checkout@"):
		depth := 1
		if step.With["fetch-depth"] == "0" {
			depth = 0
		}
		r.dir = r.clone(r.of.sha, depth)
		return ended{}
	case strings.HasPrefix(step.Uses, "actions/upload-artifact@"):
		r.upload(step)
		return ended{}
	case strings.HasPrefix(step.Uses, ownAction):
		return r.composite(step, envs)
	case step.Run != "":
		return r.shell(step, append(envs, step.Env))
	default:
		require.Fail(r.t, "the tests know no "+step.Uses)
		return ended{}
	}
}

// ownAction is how workflows name the action of this repository.
const ownAction = "cardfleet/cardfleet/.github/actions/cardfleet@"

// action is what the tests need of an action's file.
type action struct {
	Inputs map[string]struct {
		Default  string
		Required bool
	}
	Runs struct {
		Using string
		Steps []workflowStep
	}
}

// composite runs the action's steps, with the inputs and the environment of the
// step that calls it.
func (r *runner) composite(step workflowStep, envs []map[string]string) ended {
	text, err := os.ReadFile(root + "/.github/actions/cardfleet/action.yml")
	require.NoError(r.t, err)
	var a action
	require.NoError(r.t, yaml.Unmarshal(text, &a))
	require.Equal(r.t, "composite", a.Runs.Using)
	inner := *r
	inner.context = maps.Clone(r.context)
	inner.context["inputs"], inner.context["steps"] = r.inputs(a, step.With), map[string]any{}
	given := map[string]string{}
	for name, value := range step.Env {
		given[name] = interpolate(r.t, value, r.context)
	}
	path, err := filepath.Abs(root + "/.github/actions/cardfleet")
	require.NoError(r.t, err)
	given["GITHUB_ACTION_PATH"] = path
	var all ended
	for _, s := range a.Runs.Steps {
		condition, always := strings.CutPrefix(s.If, "always() && ")
		if all.code != 0 && !always || condition != "" && !truthy(evaluate(r.t, condition, inner.context)) {
			continue
		}
		got := inner.step(s, append(slices.Clone(envs), given)...)
		all.log += got.log
		all.code = max(all.code, got.code)
	}
	return all
}

// inputs are the action's, as they are given or by default.
func (r *runner) inputs(a action, with map[string]string) map[string]any {
	inputs := map[string]any{}
	for name, input := range a.Inputs {
		value, ok := with[name]
		require.True(r.t, ok || !input.Required, name)
		if !ok {
			value = input.Default
		}
		inputs[name] = interpolate(r.t, value, r.context)
	}
	for name := range with {
		require.Contains(r.t, a.Inputs, name)
	}
	return inputs
}

func anyOf(texts map[string]string) map[string]any {
	out := map[string]any{}
	for name, text := range texts {
		out[name] = text
	}
	return out
}

// shell runs a step as GitHub does where no shell is named.
func (r *runner) shell(step workflowStep, envs []map[string]string) ended {
	env := r.environment(
		"GITHUB_ACTIONS=true", "GITHUB_API_URL="+r.api.URL, "GITHUB_SERVER_URL=https://github.example", "GITHUB_REPOSITORY="+ownRepository,
		"GITHUB_RUN_ID="+strconv.Itoa(r.of.id), "GITHUB_SHA="+r.of.sha, "GITHUB_REF_NAME="+strings.TrimPrefix(r.of.ref, "refs/heads/"),
		"GITHUB_PATH="+filepath.Join(r.files, "path"), "GITHUB_STEP_SUMMARY="+filepath.Join(r.files, "summary"))
	if more, err := os.ReadFile(filepath.Join(r.files, "path")); err == nil {
		env = append(env, "PATH="+strings.TrimSpace(string(more))+string(filepath.ListSeparator)+strings.TrimPrefix(env[0], "PATH="))
	}
	for _, vars := range envs {
		for name, value := range vars {
			env = append(env, name+"="+interpolate(r.t, value, r.context))
		}
	}
	script := filepath.Join(r.files, "step.sh")
	require.NoError(r.t, os.WriteFile(script, []byte(step.Run), 0o600))
	return r.ciRig.shell(r.dir, env, "-e", script)
}

// upload keeps files as actions/upload-artifact does.
func (r *runner) upload(step workflowStep) {
	files, err := filepath.Glob(filepath.Join(r.dir, interpolate(r.t, step.With["path"], r.context)))
	require.NoError(r.t, err)
	if len(files) == 0 {
		require.Equal(r.t, "ignore", step.With["if-no-files-found"])
		return
	}
	a := &artifact{id: r.id(), name: step.With["name"]}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(r.t, err)
		inside, err := z.Create(filepath.Base(file))
		require.NoError(r.t, err)
		_, err = inside.Write(text)
		require.NoError(r.t, err)
		a.files = append(a.files, filepath.Base(file))
	}
	require.NoError(r.t, z.Close())
	a.content = archive.Bytes()
	if step.With["archive"] == "false" {
		require.Len(r.t, files, 1)
		a.name = a.files[0]
	}
	r.of.artifacts = append(r.of.artifacts, a)
	if step.ID != "" {
		url := fmt.Sprintf("https://github.example/%s/actions/runs/%d/artifacts/%d", ownRepository, r.of.id, a.id)
		r.context["steps"].(map[string]any)[step.ID] = map[string]any{"outputs": map[string]any{"artifact-url": url}}
	}
}

var expression = regexp.MustCompile(`\$\{\{(.*?)\}\}`)

// interpolate puts the values of expressions into a text.
func interpolate(t *testing.T, text string, context map[string]any) string {
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		v := evaluate(t, expression.FindStringSubmatch(e)[1], context)
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	})
}

// evaluate is GitHub's expressions, as far as the workflows use them.
func evaluate(t *testing.T, text string, context map[string]any) any {
	node, err := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(text + "}}"))
	if err != nil {
		require.NoError(t, err, text)
	}
	return valueOf(t, node, context)
}

func valueOf(t *testing.T, node actionlint.ExprNode, context map[string]any) any {
	switch n := node.(type) {
	case *actionlint.StringNode:
		return n.Value
	case *actionlint.VariableNode:
		require.Contains(t, context, n.Name)
		return context[n.Name]
	case *actionlint.ObjectDerefNode:
		object, _ := valueOf(t, n.Receiver, context).(map[string]any)
		for name, v := range object { // the parser has names in lower case
			if strings.EqualFold(name, n.Property) {
				return v
			}
		}
		return nil
	case *actionlint.CompareOpNode:
		equal := valueOf(t, n.Left, context) == valueOf(t, n.Right, context)
		require.Contains(t, []actionlint.CompareOpNodeKind{actionlint.CompareOpNodeKindEq, actionlint.CompareOpNodeKindNotEq}, n.Kind)
		return equal == (n.Kind == actionlint.CompareOpNodeKindEq)
	case *actionlint.LogicalOpNode:
		left := valueOf(t, n.Left, context)
		if truthy(left) == (n.Kind == actionlint.LogicalOpNodeKindOr) {
			return left
		}
		return valueOf(t, n.Right, context)
	default:
		require.Fail(t, "unknown", "%T", node)
		return nil
	}
}

func truthy(v any) bool { return v != nil && v != false && v != "" }

// routes are the calls that there are.
func (g *githubCI) routes() http.Handler {
	mux := http.NewServeMux()
	const repo = "/repos/" + ownRepository
	both := []string{"issues", "pull-requests"}
	for pattern, route := range map[string]struct {
		level  string
		scopes []string
		serve  func(http.ResponseWriter, *http.Request)
	}{
		"GET " + repo + "/pulls/{number}":                {"read", []string{"pull-requests"}, g.getPull},
		"GET " + repo + "/pulls":                         {"read", []string{"pull-requests"}, g.getPulls},
		"GET " + repo + "/commits/{sha}/pulls":           {"read", []string{"pull-requests"}, g.pullsOf},
		"GET " + repo + "/issues/{number}/events":        {"read", both, g.getEvents},
		"GET " + repo + "/issues/{number}/comments":      {"read", both, g.getComments},
		"POST " + repo + "/issues/{number}/comments":     {"write", both, g.postComment},
		"PATCH " + repo + "/issues/comments/{id}":        {"write", both, g.patchComment},
		"GET " + repo + "/issues/{number}/labels":        {"read", both, g.getLabels},
		"POST " + repo + "/issues/{number}/labels":       {"write", both, g.postLabels},
		"DELETE " + repo + "/issues/{number}/labels/{l}": {"write", both, g.deleteLabel},
		"GET " + repo + "/issues":                        {"read", []string{"issues"}, g.getIssues},
		"POST " + repo + "/issues":                       {"write", []string{"issues"}, g.postIssue},
		"PATCH " + repo + "/issues/{number}":             {"write", []string{"issues"}, g.patchIssue},
		"GET " + repo + "/actions/workflows/{file}/runs": {"read", []string{"actions"}, g.getRuns},
		"GET " + repo + "/actions/runs/{id}/artifacts":   {"read", []string{"actions"}, g.getArtifacts},
		"GET " + repo + "/actions/artifacts/{id}/zip":    {"read", []string{"actions"}, g.getZip},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if g.permits(w, r, route.level, route.scopes) {
				route.serve(w, r)
			}
		})
	}
	mux.HandleFunc("GET /blobs/{id}", g.getBlob)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		assert.Fail(g.t, "no such call", "%s %s", r.Method, r.URL)
		reply(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	})
	return mux
}

// permits checks the headers, and the permissions of the job's token.
func (g *githubCI) permits(w http.ResponseWriter, r *http.Request, level string, scopes []string) bool {
	assert.Equal(g.t, "application/vnd.github+json", r.Header.Get("Accept"))
	assert.Equal(g.t, "2022-11-28", r.Header.Get("X-GitHub-Api-Version"))
	if g.revoked {
		reply(w, http.StatusUnauthorized, map[string]string{"message": "401 Unauthorized"})
		return false
	}
	if g.broken != "" && strings.HasSuffix(r.URL.Path, g.broken) {
		reply(w, http.StatusConflict, map[string]string{"message": "no answer, for the test"})
		return false
	}
	permissions, known := g.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	for _, scope := range scopes {
		if has := permissions[scope]; known && (has == level || has == "write") {
			return true
		}
	}
	assert.Fail(g.t, "Resource not accessible by integration", "%s %s needs %s of one of %s, and has %v", r.Method, r.URL, level, scopes, permissions)
	reply(w, http.StatusForbidden, map[string]string{"message": "Resource not accessible by integration"})
	return false
}

func missing(w http.ResponseWriter) {
	reply(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
}

// thread finds an issue or a pull request: they share their numbers.
func (g *githubCI) thread(r *http.Request) *thread {
	for _, th := range slices.Concat(g.requests, g.drift) {
		if strconv.Itoa(th.number) == r.PathValue("number") {
			return th
		}
	}
	assert.Fail(g.t, "no such issue", r.URL.Path)
	return &thread{}
}

func pullJSON(th *thread) map[string]any {
	pull := map[string]any{
		"number": th.number, "title": th.title, "merged_at": nil, "merge_commit_sha": "0000000000000000000000000000000000000000",
		"head": map[string]any{"sha": th.head, "ref": th.branch, "repo": map[string]any{"full_name": ownRepository}}, "base": map[string]any{"ref": th.base},
		"created_at": stamp(th.number), "closed_at": nil,
	}
	if th.merged != "" {
		pull["merged_at"], pull["merge_commit_sha"] = th.mergedAt, th.merged
	}
	if th.closedAt != "" {
		pull["closed_at"] = th.closedAt
	}
	return pull
}

// getPulls lists the pull requests of a branch. Of a fork that is gone, GitHub
// tells no repository.
func (g *githubCI) getPulls(w http.ResponseWriter, r *http.Request) {
	assert.Equal(g.t, "all", r.URL.Query().Get("state"))
	gone := pullJSON(&thread{number: 9999})
	gone["head"].(map[string]any)["repo"] = nil
	all := []any{gone}
	for _, th := range g.requests {
		if "acme:"+th.branch == r.URL.Query().Get("head") {
			all = append(all, pullJSON(th))
		}
	}
	reply(w, http.StatusOK, paged(g.t, r, all, "state", "head"))
}

func (g *githubCI) getEvents(w http.ResponseWriter, r *http.Request) {
	all := []any{map[string]any{"event": "renamed", "created_at": stamp(g.ids)}}
	for _, at := range g.thread(r).rebased {
		all = append(all, map[string]any{"event": "base_ref_changed", "created_at": at})
	}
	reply(w, http.StatusOK, paged(g.t, r, all))
}

func (g *githubCI) getPull(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, pullJSON(g.thread(r)))
}

func (g *githubCI) pullsOf(w http.ResponseWriter, r *http.Request) {
	out := []any{}
	for _, th := range g.requests {
		if th.merged == r.PathValue("sha") || th.merged == "" {
			out = append(out, pullJSON(th))
		}
	}
	reply(w, http.StatusOK, out)
}

// paged is one page of a list.
func paged[T any](t *testing.T, r *http.Request, list []T, parameters ...string) []T {
	queried(t, r, append(parameters, "per_page", "page")...)
	size, page := 30, 1
	if s := r.URL.Query().Get("per_page"); s != "" {
		size, _ = strconv.Atoi(s)
	}
	if s := r.URL.Query().Get("page"); s != "" {
		page, _ = strconv.Atoi(s)
	}
	assert.LessOrEqual(t, size, 100)
	from := min((page-1)*size, len(list))
	return append([]T{}, list[from:min(from+size, len(list))]...)
}

func (g *githubCI) getComments(w http.ResponseWriter, r *http.Request) {
	var all []any
	for _, c := range g.thread(r).comments {
		all = append(all, map[string]any{"id": c.id, "body": c.body, "user": map[string]any{"login": c.by}})
	}
	reply(w, http.StatusOK, paged(g.t, r, all))
}

// commentLimit is how many characters GitHub takes.
const commentLimit = 65536

func (g *githubCI) postComment(w http.ResponseWriter, r *http.Request) {
	th := g.thread(r)
	body := decode(g.t, r, "body")["body"].(string)
	assert.LessOrEqual(g.t, len([]rune(body)), commentLimit)
	th.comments = append(th.comments, &remark{id: g.id(), by: "github-actions[bot]", body: body})
	reply(w, http.StatusCreated, map[string]any{"id": g.ids})
}

func (g *githubCI) patchComment(w http.ResponseWriter, r *http.Request) {
	for _, th := range slices.Concat(g.requests, g.drift) {
		for _, c := range th.comments {
			if strconv.Itoa(c.id) == r.PathValue("id") {
				assert.Equal(g.t, "github-actions[bot]", c.by)
				c.body = decode(g.t, r, "body")["body"].(string)
				reply(w, http.StatusOK, map[string]any{"id": c.id})
				return
			}
		}
	}
	missing(w)
}

func labelsJSON(th *thread) []any {
	out := []any{}
	for _, l := range th.labels {
		out = append(out, map[string]any{"name": l})
	}
	return out
}

func (g *githubCI) getLabels(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, paged(g.t, r, labelsJSON(g.thread(r))))
}

func (g *githubCI) postLabels(w http.ResponseWriter, r *http.Request) {
	th := g.thread(r)
	for _, l := range decode(g.t, r, "labels")["labels"].([]any) {
		if !slices.Contains(th.labels, l.(string)) {
			th.labels = append(th.labels, l.(string))
		}
	}
	reply(w, http.StatusOK, labelsJSON(th))
}

func (g *githubCI) deleteLabel(w http.ResponseWriter, r *http.Request) {
	th := g.thread(r)
	at := slices.Index(th.labels, r.PathValue("l"))
	if at < 0 {
		missing(w)
		return
	}
	th.labels = slices.Delete(th.labels, at, at+1)
	reply(w, http.StatusOK, labelsJSON(th))
}

func (g *githubCI) getIssues(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	assert.Equal(g.t, "open", q.Get("state"))
	all := []any{map[string]any{ // a pull request is an issue, too
		"number": 9999, "body": "<!-- cardfleet-plan -->\n", "user": map[string]any{"login": "github-actions[bot]"}, "pull_request": map[string]any{},
	}}
	for _, th := range g.drift {
		if !th.closed && slices.Contains(th.labels, q.Get("labels")) {
			all = append(all, map[string]any{"number": th.number, "body": th.body, "user": map[string]any{"login": "github-actions[bot]"}})
		}
	}
	reply(w, http.StatusOK, paged(g.t, r, all, "state", "labels"))
}

func (g *githubCI) postIssue(w http.ResponseWriter, r *http.Request) {
	in := decode(g.t, r, "title", "body", "labels")
	th := &thread{number: g.id(), title: in["title"].(string), body: in["body"].(string)}
	for _, l := range in["labels"].([]any) {
		th.labels = append(th.labels, l.(string))
	}
	g.drift = append(g.drift, th)
	reply(w, http.StatusCreated, map[string]any{"number": th.number})
}

func (g *githubCI) patchIssue(w http.ResponseWriter, r *http.Request) {
	th := g.thread(r)
	in := decode(g.t, r, "body", "state", "state_reason")
	if body, ok := in["body"].(string); ok {
		th.body = body
	}
	th.closed = in["state"] == "closed"
	reply(w, http.StatusOK, map[string]any{"number": th.number})
}

func (g *githubCI) branchOf(number int) string {
	for _, th := range g.requests {
		if th.number == number {
			return th.branch
		}
	}
	return ""
}

// listed are the pull_requests of a run for this one: all that are open and have
// its branch, and once it is merged not itself.
func (g *githubCI) listed(number int) []any {
	out := []any{}
	for _, th := range g.requests {
		if th.branch == g.branchOf(number) && th.closedAt == "" {
			out = append(out, map[string]any{"number": th.number, "base": map[string]any{"ref": th.base}})
		}
	}
	return out
}

func (g *githubCI) getRuns(w http.ResponseWriter, r *http.Request) {
	all := []any{}
	for _, run := range slices.Backward(g.runs) {
		q := r.URL.Query()
		if run.file != r.PathValue("file") || run.event != q.Get("event") || run.head != q.Get("head_sha") {
			continue
		}
		conclusion, from := "success", ownRepository
		if run.failed {
			conclusion = "failure"
		}
		if run.fork != "" {
			from = run.fork
		}
		all = append(all, map[string]any{
			"id": run.id, "head_sha": run.head, "head_branch": g.branchOf(run.number), "conclusion": conclusion, "created_at": stamp(run.id),
			"head_repository": map[string]any{"full_name": from}, "pull_requests": g.listed(run.number),
		})
	}
	runs := paged(g.t, r, all, "event", "head_sha")
	reply(w, http.StatusOK, map[string]any{"total_count": len(all), "workflow_runs": runs})
}

func (g *githubCI) getArtifacts(w http.ResponseWriter, r *http.Request) {
	out := []any{}
	for _, run := range g.runs {
		for _, a := range run.artifacts {
			if strconv.Itoa(run.id) == r.PathValue("id") && a.name == r.URL.Query().Get("name") {
				out = append(out, map[string]any{"id": a.id, "name": a.name, "expired": false, "created_at": stamp(a.id)})
			}
		}
	}
	found := paged(g.t, r, out, "name")
	reply(w, http.StatusOK, map[string]any{"total_count": len(out), "artifacts": found})
}

// getZip sends on to where the file is, which takes no token of ours.
func (g *githubCI) getZip(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", g.api.URL+"/blobs/"+r.PathValue("id"))
	w.WriteHeader(http.StatusFound)
}

func (g *githubCI) getBlob(w http.ResponseWriter, r *http.Request) {
	for _, run := range g.runs {
		for _, a := range run.artifacts {
			if strconv.Itoa(a.id) == r.PathValue("id") {
				_, _ = w.Write(a.content) // a client that is gone is seen on its side
				return
			}
		}
	}
	missing(w)
}

// forge plans a branch for another base, whose own workflow puts this plan into
// the artifact, and closes that pull request.
func (g *githubCI) forge(branch, text string) *thread {
	g.t.Helper()
	th := g.open(branch, "evil")
	th.head = g.tip(branch)
	run := &workflowRun{id: g.id(), file: "cardfleet-plan.yml", event: "pull_request", head: th.head, number: th.number}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	inside, err := z.Create("fleet.fleetplan")
	require.NoError(g.t, err)
	_, err = inside.Write([]byte(text))
	require.NoError(g.t, err)
	require.NoError(g.t, z.Close())
	run.artifacts = []*artifact{{id: g.id(), name: "cardfleet-plan", content: archive.Bytes(), files: []string{"fleet.fleetplan"}}}
	g.runs = append(g.runs, run)
	th.closedAt = stamp(g.id())
	return th
}

// onGitHub runs a story on GitHub alone.
func onGitHub(t *testing.T, story func(t *testing.T, c *ciRig, g *githubCI)) {
	t.Helper()
	t.Parallel()
	c := newCIRig(t)
	c.adopt()
	story(t, c, newGitHub(c))
}

// Two pull requests may have the same last commit: the one that is reviewed, and
// one into a branch whose workflow anybody wrote.
func TestGitHubPlanOfAnotherBaseIsNotTaken(t *testing.T) {
	onGitHub(t, func(t *testing.T, c *ciRig, g *githubCI) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		reviewed := g.request("winter")
		g.pushed("winter").want(t, 0)
		g.forge("winter", "FORGED")
		g.requests = []*thread{g.requests[1], reviewed} // request finds the last
		g.approved("winter").want(t, 0)
		g.merge("winter").want(t, 0)
		assert.Equal(t, spec.SuspendedByOwner, c.card(gate).Status)
		assert.Equal(t, 1, c.effects())
		assert.Len(t, reviewed.ours("apply"), 1)
	})
}

func TestGitHubPlanThatCouldBeOfAnotherBaseIsNotTaken(t *testing.T) {
	onGitHub(t, func(t *testing.T, c *ciRig, g *githubCI) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		other := g.open("winter", "evil")
		reviewed := g.open("winter", "main")
		g.pushed("winter").want(t, 0)
		got := g.approved("winter").want(t, 1)
		assert.Contains(t, got.log, "could be of another base's workflow")

		other.closedAt = stamp(g.id())
		g.approved("winter").want(t, 1)
		g.pushed("winter").want(t, 0)
		g.approved("winter").want(t, 0)

		reviewed.rebased = append(reviewed.rebased, stamp(g.id()))
		g.approved("winter").want(t, 1)
		g.merge("winter").want(t, 1)
		assert.Zero(t, c.effects())
	})
}

func TestGitHubPlanIsNotTakenWhereNobodyCanSayWhoseItIs(t *testing.T) {
	onGitHub(t, func(t *testing.T, c *ciRig, g *githubCI) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		g.pushed("winter").want(t, 0)
		g.broken = "/events"
		g.merge("winter")
		for _, call := range []string{"/events", "/bikes/pulls", "/cardfleet-plan.yml/runs", "/artifacts"} {
			g.broken = call
			got := g.merge().want(t, 1)
			assert.Contains(t, got.log, "no answer, for the test", call)
		}
		assert.Zero(t, c.effects())
	})
}
