package render_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
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
	"github.com/cardfleet/cardfleet/state"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const aliyun = spec.ProviderName("aliyun.hangzhou")

func iccid(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("898606170300173%05d", i)) }

// aCard is a card of the plan, with an action of each given kind.
func aCard(i int, actions ...plan.Action) plan.Card {
	c := plan.Card{
		Address: fmt.Sprintf("card.bike[%q]", iccid(i)), Provider: aliyun, ICCID: iccid(i), Actions: actions,
		Before: plan.Values{Binding: state.BoundTo("861536030196001"), Active: spec.On, Packages: []string{"10002"}, Status: "正常", Lifecycle: spec.Active},
		After:  plan.Values{Binding: state.BoundTo("861536030196001"), Active: spec.On, Packages: []string{"10002"}},
	}
	for k := range c.Actions {
		c.Actions[k].ID = fmt.Sprintf("a%d-%d", i, k)
	}
	return c
}

func thePlans() map[string]*plan.Plan {
	stop := plan.Action{Kind: spec.Stop}
	unbind := plan.Action{Kind: spec.Unbind, From: "861536030196001", Guarded: true, Denial: "no approval names this card"}
	approved := plan.Action{Kind: spec.Unbind, From: "861536030196027", Guarded: true, Approved: true}

	every := &plan.Plan{
		Total: 1204, Unchanged: 1194,
		Costs: []plan.Cost{{Provider: aliyun, Calls: 18240, PerSecond: 10}, {Provider: "xuyu", Calls: 1}},
		Cards: []plan.Card{
			aCard(1, plan.Action{Kind: spec.ChangeBind, From: "861536030196001", To: "861536030196019"}),
			aCard(2, stop),
			aCard(3, plan.Action{Kind: spec.Resume}, plan.Action{Kind: spec.Subscribe, To: "10002"}),
			aCard(4, plan.Action{Kind: spec.Unsubscribe, From: "10001"}),
			aCard(5, unbind),
			aCard(6, plan.Action{Kind: spec.Adopt, To: "861536030196035"}),
			aCard(7, plan.Action{Kind: spec.Forget}),
			aCard(8),
			aCard(9, approved),
			aCard(10),
		},
		Numbers: []plan.Number{{
			Address: "privacy_number.courier", Provider: aliyun, PoolKey: "FC12345", SubsID: "12345", Expected: "17000000001", Number: "17000000009", Status: 2,
			Attention: []plan.Note{{Summary: "Privacy number was replaced for now", Detail: "Calls fail, and the carrier gave the temporary X number 17000000009 instead."}},
		}},
	}
	every.Cards[8].Leaving = true
	every.Cards[7].Attention = []plan.Note{{Summary: "Stopped by the carrier", Detail: "The carrier stopped this card: 欠费停机. A resume would be refused; settle the cause with the carrier first."}}
	every.Cards[9].Notes = []string{"package 10001 is not wanted, and this carrier can't unsubscribe; it runs out on 2026-12-21"}

	many := &plan.Plan{Total: 5003, Costs: []plan.Cost{{Provider: aliyun, Calls: 10006, PerSecond: 20}}, Limits: []plan.Exceeded{{Kind: spec.Stop, Planned: 5000, Allowed: "30% of 5003 cards", Default: true}}}
	for i := range 5000 {
		c := aCard(i, stop)
		c.Labels = map[string]string{"city": "hangzhou", "batch": "2026-Q1"}
		many.Cards = append(many.Cards, c)
	}
	for i := range 3 {
		c := aCard(5000+i, plan.Action{Kind: spec.Resume})
		many.Cards = append(many.Cards, c)
	}

	return map[string]*plan.Plan{
		"no-changes": {Total: 1204, Unchanged: 1204},
		"every-kind": every,
		"many-alike": many,
		"attention":  {Total: 1, Cards: []plan.Card{every.Cards[7]}},
		"incomplete": {Total: 40, Unread: 40, Incomplete: []plan.Incomplete{{Provider: aliyun, Reason: "QueryCardStatus: connect: connection refused", Cards: 40}}},
	}
}

func TestTextGoldens(t *testing.T) {
	for name, p := range thePlans() {
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
	for name, p := range thePlans() {
		var plain, coloured bytes.Buffer
		require.NoError(t, render.Text(&plain, p, render.Style{}))
		require.NoError(t, render.Text(&coloured, p, render.Style{Color: true}))
		assert.Contains(t, coloured.String(), "\x1b[", name)
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
		c := aCard(i, plan.Action{Kind: spec.Unbind, From: "861536030196001", Guarded: true, Approved: true})
		c.Attention = []plan.Note{{Summary: "Look", Detail: "at it."}}
		p.Cards = append(p.Cards, c)
	}
	var b bytes.Buffer
	require.NoError(t, render.Text(&b, p, render.Style{}))
	assert.Equal(t, 500, strings.Count(b.String(), "- unbind from"))
	assert.Equal(t, 500, strings.Count(b.String(), "! Look"))
}

func TestTheLastLineIsAlwaysTheLast(t *testing.T) {
	for name, p := range thePlans() {
		var b bytes.Buffer
		require.NoError(t, render.Text(&b, p, render.Style{}))
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		assert.Equal(t, render.LastLine(p), lines[len(lines)-1], name)
	}
}

func TestJSONSaysOnlyWhatIsKnown(t *testing.T) {
	p := thePlans()["every-kind"]
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
	assert.Len(t, got.Cards, 9, "a card with nothing but a note is only counted")
	assert.NotContains(t, got.Cards[0].Before, "packages")
	assert.NotContains(t, got.Cards[0].Before, "imei")
	assert.Contains(t, got.Cards[1].After, "imei")
	assert.Nil(t, got.Cards[1].After["imei"], "known to be none")
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
