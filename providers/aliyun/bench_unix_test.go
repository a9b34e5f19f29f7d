//go:build unix

package aliyun_test

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// BenchmarkRead reads 5,000 cards over HTTP on loopback, 100 at a time. The CPU
// time is that of both ends.
func BenchmarkRead(b *testing.B) {
	const cards = 5000
	p := simulated(b, &carriersim.World{Open: true, Now: time.Now}, nil)
	wants := fleet(cards)
	before := cpu(b)
	for b.Loop() {
		if _, err := providers.ReadAll(b.Context(), p, wants, providers.ReadOptions{Parallel: 100}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N)/cards, "cpu-µs/card")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/cards, "µs/card")
}

// carriers are where the benchmarks below read from: over HTTP from a process
// of its own, and without a network, where all that is left is our own work.
func carriers() map[string]func(*testing.B, time.Duration, map[string]any) providers.Provider {
	return map[string]func(*testing.B, time.Duration, map[string]any) providers.Provider{"http": carrierApart, "within": carrierWithin}
}

// BenchmarkLatency reads 5,000 cards one by one from a carrier that answers
// after 20 ms, 100 at a time: 1 s at best (at most 1.15 is wanted), at 150 µs of
// processor time a card at most.
func BenchmarkLatency(b *testing.B) {
	const cards, latency, inFlight = 5000, 20 * time.Millisecond, 100
	for name, open := range carriers() {
		b.Run(name, func(b *testing.B) {
			p := open(b, latency, map[string]any{"requests_per_second": 1e6, "max_in_flight": inFlight})
			readFleet(b, p, cards, float64(cards)*latency.Seconds()/inFlight)
		})
	}
}

// BenchmarkBareHTTP makes as many calls as BenchmarkLatency with nothing around
// them: what the machine makes of the ideal time at the moment.
func BenchmarkBareHTTP(b *testing.B) {
	const cards, latency, inFlight = 5000, 20 * time.Millisecond, 100
	address, network := answersApart(b, latency)
	before := cpu(b)
	for b.Loop() {
		var calls sync.WaitGroup
		var next atomic.Int64
		for range inFlight {
			calls.Go(func() {
				for next.Add(1) <= cards {
					req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, address+"/?Iccid=89860617030017300390", nil)
					if !assert.NoError(b, err) {
						return
					}
					resp, err := network.RoundTrip(req)
					if !assert.NoError(b, err) {
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body) // a short answer counts as one, too
					_ = resp.Body.Close()                 // was read
				}
			})
		}
		calls.Wait()
	}
	report(b, cpu(b)-before, cards, float64(cards)*latency.Seconds()/inFlight)
}

// BenchmarkSustainedRate reads 30,000 cards at 1,000 calls a second, which takes
// 30 s: at most 1.03 times that is wanted, with less than 10% of one core
// outside HTTP.
func BenchmarkSustainedRate(b *testing.B) {
	const cards, rate = 30_000, 1000
	for name, open := range carriers() {
		b.Run(name, func(b *testing.B) {
			p := open(b, 20*time.Millisecond, map[string]any{"requests_per_second": float64(rate), "max_in_flight": 100})
			readFleet(b, p, cards, cards/rate)
		})
	}
}

// readFleet measures the reading of so many cards, which takes ideal seconds at best.
func readFleet(b *testing.B, p providers.Provider, cards int, ideal float64) {
	wants := fleet(cards)
	before := cpu(b)
	for b.Loop() {
		readings, err := providers.ReadAll(b.Context(), p, wants, providers.ReadOptions{})
		require.NoError(b, err)
		require.True(b, readings[cards-1].Known())
	}
	report(b, cpu(b)-before, cards, ideal)
}

// report is how long a round took, by its ideal time, and the processor's work.
func report(b *testing.B, used time.Duration, cards int, ideal float64) {
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/ideal, "x/ideal")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N)/float64(cards), "cpu-µs/card")
	b.ReportMetric(100*used.Seconds()/b.Elapsed().Seconds(), "%core")
}

// cpu is the processor time that this process has taken.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
