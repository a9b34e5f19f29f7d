package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// examples/ci is held to what it promises: the workflows are linted, and what
// they run is run for real, job by job, with the program, git, curl and jq,
// against a simulated carrier and a platform that takes only what its
// documentation names.

const examplesCI = root + "/examples/ci"

func workflowFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(examplesCI + "/github*/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func TestWorkflowsAreLinted(t *testing.T) {
	needs(t, "shellcheck")
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{
		Shellcheck: "shellcheck",
		// GitHub has "queue" since May 2026, which this actionlint doesn't know yet.
		IgnorePatterns: []string{`^unexpected key "queue" for "concurrency" section`},
	})
	require.NoError(t, err)
	found, err := linter.LintFiles(workflowFiles(t), nil)
	require.NoError(t, err)
	for _, e := range found {
		t.Error(e)
	}
}

func TestScriptsOfCIAreLinted(t *testing.T) {
	needs(t, "shellcheck")
	for folder, scripts := range map[string]string{examplesCI + "/scripts": "*.sh", root + "/.ci": "$(find . -maxdepth 1 -type f)"} {
		cmd := exec.Command("sh", "-c", "shellcheck --external-sources "+scripts) // which looks for what they source here
		cmd.Dir = folder
		found, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", found)
	}
}

// A tag can be moved to another commit, and an expression within a script is
// pasted into it before the shell reads it.
func TestWorkflowsTrustNobody(t *testing.T) {
	pinned := regexp.MustCompile(`uses: (actions/(checkout|upload-artifact|download-artifact|cache)@[0-9a-f]{40} # v\d+\.\d+\.\d+|cardfleet/cardfleet/\.github/actions/cardfleet@v0\.1\.0( # name the commit .*)?)$`)
	for _, file := range workflowFiles(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); strings.Contains(line, "uses:") {
				assert.Regexp(t, pinned, line, file)
			}
		}
		var top map[string]any
		require.NoError(t, yaml.Unmarshal(text, &top))
		assert.Empty(t, top["permissions"], file)
		assert.NotNil(t, top["permissions"], file)
		assert.NotContains(t, string(text), "pull_request_target", "it gives secrets to forks")
		for name, job := range readWorkflow(t, file).Jobs {
			assert.NotEmpty(t, job.Permissions, "%s: %s", file, name)
			for _, s := range job.Steps {
				assert.NotContains(t, s.Run, "${{", "%s: %s", file, name)
				if strings.HasPrefix(s.Uses, "actions/checkout@") {
					assert.Equal(t, "false", s.With["persist-credentials"], "%s: %s", file, name)
				}
			}
		}
	}
}

func TestGitLabPipelineFitsItsSchema(t *testing.T) {
	text, err := os.ReadFile("testdata/gitlab-ci.schema.json")
	require.NoError(t, err)
	var schema jsonschema.Schema
	require.NoError(t, json.Unmarshal(text, &schema))
	resolved, err := schema.Resolve(nil)
	require.NoError(t, err)
	text, err = os.ReadFile(gitlabFile)
	require.NoError(t, err)
	var pipeline any
	require.NoError(t, yaml.Unmarshal(text, &pipeline))
	require.NoError(t, resolved.Validate(pipeline))
	head, jobs := component(t)
	require.NoError(t, resolved.Validate(head))
	require.NoError(t, resolved.Validate(jobs))

	pipeline.(map[string]any)["cardfleet-plan"].(map[string]any)["artifact"] = "misspelled"
	require.Error(t, resolved.Validate(pipeline), "the schema finds mistakes")
}

// Somebody else may move a tag, never a digest.
func TestGitLabImagesArePinned(t *testing.T) {
	text, err := os.ReadFile(gitlabFile)
	require.NoError(t, err)
	head, _ := component(t)
	assert.Contains(t, string(text), "image: "+head["spec"].(map[string]any)["inputs"].(map[string]any)["image"].(map[string]any)["default"].(string))
	images := regexp.MustCompile(`(?m)^\s*(?:image|- name|name): *(\S*[:@].*)$`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, images)
	for _, image := range images {
		assert.Regexp(t, `^[a-z./]+:[\w.-]+@sha256:[0-9a-f]{64}$`, image[1])
	}
}

