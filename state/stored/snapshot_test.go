package stored_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
	"github.com/cardfleet/cardfleet/state/stored"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fleet is a state of n cards with what real ones hold.
func fleet(n int) *state.Snapshot {
	s := &state.Snapshot{Lineage: "5a0e1c2e-7d7e-4a57-9a0e-3f4a1f0c9b11", Serial: 3}
	for i := range n {
		iccid := spec.ICCID(fmt.Sprintf("898606170300%08d", i))
		imei := spec.IMEI(fmt.Sprintf("86153603%07d", i*7919%10_000_000))
		s.Cards = append(s.Cards, state.Card{
			Provider: "aliyun.hangzhou", ICCID: iccid, Address: fmt.Sprintf("card.bike[%q]", iccid), Binding: state.BoundTo(imei),
			Last: state.Last{
				At: noon.Add(time.Duration(i) * time.Millisecond), Status: "正常", Lifecycle: spec.Active,
				Has: spec.AttrActive | spec.AttrPackages, Packages: []spec.Package{{ID: "10002", Name: "30M/月"}},
			},
		})
	}
	return s
}

func encoded(t testing.TB, s *state.Snapshot) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, stored.Encode(&buf, s, "0.1.0"))
	return buf.Bytes()
}

// plain is the file as a person sees it who unpacks it to mend it.
func plain(t testing.TB, file []byte) string {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	defer z.Close()
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	return string(text)
}

func decode(file []byte) (*state.Snapshot, error) {
	return stored.Decode(bytes.NewReader(file), "fleet.state")
}

func TestEverySnapshotSurvivesTheCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := statetest.DrawSnapshot(t)
		var buf, again bytes.Buffer
		require.NoError(t, stored.Encode(&buf, want, "0.1.0"))
		require.NoError(t, stored.Encode(&again, want, "0.1.0"))
		require.Equal(t, buf.Bytes(), again.Bytes(), "the same snapshot, other bytes")
		got, err := decode(buf.Bytes())
		require.NoError(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("read back (-want +got):\n%s", diff)
		}
		head, err := stored.DecodeHeader(&buf, "fleet.state")
		require.NoError(t, err)
		require.Equal(t, stored.Header{Format: "cardfleet-state", Version: 2, Lineage: want.Lineage, Serial: want.Serial, Cards: len(want.Rows()), WrittenBy: "0.1.0", Fleet: want.Fleet}, head)
	})
}

func TestFormatOfTheFile(t *testing.T) {
	s := fleet(1)
	s.Cards[0].Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Unbind, From: "861536030196001"}, Since: noon, Reason: "no answer within 25s"}}
	want := strings.Join([]string{
		`{"format":"cardfleet-state","version":2,"lineage":"5a0e1c2e-7d7e-4a57-9a0e-3f4a1f0c9b11","serial":3,"cards":1,"written_by":"0.1.0"}`,
		`{"provider":"aliyun.hangzhou","iccid":"89860617030000000000","address":"card.bike[\"89860617030000000000\"]",` +
			`"binding":{"known":true,"imei":"861536030000000"},` +
			`"last":{"at":"2026-11-21T12:00:00Z","status":"正常","lifecycle":"active","has":6,"packages":[{"id":"10002","name":"30M/月"}]},` +
			`"doubts":[{"kind":"unbind","from":"861536030196001","since":"2026-11-21T12:00:00Z","reason":"no answer within 25s"}]}`,
		`{"end":"cardfleet-state","cards":1,"sha256":"3bac6b20e6a9b39c51d4e0d2f9a3e0a5a7f4bb4b2f7b6f5b3f3a7d2a2a1f4a55"}`,
	}, "\n") + "\n"
	got := plain(t, encoded(t, s))
	require.Equal(t, withoutSum(want), withoutSum(got))
}

// withoutSum takes the checksum out of a plain file's trailer, as a person does who changed it.
func withoutSum(text string) string {
	i := strings.Index(text, `,"sha256"`)
	if i < 0 {
		return text
	}
	return text[:i] + "}\n"
}

func TestAPersonCanMendAnUnpackedFile(t *testing.T) {
	text := plain(t, encoded(t, fleet(3)))
	got, err := decode([]byte(text))
	require.NoError(t, err)
	require.Equal(t, fleet(3), got)

	changed := strings.Replace(text, "861536030007919", "861536030007927", 1)
	_, err = decode([]byte(changed))
	require.EqualError(t, err, `read the state fleet.state: line 5: the checksum is that of another file: `+
		`if you changed the file on purpose, take "sha256" out of its last line`)

	got, err = decode([]byte(withoutSum(changed)))
	require.NoError(t, err)
	require.Equal(t, spec.IMEI("861536030007927"), got.Cards[1].Binding.IMEI)
}

