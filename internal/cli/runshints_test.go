package cli_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
)

// fromAbove runs the program as from the folder above, by -chdir.
func (r *rig) fromAbove(args ...string) ran {
	r.t.Helper()
	dir := r.dir
	r.dir = filepath.Dir(dir)
	defer func() { r.dir = dir }()
	return r.run(append([]string{"-chdir=" + filepath.Base(dir)}, args...)...)
}

// What a text about runs tells somebody to type can be typed where they are.
func TestCommandsThatRunsNameWorkInTheSameFolder(t *testing.T) {
	r := handing(t, 1)
	id := r.hand()
	here := "cardfleet -chdir=" + filepath.Base(r.dir) + " "
	for _, c := range []struct {
		code int
		args []string
		want string
	}{
		{1, []string{"show", "zzz"}, "has the id zzz. To list them: " + here + "runs list"},
		{1, []string{"show", ""}, "The id of the run is empty. To list the runs: " + here + "runs list"},
		{1, []string{"retry", id}, "To look at it: " + here + "runs show " + id},
		{0, []string{"pause", "aliyun"}, "To let workers go on: " + here + "runs resume aliyun"},
		{0, []string{"list"}, "Account aliyun is paused by dev@laptop. To let workers go on: " + here + "runs resume aliyun"},
		{0, []string{"resume", "aliyun"}, "Resumed: workers go on in aliyun."},
	} {
		got := r.want(c.code, r.fromAbove(append([]string{"runs"}, c.args...)...))
		assert.Contains(t, got.out+got.errors, c.want, "%v", c.args)
	}
	r.world.Expel(carriersim.Account{ID: "LTAI5tAnotherKeyId00", Secret: testSecret})
	r.works()
	assert.Contains(t, r.want(0, r.fromAbove("runs", "show", id)).out, "once that is mended: "+here+"runs retry "+id)
}

// The end of a run that is stuck says how it goes on, and not to plan what workers have.
func TestTheEndOfAStuckRunNamesItsRetry(t *testing.T) {
	r := handing(t, 2)
	l := r.listens()
	id := r.hand()
	r.world.Expel(carriersim.Account{ID: "LTAI5tAnotherKeyId00", Secret: testSecret})
	r.works()
	retry := "cardfleet runs retry " + id
	news := l.news()
	require.Len(t, news, 1)
	assert.Contains(t, news[0].Text, "once that is mended, "+retry+" has the run go on")
	assert.NotContains(t, news[0].Text, "cardfleet plan")

	got := r.want(5, r.run("runs", "watch", id))
	assert.Contains(t, got.errors, "Once that is mended, run "+id+" goes on where it is stuck after:\n  "+retry+"\n")

	r.world.Expel(carriersim.Account{ID: testKeyID, Secret: testSecret})
	got = r.want(5, r.run("apply", "-auto-approve", "-report=rep.jsonl")) // which follows the run that has its changes
	assert.Contains(t, got.errors, "  "+retry+"\n")
	assert.NotContains(t, got.errors, "-retry=rep.jsonl")
}

func TestWhatWaitsForAWindowAtWorkersIsNotToBePlannedAnew(t *testing.T) {
	r := handing(t, 2)
	r.closed()
	got := r.want(0, r.run("apply", "-auto-approve", "-report=rep.jsonl"))
	assert.Contains(t, got.errors, "What became of each action is in rep.jsonl.\n")
	assert.NotContains(t, got.errors, "-retry=")
	assert.Contains(t, got.errors, "goes on. To look at it, or to follow it:")
}

func TestAPausedAccountIsSeenWhetherARunWaitsThereOrNot(t *testing.T) {
	r := handing(t, 1)
	assert.Contains(t, r.want(0, r.run("runs", "resume", "aliyun")).out, "Nothing to resume: aliyun is not paused.")
	r.want(0, r.run("runs", "pause", "aliyun"))
	assert.Contains(t, r.want(0, r.run("runs", "pause", "aliyun")).out, "It was paused already, by dev@laptop.")
	assert.Contains(t, r.want(0, r.run("runs", "list")).out, "Account aliyun is paused by dev@laptop.")
	var list struct {
		Paused []struct{ Account, By string }
	}
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("runs", "list", "-json")).out), &list))
	require.Len(t, list.Paused, 1)
	assert.Equal(t, "aliyun", list.Paused[0].Account)
	assert.Equal(t, "dev@laptop", list.Paused[0].By)
	r.want(0, r.run("runs", "resume", "aliyun"))
	assert.Equal(t, "No runs.\n", r.want(0, r.run("runs", "list")).out)
	assert.Contains(t, r.want(1, r.run("runs", "pause", "nope")).errors, "is called nope. There are: aliyun.")
}