// ended is how a job ended. A job that ran no step has no log.
type ended struct {
	code int
	log  string
	ran  []string // which jobs there were
}

func (e ended) want(t *testing.T, code int) ended {
	t.Helper()
	require.Equal(t, code, e.code, "%s", e.log)
	return e
}

// thread is an issue, or a pull or merge request.
type thread struct {
	number      int
	title, body string
	labels      []string
	comments    []*remark
	closed      bool

	// of a request
	branch, base, head, merged string
	mergedAt, closedAt         string
	rebased                    []string // when its base was changed
}

// stamp is when what has this number came into being: an hour after the one before.
func stamp(id int) string {
	return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(id) * time.Hour).Format(time.RFC3339)
}

type remark struct {
	id       int
	by, body string
}

// platform is one that has the repository, and runs its jobs.
type platform interface {
	// pushed runs what belongs to a push to a request's branch, and opens the request.
	pushed(branch string) ended
	// approved runs what comes between the review and the merge.
	approved(branch string) ended
	// merge merges the branches in one push, and runs what belongs to it.
	merge(branches ...string) ended
	// night runs what the schedule runs.
	night() ended
	// fork runs what belongs to a request from a fork.
	fork(branch string) ended
	request(branch string) *thread
	issues() []*thread
	// revoke makes the platform refuse every token from now on.
	revoke()
	// stranger writes a comment as somebody else.
	stranger(branch, text string)
	// plan is the saved plan that was made for the request last.
	plan(branch string) []byte
	// kept are the names of the files that the last job left for people.
	kept() []string
}

const (
	gate    = spec.ICCID("89860617030017300008")
	yard    = spec.ICCID("89860617030017300016")
	harbour = spec.ICCID("89860617030017300024")
)

// ciRig is a repository with the scripts in it, a carrier, and programs.
type ciRig struct {
	t     *testing.T
	world *carriersim.World
	url   string // of the carrier
	repo  string // a folder: the origin of all clones
	state string
	bin   string // a folder of programs
	built string // the program
	home  string
	turn  sync.Mutex // of those who touch the platform: the test, but while a job runs
}

func newCIRig(t *testing.T) *ciRig {
	t.Helper()
	for _, program := range []string{"bash", "git", "curl", "jq", "unzip"} {
		needs(t, program)
	}
	world := &carriersim.World{
		Now:      time.Now,
		Record:   true,
		Accounts: []carriersim.Account{{ID: "reader", Secret: "reads-only"}, {ID: "writer", Secret: "changes-cards"}},
		Cards: []carriersim.Card{
			{ICCID: gate, IMEI: "861536030196001"}, {ICCID: yard, IMEI: "861536030196019"}, {ICCID: harbour, IMEI: "861536030196027"},
		},
	}
	server := httptest.NewServer(carriersim.Serve(all.Simulators(world)))
	t.Cleanup(server.Close)
	c := &ciRig{t: t, world: world, url: server.URL, repo: t.TempDir(), state: t.TempDir(), bin: t.TempDir(), home: t.TempDir()}
	c.turn.Lock()
	c.installPrograms()
	c.git("init", "-q", "-b", "main")
	c.git("commit", "-q", "--allow-empty", "-m", "begin")
	require.NoError(t, os.CopyFS(filepath.Join(c.repo, "ci/cardfleet"), os.DirFS(examplesCI+"/scripts")))
	scripts, err := filepath.Glob(filepath.Join(c.repo, "ci/cardfleet/*.sh"))
	require.NoError(t, err)
	for _, s := range scripts {
		require.NoError(t, os.Chmod(s, 0o755))
	}
	c.commit("main", "a fleet of three", c.fleet("", "", ""))
	return c
}