func TestWhatIsNoWholeStateIsRefused(t *testing.T) {
	text := withoutSum(plain(t, encoded(t, fleet(3))))
	lines := strings.SplitAfter(text, "\n")
	rows := []struct{ name, file, want string }{
		{"empty", "", "read the state fleet.state: the file is empty"},
		{"something else", "{}\n", "line 1: this is not a state of cardfleet"},
		{"Terraform's", `{"version":4,"terraform_version":"1.9"}`, "line 1: this is not a state of cardfleet"},
		{"a newer program's", strings.Replace(text, `"version":2`, `"version":3`, 1),
			"line 1: the state has format version 3 and was written by cardfleet 0.1.0; this program reads versions 1 to 2: use that version or a newer one"},
		{"cut off", lines[0] + lines[1], "line 3: the file is cut off after 1 of 3 cards"},
		{"cut within a card", lines[0] + lines[1][:40], "line 2: this is not a card: unexpected EOF"},
		{"a card missing", lines[0] + lines[1] + lines[3] + lines[4], "line 4: the first line says 3 cards, the last one 3, and between them are 2"},
		{"a card twice", lines[0] + lines[1] + lines[1], "line 3: card 89860617030000000000 is listed twice, of aliyun.hangzhou and of aliyun.hangzhou"},
		{"out of order", lines[0] + lines[2] + lines[1],
			"line 3: card 89860617030000000000 of aliyun.hangzhou stands behind card 89860617030000000001 of aliyun.hangzhou: cards are sorted by ICCID"},
		{"an unknown field", strings.Replace(text, `"address"`, `"adr"`, 1), `line 2: this is not a card: json: unknown field "adr"`},
		{"no provider", strings.Replace(text, `"provider":"aliyun.hangzhou"`, `"provider":""`, 1), "line 2: card 89860617030000000000 has no provider"},
		{"a bad ICCID", strings.Replace(text, `"iccid":"89860617030000000000"`, `"iccid":"8986"`, 1),
			`line 2: a card of aliyun.hangzhou has no proper ICCID: "8986" has 4 characters; an ICCID has 19 or 20`},
		{"more behind the end", text + lines[1], "line 6: the file goes on behind its last line"},
		{"two cards on a line", lines[0] + strings.TrimSpace(lines[1]) + lines[2], "line 2: this is not a card: something follows it on its line"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := decode([]byte(row.file))
			require.ErrorContains(t, err, row.want)
		})
	}
}

func TestAFileCutAtAnyByteIsRefused(t *testing.T) {
	file := encoded(t, fleet(20))
	for n := range file {
		s, err := decode(file[:n])
		require.Error(t, err, "cut at byte %d of %d", n, len(file))
		require.Nil(t, s, "cut at byte %d", n)
	}
}

func TestAFlippedBitIsNeverReadAsAnotherFleet(t *testing.T) {
	want := fleet(20)
	file := encoded(t, want)
	for i := range file {
		for bit := range 8 {
			damaged := slices.Clone(file)
			damaged[i] ^= 1 << bit
			if got, err := decode(damaged); err == nil {
				require.Equal(t, want, got, "bit %d of byte %d flipped", bit, i)
			}
		}
	}
}

func TestWhatCouldNotBeReadBackIsNotWritten(t *testing.T) {
	unsorted := fleet(2)
	slices.Reverse(unsorted.Cards)
	require.ErrorContains(t, stored.Encode(io.Discard, unsorted, ""), "cards are sorted by ICCID")
	lower := fleet(1)
	lower.Cards[0].ICCID = "898600d6991330004146"
	require.EqualError(t, stored.Encode(io.Discard, lower, ""), "write the state: ICCID 898600d6991330004146 is written in another way than 898600D6991330004146")
}

func FuzzDecode(f *testing.F) {
	for _, n := range []int{0, 1, 3} {
		file := encoded(f, fleet(n))
		f.Add(file)
		f.Add([]byte(plain(f, file)))
		f.Add([]byte(withoutSum(plain(f, file))))
	}
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := decode(file)
		if err != nil {
			require.Nil(t, s)
			require.ErrorContains(t, err, "read the state fleet.state: ")
			return
		}
		written := encoded(t, s)
		again, err := decode(written)
		require.NoError(t, err, "what was read can't be written and read again")
		require.Equal(t, written, encoded(t, again))
	})
}

// BenchmarkCodec is the state's file: the cost for each card has to stay flat.
func BenchmarkCodec(b *testing.B) {
	for _, cards := range []int{1000, 10_000, 100_000} {
		s := fleet(cards)
		file := encoded(b, s)
		report := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(cards), "ns/card")
			b.ReportMetric(float64(len(file))/float64(cards), "B/card")
		}
		b.Run(fmt.Sprintf("encode/%d", cards), func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, stored.Encode(io.Discard, s, "0.1.0"))
			}
			report(b)
		})
		b.Run(fmt.Sprintf("decode/%d", cards), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := decode(file)
				require.NoError(b, err)
			}
			report(b)
		})
	}
}
