package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// told is what history -json prints.
type told struct {
	Events []struct {
		At                                                     time.Time
		ICCID, Kind, From, To, Outcome, Reason, Run, Operation string
		Who, Commit, URL, Address                              string
		RequestID                                              string `json:"request_id"`
		Approvals                                              []struct{ By, Fingerprint, Reason string }
	}
	Runs []struct{ ID, Operation, Who, Detail string }
}

func (r *rig) history(args ...string) told {
	r.t.Helper()
	var out told
	require.NoError(r.t, json.Unmarshal([]byte(r.want(0, r.run(append([]string{"history", "-json"}, args...)...)).out), &out))
	return out
}

// kinds are the kinds and outcomes of the events.
func (h *told) kinds() []string {
	var list []string
	for _, e := range h.Events {
		list = append(list, e.Kind+" "+e.Outcome)
	}
	return list
}

func TestHistorySaysWhoUnboundACardAndWhoApprovedIt(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	r.env["CI_JOB_URL"], r.env["CI_COMMIT_SHA"], r.env["GITLAB_USER_LOGIN"] = "https://gitlab.example/jobs/7", "1a2b3c4d", "mei"
	r.write("main.fleet.hcl", provider+`
approval "rma" {
  action = "unbind"
  cards  = { "`+kiosk+`" = "`+deviceB+`" }
  reason = "returned, RMA-7"
}
`)
	r.want(0, r.run("apply", "-auto-approve"))
	require.Empty(t, r.want(0, r.run("state", "list")).out, "the card is forgotten")

	h := r.history(kiosk)
	require.Equal(t, []string{"adopt done", "change-bind done", "unbind done"}, h.kinds())
	e := h.Events[2]
	assert.Equal(t, deviceB, e.From)
	assert.Equal(t, []string{"mei", "1a2b3c4d", "https://gitlab.example/jobs/7", "apply", "card.kiosk"}, []string{e.Who, e.Commit, e.URL, e.Operation, e.Address})
	assert.NotEmpty(t, e.RequestID)
	require.Len(t, e.Approvals, 1)
	assert.Equal(t, "returned, RMA-7", e.Approvals[0].Reason)
	assert.Equal(t, "dev@laptop", h.Events[0].Who)

	text := r.want(0, r.run("history", "card.kiosk")).out
	assert.Contains(t, text, "apply by mei from commit 1a2b3c4d")
	assert.Contains(t, text, "approved by rma: returned, RMA-7")
	assert.Contains(t, text, "3 actions in 2 runs: 3 done.")
	assert.Len(t, r.history("-run="+e.Run).Events, 1)
	for _, form := range []string{"", "-json"} {
		got := r.want(1, r.run(strings.Fields("history -run=nosuch "+form)...))
		assert.Contains(t, got.errors, "The history has no run with the id nosuch")
		assert.Empty(t, got.out)
	}
	assert.Equal(t, "The history of "+scale+" has nothing of run "+e.Run+".\n", r.want(0, r.run("history", "-run="+e.Run, scale)).out)
	assert.Empty(t, r.history(scale).Events)
	assert.Equal(t, "The history of "+scale+" has nothing.\n", r.want(0, r.run("history", scale)).out)
}

func TestANameFindsWhatHadItBesideWhatHasItNow(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	heir := strings.NewReplacer(kiosk, scale, deviceB, "861536030196027", "current_imei = \"861536030196001\"", "").Replace(rebind)
	r.write("main.fleet.hcl", heir+`
approval "rma" {
  action = "unbind"
  cards  = { "`+kiosk+`" = "`+deviceB+`" }
  reason = "returned, RMA-7"
}
`)
	r.want(0, r.run("apply", "-auto-approve"))
	require.NotContains(t, r.want(0, r.run("state", "list")).out, kiosk)

	all := []string{"adopt done", "change-bind done", "adopt done", "unbind done"}
	for _, name := range []string{"card.kiosk", "card.k*", "*", "aliyun/*", "898*"} {
		h := r.history(name)
		assert.ElementsMatch(t, all, h.kinds(), name)
	}
	for _, name := range []string{"aliyun/" + kiosk, "aliyun/" + kiosk[:19], "aliyun/89860617*", "89860617*", kiosk} {
		h := r.history(name)
		assert.Equal(t, []string{"adopt done", "change-bind done", "unbind done"}, h.kinds(), name)
	}
	assert.Len(t, r.history("898600D6*").Events, 1)
	assert.Empty(t, r.history("cmiot/"+kiosk).Events)
	assert.Empty(t, r.history("cmiot/*").Events)
}

