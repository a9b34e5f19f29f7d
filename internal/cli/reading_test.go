package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// meters is a fleet of n cards in service, as they are declared, that were read
// an hour ago.
func meters(t *testing.T, n int) *rig {
	t.Helper()
	world := &carriersim.World{Record: true}
	r := newRig(t, world)
	for i := range n {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: meter(i)})
	}
	world.Cards = append(world.Cards, carriersim.Card{ICCID: spare})
	r.declare(n, "true")
	r.want(0, r.run("apply", "-auto-approve"))
	r.clock.Advance(time.Hour)
	return r
}

// spare is a card that the carrier has, and that isn't declared.
const spare = "89860000000000009999"

func meter(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("8986000000000000%04d", i)) }

// declare declares n cards with that value of active.
func (r *rig) declare(n int, active string) {
	r.t.Helper()
	var b strings.Builder
	b.WriteString(provider)
	for i := range n {
		fmt.Fprintf(&b, "card \"m%04d\" {\n  iccid = %q\n  active = %s\n}\n", i, meter(i), active)
	}
	r.write("main.fleet.hcl", b.String())
}

// reading is how many cards a run reads.
func (r *rig) reading(code int, args ...string) (int, ran) {
	r.t.Helper()
	before := r.world.Count("QueryCardStatus")
	got := r.want(code, r.run(args...))
	return r.world.Count("QueryCardStatus") - before, got
}

func TestMaxAgeReadsOnlyCardsWhoseReadingIsOlder(t *testing.T) {
	r := meters(t, 10)
	n, got := r.reading(0, "plan", "-max-age=2h", "-detailed-exitcode")
	assert.Zero(t, n)
	assert.Contains(t, got.out, "aliyun: 10 cards by readings 60 min old\n\nNo changes. 10 cards match the configuration.")
	n, _ = r.reading(0, "plan", "-max-age=30m", "-detailed-exitcode")
	assert.Equal(t, 10, n)

	r.elsewhere(meter(3), func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner }) // and another hour passes
	r.want(0, r.run("apply", "-auto-approve", "-max-age=1h", "-target=card.m0001"))
	n, got = r.reading(2, "plan", "-max-age=1h", "-detailed-exitcode", "-out=p.fleetplan")
	assert.Equal(t, 9, n, "all but the one that was read a moment ago")
	assert.Contains(t, got.out, "Changed outside cardfleet, 1 card")
	assert.Contains(t, got.out, "aliyun: read 9 cards in 9 calls; 1 card by readings 1 s old\n")
	var shown struct{ Reads []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(r.run("show", "-json", "p.fleetplan").out), &shown))
	require.Len(t, shown.Reads, 1)
	assert.EqualValues(t, 9, shown.Reads[0]["read"])
	assert.EqualValues(t, 1, shown.Reads[0]["remembered"])
}

func TestAPlanFromOldReadingsReadsACardBeforeItIsChanged(t *testing.T) {
	r := meters(t, 3)
	r.elsewhere(meter(1), func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner })
	r.declare(3, "false")
	got := r.want(5, r.run("apply", "-auto-approve", "-max-age=24h", "-accept-count=stop:3"))
	assert.Contains(t, got.out, "card.m0001 (89860000000000000001): stop: dropped: stale: the card is no longer in service")
	assert.Equal(t, 2, changing(r.world))
	n, got := r.reading(0, "plan", "-max-age=24h")
	assert.Equal(t, 1, n, "what turned out to be wrong is read again, however young it is")
	assert.Contains(t, got.out, "0 to stop")
	assert.Contains(t, got.out, "Changed outside")
}

func TestANewlyWantedAttributeIsReadInSpiteOfMaxAge(t *testing.T) {
	r := meters(t, 3)
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "active = true", "active = true\n  packages = []", 1))
	n, _ := r.reading(0, "plan", "-max-age=24h")
	assert.Equal(t, 1, n)
}

func TestRefreshChangedReadsWhatAPlanWouldTouch(t *testing.T) {
	r := meters(t, 10)
	n, _ := r.reading(0, "plan", "-refresh=changed", "-detailed-exitcode")
	assert.Zero(t, n, "nothing changed")

	text := strings.Replace(r.read("main.fleet.hcl"), "active = true", "active = false", 2)
	text += fmt.Sprintf("card \"new\" {\n  iccid = %q\n  active = true\n}\n", spare)
	r.write("main.fleet.hcl", text)
	r.elsewhere(meter(5), func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner })
	n, got := r.reading(2, "plan", "-refresh=changed", "-detailed-exitcode")
	assert.Equal(t, 3, n, "two that changed in the configuration, and one that was never read")
	assert.Contains(t, got.out, "aliyun: read 3 cards in 3 calls; 8 cards by readings 2 h 0 min old\n")
	assert.Contains(t, got.out, "1 to adopt, 0 to change-bind, 0 to unbind (0 of 0 approved), 2 to stop, 0 to resume")
	assert.NotContains(t, got.out, "Changed outside", "what wasn't read isn't compared")

	n, got = r.reading(2, "plan", "-refresh=changed", "-max-age=1h", "-detailed-exitcode")
	assert.Equal(t, 11, n, "and those whose reading is older")
	assert.Contains(t, got.out, "Changed outside")
}