// installPrograms makes a go whose install brings the program as it is built
// here, in place of one from the network.
func (c *ciRig) installPrograms() {
	var err error
	c.built, err = program()
	require.NoError(c.t, err)
	module, err := filepath.Abs(root)
	require.NoError(c.t, err)
	text := fmt.Sprintf(`#!/bin/sh
if [ "$*" = "mod download -json github.com/cardfleet/cardfleet@v0.1.0" ]; then
	printf '{\n\t"Path": "github.com/cardfleet/cardfleet",\n\t"Dir": "%%s",\n\t"GoMod": "x"\n}\n' %q
	exit
fi
if [ "$*" != "install github.com/cardfleet/cardfleet@v0.1.0" ]; then
	echo "go $*: this is only go install" >&2
	exit 1
fi
mkdir -p "$GOBIN" && ln -s %q "$GOBIN/cardfleet"
`, module, c.built)
	require.NoError(c.t, os.WriteFile(filepath.Join(c.bin, "go"), []byte(text), 0o755))
}

// fleet is the configuration, with more said of each card; "-" leaves a card out.
func (c *ciRig) fleet(ofGate, ofYard, ofHarbour string) string {
	text := fmt.Sprintf("fleet {\n  backend \"local\" {\n    path = %q\n  }\n}\n\nprovider \"aliyun\" {\n  endpoint            = %q\n  requests_per_second = 100000\n}\n",
		filepath.Join(c.state, "fleet.state"), c.url+"/aliyun")
	for _, card := range []struct {
		name  string
		iccid spec.ICCID
		imei  string
		more  string
	}{{"gate", gate, "861536030196001", ofGate}, {"yard", yard, "861536030196019", ofYard}, {"harbour", harbour, "861536030196027", ofHarbour}} {
		if card.more == "-" {
			continue
		}
		text += fmt.Sprintf("\ncard %q {\n  iccid = %q\n  imei  = %q\n", card.name, card.iccid, card.imei)
		if card.more != "" {
			text += "\n  " + card.more + "\n"
		}
		text += "}\n"
	}
	return text
}

const approvesYard = `
approval "returned" {
  action = "unbind"
  cards  = { "89860617030017300016" = "861536030196019" }
  reason = "returned, ticket RMA-2026-11"
}
`

func (c *ciRig) environment(more ...string) []string {
	return append([]string{
		"PATH=" + c.bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + c.home, "CI=true", "TMPDIR=" + c.home,
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=dev", "GIT_AUTHOR_EMAIL=dev@example.com", "GIT_COMMITTER_NAME=dev", "GIT_COMMITTER_EMAIL=dev@example.com",
	}, more...)
}

// git runs git in the repository, and returns what it prints.
func (c *ciRig) git(args ...string) string {
	c.t.Helper()
	return c.exec(c.repo, "git", args...)
}

// exec runs a program in a folder, and returns what it prints.
func (c *ciRig) exec(dir, name string, args ...string) string {
	c.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, c.environment()
	output, err := cmd.CombinedOutput()
	require.NoError(c.t, err, "%s %s: %s", name, strings.Join(args, " "), output)
	return strings.TrimSpace(string(output))
}

// shell runs bash for a job, and returns how it ended.
func (c *ciRig) shell(dir string, env []string, args ...string) ended {
	cmd := exec.Command("bash", args...)
	cmd.Dir, cmd.Env = dir, env
	c.turn.Unlock()
	log, err := cmd.CombinedOutput()
	c.turn.Lock()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(c.t, err)
	}
	return ended{code: cmd.ProcessState.ExitCode(), log: string(log)}
}

// inTurn answers calls one by one, and none but while a job runs.
func (c *ciRig) inTurn(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.turn.Lock()
		defer c.turn.Unlock()
		h.ServeHTTP(w, r)
	})
}

// write writes a file of the repository, which the next commit has.
func (c *ciRig) write(name, text string) {
	c.t.Helper()
	require.NoError(c.t, os.WriteFile(filepath.Join(c.repo, name), []byte(text), 0o600))
}

