package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// What the client refuses to read, or is refused, the simulator gets wrong.
func TestTelnyxsClientDoesWhatItCanWithCards(t *testing.T) {
	t.Parallel()
	const card = "89860617030017300390" // of clientsWorld
	for _, options := range [][]string{nil, {"-own-ports"}} {
		got := npmCallsIn(t, "telnyx", "cards.js", served(t, options...)["telnyx.endpoint"], carriersim.TestSecret, card)
		for path, want := range map[string]any{
			"list/iccid": card, "list/authorized_imeis": []any{"867194030000017"}, "find/data.iccid": card, "find/meta.total_results": 1.0,
			"read/data.status.value": "enabled", "read/data.current_imei": "867194030000017", "read/data.live_data_session": "connected",
			"bind/status": 200.0, "bind/data.authorized_imeis": []any{"861536030196001"}, "by tag/iccid": card, "unbind/data.authorized_imeis": nil,
			"disable/status": 202.0, "disable/data.status.value": "in-progress", "disable/data.action_type": "disable",
			"what became of it/data.status.value": "completed", "enable/status": 202.0, "set standby/data.action_type": "set_standby",
			"read in standby/data.status.value": "standby", "delete/status": 200.0,
		} {
			call, member, _ := strings.Cut(path, "/")
			assert.Equal(t, want, got[call].member(t, member), path)
		}
		var actions []string
		require.NoError(t, json.Unmarshal(got["actions"].Answer, &actions))
		assert.Equal(t, []string{"disable", "enable", "set_standby"}, actions, "over two pages")
		for call, code := range map[string]string{"bind what is no IMEI": "422", "disable again": "422", "read what is gone": "404", "another key": "401"} {
			assert.Equal(t, code, got[call].Code, "%s: %+v", call, got[call])
			assert.Regexp(t, `^\d{5}: .+`, got[call].Message, call)
		}
	}
}