func TestAMovedCardIsFoundByTheProviderThatItHad(t *testing.T) {
	r := newRig(t, describe())
	_, body, ok := strings.Cut(provider, "provider \"aliyun\" {")
	require.True(t, ok)
	second := "provider \"aliyun\" {\n  alias = \"b\"" + body
	r.write("main.fleet.hcl", provider+second+"card \"kiosk\" {\n  provider = aliyun\n  iccid = \""+kiosk+"\"\n}\n")
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("main.fleet.hcl", provider+second+"card \"kiosk\" {\n  provider = aliyun.b\n  iccid = \""+kiosk+"\"\n}\n")
	r.want(0, r.run("apply", "-auto-approve"))
	require.Contains(t, r.want(0, r.run("state", "list")).out, "aliyun.b")

	assert.Len(t, r.history("aliyun.b/"+kiosk).Events, 2, "all of the card that is there now")
	assert.Len(t, r.history("aliyun/"+kiosk).Events, 1)
	assert.Len(t, r.history("aliyun/*").Events, 1)
}

func TestDriftThatASavedPlanUndoesIsToldOnce(t *testing.T) {
	refused := carriersim.CodeFault("isv.RAM_PERMISSION_DENY")
	for name, test := range map[string]struct {
		fault carriersim.FaultKind
		late  bool // it is done, after the run
		first int  // how many are told by the saved plan's run
	}{
		"one is done":                            {"", false, 2},
		"one is refused":                         {refused, false, 1},
		"one is in doubt, and wasn't done":       {carriersim.LostBefore, false, 2},
		"one is in doubt, and was done long ago": {carriersim.LostBefore, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := twoStoppedOutside(t)
			r.want(0, r.run("plan", "-out=p"))
			if test.fault != "" {
				r.world.Break(carriersim.Fault{ICCID: scale, Action: "DoIotUserStopResume", Kind: test.fault})
			}
			r.run("apply", "p")
			require.Len(t, r.drifts(), test.first)
			r.world.Break()
			if test.late {
				r.elsewhere(scale, func(c *carriersim.Card) { c.Status = spec.Active })
			}
			for range 3 {
				r.clock.Advance(time.Hour)
				r.want(0, r.run("apply", "-auto-approve"))
				require.ElementsMatch(t, []string{kiosk, scale}, r.drifts())
			}
			r.want(0, r.run("plan", "-detailed-exitcode"))
			assert.Equal(t, test.fault == carriersim.LostBefore, strings.Contains(r.read("fleet.state.journal"), `"settles":true`))
		})
	}
}

func TestDriftThatASavedPlanLeavesAloneIsToldByTheNextApply(t *testing.T) {
	r := twoStoppedOutside(t)
	r.want(0, r.run("plan", "-target=card.kiosk", "-out=p"))
	r.want(0, r.run("apply", "p"))
	require.Equal(t, []string{kiosk}, r.drifts())
	r.want(0, r.run("apply", "-auto-approve"))
	require.ElementsMatch(t, []string{kiosk, scale}, r.drifts())

	// What somebody else did is no action of ours, wherever they are counted.
	actions := len(r.history().Events) - 2
	assert.Contains(t, r.want(0, r.run("state", "verify", "-json")).out, fmt.Sprintf(`"actions": %d,`, actions))
	assert.Contains(t, r.want(0, r.run("history")).out, fmt.Sprintf("\n%d actions in ", actions))
}

// twoStoppedOutside is a fleet of two cards that somebody else stopped.
func twoStoppedOutside(t *testing.T) *rig {
	t.Helper()
	r := settled(t)
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "  current_imei", "  active       = true\n  current_imei", 1))
	r.want(0, r.run("apply", "-auto-approve"))
	for _, card := range []spec.ICCID{kiosk, scale} {
		r.elsewhere(card, func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner })
	}
	return r
}

