package plan

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/state/lines"
)

// compareScan holds the scanner to encoding/json: what it takes, that takes with
// the same result.
func compareScan(t require.TestingT, s *lineScanner, c *Card, line []byte) bool {
	if !s.card(line, c) {
		return false
	}
	var want fileLine
	require.NoError(t, lines.Unmarshal(line, &want), "%s", line)
	require.Equal(t, fileLine{Card: c}, want, "%s", line)
	return true
}

func TestACardsLineIsReadAlikeWithAndWithoutJSON(t *testing.T) {
	w, s := newLineWriter(), &lineScanner{}
	var c Card // one for all, as whoever reads card by card has it
	rapid.Check(t, func(t *rapid.T) {
		var drawn Card
		fill(t, reflect.ValueOf(&drawn).Elem())
		line, err := w.card(&drawn)
		require.NoError(t, err)
		line = bytes.Clone(line)
		compareScan(t, s, &c, line)
		for range rapid.IntRange(0, 2).Draw(t, "edits") {
			at := rapid.IntRange(0, len(line)-1).Draw(t, "at")
			put := rapid.SampledFrom([]string{"", "0", "9", "\"", ",", " ", "}", "]", "\\", "\xff", "\n", "null", "true"}).Draw(t, "put")
			line = append(append(bytes.Clone(line[:at]), put...), line[at+rapid.IntRange(0, 1).Draw(t, "cut"):]...)
			compareScan(t, s, &c, line)
		}
	})
}

// TestWhatAPlanUsuallySaysOfACardNeedsNoJSON looks at each line of the plan that
// has every field, but for doubts, which few cards have.
func TestWhatAPlanUsuallySaysOfACardNeedsNoJSON(t *testing.T) {
	text, err := os.ReadFile("testdata/plan.v2.jsonl")
	require.NoError(t, err)
	cards := 0
	for line := range bytes.Lines(text) {
		var read fileLine
		if json.Unmarshal(line, &read) != nil || read.Card == nil {
			continue
		}
		cards++
		read.Card.Memory.Doubts = nil
		line, err := newLineWriter().card(read.Card)
		require.NoError(t, err)
		require.True(t, compareScan(t, &lineScanner{}, &Card{}, line), "%s", line)
	}
	require.Equal(t, 2, cards)
}

func FuzzScanCard(f *testing.F) {
	text, err := os.ReadFile("testdata/plan.v2.jsonl")
	require.NoError(f, err)
	for line := range bytes.Lines(text) {
		f.Add(line)
	}
	f.Add([]byte(`{"card":{"address":"card.bike[\"1\"]","provider":"aliyun","iccid":"1","msisdn":"1","labels":{"a":"b","c":"d"},"file":"b.csv","line":1204,"before":{"active":1},"actions":[{"id":"a1","kind":"unbind","from":"1","keeps_account":true,"final":true,"guarded":true,"approved":true,"required":2,"approvals":[{"by":"a","reason":"r","until":"2026-11-21T20:46:47Z"}],"denial":"d"}],"account":1,"leaving":true}}` + "\n"))
	f.Fuzz(func(t *testing.T, line []byte) { compareScan(t, &lineScanner{}, &Card{}, line) })
}