// commit commits the configuration to a branch, which begins at main.
func (c *ciRig) commit(branch, message, fleet string) {
	c.t.Helper()
	c.git("checkout", "-q", "-B", branch, c.tip(branch))
	c.write("main.fleet.hcl", fleet)
	c.git("add", "-A")
	c.git("commit", "-q", "--allow-empty", "-m", message)
}

// tip is the branch's last commit; main's where there is no such branch yet.
func (c *ciRig) tip(branch string) string {
	if c.git("branch", "--list", branch) != "" {
		return c.git("rev-parse", branch)
	}
	return c.tip("main")
}

// mergeAll merges the branches, each with a commit of its own, and returns these.
func (c *ciRig) mergeAll(branches ...string) []string {
	c.git("checkout", "-q", "main")
	var merges []string
	for _, b := range branches {
		c.git("merge", "-q", "--no-ff", "-m", "merge "+b, b)
		merges = append(merges, c.git("rev-parse", "HEAD"))
	}
	return merges
}

// clone is a fresh copy of a commit, as a job works in. depth is 0 for all history.
func (c *ciRig) clone(commit string, depth int) string {
	dir := c.t.TempDir()
	args := []string{"fetch", "-q", "file://" + c.repo, commit}
	if depth > 0 {
		args = slices.Insert(args, 2, fmt.Sprintf("--depth=%d", depth))
	}
	for _, args := range [][]string{{"init", "-q"}, args, {"checkout", "-q", "FETCH_HEAD"}} {
		c.exec(dir, "git", args...)
	}
	return dir
}

func (c *ciRig) card(iccid spec.ICCID) carriersim.Card {
	card, ok := c.world.Card(iccid)
	require.True(c.t, ok)
	return card
}

func (c *ciRig) elsewhere(iccid spec.ICCID, status spec.Lifecycle) {
	_, err := c.world.Change(iccid, func(card *carriersim.Card) bool { card.Status = status; return true })
	require.NoError(c.t, err)
}

// effects are the carrier's calls that changed a card, so far.
func (c *ciRig) effects() int {
	n := 0
	for _, r := range c.world.Requests() {
		if r.Effect {
			n++
		}
	}
	return n
}

// platforms runs a story on each of them.
func platforms(t *testing.T, story func(t *testing.T, c *ciRig, p platform)) {
	for name, start := range map[string]func(*ciRig) platform{
		"github": func(c *ciRig) platform { return newGitHub(c) },
		"gitlab": func(c *ciRig) platform { return newGitLab(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCIRig(t)
			c.adopt()
			story(t, c, start(c))
		})
	}
}

// adopt takes the fleet into the state.
func (c *ciRig) adopt() {
	c.t.Helper()
	c.exec(c.clone(c.tip("main"), 1), "env", "ALIBABA_CLOUD_ACCESS_KEY_ID=writer", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=changes-cards", c.built, "apply", "-auto-approve")
	require.Zero(c.t, c.effects())
}

// ours are the comments of a kind.
func (th *thread) ours(kind string) []*remark {
	var out []*remark
	for _, r := range th.comments {
		if strings.HasPrefix(r.body, "<!-- cardfleet-"+kind+" -->\n") && r.by != "mallory" {
			out = append(out, r)
		}
	}
	return out
}

func TestCIShowsEachPlanInOneComment(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("winter", "stop the gate; $(touch injected) `touch injected`", c.fleet("active = false", "", ""))
		p.pushed("winter").want(t, 0)
		p.stranger("winter", "<!-- cardfleet-plan -->\nthis isn't the plan")
		th := p.request("winter")
		require.Len(t, th.ours("plan"), 1)
		assert.Contains(t, th.ours("plan")[0].body, "1 to stop")
		assert.Empty(t, th.labels)
		assert.Contains(t, p.kept(), "plan.html")

		for range 150 { // the first comment is no longer on the last page, nor on the first
			p.stranger("winter", "what about the harbour?")
		}
		c.commit("winter", "and the yard", c.fleet("active = false", "active = false", ""))
		p.pushed("winter").want(t, 0)
		require.Len(t, th.ours("plan"), 1)
		body := th.ours("plan")[0].body
		assert.Contains(t, body, "2 to stop")
		assert.Contains(t, body, c.tip("winter"), "of which commit it is")
		assert.Regexp(t, `\[Every card\]\(http\S+\)`, body)
		assert.Equal(t, "<!-- cardfleet-plan -->\nthis isn't the plan", th.comments[1].body)
		assert.Zero(t, c.effects(), "a plan changes nothing")
	})
}

