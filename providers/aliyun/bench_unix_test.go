//go:build unix

package aliyun_test

import (
	"syscall"
	"testing"
	"time"

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

// cpu is the processor time that this process has taken.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
