package cli_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
)

// eachWay runs a test on a database, and on one behind a PgBouncer in transaction mode.
func eachWay(t *testing.T, test func(t *testing.T, conn string)) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Database(t)) })
	t.Run("postgres behind a pooler", func(t *testing.T) { test(t, pgtest.Pooled(t, pgtest.Database(t))) })
}

// ofTwo is a fleet with two provider blocks, aliyun and aliyun.b, each with a card that is to be
// stopped. The second block's key is in KEY_B and SECRET_B.
func ofTwo(t *testing.T, conn, key string) *rig {
	t.Helper()
	r := newRig(t, &carriersim.World{Record: true, Cards: []carriersim.Card{{ICCID: cardNo(0)}, {ICCID: cardNo(1)}}})
	r.world.Accounts = append(r.world.Accounts, carriersim.Account{ID: otherKeyID, Secret: testSecret})
	r.write("main.fleet.hcl", provider+`
provider "aliyun" {
  alias               = "b"
  endpoint            = var.carrier_url
  requests_per_second = 100000
  access_key_id       = env("KEY_B")
  access_key_secret   = env("SECRET_B")
}
`+fmt.Sprintf("card \"a\" {\n  provider = aliyun\n  iccid = %q\n  active = false\n}\ncard \"b\" {\n  provider = aliyun.b\n  iccid = %q\n  active = false\n}\n", cardNo(0), cardNo(1)))
	r.toWorkers(conn)
	r.env["KEY_B"], r.env["SECRET_B"] = key, testSecret
	return r
}

const otherKeyID = "LTAI5tAnotherKeyId00"

// without runs something without the second block's key.
func (r *rig) without(do func()) {
	key, secret := r.env["KEY_B"], r.env["SECRET_B"]
	delete(r.env, "KEY_B")
	delete(r.env, "SECRET_B")
	do()
	r.env["KEY_B"], r.env["SECRET_B"] = key, secret
}

// stopped are the cards that are stopped at the carrier.
func (r *rig) stopped() (cards []spec.ICCID) {
	for _, q := range r.world.Requests() {
		if q.Effect && q.Action == "DoIotUserStopResume" {
			cards = append(cards, q.ICCID)
		}
	}
	return cards
}

func TestAWorkerNeedsTheCredentialsOfItsOwnAccountsOnly(t *testing.T) {
	eachWay(t, func(t *testing.T, conn string) {
		r := ofTwo(t, conn, otherKeyID)
		id := r.hand()
		r.without(func() {
			got := r.want(1, r.run("worker", "-once", "-listen="))
			assert.Contains(t, got.errors, "KEY_B", "without -accounts it needs all")
			assert.Contains(t, got.errors, "needs the credentials of these alone: worker -accounts=GLOB")
			got = r.want(1, r.run("worker", "-once", "-listen=", "-accounts=aliyun.*"))
			assert.Contains(t, got.errors, "KEY_B", "it is to serve that account")
			got = r.works("-accounts=aliyun")
			assert.Contains(t, got.errors, "Provider aliyun.b is left to other workers, and so are the checks of schedules: ")
			assert.Contains(t, got.errors, "KEY_B")
		})
		assert.Equal(t, []spec.ICCID{cardNo(0)}, r.stopped())
		run := r.shown("show", id)[0]
		require.Len(t, run.Accounts, 2)
		assert.Contains(t, run.Accounts[1].Waits, "no worker: none is there, or none with configuration ")
		r.works("-accounts=aliyun.b")
		assert.Equal(t, []spec.ICCID{cardNo(0), cardNo(1)}, r.stopped())
		r.want(0, r.run("runs", "watch", id))
		assert.Contains(t, r.works("-accounts=xuyu").errors, "-accounts=xuyu fits no account of this configuration")
	})
}

func TestBlocksThatShareAnAccountAreOneAccountAtWorkers(t *testing.T) {
	eachWay(t, func(t *testing.T, conn string) {
		r := ofTwo(t, conn, testKeyID)
		id := r.hand()
		run := r.shown("show", id)[0]
		require.Len(t, run.Accounts, 1)
		assert.Equal(t, "aliyun", run.Accounts[0].Account)
		assert.Equal(t, 2, run.Counts.Actions)
		r.without(func() {
			got := r.works("-accounts=aliyun")
			assert.Regexp(t, `aliyun is left to other workers: it has changes of provider aliyun.b, which this worker can't call: .*KEY_B`, got.errors)
		})
		assert.NotContains(t, r.stopped(), cardNo(1))
		got := r.works("-accounts=aliyun")
		assert.NotContains(t, got.errors, "is left to other workers")
		assert.ElementsMatch(t, []spec.ICCID{cardNo(0), cardNo(1)}, r.stopped())
		r.want(0, r.run("runs", "watch", id))
		assert.Contains(t, r.want(0, r.run("runs", "pause", "aliyun.b")).out, "Paused: no worker changes anything in aliyun. To let workers go on: cardfleet runs resume aliyun\n")
	})
}