// drifts are the cards of which the history has that they changed outside.
func (r *rig) drifts() (cards []string) {
	r.t.Helper()
	for _, e := range r.history().Events {
		if e.Kind == "drift" {
			cards = append(cards, e.ICCID)
		}
	}
	return cards
}

func TestHistorySinceATimeAndMistakesInIt(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	r.clock.Sleep(t.Context(), 48*time.Hour) //nolint:errcheck // it only waits
	require.Len(t, r.history("-since=3d").Events, 2)
	require.Len(t, r.history("-since=2026-11-21").Events, 2)
	require.Empty(t, r.history("-since=2026-11-22T00:00:00Z").Events)
	require.Empty(t, r.history("-since=24h").Events)
	assert.Contains(t, r.want(1, r.run("history", "-since=yesterday")).errors, "Invalid time")
	assert.Contains(t, r.want(1, r.run("history", "a", "b")).errors, "Too many arguments")
	assert.Contains(t, r.want(1, r.run("history", "nonsense")).errors, "Invalid ICCID")
}

func TestAFailureAndADropAreInTheHistoryWithTheirReasons(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("main.fleet.hcl", strings.NewReplacer(deviceB, "861536030196027", `current_imei = "861536030196001"`, "").Replace(rebind))
	r.want(0, r.run("plan", "-out=p"))
	r.write("main.fleet.hcl", strings.ReplaceAll(rebind, deviceB, "861536030196993"))
	r.want(5, r.run("apply", "p"))
	h := r.history(kiosk)
	last := h.Events[len(h.Events)-1]
	assert.Equal(t, []string{"change-bind", "dropped"}, []string{last.Kind, last.Outcome})
	assert.Contains(t, last.Reason, "not wanted any more")
}

func TestWhatPeopleDoToTheStateIsInItsHistory(t *testing.T) {
	r := elsewhere(t)
	r.want(5, r.run("apply", "-auto-approve"))
	r.want(0, r.run("resolve", kiosk, "-bound-to="+deviceA))
	r.write("state.json", r.pulled("state.json"))
	r.want(0, r.run("state", "rm", kiosk))
	r.want(0, r.run("state", "push", "-force", "state.json"))

	h := r.history()
	assert.Equal(t, []string{"adopt done", "change-bind in-doubt", "resolve done", "forget done"}, h.kinds())
	assert.Contains(t, h.Events[2].Reason, "was in doubt since")
	assert.Equal(t, deviceA, h.Events[2].To)
	var operations []string
	for _, run := range h.Runs {
		operations = append(operations, run.Operation)
	}
	assert.Equal(t, []string{"apply", "resolve", "state rm", "state push -force"}, operations)
	assert.Contains(t, h.Runs[3].Detail, "put a state of serial")
	assert.Contains(t, r.want(0, r.run("history")).out, "did put a state of serial")
}

func TestAMigratedStateTakesItsHistoryAlong(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	before := r.history()
	r.write("main.fleet.hcl", rebind+"fleet {\n  backend \"local\" { path = \"new.state\" }\n}\n")
	old := t.TempDir()
	config := fmt.Sprintf("fleet {\n  backend \"local\" { path = %q }\n}\n", filepath.Join(r.dir, "fleet.state"))
	require.NoError(t, os.WriteFile(filepath.Join(old, "main.fleet.hcl"), []byte(config), 0o600))
	r.want(0, r.run("state", "migrate", old))
	after := r.history()
	require.Equal(t, before.Events, after.Events)
	require.Equal(t, "state migrate", after.Runs[len(after.Runs)-1].Operation)
	r.want(0, r.run("state", "migrate", "-force", old))
	require.Equal(t, before.Events, r.history().Events, "what is there already isn't copied again")
}

