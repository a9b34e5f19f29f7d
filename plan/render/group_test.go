package render_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

func textOf(t require.TestingT, p *plan.Plan) string {
	var b bytes.Buffer
	require.NoError(t, render.Text(&b, p, render.Style{}))
	return b.String()
}

var groupLine = regexp.MustCompile(`(?m)^  ~ (\d+) cards`)

// shown is how many changing cards a text accounts for.
func shown(text string) int {
	n := len(regexp.MustCompile(`(?m)^  # .* will be (changed|stopped|resumed|rebound)$`).FindAllString(text, -1))
	for _, m := range groupLine.FindAllStringSubmatch(text, -1) {
		size, _ := strconv.Atoi(m[1]) // digits, by the pattern
		n += size
	}
	return n
}

func TestManyLabelsMakeFewGroups(t *testing.T) {
	p := manyStops(60_000)
	for i := range p.Cards {
		p.Cards[i].Labels = map[string]string{"store": strconv.Itoa(i / 120)}
	}
	for i := range 30 {
		p.Cards[2000*i].Labels = map[string]string{"store": "typo"}
	}
	p.Cards[7].Actions = []plan.Action{{Change: spec.Change{Kind: spec.Resume}}}
	text := textOf(t, p)
	assert.Less(t, strings.Count(text, "\n"), 250)
	assert.Equal(t, 60_000, shown(text), "each card is counted")
	assert.Contains(t, text, `# card.bike["89860617030010000007"] will be resumed`, "the one that is resumed is shown")
	assert.Contains(t, text, "an odd one: ")
	assert.Contains(t, text, "labels store=typo", "labels that few have are shown")
}

func TestADeviceOfAnotherTypeIsNotAlike(t *testing.T) {
	p := &plan.Plan{Total: 300}
	for i := range 300 {
		p.Cards = append(p.Cards, aCard(i, changeBind(imei(i), imei(i+1000))))
	}
	p.Cards[123].Actions[0].To = "352099000000017"
	text := textOf(t, p)
	assert.Contains(t, text, "~ 299 cards  imei: 86153603… -> 86153603…, each to a device of its own")
	assert.Contains(t, text, "-> 352099000000017")
}

func TestAGroupSaysHowItStandsWithTheGuard(t *testing.T) {
	p := manyStops(600)
	for i := range p.Cards {
		a := &p.Cards[i].Actions[0]
		a.Guarded, a.Approved, a.Denial = true, i%3 == 0, "no approval names this card"
	}
	text := textOf(t, p)
	assert.Contains(t, text, "active: true -> false  (NOT APPROVED: no approval names this card)")
	assert.Contains(t, text, "active: true -> false  (approved)")
	assert.Contains(t, text, "# … and 300 more: show -json lists them", "the block to add isn't longer than a person reads")
	assert.Contains(t, text, "Approvals missing: 400 of 600.")
}

func TestNoCardIsLostByGrouping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &plan.Plan{}
		for range rapid.IntRange(0, 60).Draw(t, "blocks") {
			like := aCard(0, plan.Action{Change: spec.Change{Kind: rapid.SampledFrom([]spec.Kind{spec.Stop, spec.Resume, spec.Subscribe}).Draw(t, "kind"), To: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "to")}})
			like.Provider = rapid.SampledFrom([]spec.ProviderName{aliyun, xuyu}).Draw(t, "provider")
			city := rapid.IntRange(0, 40).Draw(t, "city")
			like.Labels = map[string]string{"city": strconv.Itoa(city)}
			for range rapid.SampledFrom([]int{1, 3, 40, 99, 100, 150}).Draw(t, "alike") {
				c := like
				c.ICCID = iccid(len(p.Cards))
				c.Address = fmt.Sprintf("card.bike[%q]", c.ICCID)
				p.Cards = append(p.Cards, c)
			}
		}
		if text := textOf(t, p); shown(text) != len(p.Cards) {
			t.Fatalf("%d cards of %d are shown", shown(text), len(p.Cards))
		}
	})
}

// driftedAndRebound are cards that somebody stopped and that need attention, in many
// cities, each of which is to get a new device.
func driftedAndRebound() *plan.Plan {
	p := &plan.Plan{Total: 600}
	for i := range 600 {
		c := aCard(i, changeBind(imei(i), imei(i+1000)))
		c.Labels = map[string]string{"city": strconv.Itoa(i % 7)}
		c.Actions[0].Guarded, c.Actions[0].Denial = true, "no approval names this card"
		c.Drift = []plan.Drift{{Attribute: "active", From: "true", To: "false", Cause: "the carrier stopped it: " + string(rune('a'+i%25))}}
		c.Attention = []plan.Note{stoppedByCarrier("欠费停机")}
		p.Cards = append(p.Cards, c)
	}
	return p
}

// What changed outside, and what needs attention, is told apart from what is planned.
func TestNothingPlannedIsToldAsDrift(t *testing.T) {
	p := driftedAndRebound()
	_, drift, ok := strings.Cut(textOf(t, p), "Changed outside")
	require.True(t, ok)
	drift, _, ok = strings.Cut(drift, "cardfleet will do")
	require.True(t, ok)
	assert.Contains(t, drift, `# card.bike["`+string(iccid(0))+`"]`+"\n")
	for _, planned := range []string{"imei", imei(1000), "NOT APPROVED", ", labels city="} {
		assert.NotContains(t, drift, planned, "the text")
	}
	var b bytes.Buffer
	require.NoError(t, render.Markdown(&b, p, render.MarkdownOptions{}))
	for _, title := range []string{"### Changed outside", "### Needs attention"} {
		part := markdownSection(b.String(), title)
		assert.Contains(t, part, string(iccid(0)))
		for i := range 600 {
			assert.NotContains(t, part, imei(i+1000), "%s of the comment", title)
		}
	}
	assert.Contains(t, markdownSection(b.String(), "### Needs attention"), imei(0))
}