func TestAnApprovalThatEndsBeforeItsActionsTurnCountsNoMore(t *testing.T) {
	eachWay(t, func(t *testing.T, conn string) {
		r := newRig(t, describe())
		r.toWorkers(conn)
		r.write("main.fleet.hcl", strings.Replace(rebind, `imei         = "861536030196019"`, "bound = false", 1)+
			approvalBlock(deviceA, r.clock.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
		id := r.hand()
		before := changing(r.world)
		r.ahead = 2 * time.Hour
		r.works()
		assert.Equal(t, before, changing(r.world), "the card keeps its account")
		run := r.shown("show", id)[0]
		assert.Equal(t, "ended", run.Status)
		assert.Equal(t, 1, run.Counts.Dropped)
		got := r.want(5, r.run("runs", "watch", id))
		assert.Contains(t, got.out, "unbind from "+deviceA+": dropped: its approval ended at ")
	})
}

func TestLimitsCountWhatIsHandedOverAndNotDone(t *testing.T) {
	eachWay(t, func(t *testing.T, conn string) {
		r := stopping(t, 4)
		r.toWorkers(conn)
		r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "count = 100", "count = 3", 1))
		r.hand("-target=card.c00", "-target=card.c01")
		two := []string{"apply", "-auto-approve", "-detach", "-target=card.c02", "-target=card.c03"}
		got := r.want(3, r.run(two...))
		assert.Contains(t, strings.Join(strings.Fields(got.errors), " "), "With 2 actions of runs that were handed over and not done yet, stop would be 4, and the limit allows 3.")
		assert.Len(t, r.shown("list"), 1, "nothing was handed over")
		r.want(0, r.run(append(two, "-accept-count=stop:4")...))
		assert.Len(t, r.shown("list"), 2)
		r.works()
		assert.Len(t, r.stopped(), 4)

		r.write("main.fleet.hcl", strings.ReplaceAll(r.read("main.fleet.hcl"), "active = false", "active = true"))
		r.hand()
		r.works()
		r.write("main.fleet.hcl", strings.ReplaceAll(r.read("main.fleet.hcl"), "active = true", "active = false"))
		r.hand("-target=card.c00", "-target=card.c01")
		r.works()
		r.want(0, r.run(two...)) // what is done by now counts no more
	})
}

func TestAMoreUrgentRunOvertakesBetweenSlices(t *testing.T) {
	eachWay(t, func(t *testing.T, conn string) {
		const all = 400 // which take 40 s and more
		r := stopping(t, all)
		r.toWorkers(conn)
		r.write("main.fleet.hcl", strings.NewReplacer("= 100000", "= 20", "count = 100 ", "count = 1000 ").Replace(r.read("main.fleet.hcl")))
		first := r.hand()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan ran)
		r.clock.Advance(time.Since(r.clock.Now()))
		worker := *r
		worker.wall = true
		go func() { ended <- worker.runIn(ctx, "worker", "-listen=") }()
		soon := func(what string, is func() bool) {
			t.Helper()
			require.Eventually(t, is, 2*time.Minute, 50*time.Millisecond, what)
		}
		soon("the first run goes on", func() bool { return len(r.stopped()) > 0 })
		last := fmt.Sprintf("-target=card.c%02d", all-1)
		urgent := r.hand("-priority=9", "-lock-timeout=1m", last)
		soon("the urgent one has ended", func() bool { return r.shown("show", urgent)[0].Status == "ended" })
		cards := r.stopped()
		assert.Contains(t, cards, cardNo(all-1))
		assert.Less(t, len(cards), all, "it didn't wait for the other's end")
		r.want(0, r.run("runs", "watch", urgent))
		r.want(0, r.run("runs", "cancel", first))
		soon("the first one has ended", func() bool { return !r.shown("show", first)[0].Ended.IsZero() })
		stop()
		got := <-ended
		assert.Equal(t, 0, got.code, "%s%s", got.out, got.errors)
		times := map[spec.ICCID]int{}
		for _, c := range r.stopped() {
			times[c]++
		}
		for c, n := range times {
			assert.Equal(t, 1, n, "card %s was stopped more than once", c)
		}
	})
}