func TestStateShowSaysAllAndAsJSON(t *testing.T) {
	r := elsewhere(t)
	r.write("main.fleet.hcl", strings.Replace(rebind, "iccid ", `labels       = { city = "hangzhou", line = "1" }`+"\n  iccid ", 1))
	r.want(5, r.run("apply", "-auto-approve"))
	text := r.want(0, r.run("state", "show", kiosk)).out
	for _, part := range []string{"labels    city=hangzhou, line=1", "in doubt  change-bind", "(request ", "# what was done to it last", "change-bind 861536030196001 -> 861536030196019: in doubt"} {
		assert.Contains(t, text, part)
	}
	var shown struct {
		Cards []struct {
			Labels  map[string]string
			Doubts  []struct{ Kind string }
			History []struct{ Kind, Outcome string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("state", "show", kiosk, "-json")).out), &shown))
	require.Len(t, shown.Cards, 1)
	assert.Equal(t, "hangzhou", shown.Cards[0].Labels["city"])
	assert.Len(t, shown.Cards[0].Doubts, 1)
	assert.Len(t, shown.Cards[0].History, 2)
}

func TestStateListBySelectedLabelsAndAsJSON(t *testing.T) {
	r := newRig(t, describe())
	labelled := func(city string) string {
		return strings.Replace(rebind, "iccid ", `labels       = { city = "`+city+`" }`+"\n  iccid ", 1)
	}
	r.write("main.fleet.hcl", labelled("hangzhou"))
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, r.want(0, r.run("state", "list", "-select=city=hang*")).out, kiosk)
	assert.Empty(t, r.want(0, r.run("state", "list", "-select=city=beijing")).out)

	// A change of labels alone is no change of a plan, and the next apply remembers it.
	r.write("main.fleet.hcl", labelled("beijing"))
	r.want(0, r.run("plan", "-detailed-exitcode"))
	r.want(0, r.run("apply", "-auto-approve"))
	got := r.want(0, r.run("state", "list", "-select=city=beijing", "-json"))
	assert.Contains(t, got.out, `"city": "beijing"`)
	assert.Contains(t, got.out, deviceB)

	// A card that left the configuration is selected by the labels that it had last.
	r.write("main.fleet.hcl", provider)
	assert.Contains(t, r.want(0, r.run("plan", "-select=city=beijing")).out, "1 to unbind")
	assert.Contains(t, flat(r.want(1, r.run("plan", "-select=city=hangzhou")).errors), `Its values are: "beijing"`)
}

func TestStateVerifyReadsTheHistory(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	got := r.want(0, r.run("state", "verify", "-json"))
	assert.Contains(t, got.out, `"sound": true`)
	assert.Contains(t, got.out, `"actions": 2`)
	segments := r.segments()
	require.NotEmpty(t, segments, "the first commit writes a snapshot")
	r.write("fleet.state.events/"+segments[0], "nothing")
	assert.Contains(t, flat(r.want(1, r.run("state", "verify")).errors), "What was done to cards can't be read")
	got = r.want(1, r.run("state", "verify", "-json"))
	assert.Contains(t, got.out, `"sound": false`)
	assert.Contains(t, got.out, "it is damaged")
	assert.Contains(t, r.want(1, r.run("history")).errors, "damaged")
	r.want(0, r.run("apply", "-auto-approve"))
	require.True(t, slices.Contains(r.segments(), segments[0]), "what is damaged stays to be looked at")
}

// segments are the files of a local state's history.
func (r *rig) segments() []string {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.dir, "fleet.state.events"))
	require.NoError(r.t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestTheReportSaysWhoRanItAndWhoApproved(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", strings.ReplaceAll(rebind, deviceB, deviceA))
	r.want(0, r.run("apply", "-auto-approve"))
	r.env["GITHUB_SHA"], r.env["GITHUB_ACTOR"] = "1a2b3c4d", "mei"
	r.write("main.fleet.hcl", provider)
	r.want(0, r.run("apply", "-auto-approve", "-approve-unbind="+kiosk+"="+deviceA, "-report=run.jsonl"))
	report := r.read("run.jsonl")
	assert.Contains(t, report, `"who":"mei","commit":"1a2b3c4d"`)
	assert.Contains(t, report, `"approvals":[{"by":"-approve-unbind"}]`)
	run := r.history().Runs[1].ID
	assert.Contains(t, report, `"run":"`+run+`"`)
}