func TestCILabelsFollowThePlan(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		labels := func(fleet string) []string {
			c.commit("labels", "another", fleet)
			p.pushed("labels")
			return slices.Sorted(slices.Values(p.request("labels").labels))
		}
		c.commit("labels", "open it", c.fleet("", "", ""))
		p.pushed("labels").want(t, 0)
		p.request("labels").labels = append(p.request("labels").labels, "by hand")

		assert.Equal(t, []string{"by hand", "no-changes"}, labels(c.fleet("", "", "")))
		assert.Equal(t, []string{"by hand"}, labels(c.fleet("active = false", "", "")))
		assert.Equal(t, []string{"blocked", "by hand", "irreversible"}, labels(c.fleet("", "-", "")))
		assert.Equal(t, []string{"by hand", "irreversible"}, labels(c.fleet("", "-", "")+approvesYard))
		assert.Equal(t, []string{"blocked", "by hand"}, labels("card {"), "there is no plan")
		assert.Contains(t, p.request("labels").ours("plan")[0].body, "No plan")
		assert.Equal(t, []string{"by hand", "no-changes"}, labels(c.fleet("", "", "")))
		require.Len(t, p.request("labels").ours("plan"), 1)
	})
}

// The comment of a plan that failed has what was said: file, row, column, what to do.
// The platform shows it at its line as well.
func TestCIShowsWhyAPlanFailed(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.write("bikes.csv", "iccid,imei\n89860617030017300032,861536030196035\n8986```@everyone,861536030196043\n")
		c.commit("broken", "a table with a mistake", c.fleet("", "", "")+"\ncard \"bike\" {\n  from_csv = \"bikes.csv\"\n  iccid    = each.value.iccid\n  imei     = each.value.imei\n}\n")
		got := p.pushed("broken").want(t, 1)
		body := p.request("broken").ours("plan")[0].body
		assert.Regexp(t, "(?s)## No plan\n.*\n````text\nError: Invalid ICCID\n  on bikes\\.csv line 3, column 1\n\n.*@everyone.*\n````\n", body)
		switch p := p.(type) {
		case *githubCI:
			assert.Regexp(t, `(?m)^::error file=bikes\.csv,line=3,col=1,title=Invalid ICCID::.*@everyone.*$`, got.log)
		case *gitlabCI:
			var found []struct {
				CheckName   string `json:"check_name"`
				Fingerprint string
				Severity    string
				Location    struct {
					Path  string
					Lines struct{ Begin int }
				}
			}
			require.NoError(t, json.Unmarshal(p.quality, &found))
			require.NotEmpty(t, found)
			assert.Equal(t, "cardfleet", found[0].CheckName)
			assert.Equal(t, "blocker", found[0].Severity)
			assert.Equal(t, "bikes.csv", found[0].Location.Path)
			assert.Equal(t, 3, found[0].Location.Lines.Begin)
			assert.NotEmpty(t, found[0].Fingerprint)
		}
	})
}

// The comment of an apply says what was done by kind. A job that is run again writes
// its own, and neither that nor a plan after the merge takes the place of what was so.
func TestCIKeepsTheRecordOfTheTrueRun(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("winter", "stop two", c.fleet("active = false", "active = false", ""))
		p.pushed("winter").want(t, 0)
		reviewed := p.request("winter").ours("plan")[0].body
		p.merge("winter").want(t, 0)
		th := p.request("winter")
		first := th.ours("apply")[0].body
		assert.Contains(t, first, "## Applied, with exit code 0\n\nDone: 2 stop.\n")
		p.merge().want(t, 0)
		require.Len(t, th.ours("apply"), 2)
		assert.Equal(t, first, th.ours("apply")[0].body)
		assert.Contains(t, th.ours("apply")[1].body, "## Nothing was applied, with exit code 0\n\n**Nothing was done**: no call that changes a card was made. As wanted already: 2.\n")
		assert.Equal(t, 2, c.effects())

		p.pushed("winter").want(t, 0)
		require.Len(t, th.ours("plan"), 1)
		assert.Equal(t, reviewed, th.ours("plan")[0].body)
	})
}