func TestErrorsOfRunsCallTheirCommandsByTheirWholeNames(t *testing.T) {
	r := handing(t, 1)
	assert.Contains(t, r.want(1, r.run("runs", "show")).errors, "runs show takes one run. See cardfleet runs show -h.")
	assert.Contains(t, r.want(1, r.run("runs", "pause")).errors, "runs pause takes one account. ")
	assert.Contains(t, r.want(1, r.run("runs", "list", "x")).errors, `runs list takes no argument, but got "x". `)
	assert.Contains(t, r.want(1, r.run("plan", "x")).errors, "\nplan takes no argument, but got ")
}

func TestAnIDThatSeveralRunsBeginWithIsTold(t *testing.T) {
	r := handing(t, 1)
	r.hand()
	r.works()
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "active = false", "active = true", 1))
	id := r.hand()
	r.sql("UPDATE cardfleet.work_runs SET id = 'aa' || id")
	got := r.want(1, r.run("runs", "show", "aa"))
	assert.Contains(t, got.errors, "The ids of several runs begin with aa: write more of it. To list them: cardfleet runs list")
	r.want(0, r.run("runs", "show", "aa"+id))
}

// A worker that is lost is told of in each language, and nothing is promised of others.
func TestALostWorkerIsToldOfInChineseToo(t *testing.T) {
	r := handing(t, 1)
	id := r.hand()
	r.sql(`INSERT INTO cardfleet.work_accounts (state_id, account, token, worker, renewed, expires)
		SELECT state_id, 'aliyun', 1, 'vm:7:ab12', '2026-11-29T20:00:00Z', '2026-11-29T20:00:30Z' FROM cardfleet.work_runs`)
	why := "worker vm:7:ab12 has not renewed its lease since 2026-11-29T20:00:00Z, and no other has taken the account over yet"
	assert.Equal(t, why, r.shown("show", id)[0].Accounts[0].Waits)
	zh, err := lang.Of("zh")
	require.NoError(t, err)
	assert.Equal(t, "aliyun 等待：工作进程 vm:7:ab12 自 2026-11-29T20:00:00Z 起未续租约，尚无其他工作进程接管该账号", zh.Word("aliyun waits: "+why))
}

func TestCancellingTwiceSaysThatItWasDone(t *testing.T) {
	r := handing(t, 1)
	id := r.hand()
	r.want(0, r.run("runs", "cancel", id))
	got := r.want(0, r.run("runs", "cancel", id))
	assert.Regexp(t, "^Run "+id+" was cancelled already, at 20[^ ]+ by dev@laptop.\n$", got.out)
}

// A secret that isn't set is why a provider block is left to others, not what the carrier
// says about a block that has it.
func TestAWorkerSaysWhichVariableIsNotSet(t *testing.T) {
	r := ofTwo(t, pgtest.Database(t), otherKeyID)
	r.hand()
	delete(r.env, "SECRET_B")
	got := r.works("-accounts=aliyun")
	assert.Regexp(t, "Provider aliyun.b is left to other workers, [^\n]*SECRET_B is not set", got.errors)
	assert.NotContains(t, got.errors, "has no access_key_secret")
}

func TestAWorkerSaysForWhichConfigurationItIs(t *testing.T) {
	r := handing(t, 1)
	id := r.hand()
	var list struct{ Runs []struct{ Config string } }
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("runs", "show", "-json", id)).out), &list))
	wanted := list.Runs[0].Config
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "requests_per_second = 100000", "requests_per_second = 99999", 1))
	got := r.works()
	assert.Equal(t, 1, strings.Count(got.errors, "aliyun has actions for configuration "+wanted+", and this worker has configuration "), got.errors)

	r.wall = true
	got = r.want(0, r.run("worker", "-once", "-listen=", "-json"))
	r.wall = false
	var said struct{ Type, Worker, Config string }
	for line := range strings.Lines(got.out) {
		if require.NoError(t, json.Unmarshal([]byte(line), &said)); said.Config != "" {
			break
		}
	}
	assert.Equal(t, "worker", said.Type)
	assert.NotEmpty(t, said.Worker)
	assert.Regexp(t, "^[0-9a-f]{16}$", said.Config)
	assert.NotEqual(t, wanted, said.Config)
}

func TestAPlanSaysWhichOfItsChangesWorkersHave(t *testing.T) {
	r := handing(t, 2)
	assert.NotContains(t, r.want(0, r.run("plan")).errors, "workers have")
	id := r.hand()
	got := r.want(0, r.run("plan"))
	assert.Contains(t, got.errors, "Of this plan, workers have 2 actions already: run "+id+", which was handed over before. To look at it: cardfleet runs show "+id+"\n")
	r.works()
	assert.NotContains(t, r.want(0, r.run("plan")).errors, "workers have")
}

func TestSentencesOfOtherLibrariesAreToldInChinese(t *testing.T) {
	zh, err := lang.Of("zh")
	require.NoError(t, err)
	for english, want := range map[string]string{
		"The history has nothing.": "历史中没有记录。",
		`Invalid value for "list" parameter: cannot use element function with an empty list.`: "element 函数不能用于空列表。",
		"1 more action in any order": "另有 1 项操作，顺序不限",
	} {
		assert.Contains(t, zh.Lines(english), want)
	}
}
