package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
)

// handing is a fleet of n cards to be adopted and stopped, whose changes workers carry
// out. Its state is in a database of its own.
func handing(t *testing.T, n int, faults ...carriersim.Fault) *rig {
	t.Helper()
	r := stopping(t, n, faults...)
	r.toWorkers(pgtest.Database(t))
	return r
}

// toWorkers has workers carry out the changes of the rig's fleet, by a state in that
// database.
func (r *rig) toWorkers(conn string) {
	r.clock.now = time.Now()
	r.env["CARDFLEET_PG_CONN_STR"] = conn
	r.write("workers.fleet.hcl", "fleet {\n  backend \"postgres\" { name = \"bikes\" }\n  executor \"workers\" {}\n}\n")
}

// works has a worker do what can be done, and end.
func (r *rig) works(args ...string) ran {
	r.t.Helper()
	r.wall = true
	defer func() { r.wall = false }()
	return r.want(0, r.run(append([]string{"worker", "-once", "-listen="}, args...)...))
}

// hand hands a run over, and returns its id.
func (r *rig) hand(args ...string) string {
	r.t.Helper()
	got := r.want(0, r.run(append([]string{"apply", "-auto-approve", "-detach"}, args...)...))
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	return lines[len(lines)-1]
}

// shownRun is a run as runs show -json has it.
type shownRun struct {
	ID, Status, Who string
	Number          int
	Priority        int
	Ended           time.Time
	CancelledBy     string `json:"cancelled_by"`
	Counts          struct {
		Actions, Done, Failed, Dropped int
		NotStarted                     int `json:"not_started"`
		InDoubt                        int `json:"in_doubt"`
	}
	Accounts []struct {
		Account, Worker, Waits string
		Until                  time.Time
	}
}

func (r *rig) shown(args ...string) []shownRun {
	r.t.Helper()
	var list struct{ Runs []shownRun }
	got := r.want(0, r.run(append([]string{"runs"}, append(args, "-json")...)...))
	require.NoError(r.t, json.Unmarshal([]byte(got.out), &list))
	return list.Runs
}

func TestARunThatIsLeftToWorkersIsToldOnce(t *testing.T) {
	r := handing(t, 3, refuses(1))
	l := r.listens()
	r.env["CI_JOB_URL"] = "https://ci.example/runs/7"
	id := r.hand()
	assert.Empty(t, l.news(), "nobody knows how it ends")
	delete(r.env, "CI_JOB_URL")
	r.works()
	r.works()
	news := l.news()
	require.Len(t, news, 1)
	assert.Equal(t, "failure", news[0].Event)
	assert.Equal(t, "cardfleet apply: 1 of 3 actions are not done", news[0].Title)
	assert.Equal(t, "dev@laptop", news[0].Who)
	assert.Equal(t, "https://ci.example/runs/7", news[0].URL)
	assert.Contains(t, news[0].Text, "stop: failed: ")
	assert.Equal(t, map[string]int{"done": 2, "failed": 1, "dropped": 0, "not_started": 0, "in_doubt": 0, "unbound_for_good": 0}, news[0].Counts)

	got := r.want(5, r.run("runs", "watch", id))
	assert.Contains(t, got.out, "2 done, 1 failed")
	assert.Empty(t, l.news())
}

func TestAScheduleHasAWorkerLookForDrift(t *testing.T) {
	r := handing(t, 2)
	r.hand()
	r.works()
	_, err := r.world.Change(cardNo(1), func(c *carriersim.Card) bool { c.Status = spec.Active; return true })
	require.NoError(t, err)
	l := r.listens("drift")
	r.write("schedule.fleet.hcl", "fleet {\n  schedule \"drift\" { cron = \"0 * * * *\" }\n}\n")
	now := time.Now()
	r.ahead = now.Truncate(time.Hour).Add(2*time.Hour + 15*time.Second).Sub(now) // shortly after a time of it, and long before the next
	r.clock.Advance(r.ahead)
	got := r.works()
	assert.Contains(t, got.out+got.errors, "check drift of ")
	news := l.news()
	require.Len(t, news, 1, "%s%s", got.out, got.errors)
	assert.Equal(t, "cardfleet plan: 1 card changed outside cardfleet", news[0].Title)
}