func TestCIPlanThatFailsFailsItsJob(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("broken", "a mistake", "card {")
		got := p.pushed("broken").want(t, 1)
		assert.Contains(t, got.log, "cardfleet plan ended with exit code 1")

		p.merge("broken").want(t, 1)
		assert.Zero(t, c.effects())
	})
}

func TestCIChecksThePlanBeforeTheMerge(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		p.pushed("winter").want(t, 0)
		p.approved("winter").want(t, 0)

		c.elsewhere(gate, spec.SuspendedByCarrier)
		got := p.approved("winter").want(t, 1)
		assert.Contains(t, got.log, "something changed since the plan was made")

		c.commit("returned", "the yard's card comes back", c.fleet("", "-", ""))
		p.pushed("returned").want(t, 0)
		got = p.approved("returned").want(t, 1)
		assert.Contains(t, got.log, "apply would refuse this plan")
		c.commit("returned", "approved", c.fleet("", "-", "")+approvesYard)
		got = p.approved("returned").want(t, 1)
		assert.Contains(t, got.log, "plan", "the last commit isn't planned yet")
		p.pushed("returned").want(t, 0)
		p.approved("returned").want(t, 0)
		assert.Zero(t, c.effects())
	})
}

func TestCIAppliesExactlyWhatWasReviewed(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", "active = true"))
		p.pushed("winter").want(t, 0)
		c.elsewhere(harbour, spec.SuspendedByOwner) // nobody reviewed that it is resumed
		p.merge("winter").want(t, 0)
		assert.Equal(t, spec.SuspendedByOwner, c.card(gate).Status)
		assert.Equal(t, spec.SuspendedByOwner, c.card(harbour).Status)
		assert.Equal(t, 1, c.effects())
		th := p.request("winter")
		require.Len(t, th.ours("apply"), 1)
		assert.Contains(t, th.ours("apply")[0].body, "exit code 0")
		assert.Contains(t, th.ours("apply")[0].body, "Apply complete! 1 done, 0 failed")
		require.Len(t, th.ours("plan"), 1)
		n := fmt.Sprint(th.number)
		assert.Equal(t, []string{"apply-" + n + ".jsonl", "report-" + n + ".jsonl"}, p.kept())
	})
}

func TestCIAppliesEachRequestOfAPush(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("one", "stop the gate", c.fleet("active = false", "", ""))
		p.pushed("one").want(t, 0)
		c.git("checkout", "-q", "main")
		c.commit("two", "stop the harbour", c.fleet("", "", "active = false"))
		p.pushed("two").want(t, 0)
		p.merge("one", "two").want(t, 0)
		assert.Equal(t, spec.SuspendedByOwner, c.card(gate).Status)
		assert.Equal(t, spec.SuspendedByOwner, c.card(harbour).Status)
		assert.Len(t, p.request("one").ours("apply"), 1)
		assert.Len(t, p.request("two").ours("apply"), 1)
	})
}

func TestCIExplainsWhatWasRefused(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("returned", "the yard's card comes back", c.fleet("", "-", ""))
		p.pushed("returned").want(t, 0)
		p.merge("returned").want(t, 3)
		assert.Contains(t, p.request("returned").ours("apply")[0].body, "nothing was changed")
		assert.Contains(t, p.request("returned").ours("apply")[0].body, "**Nothing was done**: no call that changes a card was made.")
		assert.Zero(t, c.effects())

		c.commit("approved", "approve it", c.fleet("", "-", "")+approvesYard)
		p.pushed("approved").want(t, 0)
		assert.Equal(t, []string{"irreversible"}, p.request("approved").labels)
		p.merge("approved").want(t, 0)
		assert.Equal(t, spec.Closing, c.card(yard).Status)
		assert.Equal(t, 1, c.effects())
	})
}

