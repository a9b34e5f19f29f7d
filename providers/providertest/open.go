package providertest

import (
	"context"
	"crypto/rand"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Env is a world outside with the clock of time, which is the test's own within
// synctest.
func Env(network http.RoundTripper, variables map[string]string) providers.Env {
	return providers.Env{
		Getenv:    func(name string) string { return variables[name] },
		Now:       time.Now,
		Sleep:     sleep,
		Random:    func(p []byte) { _, _ = rand.Read(p) }, // never fails
		Transport: network,
		Version:   "1.2.3",
	}
}

// Hurried is [Env] with pauses of a hundredth, for tests over sockets, which
// have no clock of their own.
func Hurried(network http.RoundTripper, variables map[string]string) providers.Env {
	env := Env(network, variables)
	env.Sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/100) }
	return env
}

// sleep waits for d, or for the context's end.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Block is a block of the type with settings, the later ones before the
// earlier, and without limits that matter.
func Block(typ providers.Type, settings ...map[string]any) spec.ProviderConfig {
	all := map[string]any{"requests_per_second": 1e6, "max_in_flight": 1000}
	for _, s := range settings {
		maps.Copy(all, s)
	}
	return spec.ProviderConfig{Name: spec.ProviderName(typ.Schema.Type), Settings: all}
}

// Open opens a block over sockets, with short pauses.
func Open(t testing.TB, typ providers.Type, settings ...map[string]any) providers.Provider {
	t.Helper()
	network := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(network.CloseIdleConnections)
	return OpenOn(t, typ, Hurried(network, nil), settings...)
}

// OpenOn opens a block in a world outside.
func OpenOn(t testing.TB, typ providers.Type, env providers.Env, settings ...map[string]any) providers.Provider {
	t.Helper()
	p, diagnostics := typ.Open(Block(typ, settings...), env)
	require.Empty(t, diagnostics)
	return p
}

// Simulated opens a provider in front of a simulated carrier over sockets.
// Settings that lack credentials get the test account's.
func Simulated(t testing.TB, typ providers.Type, carrier carriersim.Carrier, settings map[string]any) providers.Provider {
	t.Helper()
	server := httptest.NewServer(carriersim.Serve([]carriersim.Carrier{carrier}))
	t.Cleanup(server.Close)
	return Open(t, typ, carrier.Point(spec.ProviderConfig{Settings: settings}, server.URL).Settings)
}

// Serving opens a provider in front of a handler. Setting names the base URL
// that leads there.
func Serving(t testing.TB, typ providers.Type, setting string, h http.Handler, settings ...map[string]any) providers.Provider {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return Open(t, typ, append(settings, map[string]any{setting: server.URL})...)
}

// Answers is a carrier that gives these answers, in turn; the last one stays.
func Answers(status int, answers ...string) http.Handler {
	next := make(chan string, len(answers))
	for _, a := range answers {
		next <- a
	}
	last := answers[len(answers)-1]
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := last
		select {
		case body = <-next:
		default:
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // a caller that has gone doesn't want it
	})
}

// Calls is the actions of the requests that a world got, in order.
func Calls(w *carriersim.World) (actions []string) {
	for _, r := range w.Requests() {
		actions = append(actions, r.Action)
	}
	return actions
}
