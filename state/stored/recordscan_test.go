package stored

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// compareWithJSON holds the scanner to encoding/json: what it takes, that takes with the
// same result. It reports whether it took it.
func compareWithJSON(t require.TestingT, s *recordScanner, list []byte) bool {
	got, ok := s.list(list)
	if !ok {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(list))
	dec.DisallowUnknownFields()
	var want []state.Record
	require.NoError(t, dec.Decode(&want), "%s", list)
	require.Equal(t, want, got, "%s", list)
	return true
}

func TestARecordIsReadAlikeWithAndWithoutJSON(t *testing.T) {
	s, w := &recordScanner{}, recordWriter{lines.NewWriter()}
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		records := make([]state.Record, rapid.IntRange(1, 3).Draw(t, "records"))
		for i := range records {
			r := &records[i]
			draw(t, reflect.ValueOf(r).Elem(), 0)
			r.Version, r.At = rapid.IntRange(0, 3).Draw(t, "version"), r.At.UTC()
			if rapid.IntRange(0, 5).Draw(t, "as most are") > 0 {
				r.Commit, r.Run, r.Pending = nil, nil, false
			}
		}
		written, err := w.list(records)
		require.NoError(t, err)
		list := bytes.Clone(written)
		for range rapid.IntRange(0, 2).Draw(t, "edits") {
			at := rapid.IntRange(0, len(list)-1).Draw(t, "at")
			list = append(append(append([]byte{}, list[:at]...), rapid.SampledFrom([]string{"", "0", "9", "\"", ",", " ", "}", "\\", "\xff", "\n"}).Draw(t, "put")...), list[at+rapid.IntRange(0, 1).Draw(t, "cut"):]...)
		}
		if compareWithJSON(t, s, list) {
			taken++
		}
	})
	require.Positive(t, taken)
}

// usualRecords are those of a change that went well, and of one that didn't.
func usualRecords() []state.Record {
	at := time.Unix(1, 5).UTC()
	stop := spec.Change{Kind: spec.Stop}
	bind := spec.Change{Kind: spec.ChangeBind, From: "861536030000001", To: "861536030000002"}
	base := state.Record{Version: 2, Serial: 18446744073709551, Seq: 7, At: at, Action: "9bd4cd1f", Provider: "aliyun", ICCID: "89860617030017300390"}
	intent, outcome, failed, put, drop := base, base, base, base, base
	intent.Type, intent.Intent = state.IntentRecord, &state.Intent{Change: bind, Key: "k", Ticket: "t"}
	outcome.Type = state.OutcomeRecord
	outcome.Card = &state.Card{Provider: "aliyun", ICCID: base.ICCID, Address: `card.bike["1"]`}
	outcome.Event = &state.Event{At: at, ICCID: base.ICCID, Provider: "aliyun", Address: `card.bike["1"]`, Change: stop, Outcome: "done", AsFarAsTold: true, Settles: true, RequestID: "R1"}
	failed.Type = state.OutcomeRecord
	failed.Event = &state.Event{At: at, ICCID: base.ICCID, Provider: "aliyun", Change: stop, Outcome: "failed", Reason: `the carrier says "停机失败"`}
	put.Type, put.Card, put.Serial, put.Seq = state.PutRecord, outcome.Card, 0, 0
	drop.Type = state.DropRecord
	return []state.Record{intent, outcome, failed, put, drop}
}

func TestRecordsAsTheyUsuallyAreNeedNoJSON(t *testing.T) {
	list, err := (recordWriter{lines.NewWriter()}).list(usualRecords())
	require.NoError(t, err)
	s := &recordScanner{}
	require.True(t, compareWithJSON(t, s, list), "%s", list)
	got, ok := s.list(list)
	require.True(t, ok)
	require.Equal(t, usualRecords(), got)
}

func TestWhatFollowsARecordIsRefused(t *testing.T) {
	text, err := NewRecordWriter().Text(&usualRecords()[0])
	require.NoError(t, err)
	var r RecordReader
	got, err := r.Read(text)
	require.NoError(t, err)
	require.Equal(t, usualRecords()[0], got)
	for _, more := range []string{"{}", " ", "\n", "x"} {
		_, err = r.Read(append(bytes.Clone(text), more...))
		if more == "\n" { // as lines end
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, "%q", more)
	}
}

func FuzzScanRecords(f *testing.F) {
	for _, records := range [][]state.Record{usualRecords(), usualRecords()[:1], usualRecords()[1:2]} {
		list, err := (recordWriter{lines.NewWriter()}).list(records)
		require.NoError(f, err)
		f.Add(bytes.Clone(list))
	}
	f.Fuzz(func(t *testing.T, list []byte) { compareWithJSON(t, &recordScanner{}, list) })
}

func BenchmarkReadRecords(b *testing.B) {
	records := make([]state.Record, 0, 1000)
	for range 200 {
		records = append(records, usualRecords()...)
	}
	list, err := (recordWriter{lines.NewWriter()}).list(records)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		var r RecordReader
		_, err := r.list(list)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

func TestACardIsReadAsItsRowHasItOrNotAtAll(t *testing.T) {
	var r CardReader
	for text, refused := range map[string]string{
		`{"provider":"aliyun","iccid":"89860617030017300390","address":"card.a"}`:                "",
		`{"iccid": "89860617030017300390", "provider": "aliyun", "address": "card.a"}`:           "",
		`{"provider":"aliyun","iccid":"89860617030017300390","address":"card.a","colour":"red"}`: "unknown field",
		`{"provider":"aliyun","iccid":"89860617030017300390","address":"card.a"}{}`:              "something follows the card in its row",
		`{"provider":"aliyun","iccid":"89860617030017300390","address":"card.a"`:                 "this is not a card",
	} {
		c, err := r.Read([]byte(text))
		if refused != "" {
			require.ErrorContains(t, err, refused, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, state.Card{Provider: "aliyun", ICCID: "89860617030017300390", Address: "card.a"}, c, text)
	}
}
