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
	config := spec.ProviderConfig{Name: "onomondo", Settings: map[string]any{"requests_per_second": 1000.0}}
	p, diags := described.Embedded("onomondo.carrier.hcl", onomondo.Definition).Type().Open(carrier.Point(config, server.URL), providertest.Env(http.DefaultTransport, nil))
	require.Empty(t, diags)
	cards := 0
	require.NoError(t, p.(providers.Lister).List(t.Context(), func(spec.Reading) error { cards++; return nil }))
	assert.Equal(t, 2000, cards)
	assert.Equal(t, 3, world.Count("sims"))
}
