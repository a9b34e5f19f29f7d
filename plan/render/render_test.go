package render_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestTextGoldens(t *testing.T) {
	for name, p := range samplePlans() {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, render.Text(&b, p, render.Style{}))
			golden(t, name+".txt", b.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run with -update to make it, then read it")
	assert.Equal(t, string(want), got)
}

func TestColourAddsNothingButColour(t *testing.T) {
	plans := samplePlans()
	first := *plans["swaps"]
	first.FirstRun = "fleet.state"
	plans["a first run"] = &first
	for name, p := range plans {
		var plain, coloured bytes.Buffer
		require.NoError(t, render.Text(&plain, p, render.Style{}))
		require.NoError(t, render.Text(&coloured, p, render.Style{Color: true}))
		assert.Contains(t, coloured.String(), "\x1b[", name)
		assert.Equal(t, coloured.String(), safe.Screen(coloured.String(), true), "a terminal is given all of it")
		stripped := stripColour(coloured.String())
		for line := range strings.Lines(plain.String()) {
			if strings.Trim(line, " ^\n") != "" {
				assert.Contains(t, stripped, line, name)
			}
		}
	}
}

func stripColour(s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "\x1b[")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		s = s[i+strings.IndexByte(s[i:], 'm')+1:]
	}
}

func TestUnbindsAreNeverGrouped(t *testing.T) {
	p := &plan.Plan{}
	for i := range 500 {
		p.Cards = append(p.Cards, aCard(i, plan.Action{Change: spec.Change{Kind: spec.Unbind, From: "861536030196001"}, Guarded: true, Approved: true}))
	}
	assert.Equal(t, 500, strings.Count(textOf(t, p), "- unbind from"))
}

// What 148 cards need alike is said once. A card that needs something else is shown
// by itself, and so are fewer than ten.
func TestAttentionIsGroupedFromTenAlikeOn(t *testing.T) {
	p := &plan.Plan{}
	for i := range 148 {
		c := aCard(i)
		if i == 77 {
			c.Attention = []plan.Note{stoppedByCarrier("挂失")}
		} else {
			c.Attention = []plan.Note{stoppedByCarrier("欠费停机")}
		}
		p.Cards = append(p.Cards, c)
	}
	text := textOf(t, p)
	assert.Equal(t, 2, strings.Count(text, "! Stopped by the carrier"))
	assert.Contains(t, text, "  # 147 cards, provider aliyun.hangzhou\n    ! Stopped by the carrier\n      The carrier stopped this card: 欠费停机.")
	assert.Contains(t, text, "      # … and 144 more alike\n")
	assert.Contains(t, text, "  # "+p.Cards[77].Address+"\n    ! Stopped by the carrier\n      The carrier stopped this card: 挂失.")
	p.Cards = p.Cards[:9]
	assert.Equal(t, 9, strings.Count(textOf(t, p), "! Stopped by the carrier"))
}

// Cards whose attention is told with numbers of their own are still alike, and the
// text says whose numbers it shows.
func TestAttentionWithNumbersOfItsOwnSaysWhoseTheyAre(t *testing.T) {
	p := &plan.Plan{}
	for i := range 12 {
		c := aCard(i)
		c.Attention = []plan.Note{{Summary: "Bound to another device", Detail: "It is bound to " + imei(i+900) + " at the carrier."}}
		p.Cards = append(p.Cards, c)
	}
	assert.Contains(t, textOf(t, p), "# numbers and times are those of the first card\n")
	assert.Contains(t, markdown(t, p, render.MarkdownOptions{}), "Numbers and times are those of the first card.")
}

func TestTextGroupsFromTenAlikeOn(t *testing.T) {
	for n, groups := range map[int]int{9: 0, 10: 1} {
		p := manyStops(3 * 4 * n) // at each carrier, in each city
		p.Cards = slices.DeleteFunc(p.Cards, func(c plan.Card) bool { return c.Provider != aliyun || c.Labels["city"] != "wuxi" })
		assert.Len(t, p.Cards, n)
		assert.Len(t, groupLine.FindAllString(textOf(t, p), -1), groups, "of %d", n)
	}
}

// The word says what becomes of the card; "changed" is left for what has no word.
func TestACardsTitleSaysWhatBecomesOfIt(t *testing.T) {
	stop, resume := plan.Action{Change: spec.Change{Kind: spec.Stop}}, plan.Action{Change: spec.Change{Kind: spec.Resume}}
	for want, c := range map[string]plan.Card{
		"stopped": aCard(1, stop), "resumed": aCard(1, resume), "rebound": aCard(1, changeBind(imei(1), imei(2))), "bound": aCard(1, changeBind("", imei(2))),
		"unbound": aCard(1, unbind(1)), "adopted": aCard(1, plan.Action{Change: spec.Change{Kind: spec.Adopt, To: imei(1)}}),
		"changed": aCard(1, resume, changeBind(imei(1), imei(2))),
	} {
		assert.Contains(t, textOf(t, &plan.Plan{Cards: []plan.Card{c}}), "# "+c.Address+" will be "+want+"\n")
	}
}

