package render_test

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

// BenchmarkMarkdown is what a comment costs for each card of a plan: of cards
// that are alike, of cards whose labels are all different, and of cards that
// swap devices two by two. cpu-ns/card has to stay below 2000 for a million
// cards: 2 s of CPU. bytes/card is what is allocated in all, so the peak
// is lower; the limit is 500 MB more than a plan of a million cards.
func BenchmarkMarkdown(b *testing.B) {
	benchmark(b, func(p *plan.Plan) error { return render.Markdown(io.Discard, p, render.MarkdownOptions{}) })
}

// BenchmarkText is the same for the text.
func BenchmarkText(b *testing.B) {
	benchmark(b, func(p *plan.Plan) error { return render.Text(io.Discard, p, render.Style{}) })
}

// BenchmarkHTML is the same for the page, whose bytes a card are in docs/cli.md.
func BenchmarkHTML(b *testing.B) {
	benchmark(b, func(p *plan.Plan) error { return render.HTML(io.Discard, p, render.HTMLOptions{}) })
}

func benchmark(b *testing.B, show func(p *plan.Plan) error) {
	for name, of := range map[string]func(n int) *plan.Plan{"alike": manyStops, "labels": manyLabels, "swaps": manySwaps} {
		for _, n := range []int{1000, 10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				p := of(n)
				runtime.GC()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				used := cpuTime()
				for b.Loop() {
					require.NoError(b, show(p))
				}
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/card")
				b.ReportMetric(float64((cpuTime()-used).Nanoseconds())/float64(b.N)/float64(n), "cpu-ns/card")
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/float64(n), "bytes/card")
			})
		}
	}
}

// manyLabels is manyStops with labels of its own for each card.
func manyLabels(n int) *plan.Plan {
	p := manyStops(n)
	for i := range p.Cards {
		p.Cards[i].Labels = map[string]string{"order": strconv.Itoa(i), "city": "hangzhou"}
	}
	return p
}

// manySwaps are n cards that swap devices two by two.
func manySwaps(n int) *plan.Plan {
	p := manyStops(n)
	for i := range p.Cards {
		c, other := &p.Cards[i], &p.Cards[i^1]
		a := &c.Actions[0]
		a.Kind, a.From, a.To = spec.ChangeBind, imei(i), imei(i^1)
		if i%2 == 0 {
			a.Needs = []string{other.Actions[0].ID}
		}
	}
	return p
}