func TestACardInDoubtIsReadInAnyMode(t *testing.T) {
	r := meters(t, 5)
	r.world.ShowDelay = carriersim.Duration(5 * time.Minute)
	r.world.Break(carriersim.Fault{Action: "DoIotUserStopResume", Kind: carriersim.LostAfter, Times: 100})
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "active = true", "active = false", 1))
	got := r.want(5, r.run("apply", "-auto-approve", "-max-age=24h"))
	assert.Contains(t, got.out, "1 in doubt")
	r.clock.Advance(time.Hour)
	for _, option := range []string{"-refresh=changed", "-max-age=24h"} {
		n, got := r.reading(0, "plan", option)
		assert.Equal(t, 1, n, option)
		assert.Contains(t, got.out, "was in doubt; the carrier shows that it was done", option)
	}
}

func TestABudgetSpreadsAReadingOverRuns(t *testing.T) {
	r := meters(t, 10)
	seen := map[spec.ICCID]int{}
	for range 3 {
		from := len(r.world.Requests())
		got := r.want(0, r.run("apply", "-refresh-only", "-auto-approve", "-refresh-budget=4"))
		assert.Contains(t, got.out, "aliyun: read 4 cards in 4 calls; 6 cards by readings")
		for _, q := range r.world.Requests()[from:] {
			seen[q.ICCID]++
		}
		r.clock.Advance(time.Minute)
	}
	assert.Len(t, seen, 10, "the oldest readings first, so all in three runs")

	n, got := r.reading(0, "plan", "-refresh-budget=100")
	assert.Equal(t, 10, n)
	assert.NotContains(t, got.out, "by readings")
}

func TestNewCardsThatABudgetDoesNotReachAreLeftForLater(t *testing.T) {
	world := &carriersim.World{Record: true}
	r := newRig(t, world)
	for i := range 6 {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: meter(i)})
	}
	r.declare(6, "true")
	got := r.want(2, r.run("plan", "-refresh-budget=4", "-detailed-exitcode"))
	assert.Contains(t, got.out, "aliyun: read 4 cards in 4 calls; 2 cards not read yet, left for a later run")
	assert.Contains(t, got.out, "4 to adopt")
	assert.Contains(t, got.out, "2 unread")
	r.want(0, r.run("apply", "-auto-approve", "-refresh-budget=4"))
	n, _ := r.reading(0, "apply", "-auto-approve", "-refresh-budget=2")
	assert.Equal(t, 2, n, "the new ones first")
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

func TestReadingsBeforeAnInterruptAreKept(t *testing.T) {
	for name, args := range map[string][]string{"refresh-only": {"apply", "-refresh-only"}, "apply": {"apply"}} {
		r := meters(t, 40)
		r.tty = true
		r.elsewhere(meter(0), func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner })
		r.clock.Advance(24 * time.Hour)
		ctx, cancel := context.WithCancel(context.Background())
		before := r.world.Count("QueryCardStatus")
		r.world.Latency = carriersim.Duration(time.Millisecond)
		r.world.Sleep = func(_ context.Context, d time.Duration) error {
			r.clock.Advance(d)
			if r.world.Count("QueryCardStatus")-before > 20 {
				cancel()
			}
			return nil
		}
		got := r.want(130, r.runIn(ctx, append(args, "-parallelism=1")...))
		cancel()
		assert.Contains(t, got.errors, "readings are kept in the state; with -max-age another run goes on from there.", name)
		r.world.Sleep = r.clock.Sleep

		n, got := r.reading(2, "plan", "-detailed-exitcode", "-max-age=12h")
		assert.Less(t, n, 25, "it goes on")
		assert.GreaterOrEqual(t, n, 20)
		assert.Contains(t, got.out, "Changed outside cardfleet, 1 card", "nobody has seen it yet, so it was not taken over")
	}
}

