package carriersim

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func TestCardsFollowTheLastOneThatWasSeen(t *testing.T) {
	w := &World{Cards: []Card{{ICCID: "89860617030017300390"}, {ICCID: "89860617030017300010"}, {ICCID: "89860617030017300200"}}}
	for last, want := range map[spec.ICCID]struct {
		first spec.ICCID
		more  bool
	}{
		"":                     {"89860617030017300010", true},
		"89860617030017300010": {"89860617030017300200", true},
		"89860617030017300100": {"89860617030017300200", true}, // which isn't there
		"89860617030017300200": {"89860617030017300390", false},
	} {
		cards, more := w.After(last, 1)
		require.Len(t, cards, 1, last)
		assert.Equal(t, want.first, cards[0].ICCID, last)
		assert.Equal(t, want.more, more, last)
	}
	cards, more := w.After("89860617030017300390", 1)
	assert.Empty(t, cards)
	assert.False(t, more)
}

func TestAnAccountIsFoundByItsSecretAlone(t *testing.T) {
	w := &World{}
	a, ok := w.Holds(TestSecret)
	assert.True(t, ok)
	assert.Equal(t, TestID, a.ID)
	carrier := Carrier{Type: "keyed", SecretSetting: "key", World: w, Services: []Service{{Setting: "endpoint", Path: "/keyed"}}}
	for _, key := range []string{"one", "two", "one"} {
		got := carrier.Point(spec.ProviderConfig{Settings: map[string]any{"key": key}}, "http://127.0.0.1:1")
		assert.Equal(t, map[string]any{"key": key, "endpoint": "http://127.0.0.1:1/keyed"}, got.Settings)
	}
	for _, key := range []string{TestSecret, "one", "two"} {
		_, ok := w.Holds(key)
		assert.True(t, ok, key)
	}
	_, ok = w.Holds("")
	assert.False(t, ok)
	assert.Len(t, w.Accounts, 3)
}

// A carrier that has two words for a status says which; what a person wrote for
// another status is gone.
func TestAChangeOfStatusClearsWordsOrGivesOthers(t *testing.T) {
	const iccid = "89860617030017300390"
	w := &World{Cards: []Card{{ICCID: iccid, Words: "欠费停机", Status: spec.SuspendedByCarrier}}}
	version := w.Version()
	set := func(status spec.Lifecycle, words string) string {
		_, err := w.Change(iccid, func(c *Card) bool {
			c.Status = status
			if words != "" {
				c.Words = words
			}
			return true
		})
		require.NoError(t, err)
		c, _ := w.Card(iccid)
		return c.Words
	}
	assert.Empty(t, set(spec.Active, ""))
	assert.Equal(t, "suspended", set(spec.SuspendedByOwner, "suspended"))
	assert.Greater(t, w.Version(), version)
}

func TestWhatIsKeptOfACardIsItsOwn(t *testing.T) {
	const iccid = "89860617030017300390"
	w := &World{Cards: []Card{{ICCID: iccid, IMEI: "861536030196001"}}}
	before, _ := w.Card(iccid)
	_, err := w.Change(iccid, func(c *Card) bool { c.Keep("group", "a"); c.InUse = "867194030000017"; return true })
	require.NoError(t, err)
	again, _ := w.Card(iccid)
	_, err = w.Change(iccid, func(c *Card) bool { c.Keep("group", "b"); return false })
	require.NoError(t, err)
	after, _ := w.Card(iccid)
	assert.Nil(t, before.More)
	assert.Equal(t, map[string]string{"group": "a"}, again.More)
	assert.Equal(t, "a", after.More["group"], "a change that isn't kept changes nothing")
	assert.Equal(t, spec.IMEI("861536030196001"), before.Seen())
	assert.Equal(t, spec.IMEI("867194030000017"), after.Seen())
}
