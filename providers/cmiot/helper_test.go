package cmiot_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/cmiot"
	"github.com/cardfleet/cardfleet/providers/cmiot/cmiotsim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	iccid  = spec.ICCID("898600D6991330004146") // CMIOT_API2002's sample
	msisdn = "14765004176"                      // likewise
	device = spec.IMEI("867194030000017")
	key    = "0123456789abcdef0123456789abcdef"
)

// credentials are the test account's.
func credentials() map[string]any {
	return map[string]any{"appid": carriersim.TestID, "password": carriersim.TestSecret}
}

// block is a provider's block without limits that matter.
func block(settings map[string]any) spec.ProviderConfig {
	return providertest.Block(cmiot.Type(), credentials(), settings)
}

// open opens a provider in front of a handler at http://carrier.localhost, without
// sockets, so that tests can run on a synctest clock.
func open(t testing.TB, h http.Handler, settings map[string]any) providers.Provider {
	t.Helper()
	at := map[string]any{"endpoint": "http://carrier.localhost"}
	return providertest.OpenOn(t, cmiot.Type(), providertest.Env(providertest.InProcess{Handler: h}, nil), credentials(), at, settings)
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
