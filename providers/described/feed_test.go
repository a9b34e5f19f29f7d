package described_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

func TestAListThatTakesSinceTellsWhatHasChanged(t *testing.T) {
	since := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct{ text, asked string }{
		"as it is":    {`more = reply.json.more`, "2026-11-28T08:00:00Z"},
		"by a format": {"more = reply.json.more\n    since = time(\"YYYYMMDDhhmmss\", since, \"Asia/Shanghai\")", "20261128160000"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(0, 25)
			p := serving(t, well(t, fmt.Sprintf(followed, row.text)), a, nil)
			feed, ok := p.(providers.ChangeFeed)
			require.True(t, ok && feed.FeedsChanges())
			var cards []spec.ICCID
			require.NoError(t, feed.Changed(t.Context(), since, func(page []spec.ICCID) bool {
				cards = append(cards, page...)
				return len(cards) < 20
			}))
			assert.Len(t, cards, 20, "it ends where no more is wanted")
			assert.Equal(t, []string{row.asked, row.asked}, a.since)
			a.since = nil
			require.NoError(t, p.(providers.Lister).List(t.Context(), func(spec.Reading) error { return nil }))
			assert.Equal(t, []string{"", "", ""}, a.since, "a whole list has none")
		})
	}
}

func TestAListWithoutSinceIsNoFeedAndSinceThatNothingTakesIsAMistake(t *testing.T) {
	p := opened(t, example(t), newSims())
	assert.False(t, p.(providers.ChangeFeed).FeedsChanges())
	_, mistakes := compile(t, `carrier "f" {
  endpoint = "https://f.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  list {
    request = { path = "/cards" }
    rows    = reply.json.rows
    iccid   = row.iccid
    more    = reply.json.more
    since   = unix(since)
  }
}
`)
	require.Len(t, mistakes, 1)
	assert.Contains(t, mistakes[0], "line 12: Unused since")
}