// asks is the answer to a GET, and its status; 0 where nobody listens.
func asks(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url) //nolint:noctx,gosec // of this test's own server
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestAWorkerTellsPrometheusAndTheLogWhatItDoes(t *testing.T) {
	r := handing(t, 2, refuses(1))
	r.hand()
	r.env["CARDFLEET_LOG"], r.env["CARDFLEET_LOG_FILE"] = "debug", "worker.log"
	r.env["OTEL_METRICS_EXPORTER"] = "prometheus" // whose own server would be a second one
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r.wall = true
	at, ended := r.serves(ctx, "worker")
	var page string
	require.Eventually(t, func() bool { // the two actions end in any order
		_, page = asks(t, at+"/metrics")
		return strings.Contains(page, `cardfleet_actions_total{action="stop",outcome="failed",provider="aliyun"} 1`) &&
			strings.Contains(page, `cardfleet_actions_total{action="stop",outcome="done",provider="aliyun"} 1`)
	}, time.Minute, 100*time.Millisecond)
	for _, want := range []string{
		`cardfleet_actions_total{action="stop",outcome="done",provider="aliyun"} 1`,
		`cardfleet_calls_total{call="DoIotUserStopResume",outcome="done",provider="aliyun"} 1`,
		"# TYPE cardfleet_call_duration_seconds histogram",
		"cardfleet_worker_accounts 1",
		`cardfleet_account_unheld_seconds{account="aliyun"} `,
		`cardfleet_account_actions{account="aliyun",state="ready"} `,
		"cardfleet_worker_database_age_seconds ",
		`target_info{`,
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "otel_scope")
	code, text := asks(t, at+"/healthz")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, text, `"status":"ok"`)
	stop()
	got := <-ended
	assert.Equal(t, 0, got.code, "%s%s", got.out, got.errors)
	log := r.read("worker.log")
	assert.Contains(t, log, `"call":"DoIotUserStopResume"`)
	assert.Contains(t, log, "is held here")
}

func TestOldRunsGoAfterTheTimeOfTheHistory(t *testing.T) {
	r := handing(t, 1)
	r.write("history.fleet.hcl", "fleet {\n  history { keep = \"2d\" }\n}\n")
	id := r.hand()
	r.works()
	r.ahead = 47 * time.Hour
	r.works()
	require.Len(t, r.shown("list"), 1)
	r.ahead = 49 * time.Hour
	r.works()
	assert.Empty(t, r.shown("list"))
	got := r.want(1, r.run("runs", "show", id))
	assert.Contains(t, got.errors, "No such run")
}

func TestRunsAreListedShownAndCancelled(t *testing.T) {
	r := handing(t, 2)
	assert.Contains(t, r.want(0, r.run("runs", "list")).out, "No runs.")
	assert.Empty(t, r.shown("list"))
	id := r.hand("-priority=7")
	got := r.want(0, r.run("runs", "list"))
	assert.Contains(t, got.out, id+"  waiting ")
	assert.Contains(t, got.out, "priority 7  0 of 2 done, 2 not started  dev@laptop\n")
	run := r.shown("show", id[:8])[0]
	assert.Equal(t, id, run.ID)
	assert.Equal(t, "waiting", run.Status)
	assert.Equal(t, 7, run.Priority)
	assert.Equal(t, 2, run.Counts.NotStarted)
	assert.Contains(t, run.Accounts[0].Waits, "no worker: none is there")
	for _, args := range [][]string{{"show", "zzz"}, {"watch", "zzz"}, {"cancel", "zzz"}, {"retry", "zzz"}} {
		got := r.want(1, r.run(append([]string{"runs"}, args...)...))
		assert.Contains(t, got.errors, "No such run", args[0])
	}
	assert.Contains(t, r.want(1, r.run("runs", "retry", id)).errors, "is not stuck")
	assert.Contains(t, r.want(1, r.run("runs", "retry", "-accounts=[", id)).errors, "is no glob")

	assert.Contains(t, r.want(0, r.run("runs", "cancel", id)).out, "Cancelled: run "+id)
	run = r.shown("show", id)[0]
	assert.Equal(t, "cancelled", run.Status)
	assert.Equal(t, "dev@laptop", run.CancelledBy)
	assert.False(t, run.Ended.IsZero())
	assert.Empty(t, r.shown("list", "-going"))
	assert.Len(t, r.shown("list"), 1)
	r.want(5, r.run("runs", "watch", id))
	for _, q := range r.world.Requests() {
		require.False(t, q.Effect, "nothing was begun")
	}
}

