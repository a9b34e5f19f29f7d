package apply_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// results are n results, whose outcomes go around.
func results(n int) []apply.Result {
	var out []apply.Result
	for i := range n {
		card := &plan.Card{Address: fmt.Sprintf("card.c[%q]", fmt.Sprint(i)), Provider: aliyun, ICCID: spec.ICCID(fmt.Sprintf("8986000000000000%04d", i))}
		outcome := apply.Outcomes()[i%5]
		out = append(out, apply.Result{
			Card: card, Action: &plan.Action{ID: fmt.Sprintf("a%d", i+1), Change: spec.Change{Kind: spec.Stop}, Approvals: []plan.Approved{{By: "rma", Reason: "returned"}}}, Outcome: outcome,
			Reason: strings.Repeat("it \"is\" so\n", i%3), RequestID: fmt.Sprint(i), Elapsed: time.Duration(i) * time.Millisecond,
		})
	}
	return out
}

// each visits results as a report does.
func each(results []apply.Result) func(visit func(*apply.Result) error) error {
	return func(visit func(*apply.Result) error) error {
		for i := range results {
			if err := visit(&results[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func written(t require.TestingT, h apply.ReportHeader, results []apply.Result) string {
	var b bytes.Buffer
	require.NoError(t, apply.WriteReport(&b, h, each(results)))
	return b.String()
}

func TestAReportIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := apply.ReportHeader{
			Version: "0.1.0", Lineage: rapid.String().Draw(t, "lineage"), Serial: rapid.Uint64().Draw(t, "serial"),
			Config: "sha256:00", Plan: "sha256:01", Partial: rapid.String().Draw(t, "partial"),
			Started: start, Finished: start.Add(time.Minute), Interrupted: rapid.Bool().Draw(t, "interrupted"),
			Run: &state.Run{ID: "6fa3c0de", Operation: "apply", Started: start, Who: "mei", Commit: "1a2b3c4d", Info: "https://ci.example/7", Version: "0.1.0"},
		}
		n := rapid.IntRange(0, 20).Draw(t, "actions")
		text := written(t, h, results(n))
		assert.Equal(t, n+2, strings.Count(text, "\n"))
		got, actions, err := apply.ReadReport(strings.NewReader(text))
		require.NoError(t, err)
		assert.Equal(t, h, got)
		require.Len(t, actions, n)
		for i, r := range results(n) {
			assert.Equal(t, apply.ReportAction{
				ID: r.Action.ID, Kind: r.Action.Kind, Card: r.Card.ID(), Outcome: r.Outcome,
				Address: r.Card.Address, Reason: r.Reason, RequestID: r.RequestID, Approvals: []state.EventApproval{{By: "rma", Reason: "returned"}},
			}, actions[i])
		}
	})
}

func TestACutOrChangedReportIsRefusedWithThePlace(t *testing.T) {
	whole := written(t, apply.ReportHeader{Version: "0.1.0", Lineage: "l"}, results(5))
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	without := func(i int) string { return strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "") }
	for name, row := range map[string]struct{ text, want string }{
		"nothing":           {"", "line 1: not a report of apply"},
		"something else":    {"PK\x03\x04\n", "line 1: not a report of apply"},
		"JSON of ours":      {`{"type":"version","ui":"1.0"}` + "\n", "line 1: not a report of apply"},
		"a later form":      {strings.Replace(whole, `"1.0"`, `"2.0"`, 1), `line 1: the report is of format "2.0"`},
		"no end":            {without(6), "line 7: the report is cut off here"},
		"cut inside a line": {whole[:len(whole)-20], "line 7: the report is cut off here"},
		"a line left out":   {without(3), "line 6: the end counts 5 actions, and the report has 4"},
		"an outcome":        {strings.Replace(whole, `"outcome":"failed"`, `"outcome":"done"`, 1), "line 7: the end counts 1 actions that are done, and the report has 2"},
		"no such outcome":   {strings.Replace(whole, `"outcome":"failed"`, `"outcome":"fine"`, 1), `line 3: there is no outcome "fine"`},
		"no card":           {strings.Replace(whole, `"iccid":"89860000000000000001"`, `"iccid":""`, 1), "line 3: the action names no card"},
		"a damaged line":    {strings.Replace(whole, `"a2"`, `"a2`, 1), "line 3: the report is damaged"},
		"another type":      {strings.Replace(whole, `"type":"action"`, `"type":"step"`, 1), `line 2: a report has no line of type "step"`},
		"two in one":        {whole + whole, "line 8: something follows the report's end"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := apply.ReadReport(strings.NewReader(row.text))
			assert.ErrorContains(t, err, row.want)
		})
	}
	_, _, err := apply.ReadReport(strings.NewReader(""))
	assert.ErrorIs(t, err, apply.ErrNotAReport)
}

func FuzzReadReport(f *testing.F) {
	f.Add(written(f, apply.ReportHeader{Version: "0.1.0", Lineage: "l"}, results(5)))
	f.Add(written(f, apply.ReportHeader{}, nil))
	f.Add("{\"type\":\"cardfleet-report\",\"format_version\":\"1.9\",\"more\":{}}\n{\"type\":\"end\"}\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, actions, err := apply.ReadReport(strings.NewReader(text))
		if err == nil && strings.Count(text, "\n") < len(actions)+2 {
			t.Errorf("%d actions in %q", len(actions), text)
		}
	})
}

// BenchmarkReport writes and reads a report: the cost for each action has to
// stay flat.
func BenchmarkReport(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		rs := results(n)
		text := written(b, apply.ReportHeader{}, rs)
		b.Run(fmt.Sprintf("write/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, apply.WriteReport(io.Discard, apply.ReportHeader{}, each(rs)))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/action")
		})
		b.Run(fmt.Sprintf("read/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, err := apply.ReadReport(strings.NewReader(text))
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/action")
		})
	}
}
