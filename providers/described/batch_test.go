package described_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

const batched = `carrier "b" {
  endpoint = "https://b.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
    imei    = reply.json.imei
  }
  batch {
    size    = 10
    request = { path = "/many", query = { iccids = join(",", cards[*].iccid) } }
    rows    = reply.json.rows
    iccid   = row.iccid
%s
  }
  lifecycle = { "1" = "active" }
}
`

func TestCardsAreReadByBatchesAndOneThatTheReplyLacksIsUnread(t *testing.T) {
	for missing, lifecycle := range map[string]spec.Lifecycle{"": "", `missing = "not-found"`: spec.NotFound} {
		var calls []string
		p := serving(t, well(t, fmt.Sprintf(batched, missing)), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls = append(calls, r.URL.Path)
			var rows []any
			for i, card := range strings.Split(r.URL.Query().Get("iccids"), ",") {
				if i != 3 {
					rows = append(rows, map[string]any{"iccid": card, "status": 1, "imei": device})
				}
			}
			rows = append(rows, map[string]any{"iccid": "8942310000000999999", "status": 1, "imei": device}) // of somebody else
			answer(w, 200, map[string]any{"rows": rows})
		}), nil)
		wants := make([]providers.Want, 25)
		for i := range wants {
			wants[i] = providers.Want{ICCID: spec.ICCID(fmt.Sprintf("89423100000000%05d", i)), Attrs: spec.AttrBinding}
		}
		readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{Parallel: 1})
		require.NoError(t, err)
		assert.Equal(t, []string{"/many", "/many", "/many"}, calls)
		for i, r := range readings {
			assert.Equal(t, wants[i].ICCID, r.ICCID)
			if i%10 == 3 {
				assert.Equal(t, lifecycle, r.Lifecycle)
				assert.Equal(t, lifecycle == "", r.Unread != "", "%d: %+v", i, r)
				continue
			}
			assert.Equal(t, spec.IMEI(device), r.IMEI)
		}
	}
}

func TestABatchThatFailsLeavesItsCardsToBeReadByThemselves(t *testing.T) {
	p := serving(t, well(t, fmt.Sprintf(batched, "")), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/many" {
			answer(w, 400, map[string]any{"no": "such call"})
			return
		}
		answer(w, 200, map[string]any{"status": 1, "imei": device})
	}), nil)
	readings, err := providers.ReadAll(t.Context(), p, []providers.Want{{ICCID: iccid}, {ICCID: "8942310000000000002"}}, providers.ReadOptions{})
	require.NoError(t, err)
	for _, r := range readings {
		assert.Equal(t, spec.Active, r.Lifecycle)
	}
}