// later is as if a time that slices wait for had come, which the database's clock says.
func (r *rig) later() {
	r.t.Helper()
	r.sql("UPDATE cardfleet.work_slices SET not_before = clock_timestamp() WHERE not_before IS NOT NULL")
}

// sql changes what the database has.
func (r *rig) sql(statement string) {
	r.t.Helper()
	c, err := pgx.Connect(r.t.Context(), r.env["CARDFLEET_PG_CONN_STR"])
	require.NoError(r.t, err)
	defer c.Close(r.t.Context()) //nolint:errcheck // the test is over then
	_, err = c.Exec(r.t.Context(), statement)
	require.NoError(r.t, err)
}

func TestWorkersKeepToAWindow(t *testing.T) {
	eachWay(t, func(t *testing.T, conn string) {
		r := stopping(t, 2)
		r.toWorkers(conn)
		r.closed()
		id := r.hand()
		r.works()
		assert.Zero(t, changing(r.world))
		run := r.shown("show", id)[0]
		assert.Equal(t, "waiting", run.Status)
		assert.Contains(t, run.Accounts[0].Waits, "the window night opens ")
		assert.False(t, run.Accounts[0].Until.IsZero())

		r.later()
		r.works()
		assert.Zero(t, changing(r.world), "a worker looks at the clock itself")
		assert.Contains(t, r.want(0, r.run("runs", "watch", id)).out, "2 actions not started: the window night opens ")

		r.later()
		r.ahead = 6*time.Hour + 10*time.Minute
		r.clock.Advance(time.Since(r.clock.Now()) + r.ahead) // the carrier's
		r.works()
		assert.ElementsMatch(t, []spec.ICCID{cardNo(0), cardNo(1)}, r.stopped())
		assert.Equal(t, "ended", r.shown("show", id)[0].Status)
		r.want(0, r.run("runs", "watch", id))
	})
}

func TestTheEndOfARunThatIsFollowedNoLongerIsToldByAWorker(t *testing.T) {
	eachWay(t, func(t *testing.T, conn string) {
		r := stopping(t, 2, refuses(1))
		r.toWorkers(conn)
		l := r.listens()
		r.interrupted()
		l.news() // the apply tells what it saw
		r.works()
		news := l.news()
		require.Len(t, news, 1, "and the worker how it ended")
		assert.Equal(t, "failure", news[0].Event)
		assert.Equal(t, "cardfleet apply: 1 of 2 actions are not done", news[0].Title)
		assert.Equal(t, "dev@laptop", news[0].Who)
		r.works()
		assert.Empty(t, l.news())
	})
}

// interrupted interrupts an apply once it follows its run.
func (r *rig) interrupted() {
	r.t.Helper()
	ctx, interrupt := context.WithCancel(r.t.Context())
	ended := make(chan ran)
	applies := *r
	applies.wall = true
	go func() { ended <- applies.runIn(ctx, "apply", "-auto-approve") }()
	require.Eventually(r.t, func() bool { return len(r.shown("list")) > 0 }, 2*time.Minute, 50*time.Millisecond)
	interrupt()
	assert.Contains(r.t, r.want(130, <-ended).errors, "goes on without this program")
}

func TestTheEndOfARunWhoseApplyWasLostIsToldByAWorker(t *testing.T) {
	r := handing(t, 1)
	l := r.listens()
	r.interrupted()
	l.news()
	r.sql("DELETE FROM cardfleet.work_checks WHERE name LIKE '%/left'") // as one that is killed leaves it
	r.sql("UPDATE cardfleet.work_checks SET due = clock_timestamp() + interval '2 seconds' WHERE name LIKE '%/followed'")
	r.works()
	news := l.news()
	require.Len(t, news, 1)
	assert.Equal(t, "cardfleet apply: 1 of 1 actions are done", news[0].Title)
}

func TestTheEndOfARunThatIsFollowedIsToldOnce(t *testing.T) {
	eachWay(t, func(t *testing.T, conn string) {
		r := stopping(t, 2)
		r.toWorkers(conn)
		l := r.listens()
		r.wall = true
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan ran)
		go func() { ended <- r.runIn(ctx, "worker", "-listen=") }()
		r.want(0, r.run("apply", "-auto-approve"))
		stop()
		got := <-ended
		assert.Equal(t, 0, got.code, "%s%s", got.out, got.errors)
		news := l.news()
		require.Len(t, news, 1, "%s%s", got.out, got.errors)
		assert.Equal(t, "cardfleet apply: 4 of 4 actions are done", news[0].Title)
	})
}