func TestAPausedAccountIsLeftAloneAndSaysWho(t *testing.T) {
	r := handing(t, 1)
	id := r.hand()
	assert.Contains(t, r.want(1, r.run("runs", "pause", "nope")).errors, "No such account")
	r.want(0, r.run("runs", "pause", "aliyun"))
	r.works()
	run := r.shown("show", id)[0]
	assert.Equal(t, "waiting", run.Status)
	assert.Equal(t, "paused by dev@laptop", run.Accounts[0].Waits)
	r.want(0, r.run("runs", "resume", "aliyun"))
	r.works()
	run = r.shown("show", id)[0]
	assert.Equal(t, "ended", run.Status)
	assert.Equal(t, 1, run.Counts.Done)
	r.want(0, r.run("runs", "watch", id))
	assert.Contains(t, r.want(1, r.run("runs", "cancel", id)).errors, "The run has ended")
}

func TestWhatALaterRunNoLongerWantsIsDropped(t *testing.T) {
	r := handing(t, 2)
	first := r.hand()
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "active = false", "active = true", 1))
	r.want(0, r.run("apply", "-auto-approve", "-detach"))
	r.works()
	run := r.shown("show", first)[0]
	assert.Equal(t, 1, run.Counts.Done)
	assert.Equal(t, 1, run.Counts.Dropped)
	assert.Contains(t, r.want(0, r.run("history", "-run="+first)).out, "4 actions in 1 run: 3 done, 1 dropped.", "as the run says, and its two adoptions")
	got := r.want(5, r.run("runs", "watch", first))
	assert.Regexp(t, `stop: dropped: superseded by run [0-9a-f-]{36}\n`, got.out)
	card, _ := r.world.Card(cardNo(0))
	assert.Equal(t, spec.Active, card.Status)
}

func TestARunThatAnAccountRefusesIsStuckUntilItIsRetried(t *testing.T) {
	r := handing(t, 2)
	id := r.hand()
	r.world.Expel(carriersim.Account{ID: "LTAI5tAnotherKeyId00", Secret: testSecret})
	r.works()
	run := r.shown("show", id)[0]
	assert.Equal(t, "stuck", run.Status)
	assert.Equal(t, 2, run.Counts.NotStarted)
	assert.Contains(t, run.Accounts[0].Waits, "can't go on: ")
	assert.Contains(t, run.Accounts[0].Waits, "cardfleet runs retry "+id)
	assert.True(t, run.Ended.IsZero(), "retry goes on with it")
	text := r.want(0, r.run("runs", "show", id)).out
	assert.Contains(t, text, "  Stuck since:  ")
	assert.NotContains(t, text, "Ended")
	going := r.shown("list", "-going")
	require.Len(t, going, 1)
	assert.Equal(t, id, going[0].ID)
	r.want(5, r.run("runs", "watch", id))
	assert.Contains(t, r.want(1, r.run("runs", "retry", "-accounts=xuyu*", id)).errors, "is stuck in no such account")
	assert.Contains(t, r.want(0, r.run("history", "-run="+id)).out, "2 actions in 1 run: 2 done.", "which are adoptions: what wasn't started is not in it")

	r.world.Expel(carriersim.Account{ID: testKeyID, Secret: testSecret})
	assert.Contains(t, r.want(0, r.run("runs", "retry", "-accounts=ali*", id)).out, "goes on in aliyun.")
	r.works()
	r.want(0, r.run("runs", "watch", id))
	assert.Contains(t, r.want(0, r.run("runs", "show", id)).out, "  Ended:        ")
	assert.Contains(t, r.want(0, r.run("history", "-run="+id)).out, "4 actions in 1 run: 4 done.")
	assert.Empty(t, r.shown("list", "-going"))
}
