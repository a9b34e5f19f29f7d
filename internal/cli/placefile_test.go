package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
)

func TestAPlaceIsTypeAndAddressWithoutCredentials(t *testing.T) {
	env := &Env{LookupEnv: func(string) (string, bool) { return "", false }}
	for want, settings := range map[run.Place]map[string]any{
		{Type: "local", Address: "fleet.state"}:                 {},
		{Type: "local", Address: "../states/a.state"}:           {"path": "/srv/states/a.state"},
		{Type: "s3", Address: "fleets/hz.state"}:                {"bucket": "fleets", "key": "hz.state", "access_key": "AKIA", "secret_key": "geheim"},
		{Type: "postgres", Address: "cardfleet/default"}:        {"conn_str": "postgres://u:geheim@db/x"},
		{Type: "postgres", Address: "sims/hz"}:                  {"conn_str": "postgres://u:geheim@db/x", "schema_name": "sims", "name": "hz"},
		{Type: "http", Address: "https://git.example/state/hz"}: {"address": "https://u:geheim@git.example/state/hz?private_token=geheim#geheim", "password": "geheim"},
	} {
		got := placeOf(env, "/srv/fleet", &spec.Fleet{Backend: spec.Backend{Type: want.Type, Settings: settings}})
		assert.Equal(t, want, got)
		assert.NotContains(t, got.String(), "geheim")
	}
}
