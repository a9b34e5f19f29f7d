package render_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
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

func TestUnbindsAndAttentionAreNeverGrouped(t *testing.T) {
	p := &plan.Plan{}
	for i := range 500 {
		c := aCard(i, plan.Action{Change: spec.Change{Kind: spec.Unbind, From: "861536030196001"}, Guarded: true, Approved: true})
		c.Attention = []plan.Note{{Summary: "Look", Detail: "at it."}}
		p.Cards = append(p.Cards, c)
	}
	var b bytes.Buffer
	require.NoError(t, render.Text(&b, p, render.Style{}))
	assert.Equal(t, 500, strings.Count(b.String(), "- unbind from"))
	assert.Equal(t, 500, strings.Count(b.String(), "! Look"))
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
