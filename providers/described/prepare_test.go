package described_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

const lookedUp = `carrier "u" {
  endpoint = "https://u.example"
  lookup "id" {
    size    = 10
    request = { path = "/ids", query = { iccids = join(",", cards[*].iccid) } }
    values  = { for r in reply.json.rows : r.iccid => r.id }
  }
  read {
    request = { path = "/cards/${card.id}" }
    status  = reply.json.status
  }
  outcome "not-found" { when = reply.status == 404 }
  lifecycle = { "1" = "active" }
}
`

// registry is a carrier with ids of its own.
type registry struct {
	mu    sync.Mutex
	lacks string // a card that it hasn't
	fails bool   // where it is asked for many
	calls []string
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cards := strings.Split(q.URL.Query().Get("iccids"), ",")
	switch {
	case q.URL.Path != "/ids":
		answer(w, 200, map[string]any{"status": 1})
		return
	case len(cards) > 1 && r.fails:
		answer(w, 400, map[string]any{"too": "many"})
	default:
		rows := []any{}
		for _, c := range cards {
			if c != r.lacks {
				rows = append(rows, map[string]any{"iccid": c, "id": "id-" + c})
			}
		}
		answer(w, 200, map[string]any{"rows": rows})
	}
	r.calls = append(r.calls, q.URL.Query().Get("iccids"))
}

func TestIdsAreLookedUpManyAtOnceWhereTheDefinitionSaysHow(t *testing.T) {
	for name, row := range map[string]struct {
		cards int
		fails bool
		most  int
		sizes map[int]int // how many calls ask for how many cards
	}{
		"many at once":                   {cards: 25, sizes: map[int]int{10: 2, 5: 1, 1: 1}},
		"a failure leaves one at a time": {cards: 20, fails: true, sizes: map[int]int{1: 20}},
		"calls are rationed":             {cards: 25, most: 1000, sizes: map[int]int{1: 25}},
	} {
		t.Run(name, func(t *testing.T) {
			wants := ours(row.cards, 0)
			r := &registry{lacks: string(wants[7].ICCID), fails: row.fails}
			p := serving(t, well(t, lookedUp), r, map[string]any{"max_in_flight": 1})
			readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{Parallel: 1, MostCalls: row.most})
			require.NoError(t, err)
			for i, reading := range readings {
				if i == 7 {
					assert.Equal(t, spec.NotFound, reading.Lifecycle, "it was asked for by itself")
					continue
				}
				assert.Equal(t, spec.Active, reading.Lifecycle)
				assert.Equal(t, "id-"+string(wants[i].ICCID), reading.CarrierIDs["id"])
			}
			sizes := map[int]int{}
			for _, c := range r.calls {
				sizes[strings.Count(c, ",")+1]++
			}
			if row.fails {
				assert.GreaterOrEqual(t, sizes[10], 1, "many at once are asked for first")
				delete(sizes, 10) // or two, where the second had left before the first failed
			}
			assert.Equal(t, row.sizes, sizes)
		})
	}
}

func TestIdsThatTheStateKnowsAreNotLookedUp(t *testing.T) {
	r := &registry{}
	p := serving(t, well(t, lookedUp), r, nil)
	wants := ours(12, 0)
	p.(providers.Keyed).SetKeys(func(card spec.ICCID) providers.Key {
		if card == wants[3].ICCID {
			return providers.Key{}
		}
		return providers.Key{IDs: map[string]string{"id": "known-" + string(card)}}
	})
	_, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{string(wants[3].ICCID)}, r.calls)
}
