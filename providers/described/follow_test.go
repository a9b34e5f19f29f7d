package described_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

const followed = `carrier "f" {
  endpoint = "https://f.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
    imei    = reply.json.imei
  }
  read "packages" {
    request  = { path = "/packages/${card.iccid}" }
    packages = [reply.json.package]
  }
  list {
    request   = { path = "/cards", query = { next = page.next, page = page.number, since = since } }
    page_size = 10
    rows      = reply.json.rows
    iccid     = row.iccid
    %s
  }
  lifecycle = { "1" = "active" }
}
`

// account is a carrier with a number of cards, some of them others'.
type account struct {
	mu     sync.Mutex
	cards  []string
	broken int // the page that can't be had; 0 for none
	calls  map[string]int
	since  []string // that lists were asked with
}

// newAccount has that many cards of others, and then ours.
func newAccount(others, ours int) *account {
	a := &account{calls: map[string]int{}}
	for i := range others {
		a.cards = append(a.cards, fmt.Sprintf("89423200000000%05d", i))
	}
	for i := range ours {
		a.cards = append(a.cards, fmt.Sprintf("89423100000000%05d", i))
	}
	return a
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kind, card, one := strings.Cut(r.URL.Path[1:], "/")
	switch {
	case one:
		a.calls[kind+" of a card"]++
		answer(w, 200, map[string]any{"status": 1, "imei": device, "package": "p", "iccid": card})
	default:
		a.calls["list"]++
		a.since = append(a.since, r.URL.Query().Get("since"))
		a.page(w, r)
	}
}

func (a *account) page(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if n == a.broken {
		answer(w, 400, map[string]any{"no": "such page"})
		return
	}
	part := a.cards[min((n-1)*10, len(a.cards)):min(n*10, len(a.cards))]
	rows := make([]any, len(part))
	for i, card := range part {
		rows[i] = map[string]any{"iccid": card, "status": 1, "imei": device}
	}
	reply := map[string]any{"rows": rows, "more": n*10 < len(a.cards)}
	if n*10 < len(a.cards) {
		reply["next"] = fmt.Sprintf("after-%d", n)
	}
	answer(w, 200, reply)
}

func ours(n int, attrs spec.Attr) []providers.Want {
	wants := make([]providers.Want, n)
	for i := range wants {
		wants[i] = providers.Want{ICCID: spec.ICCID(fmt.Sprintf("89423100000000%05d", i)), Attrs: attrs}
	}
	return wants
}

func TestAListWhoseLengthNobodySaysIsReadWhereThatTakesFewerCalls(t *testing.T) {
	for end, text := range map[string]string{"next": `next = try(reply.json.next, null)`, "more": `more = reply.json.more`} {
		for name, row := range map[string]struct {
			others, ours, broken, most int
			attrs                      spec.Attr
			calls                      map[string]int
			mix                        providers.Mix
		}{
			"all of the account": {ours: 100, attrs: spec.AttrBinding, calls: map[string]int{"list": 10}, mix: providers.Mix{Pages: 10, Listed: 100, Calls: 10}},
			"what it lacks is completed": {
				ours: 40, attrs: spec.AttrBinding | spec.AttrPackages,
				calls: map[string]int{"list": 4, "packages of a card": 40}, mix: providers.Mix{Pages: 4, Completed: 40, Calls: 44},
			},
			"few cards": {ours: 19, attrs: spec.AttrBinding, calls: map[string]int{"cards of a card": 19}, mix: providers.Mix{Single: 19, Calls: 19}},
			"others' cards first: a twentieth is lost": {
				others: 10_000, ours: 100, attrs: spec.AttrBinding,
				calls: map[string]int{"list": 5, "cards of a card": 100}, mix: providers.Mix{Pages: 5, Single: 100, Calls: 105},
			},
			"a page that can't be had leaves the rest": {
				ours: 100, broken: 3, attrs: spec.AttrBinding,
				calls: map[string]int{"list": 3, "cards of a card": 80}, mix: providers.Mix{Pages: 3, Listed: 20, Single: 80, Calls: 83},
			},
			"calls are rationed": {
				ours: 100, most: 30, broken: 3, attrs: spec.AttrBinding,
				calls: map[string]int{"list": 3, "cards of a card": 27}, mix: providers.Mix{Pages: 3, Listed: 20, Single: 27, Left: 53, Calls: 30},
			},
		} {
			t.Run(end+", "+name, func(t *testing.T) {
				a := newAccount(row.others, row.ours)
				a.broken = row.broken
				p := serving(t, well(t, fmt.Sprintf(followed, text)), a, nil)
				var mix providers.Mix
				wants := ours(row.ours, row.attrs)
				readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{
					Parallel: 1, MostCalls: row.most, Chosen: func(m providers.Mix) { mix = m },
				})
				require.NoError(t, err)
				assert.Equal(t, row.calls, a.calls)
				assert.Equal(t, row.mix, mix, "what is said of it")
				for i, r := range readings {
					if row.most > 0 && r.Unread == spec.LeftForLater {
						continue
					}
					assert.Equal(t, wants[i].ICCID, r.ICCID)
					assert.True(t, r.Known() && r.Tells(row.attrs), "%+v", r)
				}
			})
		}
	}
}

func TestAListThatWindowsPartIsReadThroughAllOfThem(t *testing.T) {
	a := newAccount(0, 30)
	d := well(t, fmt.Sprintf(followed, `total = 10
    window {
      from = "2025-11-29T00:00:00Z"
      to   = "2025-12-01T00:00:00Z"
      span = "24h"
    }`))
	cards := 0
	require.NoError(t, serving(t, d, a, nil).(providers.Lister).List(t.Context(), func(spec.Reading) error { cards++; return nil }))
	assert.Equal(t, 10, cards, "each card once, though both windows have it")
	assert.Equal(t, 2, a.calls["list"])
	_, pages := serving(t, d, a, nil).(providers.Pager)
	assert.False(t, pages, "no page of it can be asked for by its number")
}

func TestTheExamplesListTellsTheFleet(t *testing.T) {
	_, follows := opened(t, example(t), newSims()).(providers.Follower)
	assert.True(t, follows)
}
