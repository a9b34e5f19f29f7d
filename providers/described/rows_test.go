package described_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

const partly = `carrier "x" {
  endpoint = "https://x.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  list {
    request   = { path = "/cards" }
    page_size = 100
    rows      = reply.json.rows
    total     = reply.json.total
    iccid     = row.iccid
  }
  lifecycle = { "1" = "active", "5" = "changing" }
}
`

// partlyRead is a carrier of n cards whose list doesn't tell the status of the third,
// and has the fourth in a change. Rows of others follow.
func partlyRead(n int, asked *[]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cards" {
			*asked = append(*asked, strings.TrimPrefix(r.URL.Path, "/cards/"))
			answer(w, 200, map[string]any{"status": "1"})
			return
		}
		var rows []any
		for i := range n {
			row := map[string]any{"iccid": numbered(i), "status": "1"}
			switch i {
			case 2:
				delete(row, "status")
			case 3:
				row["status"] = "5"
			}
			rows = append(rows, row)
		}
		rows = append(rows, map[string]any{"iccid": "an eSIM", "status": "1"}, map[string]any{"iccid": nil})
		answer(w, 200, map[string]any{"total": len(rows), "rows": rows})
	})
}

func numbered(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("89423100000000%05d", i)) }

func TestAListTellsOfTheCardsWhoseRowsItCantRead(t *testing.T) {
	p := serving(t, well(t, partly), partlyRead(5, nil), nil)
	unread := map[spec.ICCID]string{}
	cards := 0
	require.NoError(t, p.(providers.Lister).List(t.Context(), func(r spec.Reading) error {
		cards++
		if r.Known() {
			assert.Equal(t, spec.Active, r.Lifecycle)
			return nil
		}
		unread[r.ICCID] = r.Unread
		return nil
	}))
	assert.Equal(t, 4, cards, "rows of others are passed over, and of a card that is being changed")
	assert.Equal(t, map[spec.ICCID]string{
		numbered(2): "its row of the carrier's list can't be read: the reply doesn't tell the card's status: reply.json has no status",
	}, unread)
}

func TestCardsWhoseRowsOfAListCantBeReadAreReadByThemselves(t *testing.T) {
	var asked []string
	p := serving(t, well(t, partly), partlyRead(40, &asked), nil)
	wants := make([]providers.Want, 40)
	for i := range wants {
		wants[i].ICCID = numbered(i)
	}
	readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{Parallel: 1})
	require.NoError(t, err)
	assert.Equal(t, []string{string(numbered(2)), string(numbered(3))}, asked)
	for _, r := range readings {
		assert.Equal(t, spec.Active, r.Lifecycle, "%s %s", r.ICCID, r.Unread)
	}
}

func TestACardWhoseRowOfABatchCantBeReadIsReadByItselfAndIsNoneThatIsGone(t *testing.T) {
	text := strings.Replace(batched, `"1" = "active"`, `"1" = "active", "5" = "changing"`, 1)
	for _, missing := range []string{"", `missing = "not-found"`} {
		var asked []string
		p := serving(t, well(t, fmt.Sprintf(text, missing)), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/many" {
				answer(w, 200, map[string]any{"rows": []any{
					map[string]any{"iccid": numbered(0), "status": 1}, map[string]any{"iccid": numbered(1), "state": 1}, map[string]any{"iccid": numbered(2), "status": 5},
				}})
				return
			}
			asked = append(asked, strings.TrimPrefix(r.URL.Path, "/cards/"))
			answer(w, 200, map[string]any{"status": 1})
		}), nil)
		readings, err := providers.ReadAll(t.Context(), p, []providers.Want{{ICCID: numbered(0)}, {ICCID: numbered(1)}, {ICCID: numbered(2)}}, providers.ReadOptions{Parallel: 1})
		require.NoError(t, err)
		assert.Equal(t, []string{string(numbered(1)), string(numbered(2))}, asked)
		for _, r := range readings {
			assert.Equal(t, spec.Active, r.Lifecycle, "%s %s", r.ICCID, r.Unread)
		}
	}
}

func TestAListNoneOfWhoseRowsHasTheNameOfItsCardIsAnErrorAndNoEmptyFleet(t *testing.T) {
	list := func(rows string) error {
		p := serving(t, well(t, partly), providertest.Answers(200, `{"total": 2, "rows": [`+rows+`]}`), nil)
		return p.(providers.Lister).List(t.Context(), func(spec.Reading) error { return nil })
	}
	require.ErrorContains(t, list(`{"id": "1", "status": "1"}, {"id": "2", "status": "1"}`),
		"of the list's 2 rows none says whose it is: row has no iccid; say in list where a row has it")
	require.NoError(t, list(`{"iccid": null, "status": "1"}, {"iccid": "an eSIM", "status": "1"}`), "rows of others")
}
