package providertest

import (
	"cmp"
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

// fleet adds n cards to a world, and returns them. They differ in their first 19
// digits, by which some carriers know a card.
func fleet(w *carriersim.World, n int) []providers.Want {
	wants := make([]providers.Want, n)
	for i := range wants {
		wants[i].ICCID = spec.ICCID(fmt.Sprintf("898600D6991%08d0", i))
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
	return h.open(t, carrier, "http://carrier.localhost", InProcess{handler}, settings)
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
		"endpoint": carriersim.Simulator, carrier.SecretSetting: secret,
		"requests_per_second": 10_000.0, "max_in_flight": 50,
	}
	if carrier.IDSetting != "" {
		all[carrier.IDSetting] = id
	}
	maps.Copy(all, h.Settings)
	maps.Copy(all, settings)
	config := spec.ProviderConfig{Name: spec.ProviderName(carrier.Type), Settings: all}
	require.True(t, carrier.Wants(config))
	provider, diagnostics := h.Type.Open(carrier.Point(config, base), Env(network, nil))
	require.Empty(t, diagnostics)
	return &fixture{Harness: h, carrier: carrier, world: carrier.World, provider: provider}
}

// offer is a package that the carrier has.
func (h Harness) offer() string { return cmp.Or(h.Offer, offer) }

// change is a change of the kind that fits the world's card; prepare brings
// the card into the state in which the change makes a difference.
func (h Harness) change(kind spec.Kind) providers.Change {
	was := map[spec.Value]string{spec.Device: string(device), spec.PackageID: h.offer()}
	is := map[spec.Value]string{spec.Device: string(another), spec.PackageID: h.offer()}
	from, to := kind.Values()
	return providers.Change{Change: spec.Change{Kind: kind, From: was[from], To: is[to]}, ICCID: iccid, Key: key}
}

// trial is how the suite tries one kind of change.
type trial struct {
	// prepare brings the card into the state in which the change makes a
	// difference; nil where the card of a new world is in it.
	prepare func(c *carriersim.Card)
	// happened reports whether the carrier's card is as the change makes it.
	happened func(c carriersim.Card) bool
}

// trials has a row for each kind that calls a carrier.
func (h Harness) trials() map[spec.Kind]trial {
	hasOffer := func(c carriersim.Card) bool {
		reading := spec.Reading{Packages: c.Packages}
		return reading.HasPackage(h.offer())
	}
	return map[spec.Kind]trial{
		spec.ChangeBind: {happened: func(c carriersim.Card) bool { return c.IMEI.Same(another) }},
		spec.Unbind:     {happened: func(c carriersim.Card) bool { return c.IMEI == "" }},
		spec.Stop:       {happened: func(c carriersim.Card) bool { return c.Status == spec.SuspendedByOwner }},
		spec.Resume: {
			prepare:  func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner },
			happened: func(c carriersim.Card) bool { return c.Status == spec.Active },
		},
		spec.Subscribe: {happened: hasOffer},
		spec.Unsubscribe: {
			prepare:  func(c *carriersim.Card) { c.Packages = []spec.Package{{ID: h.offer()}} },
			happened: func(c carriersim.Card) bool { return !hasOffer(c) },
		},
	}
}

func (h Harness) prepare(w *carriersim.World, kind spec.Kind) {
	if t := h.trials()[kind]; t.prepare != nil {
		t.prepare(&w.Cards[0])
	}
}

// happened reports whether the card is as the change of the kind makes it.
func (h Harness) happened(w *carriersim.World, kind spec.Kind) bool {
	card, _ := w.Card(iccid)
	return h.trials()[kind].happened(card)
}

// shows reports whether a reading shows what the change did, as far as it can.
func (h Harness) shows(r spec.Reading, kind spec.Kind) bool {
	_, done := h.change(kind).SeenIn(r)
	return done || !r.Tells(kind.Attr())
}