func TestOptionsOfReadingThatMakeNoSense(t *testing.T) {
	r := meters(t, 1)
	for args, want := range map[string]string{
		"-refresh=some":                     "-refresh wants true, false or changed",
		"-refresh=false -max-age=1h":        "-refresh=false asks no carrier",
		"-refresh=false -refresh-budget=10": "-refresh=false asks no carrier",
		"-refresh-budget=-1":                "-1 is below 0",
		"-max-age=-1h":                      "-1h0m0s is below 0",
		"-max-age=1w":                       "it is no duration: write one such as",
		"-lock-timeout=x":                   "it is no duration: write one such as",
		"-parallelism=0":                    "-parallelism wants a whole number of 1 or more",
		"-parallelism=-1":                   "-parallelism wants a whole number of 1 or more",
		"-parallelism=many":                 "-parallelism wants a whole number of 1 or more",
	} {
		got := r.want(1, r.run(append([]string{"plan"}, strings.Fields(args)...)...))
		assert.Contains(t, got.errors, want, args)
	}
	n, _ := r.reading(0, "plan", "-refresh")
	assert.Equal(t, 1, n)
	n, got := r.reading(0, "plan", "-refresh=false")
	assert.Zero(t, n)
	assert.Contains(t, got.out, "aliyun: 1 card by readings 60 min old\n")
}

func TestAFleetIsReadFromTheListAndThePlanSaysSo(t *testing.T) {
	world := &carriersim.World{Record: true}
	r := newRig(t, world)
	r.env["CARDFLEET_VAR_carrier_url"] = r.url + "/linkcard"
	var b strings.Builder
	b.WriteString(strings.Replace(provider, `"aliyun"`, `"aliyun_linkcard"`, 1))
	b.WriteString("card \"m\" {\n  from_csv = \"meters.csv\"\n  iccid    = each.key\n  active   = true\n}\n")
	r.write("main.fleet.hcl", b.String())
	table := "iccid\n"
	for i := range 500 {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: meter(i)})
		table += string(meter(i)) + "\n"
	}
	r.write("meters.csv", table)
	got := r.want(0, r.run("plan", "-out=p.fleetplan"))
	assert.Contains(t, got.out, "aliyun_linkcard: read 500 cards in 13 list calls\n")
	assert.Contains(t, got.errors, "reading aliyun_linkcard: 500 cards in 13 list calls, about 1 s at 100000/s\n")
	assert.Equal(t, 13, world.Count("ListCardInfo"))
	assert.Zero(t, world.Count("GetCardDetail"))
	got = r.want(0, r.run("plan", "-json"))
	assert.Equal(t, [2]int{500, 500}, neededAndRead(t, got.out))

	r.want(0, r.run("apply", "-auto-approve"))
	got = r.want(0, r.run("plan", "-refresh-budget=10", "-max-age=0s"))
	assert.Contains(t, got.out, "aliyun_linkcard: read 10 cards in 10 calls; 490 cards by readings", "a list of 13 pages is more than it may take")
	got = r.want(0, r.run("plan", "-refresh-budget=13"))
	assert.Contains(t, got.out, "read 500 cards in 13 list calls")
	got = r.want(0, r.run("plan", "-refresh-budget=10", "-json"))
	assert.Equal(t, [2]int{500, 10}, neededAndRead(t, got.out))
}

// neededAndRead are the counts of the first line that says what reading costs.
func neededAndRead(t *testing.T, lines string) [2]int {
	t.Helper()
	for line := range strings.Lines(lines) {
		var l struct {
			Type    string
			Reading struct{ Cards, Read int }
		}
		require.NoError(t, json.Unmarshal([]byte(line), &l))
		if l.Type == "reading_cost" {
			return [2]int{l.Reading.Cards, l.Reading.Read}
		}
	}
	require.Fail(t, "no line of the type reading_cost", lines)
	return [2]int{}
}

func TestAPlanSaysThatItPassesAQuota(t *testing.T) {
	r := meters(t, 4)
	r.declare(4, "false")
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "requests_per_second = 100000", "requests_per_second = 100000\n  calls_per_day = 9\n  calls_per_month = 1000", 1))
	got := r.want(0, r.run("plan"))
	assert.Contains(t, got.out, "; with the reading, more than the 9 calls of a day\n")
	got = r.want(5, r.run("apply", "-auto-approve", "-accept-count=stop:4", "-parallelism=1"))
	assert.Contains(t, got.out, "the quota of 9 calls a day is used up (calls_per_day in the provider's block)")
	assert.Equal(t, 2, changing(r.world), "4 readings, and 2 changes of 2 calls each")
	r.want(0, r.run("apply", "-auto-approve", "-accept-count=stop:2", "-max-age=1h"))
}