const signersPolicy = "\nfleet {\n  policy {\n    allowed_signers = \"allowed_signers\"\n  }\n}\n"

// signer makes a key, whose file it returns, and writes it to allowed_signers on
// a new branch.
func (c *ciRig) signer(branch string) (key string) {
	c.t.Helper()
	needs(c.t, "ssh-keygen")
	key = filepath.Join(c.home, "alice")
	c.exec(c.home, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	require.NoError(c.t, err)
	c.git("checkout", "-q", "-b", branch)
	c.write("allowed_signers", "alice@example.com "+string(public))
	return key
}

// signed signs the branch's plan.
func (c *ciRig) signed(p platform, branch, key string) string {
	c.t.Helper()
	dir := c.clone(c.tip(branch), 1)
	require.NoError(c.t, os.WriteFile(filepath.Join(dir, "fleet.fleetplan"), p.plan(branch), 0o600))
	c.exec(dir, c.built, "approve", "fleet.fleetplan", "-key", key)
	signatures, err := os.ReadFile(filepath.Join(dir, "fleet.fleetplan.approvals"))
	require.NoError(c.t, err)
	return string(signatures)
}

func TestCICountsSignatures(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		key := c.signer("returned")
		fleet := c.fleet("", "-", "") + signersPolicy
		c.commit("returned", "the yard's card comes back", fleet)
		p.pushed("returned").want(t, 0)
		p.approved("returned").want(t, 1)

		c.write("fleet.approvals", c.signed(p, "returned", key))
		c.commit("returned", "signed", fleet)
		p.pushed("returned").want(t, 0)
		p.approved("returned").want(t, 0)
		assert.Equal(t, []string{"irreversible"}, p.request("returned").labels)
		p.merge("returned").want(t, 0)
		assert.Equal(t, spec.Closing, c.card(yard).Status)
		assert.Contains(t, p.request("returned").ours("apply")[0].body, "`fleet.approvals` has done its work: delete it")
	})
}

func TestCILabelsStayWhereApprovalsAreEmptyOrForeign(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		key := c.signer("returned")
		c.commit("returned", "the gate's card comes back", c.fleet("-", "", "")+signersPolicy)
		p.pushed("returned").want(t, 0)
		foreign := c.signed(p, "returned", key)
		for name, approvals := range map[string]string{"empty": "", "blank": "\n\n", "foreign": foreign} {
			c.write("fleet.approvals", approvals)
			c.commit("returned", name, c.fleet("", "-", "")+signersPolicy)
			p.pushed("returned").want(t, 0)
			assert.ElementsMatch(t, []string{"blocked", "irreversible"}, p.request("returned").labels, name)
			p.approved("returned").want(t, 1)
		}
		c.write("fleet.approvals", "these are no approvals\n")
		c.commit("returned", "garbage", c.fleet("", "-", "")+signersPolicy)
		p.pushed("returned")
		assert.Contains(t, p.request("returned").labels, "blocked")
		p.merge("returned")
		assert.Zero(t, c.effects())
	})
}

func TestCIAppliesNoPlanThatWasMadeAfterTheMerge(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		p.merge("winter").want(t, 1)
		p.pushed("winter").want(t, 0)
		got := p.merge().want(t, 1)
		assert.Contains(t, got.log, "made after the merge, so that nobody reviewed it")
		assert.Zero(t, c.effects())
	})
}

func TestCIExplainsWhatFailed(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("winter", "stop two", c.fleet("active = false", "active = false", ""))
		p.pushed("winter").want(t, 0)
		c.world.Break(carriersim.Fault{Action: "DoIotUserStopResume", ICCID: gate, Kind: carriersim.CodeFault("isv.QUERY_ASSETS_ERROR")})
		p.merge("winter").want(t, 5)
		body := p.request("winter").ours("apply")[0].body
		assert.Contains(t, body, "exit code 5")
		assert.Contains(t, body, "1 done, 1 failed")
		assert.Len(t, p.kept(), 2, "the report is kept")
	})
}

