package render_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
)

func TestTimesAreToldInTheZoneToo(t *testing.T) {
	c := render.ClockOf("Asia/Shanghai")
	for text, want := range map[string]string{
		"since 2026-11-21 20:46 UTC; then":            "since 2026-11-21 20:46 UTC (2026-11-22 04:46 Asia/Shanghai); then",
		"at 2026-11-21 20:46:47 UTC (no answer)":      "at 2026-11-21 20:46:47 UTC (2026-11-22 04:46:47 Asia/Shanghai) (no answer)",
		"2026-11-21T20:46:47Z":                        "2026-11-21T20:46:47Z (2026-11-22 04:46:47 Asia/Shanghai)",
		"2026-13-21 20:46 UTC, 12026-11-21 20:46 UTC": "2026-13-21 20:46 UTC, 12026-11-21 20:46 UTC",
		"it runs out on 2026-12-21":                   "it runs out on 2026-12-21",
		"":                                            "",
	} {
		assert.Equal(t, want, c.Both(text))
		assert.Equal(t, want, c.Both(c.Both(text)), "said once")
		for _, none := range []string{"", "Local", "Nowhere/AtAll", "../etc/passwd"} {
			assert.Equal(t, text, render.ClockOf(none).Both(text))
		}
	}
}

// zonedPlan has times in drift, notes, attention and its readings.
func zonedPlan() *plan.Plan {
	p := drifted()
	p.Zone = "Asia/Shanghai"
	p.Cards[0].Notes = []string{"the carrier takes another change of this card from 2026-11-22 08:00 UTC on"}
	p.Cards[1].Attention = []plan.Note{{Summary: "Outcome in doubt", Detail: "It was sent at 2026-11-21 20:46:47 UTC."}}
	return p
}

func TestEveryFormTellsTimesInTheFleetsZone(t *testing.T) {
	p := zonedPlan()
	want := []string{
		"2026-11-20 08:00 UTC (2026-11-20 16:00 Asia/Shanghai)", "2026-11-22 08:00 UTC (2026-11-22 16:00 Asia/Shanghai)",
		"2026-11-21 20:46:47 UTC (2026-11-22 04:46:47 Asia/Shanghai)",
	}
	for width := range 3 {
		var b bytes.Buffer
		require.NoError(t, render.Text(&b, p, render.Style{Width: 60 * width}))
		text := strings.NewReplacer("# ", "").Replace(strings.Join(strings.Fields(b.String()), " "))
		for _, w := range want {
			assert.Contains(t, text, w)
			assert.NotContains(t, text, w+" (")
		}
	}
	md := strings.ReplaceAll(markdown(t, p, render.MarkdownOptions{}), "`", "")
	sound(t, markdown(t, p, render.MarkdownOptions{}), p, render.GitHubLimit)
	for _, w := range want[1:] {
		assert.Contains(t, md, w)
	}
	p.Timestamp = time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)
	b := openPage(t, p)
	assert.Contains(t, eval[string](b, `document.querySelector("time").textContent`), "2026-11-21 20:46 UTC (2026-11-22 04:46 Asia/Shanghai)")
	eval[bool](b, `(() => {
		const rows = document.getElementById("rows");
		rows.focus();
		rows.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
		rows.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
		return true;
	})()`)
	card := eval[string](b, `document.getElementById("card-body").textContent`)
	for _, w := range want[:2] {
		assert.Contains(t, card, w)
	}
}