func TestZerosAreLeftOutOfTheLastLineOnATerminal(t *testing.T) {
	last := func(p *plan.Plan, terminal bool) string {
		var b bytes.Buffer
		require.NoError(t, render.Text(&b, p, render.Style{Terminal: terminal}))
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		return lines[len(lines)-1]
	}
	assert.Equal(t, "Plan: 1 to adopt, 1 to change-bind, 2 to unbind (1 of 2 approved), 2 to stop, 1 to resume, 1 to subscribe, 1 to unsubscribe, 1 to move, 1 to forget. 1193 unchanged, 2 need attention.", last(everyKind(), true))
	assert.Equal(t, "Plan: nothing to change. 1 unchanged, 2 need attention.", last(attentionOnly(), true))
	assert.Equal(t, "Plan: nothing to change. 40 unread.", last(incomplete(), true))
	assert.Equal(t, "No changes. 1204 cards match the configuration.", last(noChanges(), true))
	assert.Contains(t, last(attentionOnly(), false), "0 to adopt, 0 to change-bind, 0 to unbind (0 of 0 approved)", "programs get the whole form")
}

func TestAPartialPlanSaysHowManyCardsItIsAbout(t *testing.T) {
	p := partial()
	p.Total, p.Skipped = 80, 518
	const want = "80 of 598 cards selected"
	assert.Contains(t, textOf(t, p), want)
	assert.Contains(t, markdown(t, p, render.MarkdownOptions{}), want)
	assert.Contains(t, page(t, p), want)
}

func TestTheLastLineIsAlwaysTheLast(t *testing.T) {
	for name, p := range samplePlans() {
		var b bytes.Buffer
		require.NoError(t, render.Text(&b, p, render.Style{}))
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		assert.Equal(t, render.LastLine(p), lines[len(lines)-1], name)
	}
}

func TestJSONSaysOnlyWhatIsKnown(t *testing.T) {
	p := samplePlans()["every-kind"]
	p.Timestamp = time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)
	p.Cards[0].Before.Packages, p.Cards[0].Before.Binding = nil, state.Binding{}
	p.Cards[1].After.Binding = state.BoundTo("")
	var b bytes.Buffer
	require.NoError(t, render.JSON(&b, p, "sha256:00"))
	var got struct {
		Timestamp string
		Summary   map[string]int
		Cards     []struct {
			Address       string
			Before, After map[string]any
		}
		Numbers []map[string]any `json:"privacy_numbers"`
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	assert.Equal(t, "2026-11-21T20:46:47Z", got.Timestamp)
	assert.Len(t, got.Cards, 11, "a card with nothing but a note is only counted")
	assert.NotContains(t, got.Cards[0].Before, "packages")
	assert.NotContains(t, got.Cards[0].Before, "imei")
	assert.Contains(t, got.Cards[1].After, "imei")
	assert.Nil(t, got.Cards[1].After["imei"], "known to be none")
	for _, kind := range spec.Kinds() {
		assert.Positive(t, got.Summary[kind.Field()], "the sample and the summary have every kind, but not %s", kind)
	}
	assert.Equal(t, 2, got.Summary["attention"])
	assert.Equal(t, 2, got.Summary["unbind"])
	assert.Equal(t, 1, got.Summary["approved"])
	assert.EqualValues(t, 2, got.Numbers[0]["status"])
}

func TestWords(t *testing.T) {
	assert.Equal(t, "18,240 calls, about 30 min at 10/s", render.CostText(plan.Cost{Calls: 18240, PerSecond: 10}))
	assert.Equal(t, "1 call", render.CostText(plan.Cost{Calls: 1}))
	for d, want := range map[time.Duration]string{
		time.Millisecond: "1 s", 40 * time.Second: "40 s", 31 * time.Minute: "31 min", 125 * time.Minute: "2 h 5 min",
	} {
		assert.Equal(t, want, render.Duration(d))
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		assert.Equal(t, want, render.Thousands(n))
	}
}

// A first device is told in words: nothing is left blank where the
// prior device would stand.
func TestAFirstDeviceIsToldInWords(t *testing.T) {
	for cards, want := range map[int]string{1: "~ imei: no device -> " + imei(0), 100: ": no device -> " + imei(0)} {
		p := &plan.Plan{Total: cards}
		for i := range cards {
			c := aCard(i, changeBind("", imei(i)))
			c.Before.Binding = state.BoundTo("")
			p.Cards = append(p.Cards, c)
		}
		var text, md bytes.Buffer
		require.NoError(t, render.Text(&text, p, render.Style{}))
		assert.Contains(t, text.String(), want)
		assert.NotContains(t, text.String(), "^", "there are no digits to compare")
		require.NoError(t, render.Markdown(&md, p, render.MarkdownOptions{}))
		assert.Contains(t, md.String(), "imei: no device → ")
		assert.NotContains(t, md.String(), "(empty)")
		if cards > 1 {
			assert.Contains(t, text.String(), "imei: no device -> 86153603…, each to a device of its own")
		}
	}
	waits := changeBind("", imei(1))
	waits.Needs = []string{"a0-0"}
	p := &plan.Plan{Cards: []plan.Card{aCard(0, changeBind(imei(1), imei(2))), aCard(1, waits)}}
	p.Cards[1].Actions[0].Needs = waits.Needs
	var graph bytes.Buffer
	require.NoError(t, render.Graph(&graph, p))
	assert.Contains(t, graph.String(), "change-bind no device → "+imei(1))
}
