package aliyun_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/aliyun"
	"github.com/cardfleet/cardfleet/providers/aliyun/aliyunsim"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/providertest"
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
	env := providertest.Hurried(network, nil)
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

// answersForBenchmarks is the variable that makes this test's program a carrier
// that answers after a while: the benchmarks measure the other end's processor
// time alone.
const answersForBenchmarks = "CARDFLEET_ANSWERS_AFTER"

// answerForBenchmarks serves until its standard input ends.
func answerForBenchmarks() {
	latency, err := time.ParseDuration(os.Getenv(answersForBenchmarks))
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it
		os.Exit(0)
	}()
	_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // ends with the process
		time.Sleep(latency)                                              // the carrier's time to answer: a benchmark measures real time
		_, _ = io.WriteString(w, activeCard(r.URL.Query().Get("Iccid"))) // a client that is gone needs no answer
	}))
}

func activeCard(iccid string) string {
	return `{"RequestId":"8906582E-6722-409A-A6C4-0E7863B733A5","Code":"OK","Message":"OK","CardStatus":{"Iccid":"` + iccid + `","Msisdn":"1064633113571","UserStatus":"正常"}}`
}

// carrierApart opens a provider in front of a carrier in a process of its own.
func carrierApart(b *testing.B, latency time.Duration, settings map[string]any) providers.Provider {
	address, network := answersApart(b, latency)
	return benchmarked(b, network, address, settings)
}

// answersApart starts the carrier in a process of its own.
func answersApart(b *testing.B, latency time.Duration) (address string, network *http.Transport) {
	server := exec.CommandContext(b.Context(), os.Args[0])
	server.Env = append(os.Environ(), answersForBenchmarks+"="+latency.String())
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	require.NoError(b, err)
	out, err := server.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, server.Start())
	b.Cleanup(func() {
		_ = in.Close()            // which ends it
		_ = server.Process.Kill() // where it didn't
		_ = server.Wait()         // killed or not
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	network = &http.Transport{MaxIdleConnsPerHost: 256}
	b.Cleanup(network.CloseIdleConnections)
	return "http://" + strings.TrimSpace(line), network
}

// carrierWithin answers without a network: what is left is our own work.
func carrierWithin(b *testing.B, latency time.Duration, settings map[string]any) providers.Provider {
	return benchmarked(b, within(latency), "http://carrier.localhost", settings)
}

type within time.Duration

func (latency within) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Duration(latency)) // as over the network
	body := activeCard(r.URL.Query().Get("Iccid"))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func benchmarked(b *testing.B, network http.RoundTripper, endpoint string, settings map[string]any) providers.Provider {
	settings["endpoint"], settings["access_key_id"], settings["access_key_secret"] = endpoint, carriersim.TestID, carriersim.TestSecret
	env := providertest.Hurried(network, nil)
	env.Sleep = sleep // here, pauses matter
	p, diagnostics := aliyun.Type().Open(spec.ProviderConfig{Name: "aliyun", Settings: settings}, env)
	require.Empty(b, diagnostics)
	return p
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
