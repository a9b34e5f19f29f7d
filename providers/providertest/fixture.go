package providertest

import (
	"fmt"
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

// The names that tests use. The first is the ICCID of the documents' samples.
const (
	iccid   = spec.ICCID("89860617030017300390")
	device  = spec.IMEI("867194030000017")
	another = spec.IMEI("867194030000025")
	offer   = "100M"
	key     = "0123456789abcdef0123456789abcdef"
	id      = "suite-account-id"
	secret  = "suite-account-secret"
)

// fixture is a provider in front of a simulated carrier.
type fixture struct {
	Harness
	carrier  carriersim.Carrier
	world    *carriersim.World
	provider providers.Provider
}

// newWorld has one card that is in service and bound.
func newWorld() *carriersim.World {
	return &carriersim.World{
		Accounts: []carriersim.Account{{ID: id, Secret: secret}},
		Cards:    []carriersim.Card{{ICCID: iccid, MSISDN: "1064633113571", Status: spec.Active, IMEI: device}},
		Now:      time.Now, Sleep: sleep, Record: true,
	}
}

// fleet adds n cards to a world, and returns them.
func fleet(w *carriersim.World, n int) []providers.Want {
	wants := make([]providers.Want, n)
	for i := range wants {
		wants[i].ICCID = spec.ICCID(fmt.Sprintf("898600D69913%08d", i))
		w.Cards = append(w.Cards, carriersim.Card{
			ICCID: wants[i].ICCID, Status: spec.Active, IMEI: spec.IMEI(fmt.Sprintf("86719404%07d", i)),
		})
	}
	return wants
}

// inProcess opens the provider on a network without sockets, for synctest.
func (h Harness) inProcess(t *testing.T, w *carriersim.World, settings map[string]any) *fixture {
	carrier := h.Carrier(w)
	handler := carriersim.Serve([]carriersim.Carrier{carrier})
	return h.open(t, carrier, "http://carrier.test", InProcess{handler}, settings)
}

// overHTTP opens the provider on a real server on loopback.
func (h Harness) overHTTP(t *testing.T, w *carriersim.World, settings map[string]any) *fixture {
	carrier := h.Carrier(w)
	server := httptest.NewServer(carriersim.Serve([]carriersim.Carrier{carrier}))
	t.Cleanup(server.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return h.open(t, carrier, server.URL, transport, settings)
}

func (h Harness) open(t *testing.T, carrier carriersim.Carrier, base string, network http.RoundTripper, settings map[string]any) *fixture {
	all := map[string]any{
		"endpoint": carriersim.Simulator, carrier.IDSetting: id, carrier.SecretSetting: secret,
		"requests_per_second": 10_000.0, "max_in_flight": 50,
	}
	maps.Copy(all, h.Settings)
	maps.Copy(all, settings)
	config := spec.ProviderConfig{Name: spec.ProviderName(carrier.Type), Settings: all}
	require.True(t, carrier.Wants(config))
	provider, diagnostics := h.Type.Open(carrier.Point(config, base), Env(network, nil))
	require.Empty(t, diagnostics)
	return &fixture{Harness: h, carrier: carrier, world: carrier.World, provider: provider}
}

// change is a change of the kind that fits the world's card; prepare brings
// the card into the state in which the change makes a difference.
func change(kind spec.Kind) providers.Change {
	c := providers.Change{Change: spec.Change{Kind: kind}, ICCID: iccid, Key: key}
	switch kind {
	case spec.ChangeBind:
		c.From, c.To = string(device), string(another)
	case spec.Unbind:
		c.From = string(device)
	case spec.Subscribe:
		c.To = offer
	case spec.Unsubscribe:
		c.From = offer
	}
	return c
}

func prepare(w *carriersim.World, kind spec.Kind) {
	switch kind {
	case spec.Resume:
		w.Cards[0].Status = spec.SuspendedByOwner
	case spec.Unsubscribe:
		w.Cards[0].Packages = []spec.Package{{ID: offer}}
	}
}

// happened reports whether the card is as the change of the kind makes it.
func happened(w *carriersim.World, kind spec.Kind) bool {
	card, _ := w.Card(iccid)
	reading := spec.Reading{Packages: card.Packages}
	switch kind {
	case spec.ChangeBind:
		return card.IMEI.Same(another)
	case spec.Unbind:
		return card.IMEI == ""
	case spec.Stop:
		return card.Status == spec.SuspendedByOwner
	case spec.Resume:
		return card.Status == spec.Active
	case spec.Subscribe:
		return reading.HasPackage(offer)
	case spec.Unsubscribe:
		return !reading.HasPackage(offer)
	default:
		return false
	}
}

// shows reports whether a reading shows what the change did, as far as it can.
func shows(r spec.Reading, kind spec.Kind) bool {
	if !r.Tells(kind.Attr()) {
		return true
	}
	switch kind {
	case spec.ChangeBind:
		return r.IMEI.Same(another)
	case spec.Unbind:
		return r.IMEI == ""
	case spec.Stop:
		return r.Lifecycle == spec.SuspendedByOwner
	case spec.Resume:
		return r.Lifecycle == spec.Active
	case spec.Subscribe:
		return r.HasPackage(offer)
	default:
		return !r.HasPackage(offer)
	}
}
