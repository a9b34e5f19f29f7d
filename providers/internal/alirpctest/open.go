package alirpctest

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Env is a world outside in which pauses are short.
func Env(network http.RoundTripper, variables map[string]string) providers.Env {
	return providers.Env{
		Getenv: func(name string) string { return variables[name] },
		Now:    time.Now,
		Sleep: func(ctx context.Context, d time.Duration) error {
			select {
			case <-time.After(d / 100): // the tests need no real pauses
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		Random:    func(p []byte) { _, _ = rand.Read(p) }, // never fails
		Transport: network,
		Version:   "1.2.3",
	}
}

// Open opens a block with the test account and without limits that matter.
func Open(t testing.TB, typ providers.Type, settings map[string]any) providers.Provider {
	config := spec.ProviderConfig{Name: spec.ProviderName(typ.Schema.Type), Settings: map[string]any{
		"access_key_id": carriersim.TestID, "access_key_secret": carriersim.TestSecret, "requests_per_second": 1e6, "max_in_flight": 100,
	}}
	for name, v := range settings {
		config.Settings[name] = v
	}
	network := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(network.CloseIdleConnections)
	p, diagnostics := typ.Open(config, Env(network, nil))
	require.Empty(t, diagnostics)
	return p
}

// Simulated opens a provider in front of a simulated carrier over HTTP.
func Simulated(t testing.TB, typ providers.Type, carrier carriersim.Carrier, settings map[string]any) providers.Provider {
	server := httptest.NewServer(carriersim.Serve([]carriersim.Carrier{carrier}))
	t.Cleanup(server.Close)
	return Open(t, typ, carrier.Point(spec.ProviderConfig{Settings: settings}, server.URL).Settings)
}

// Answering opens a provider in front of a carrier with these answers, in turn;
// the last one stays. setting names the base URL that leads there.
func Answering(t testing.TB, typ providers.Type, setting string, status int, answers ...string) providers.Provider {
	next := make(chan string, len(answers))
	for _, a := range answers {
		next <- a
	}
	last := answers[len(answers)-1]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := last
		select {
		case body = <-next:
		default:
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return Open(t, typ, map[string]any{setting: server.URL, "retries": 1})
}

// Calls is the actions of the requests, in order.
func Calls(w *carriersim.World) (actions []string) {
	for _, r := range w.Requests() {
		actions = append(actions, r.Action)
	}
	return actions
}
