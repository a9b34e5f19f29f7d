package cmiot_test

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
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/cmiot"
	"github.com/cardfleet/cardfleet/providers/cmiot/cmiotsim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	iccid  = spec.ICCID("898600D6991330004146") // CMIOT_API2002's sample
	msisdn = "14765004176"                      // likewise
	device = spec.IMEI("867194030000017")
	key    = "0123456789abcdef0123456789abcdef"
)

// network carries requests to a handler without sockets, so that tests can run
// on a synctest clock.
type network struct{ handler http.Handler }

func (n network) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	defer func() {
		if r := recover(); r == http.ErrAbortHandler { //nolint:errorlint // a recovered value
			resp, err = nil, io.ErrUnexpectedEOF
		} else if r != nil {
			panic(r)
		}
	}()
	recorder, in := httptest.NewRecorder(), req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody // as a server has it
	}
	n.handler.ServeHTTP(recorder, in)
	return recorder.Result(), nil
}

func env(transport http.RoundTripper, variables map[string]string) providers.Env {
	return providers.Env{
		Getenv: func(name string) string { return variables[name] },
		Now:    time.Now,
		Sleep: func(ctx context.Context, d time.Duration) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		Random:    func(p []byte) { _, _ = rand.Read(p) }, // never fails
		Transport: transport,
		Version:   "1.2.3",
	}
}

// block is a provider's block without limits that matter.
func block(settings map[string]any) spec.ProviderConfig {
	all := map[string]any{"appid": "testid", "password": "testsecret", "requests_per_second": 1e6, "max_in_flight": 1000}
	maps.Copy(all, settings)
	return spec.ProviderConfig{Name: "cmiot", Settings: all}
}

// open opens a provider in front of a handler at http://carrier.test.
func open(t testing.TB, h http.Handler, settings map[string]any) providers.Provider {
	t.Helper()
	config := block(settings)
	if _, ok := config.Settings["endpoint"]; !ok {
		config.Settings["endpoint"] = "http://carrier.test"
	}
	p, diagnostics := cmiot.Type().Open(config, env(network{h}, nil))
	require.Empty(t, diagnostics)
	return p
}

// simulated opens a provider in front of a simulated carrier.
func simulated(t testing.TB, w *carriersim.World, settings map[string]any) providers.Provider {
	t.Helper()
	return open(t, &cmiotsim.OneLink{World: w}, settings)
}

// answering opens a provider in front of a carrier that gives one answer to
// each function, and a token.
func answering(t testing.TB, bodies map[string]string, settings map[string]any) providers.Provider {
	t.Helper()
	return open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, body := range bodies {
			if r.URL.Path == path {
				_, _ = io.WriteString(w, body)
				return
			}
		}
		_, _ = io.WriteString(w, `{"status":"0","message":"正确","result":[{"token":"T","ttl":"3600"}]}`)
	}), settings)
}

func world(cards ...carriersim.Card) *carriersim.World {
	if len(cards) == 0 {
		cards = []carriersim.Card{{ICCID: iccid, MSISDN: msisdn, IMEI: device}}
	}
	return &carriersim.World{Cards: cards, Now: time.Now, Record: true}
}

// calls is the actions of the requests, in order.
func calls(w *carriersim.World) (actions []string) {
	for _, r := range w.Requests() {
		actions = append(actions, r.Action)
	}
	return actions
}