func TestCIAppliesNothingThatNobodyReviewed(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("main", "pushed past the review", c.fleet("active = false", "", ""))
		got := p.merge().want(t, 0)
		assert.Contains(t, got.log, "nothing was reviewed, so nothing is applied")

		c.commit("late", "a plan", c.fleet("", "", ""))
		p.pushed("late").want(t, 0)
		c.commit("late", "pushed after the plan, and not planned", c.fleet("", "active = false", ""))
		p.merge("late").want(t, 1)
		assert.Contains(t, p.request("late").ours("apply")[0].body, "exit code 1")
		assert.Zero(t, c.effects())
	})
}

func TestCIFailsWhereThePlatformRefuses(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("winter", "stop the gate", c.fleet("active = false", "", ""))
		p.pushed("winter").want(t, 0)
		p.revoke()
		got := p.pushed("winter").want(t, 1)
		assert.Contains(t, got.log, "401 Unauthorized")
		assert.Len(t, p.request("winter").comments, 1, "who can't read the comments doesn't add one")
		p.merge("winter").want(t, 1)
		assert.Zero(t, c.effects())
	})
}

func TestCIGivesForksNoSecrets(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("outside", "from a fork", c.fleet("active = false", "", ""))
		got := p.fork("outside").want(t, 0)
		require.Len(t, got.ran, 1)
		assert.Contains(t, got.ran[0], "validate")
		assert.Empty(t, p.request("outside").comments)
	})
}

func TestCIKeepsOneIssueAboutDrift(t *testing.T) {
	platforms(t, func(t *testing.T, c *ciRig, p platform) {
		c.commit("on", "all are in service", c.fleet("active = true", "active = true", "active = true"))
		p.pushed("on").want(t, 0)
		p.merge("on").want(t, 0)
		p.night().want(t, 0)
		assert.Empty(t, p.issues())

		c.elsewhere(gate, spec.SuspendedByOwner)
		p.night().want(t, 0)
		require.Len(t, p.issues(), 1)
		issue := p.issues()[0]
		assert.Equal(t, []string{"cardfleet-drift"}, issue.labels)
		assert.Contains(t, issue.body, "1 to resume")
		assert.Contains(t, p.kept(), "plan.html")

		c.elsewhere(yard, spec.SuspendedByOwner)
		p.night().want(t, 0)
		require.Len(t, p.issues(), 1)
		assert.Contains(t, issue.body, "2 to resume")
		assert.False(t, issue.closed)

		c.elsewhere(gate, spec.Active)
		c.elsewhere(yard, spec.Active)
		p.night().want(t, 0)
		require.Len(t, p.issues(), 1)
		assert.True(t, issue.closed)
		assert.Len(t, issue.comments, 1)
		p.night().want(t, 0)
		assert.Len(t, issue.comments, 1)

		c.elsewhere(harbour, spec.SuspendedByOwner)
		p.night().want(t, 0)
		require.Len(t, p.issues(), 2)
		assert.True(t, issue.closed)

		c.world.Expel(carriersim.Account{ID: "another", Secret: "another"})
		p.night().want(t, 1)
		require.Len(t, p.issues(), 2)
		assert.False(t, p.issues()[1].closed, "nobody knows whether it is over")
		assert.Zero(t, c.effects())
	})
}

// decode reads a request's body, which may have these fields and no others.
func decode(t *testing.T, r *http.Request, fields ...string) map[string]any {
	t.Helper()
	body := map[string]any{}
	assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	for name := range body {
		assert.Contains(t, fields, name, "%s %s", r.Method, r.URL.Path)
	}
	return body
}

// queried checks a request's query, which may have these parameters and no others.
func queried(t *testing.T, r *http.Request, names ...string) {
	t.Helper()
	for name := range maps.Keys(r.URL.Query()) {
		assert.Contains(t, names, name, "%s %s", r.Method, r.URL.Path)
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone is seen on its side
}
