package render_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

func TestJSONIsOneIndentedObject(t *testing.T) {
	for name, p := range samplePlans() {
		t.Run(name, func(t *testing.T) {
			var got, whole bytes.Buffer
			require.NoError(t, render.JSON(&got, p, "sha256:00"))
			require.NoError(t, json.Indent(&whole, got.Bytes(), "", "  "))
			assert.Equal(t, whole.String(), got.String(), "as if it had been encoded in one piece")
			assert.Contains(t, got.String(), "\"cards\": [")
			assert.True(t, bytes.HasSuffix(got.Bytes(), []byte("\n}\n")))
		})
	}
}

// largest notes the largest piece that is written.
type largest struct{ size, writes int }

func (l *largest) Write(p []byte) (int, error) {
	l.size, l.writes = max(l.size, len(p)), l.writes+1
	return len(p), nil
}

func TestJSONOfManyCardsGoesOutInSmallPieces(t *testing.T) {
	var few, many largest
	require.NoError(t, render.JSON(&few, stops(1000), ""))
	require.NoError(t, render.JSON(&many, stops(20_000), ""))
	assert.Equal(t, few.size, many.size, "nothing waits for the end")
	assert.Greater(t, many.writes, 10*few.writes)
}

var errFull = errors.New("no space left on device")

// full takes so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestJSONThatCannotBeWrittenIsAnError(t *testing.T) {
	for _, room := range []int{0, 5000, 100_000} {
		assert.ErrorIs(t, render.JSON(&full{left: room}, stops(1000), ""), errFull)
	}
}

// stops is a plan of n stops.
func stops(n int) *plan.Plan {
	p := &plan.Plan{Total: n}
	for i := range n {
		p.Cards = append(p.Cards, aCard(i, plan.Action{Change: spec.Change{Kind: spec.Stop}}))
	}
	return p
}

// BenchmarkJSON writes plans of stops: time and memory for each card have to
// stay flat.
func BenchmarkJSON(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := stops(n)
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, render.JSON(io.Discard, p, "sha256:00"))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/card")
		})
	}
}
