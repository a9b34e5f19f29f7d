package onomondo_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/onomondo"
	"github.com/cardfleet/cardfleet/providers/onomondo/onomondosim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Type:     described.Embedded("onomondo.carrier.hcl", onomondo.Definition).Type(),
		Carrier:  onomondosim.Carrier,
		ReadCall: "sim",
		NoneSuch: "[]",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop: "update", spec.Resume: "update", spec.ChangeBind: "update", spec.Unbind: "update",
		},
	})
}

// A list whose last page is full ends with an empty one.
func TestAListThatFillsItsPagesEnds(t *testing.T) {
	world := &carriersim.World{}
	for i := range 2000 {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("89457387300%08d", i))})
	}
	carrier := onomondosim.Carrier(world)
	server := httptest.NewServer(carriersim.Serve([]carriersim.Carrier{carrier}))
	t.Cleanup(server.Close)
	p := opened(t, carrier, server.URL)
	cards := 0
	require.NoError(t, p.(providers.Lister).List(t.Context(), func(spec.Reading) error { cards++; return nil }))
	assert.Equal(t, 2000, cards)
	assert.Equal(t, 3, world.Count("sims"))
}

// A client that is tried on the real carrier reads its list as an object, which the
// document doesn't know: it is no list then, and cards are read one by one.
func TestAListOfAnotherFormThanTheDocumentsIsNoEmptyCarrier(t *testing.T) {
	world := &carriersim.World{}
	var wants []providers.Want
	for i := range 30 {
		iccid := spec.ICCID(fmt.Sprintf("89457387300%08d", i))
		world.Cards = append(world.Cards, carriersim.Card{ICCID: iccid})
		wants = append(wants, providers.Want{ICCID: iccid, Attrs: spec.AttrActive})
	}
	carrier := onomondosim.Carrier(world)
	next := carriersim.Serve([]carriersim.Carrier{carrier})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/onomondo/sims" {
			carriersim.Write(rw, http.StatusOK, "application/json", []byte(`{"sims":[],"pagination":{"has_more":false,"next_page":null}}`))
			return
		}
		next.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	p := opened(t, carrier, server.URL)
	require.Error(t, p.(providers.Lister).List(t.Context(), func(spec.Reading) error { return nil }))
	readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{})
	require.NoError(t, err)
	for _, r := range readings {
		assert.Equal(t, spec.Active, r.Lifecycle, "%s: %s", r.ICCID, r.Unread)
	}
}

func opened(t *testing.T, carrier carriersim.Carrier, url string) providers.Provider {
	t.Helper()
	config := spec.ProviderConfig{Name: "onomondo", Settings: map[string]any{"requests_per_second": 1000.0}}
	p, diags := described.Embedded("onomondo.carrier.hcl", onomondo.Definition).Type().Open(carrier.Point(config, url), providertest.Env(http.DefaultTransport, nil))
	require.Empty(t, diags)
	return p
}
