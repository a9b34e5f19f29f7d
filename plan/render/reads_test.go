package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
)

func TestAPlanSaysWhichCardsItRead(t *testing.T) {
	at := time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return at.Add(-d) }
	for want, reads := range map[string]plan.Reads{
		"": {Provider: "aliyun", Cards: 10, Read: 10, Calls: 20},
		"aliyun: read 5,000 cards in 125 list calls\n":                                       {Provider: "aliyun", Read: 5000, Calls: 125, ListCalls: 125},
		"aliyun: read 5,000 cards in 125 list calls and 1 other\n":                           {Provider: "aliyun", Read: 5000, Calls: 126, ListCalls: 125},
		"aliyun: read 1 card in 2 calls; 4,990 cards by readings 2 h 0 min to 3 days old\n":  {Provider: "aliyun", Read: 1, Calls: 2, Remembered: 4990, Oldest: ago(80 * time.Hour), Newest: ago(2 * time.Hour)},
		"aliyun: 1 card by readings 5 min old; 2 cards not read yet, left for a later run\n": {Provider: "aliyun", Remembered: 1, Oldest: ago(5 * time.Minute), Newest: ago(5 * time.Minute), Left: 2},
	} {
		var b strings.Builder
		require.NoError(t, render.Text(&b, &plan.Plan{Timestamp: at, Total: 3, Reads: []plan.Reads{reads}}, render.Style{}))
		if want != "" {
			want += "\n"
		}
		assert.Equal(t, want+"No changes. 3 cards match the configuration.\n", b.String())
	}
}

func TestWhatWasNotReadIsAddedUp(t *testing.T) {
	at := time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)
	p := &plan.Plan{Timestamp: at, Reads: []plan.Reads{
		{Provider: "aliyun", Read: 1, Calls: 1, Remembered: 7, Oldest: at.Add(-72 * time.Hour), Newest: at.Add(-time.Hour)},
		{Provider: "xuyu", Remembered: 2, Oldest: at.Add(-96 * time.Hour), Newest: at.Add(-80 * time.Hour), Left: 3},
	}}
	assert.Equal(t, "Not read for this plan: 9 cards by readings 60 min to 4 days old; 3 cards not read yet, left for a later run.", render.NotReadText(p))
	assert.Empty(t, render.NotReadText(&plan.Plan{Reads: []plan.Reads{{Provider: "aliyun", Read: 1, Calls: 1}}}))
}
