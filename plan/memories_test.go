package plan

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func TestWhatIsKeptOfAStateIsAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m memories
		block := &spec.Block{Name: "bike", Keyed: true}
		var cards []state.Card
		var wanted []*spec.Card
		for i := range rapid.IntRange(1, 20).Draw(t, "cards") {
			c := drawMemory(t, i)
			w := &spec.Card{Block: block, ICCID: c.ICCID, Key: string(c.ICCID), IMEI: rapid.SampledFrom([]spec.IMEI{"", c.Binding.IMEI, "1"}).Draw(t, "declared")}
			address := w.Address()
			if rapid.IntRange(0, 3).Draw(t, "left") == 0 {
				w, address = nil, ""
			} else if rapid.Bool().Draw(t, "same address") {
				c.Address = address
			} else if rapid.Bool().Draw(t, "own address") {
				c.Address = "card.gone[" + string(c.ICCID) + "]"
			}
			require.EqualValues(t, i, m.keep(&c, address))
			cards, wanted = append(cards, c), append(wanted, w)
		}
		for range 2 * len(cards) {
			i := rapid.IntRange(0, len(cards)-1).Draw(t, "looked at")
			require.Equal(t, cards[i], *m.card(int32(i), wanted[i]))
		}
	})
}

func drawMemory(t *rapid.T, i int) state.Card {
	text := func(name string) string {
		return rapid.SampledFrom([]string{"", "a", "正常", "861536030000001"}).Draw(t, name)
	}
	at := func(name string) time.Time {
		switch rapid.IntRange(0, 3).Draw(t, name) {
		case 0:
			return time.Time{}
		case 1:
			return time.Date(1912, 1, 2, 3, 4, 5, 999_999_999, time.UTC)
		case 2:
			return time.Date(2026, 11, 29, 3, 4, 5, 6, time.Local)
		default:
			return time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
		}
	}
	some := func(name string) bool { return rapid.Bool().Draw(t, name) }
	c := state.Card{
		Provider: spec.ProviderName(text("provider")), ICCID: spec.ICCID(fmt.Sprintf("8986061703%010d", i)), Address: text("address"), MSISDN: text("msisdn"),
		Binding:       state.Binding{Known: some("known"), Unconfirmed: state.Unconfirmed(rapid.IntRange(0, 3).Draw(t, "why")), AsFarAsTold: some("told"), IMEI: spec.IMEI(text("imei"))},
		PreventUnbind: some("prevents"), Changed: at("changed"), Since: at("since"),
		Last: state.Last{At: at("at"), Status: text("status"), Lifecycle: spec.Lifecycle(text("lifecycle")), Reason: text("reason"), ForDevice: some("for device"), Has: spec.Attr(rapid.IntRange(0, 7).Draw(t, "has")), IMEI: spec.IMEI(text("read"))},
	}
	if some("labels") {
		c.Labels = map[string]string{"a": text("label"), "\x00=,": "b"}
	}
	switch rapid.IntRange(0, 9).Draw(t, "rare") {
	case 1:
		c.CarrierIDs = map[string]string{"a": "b"}
	case 2:
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			c.Recent = append(c.Recent, state.Change{At: at("recent"), CarrierAt: at("carrier"), Change: spec.Change{
				Kind: rapid.SampledFrom(spec.Kinds()).Draw(t, "kind"), From: text("from"), To: text("to"),
				KeepsAccount: some("keeps"), Replaces: some("replaces"), Final: some("final"),
			}})
		}
	case 3:
		c.Doubts = []state.Doubt{{Since: at("doubt")}}
	case 4:
		c.Last.Packages = []spec.Package{{ID: "1"}}
	}
	return c
}

// TestNoFieldOfTheStateIsForgottenWhereItIsPacked fails where the state gets
// another field: packs, pack and card have to know of it then.
func TestNoFieldOfTheStateIsForgottenWhereItIsPacked(t *testing.T) {
	require.Equal(t, 13, reflect.TypeFor[state.Card]().NumField())
	require.Equal(t, 4, reflect.TypeFor[state.Binding]().NumField())
	require.Equal(t, 8, reflect.TypeFor[state.Last]().NumField())
	require.Equal(t, 4, reflect.TypeFor[state.Change]().NumField())
	require.Equal(t, 6, reflect.TypeFor[spec.Change]().NumField())
}

func TestCardsThatAreKeptCompareByTheirICCIDs(t *testing.T) {
	var m Memories
	a := m.Keep(&state.Card{ICCID: "8986061703000000002", Labels: map[string]string{"a": "b"}})
	b := m.Keep(&state.Card{ICCID: "8986061703000000001"})
	require.Equal(t, 1, m.Compare(a, b))
	require.Equal(t, -1, m.Compare(b, a))
	require.Equal(t, spec.ICCID("8986061703000000001"), m.Card(b).ICCID)
}
