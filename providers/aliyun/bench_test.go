package aliyun_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/aliyun"
	"github.com/cardfleet/cardfleet/providers/aliyun/aliyunsim"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpctest"
	"github.com/cardfleet/cardfleet/spec"
)

// BenchmarkRefresh reads N cards from a carrier that allows R calls a second
// and answers after 30 ms, over HTTP on loopback: how many times longer than N/R
// that takes (at most 1.05 is wanted), and how many of a hundred calls were
// throttled (at most 1). The clock is real: a round of each takes 10 s.
func BenchmarkRefresh(b *testing.B) {
	for _, rate := range []int{20, 200} {
		b.Run(fmt.Sprintf("R=%d", rate), func(b *testing.B) { refresh(b, rate) })
	}
}

func refresh(b *testing.B, rate int) {
	cards := 10 * rate
	w := &carriersim.World{
		Open: true, Now: time.Now, RequestsPerSecond: float64(rate), Latency: carriersim.Duration(30 * time.Millisecond), Sleep: sleep,
	}
	carrier := aliyunsim.Carrier(w)
	server := httptest.NewServer(carriersim.Serve([]carriersim.Carrier{carrier}))
	defer server.Close()
	network := &http.Transport{MaxIdleConnsPerHost: 16}
	defer network.CloseIdleConnections()
	env := alirpctest.Env(network, nil)
	env.Sleep = sleep // here, pauses matter
	p, diagnostics := aliyun.Type().Open(carrier.Point(spec.ProviderConfig{
		Settings: map[string]any{"requests_per_second": float64(rate)},
	}, server.URL), env)
	require.Empty(b, diagnostics)
	wants := fleet(cards)
	for b.Loop() {
		readings, err := providers.ReadAll(b.Context(), p, wants, providers.ReadOptions{})
		require.NoError(b, err)
		require.Len(b, readings, cards)
	}
	ideal := float64(b.N*cards) / float64(rate)
	calls := w.Count("QueryCardStatus")
	b.ReportMetric(b.Elapsed().Seconds()/ideal, "x/ideal")
	b.ReportMetric(100*float64(calls-b.N*cards)/float64(calls), "%throttled")
}

// fleet is n cards to be read.
func fleet(n int) []providers.Want {
	wants := make([]providers.Want, n)
	for i := range wants {
		wants[i].ICCID = spec.ICCID(fmt.Sprintf("898600D69913%08d", i))
	}
	return wants
}

// sleep waits for d, or for the context's end.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
