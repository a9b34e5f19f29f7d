package lines

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func drawText(t *rapid.T, name string) string {
	return rapid.SampledFrom([]string{"", "正常", "a", "\"", `card.bike["x\"y"]`, "\\", "\x01", "\u2028", "<&>", "\xff", "e\u0301", "🙂", "\n"}).Draw(t, name)
}

func drawTime(t *rapid.T, name string) time.Time {
	switch rapid.IntRange(0, 3).Draw(t, name) {
	case 0:
		return time.Time{}
	case 1:
		return time.Date(2028, 2, 29, 23, 59, 59, rapid.IntRange(0, 999_999_999).Draw(t, "ns"), time.UTC)
	case 2:
		return time.Date(rapid.IntRange(0, 9999).Draw(t, "year"), 1, rapid.IntRange(1, 365).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
	default:
		return time.Date(2026, 11, 29, 7, 0, 0, 0, time.FixedZone("", 8*3600))
	}
}

// drawCard draws a card with every field that the state has.
func drawCard(t *rapid.T) state.Card {
	some := func(name string) bool { return rapid.Bool().Draw(t, name) }
	c := state.Card{
		Provider: "aliyun", ICCID: spec.ICCID("89860617030010000" + drawText(t, "iccid")), Address: drawText(t, "address"),
		MSISDN: drawText(t, "msisdn"), PreventUnbind: some("prevents"), Changed: drawTime(t, "changed"), Since: drawTime(t, "since"),
	}
	if some("labels") {
		c.Labels = map[string]string{"city": drawText(t, "label")}
		for range rapid.IntRange(0, 2).Draw(t, "more labels") {
			c.Labels[drawText(t, "key")] = drawText(t, "label")
		}
	}
	if some("carrier ids") {
		c.CarrierIDs = map[string]string{"id": drawText(t, "carrier id")}
	}
	if some("binding") {
		c.Binding = state.Binding{Known: some("known"), Unconfirmed: state.Unconfirmed(rapid.IntRange(0, 3).Draw(t, "unconfirmed")), AsFarAsTold: some("told"), IMEI: spec.IMEI(drawText(t, "imei"))}
	}
	if some("last") {
		c.Last = state.Last{
			At: drawTime(t, "at"), Status: drawText(t, "status"), Lifecycle: spec.Lifecycle(drawText(t, "lifecycle")), Reason: drawText(t, "reason"),
			ForDevice: some("for device"), Has: spec.Attr(rapid.IntRange(0, 255).Draw(t, "has")), IMEI: spec.IMEI(drawText(t, "imei")),
		}
		for range rapid.IntRange(0, 2).Draw(t, "packages") {
			c.Last.Packages = append(c.Last.Packages, spec.Package{ID: drawText(t, "id"), Name: drawText(t, "name"), Effective: drawTime(t, "effective"), Expires: drawTime(t, "expires")})
		}
	}
	change := func() spec.Change {
		return spec.Change{Kind: spec.Kind(drawText(t, "kind")), From: drawText(t, "from"), To: drawText(t, "to")}
	}
	for range rapid.IntRange(0, 2).Draw(t, "recent") {
		c.Recent = append(c.Recent, state.Change{Change: change(), At: drawTime(t, "at"), CarrierAt: drawTime(t, "carrier at")})
	}
	for range rapid.IntRange(0, 1).Draw(t, "doubts") {
		c.Doubts = append(c.Doubts, state.Doubt{Change: change(), Since: drawTime(t, "since")})
	}
	return c
}

func lineOf(t require.TestingT, c *state.Card) []byte {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(c))
	return line.Bytes()
}

func TestALineIsReadAlikeWithAndWithoutJSON(t *testing.T) {
	s := &Scanner{}
	rapid.Check(t, func(t *rapid.T) {
		c := drawCard(t)
		line := lineOf(t, &c)
		for range rapid.IntRange(0, 2).Draw(t, "edits") {
			at := rapid.IntRange(0, len(line)-1).Draw(t, "at")
			line = append(append(append([]byte{}, line[:at]...), rapid.SampledFrom([]string{"", "0", "9", "\"", ",", " ", "}", "\\", "\xff", "\n"}).Draw(t, "put")...), line[at+rapid.IntRange(0, 1).Draw(t, "cut"):]...)
		}
		compareWithJSON(t, s, line)
	})
}

func TestWhatIsUsuallyWrittenNeedsNoJSON(t *testing.T) {
	c := state.Card{
		Provider: "aliyun", ICCID: "89860617030010000001", Address: `card.bike["89860617030010000001"]`, MSISDN: "1064", Binding: state.Binding{Known: true, Unconfirmed: state.OnTrust, IMEI: "861536030000001"},
		Last:  state.Last{At: time.Unix(1, 5).UTC(), Status: "正常", Lifecycle: spec.Active, Has: 6, IMEI: "861536030000001", Packages: []spec.Package{{ID: "10002", Name: "流量", Expires: time.Unix(9, 0).UTC()}}},
		Since: time.Unix(3, 0).UTC(), Changed: time.Unix(4, 0).UTC(), PreventUnbind: true, Recent: []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: time.Unix(4, 0).UTC(), CarrierAt: time.Unix(4, 0).UTC()}},
	}
	line := lineOf(t, &c)
	var got state.Card
	require.True(t, (&Scanner{}).Card(line, &got))
	require.Equal(t, c, got)
}

// compareWithJSON holds the Scanner to encoding/json: what it takes, that takes
// with the same result.
func compareWithJSON(t require.TestingT, s *Scanner, line []byte) {
	var got, want state.Card
	if !s.Card(line, &got) {
		return
	}
	require.NoError(t, Unmarshal(line, &want), "%s", line)
	require.Equal(t, want, got, "%s", line)
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"provider":"aliyun","iccid":"89860617030010000001","address":"card.bike[\"1\"]","binding":{"known":true,"unconfirmed":"trust","imei":"861536030000001"},"prevent_unbind":true,"last":{"at":"2026-11-21T20:00:00.001Z","status":"正常","lifecycle":"active","has":6,"packages":[{"id":"1","name":"n","expires":"2026-11-21T20:00:00Z"}]},"changed":"2026-11-21T20:00:00Z","since":"2026-11-21T20:00:00Z","recent":[{"kind":"stop","at":"2026-11-21T20:00:00Z"}]}` + "\n"))
	f.Fuzz(func(t *testing.T, line []byte) { compareWithJSON(t, &Scanner{}, line) })
}
