package described_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/providertest"
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

// Such a row may be of any card: passed over, it would be a change that is missed.
func TestARowOfAListOfChangesThatDoesntSayWhoseItIsIsAnError(t *testing.T) {
	for row, ok := range map[string]bool{`{"iccid": "89423200000000000019"}`: true, `{"iccid": "a device"}`: true, `{}`: false, `{"iccid": null}`: false, `{"iccid": " "}`: false} {
		p := serving(t, well(t, fmt.Sprintf(followed, `more = reply.json.more`)), providertest.Answers(200, `{"more": false, "rows": [{"iccid": "89423200000000000001"}, `+row+`]}`), nil)
		var cards []spec.ICCID
		err := p.(providers.ChangeFeed).Changed(t.Context(), time.Time{}, func(page []spec.ICCID) bool {
			cards = append(cards, page...)
			return true
		})
		if ok {
			require.NoError(t, err, row)
			assert.Contains(t, cards, spec.ICCID("89423200000000000001"))
			continue
		}
		require.ErrorContains(t, err, "a row of the list of changes: the reply doesn't tell whose it is", row)
	}
}

// Hidden, it would be asked for by another name.
func TestAnIDThatHasASecretInItIsAskedForByNoCall(t *testing.T) {
	const secret = "s3cr3t-of-the-account"
	calls := 0
	p := serving(t, well(t, `carrier "f" {
  endpoint = "https://f.example"
  setting "key" {}
  lookup "id" {
    request = { path = "/find", query = { iccid = card.iccid } }
    value   = reply.json.id
  }
  read {
    request = { path = "/cards/${card.id}" }
    status  = reply.json.status
  }
  change "stop" { request = { method = "POST", path = "/stop/${card.id}" } }
}
`), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/find" {
			calls++
		}
		_, _ = fmt.Fprintf(w, `{"id": "x-%s", "status": "1"}`, secret)
	}), map[string]any{"key": secret})
	_, err := p.Read(t.Context(), iccid, 0)
	require.ErrorContains(t, err, "the card's id has a secret of the settings in it")
	assert.NotContains(t, err.Error(), secret)
	_, err = p.Do(t.Context(), change(spec.Stop, "", ""))
	require.ErrorContains(t, err, "the card's id has a secret of the settings in it")
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	assert.Zero(t, calls)
}
