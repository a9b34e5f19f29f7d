package render_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// aRun is a run of n cards with two actions each: every outcome is in it.
func aRun(n int) *render.Carried {
	c := &render.Carried{
		Run:     state.Run{ID: "6fa3c0de", Who: "li.na", Commit: "1a2b3c4d5e6f", Info: "https://ci.example/runs/7", Version: "0.1.0", Plan: "sha256:1234"},
		Started: fleetNow, Finished: fleetNow.Add(83 * time.Second), Lineage: "5e3b", Serial: 7,
	}
	words := []string{"done", "done", "failed", "in-doubt", "dropped", "not-started", "done"}
	for i := range n {
		for k, change := range []spec.Change{{Kind: spec.ChangeBind, From: imei(i), To: imei(i + 500)}, {Kind: []spec.Kind{spec.Stop, spec.Unbind}[i%2], From: []string{"", imei(i + 500)}[i%2]}} {
			a := render.CarriedAction{ID: fmt.Sprintf("a%d", 2*i+k), Event: state.Event{ICCID: iccid(i), Provider: aliyun, Address: fmt.Sprintf("card.bike[%q]", iccid(i)), Change: change, Outcome: words[(2*i+k)%len(words)]}}
			if a.Outcome == "failed" {
				a.Reason, a.RequestID = "the carrier refused it: 余额不足", "REQ-"+fmt.Sprint(i)
			}
			if a.Kind == spec.Unbind {
				a.Approvals = []state.EventApproval{{By: "wang.wei", Reason: "returned, ticket RMA-7"}}
			}
			c.Actions = append(c.Actions, a)
		}
	}
	return c
}

func runPage(t testing.TB, c *render.Carried) string {
	var b bytes.Buffer
	require.NoError(t, render.RunHTML(&b, c))
	return b.String()
}

func TestTheRunsPageIsSearchedFilteredAndRead(t *testing.T) {
	run := aRun(70)
	counts := map[string]int{}
	for _, a := range run.Actions {
		counts[a.Outcome]++
	}
	b := openHTML(t, runPage(t, run))
	b.status("140 rows")
	assert.Equal(t, "60 done, 20 failed, 20 in doubt, 20 dropped, 20 not started", eval[string](b, `document.querySelector("h1").textContent`))
	for outcome, n := range counts {
		b.choose("approval", outcome)
		b.status(fmt.Sprintf("%d of 140 rows", n))
	}
	b.do(chromedp.Click(chromedp.CSS("#clear")))
	b.status("140 rows")
	b.do(chromedp.SendKeys(chromedp.CSS("#search"), "REQ-1"))
	b.until(`/^\d+ of 140 rows$/.test(document.getElementById("status").textContent)`)
	said := eval[string](b, `document.body.innerText`)
	for _, fact := range []string{"li.na", "1a2b3c4d5e6f", "6fa3c0de", "余额不足", "by wang.wei: returned, ticket RMA-7", "83 s"} {
		assert.Contains(t, said, fact)
	}
	b.do(chromedp.Click(chromedp.CSS("#clear")))
	b.looksWell("run")
}

// Each row has the devices of its own action, and the card of a row that action alone.
func TestEachRowOfARunHasTheDevicesOfItsAction(t *testing.T) {
	run := &render.Carried{Started: fleetNow, Finished: fleetNow}
	for i, change := range []spec.Change{
		{Kind: spec.Adopt, To: imei(1)}, {Kind: spec.ChangeBind, From: imei(1), To: imei(2)}, {Kind: spec.Stop}, {Kind: spec.Unbind, From: imei(2)},
		{Kind: spec.Adopt}, {Kind: spec.ChangeBind, To: imei(3)},
	} {
		run.Actions = append(run.Actions, render.CarriedAction{ID: fmt.Sprintf("a%d", i), Event: state.Event{ICCID: iccid(i / 4), Provider: aliyun, Address: fmt.Sprintf("card.bike[%q]", iccid(i/4)), Change: change, Outcome: "done"}})
	}
	b := openHTML(t, runPage(t, run))
	b.status("6 rows")
	rows := eval[[]string](b, `[...document.querySelectorAll("#rows .space .row:not([hidden])")].map((r) => ["tag", "before", "after"].map((c) => r.querySelector("." + c).innerText).join(" "))`)
	assert.ElementsMatch(t, []string{
		"adopt — " + imei(1), "change-bind " + imei(1) + " " + imei(2), "stop — —", "unbind " + imei(2) + " none",
		"adopt — —", "change-bind none " + imei(3),
	}, rows)
	b.choose("kind", "unbind")
	b.status("1 of 6 rows")
	b.do(chromedp.Focus(chromedp.CSS("#rows")))
	b.press("Home", "")
	b.press("Enter", "\r")
	b.until(isOpen)
	said := eval[string](b, `document.getElementById("card").innerText`)
	assert.Contains(t, said, imei(2))
	assert.NotContains(t, said, imei(1))
}

func TestARunThatDidNothingIsAPageToo(t *testing.T) {
	b := openHTML(t, runPage(t, &render.Carried{Started: fleetNow, Finished: fleetNow}))
	assert.Equal(t, "Nothing was done", eval[string](b, `document.querySelector("h1").textContent`))
}

func TestAHostileRunDoesNothing(t *testing.T) {
	bad := `"><img src=x onerror=alert(1)></script><script>alert(2)</script>` + "\n\u202e"
	run := aRun(1)
	run.Run.Who, run.Run.Info, run.Run.Commit, run.Run.ID, run.Partial, run.Lineage = bad, bad, bad, bad, bad, bad
	a := &run.Actions[0]
	a.Address, a.Reason, a.RequestID, a.Outcome, a.ID = bad, bad, bad, "failed", bad
	a.Approvals = []state.EventApproval{{By: bad, Reason: bad}}
	b := openHTML(t, runPage(t, run))
	b.status("2 rows")
	assert.Zero(t, eval[int](b, `document.querySelectorAll("img").length`))
}
