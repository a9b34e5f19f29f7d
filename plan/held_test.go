package plan_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// heldBy is what making a draft leaves on the heap, in bytes a card.
func heldBy(t *testing.T, in plan.Input) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d, diags, err := plan.NewDraft(in)
	require.NoError(t, err)
	require.Empty(t, diags)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(d)
	runtime.KeepAlive(in)
	return (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / float64(len(in.Fleet.Cards))
}

// TestADraftHoldsWhatTheDocumentsSay holds docs/performance.md, "Memory", to its
// bytes a card.
func TestADraftHoldsWhatTheDocumentsSay(t *testing.T) {
	const n = 100_000
	block := &spec.Block{Name: "bike", Keyed: true}
	fleet := &spec.Fleet{Providers: []spec.ProviderConfig{{Name: aliyun}}}
	cards := make([]state.Card, 0, n)
	for i := range n {
		iccid, imei := spec.ICCID(fmt.Sprintf("898600%014d", i)), spec.IMEI(fmt.Sprintf("86%012d0", i))
		c := spec.Card{Provider: aliyun, ICCID: iccid, Block: block, Key: string(iccid), Row: i + 2, IMEI: imei, Active: spec.On}
		fleet.Cards = append(fleet.Cards, c)
		cards = append(cards, state.Card{Provider: aliyun, ICCID: iccid, Address: c.Address(), Binding: state.BoundTo(imei), Since: now,
			Last: state.Last{At: now, Status: "正常", Lifecycle: spec.Active, Has: spec.AttrActive}})
	}
	in := plan.Input{
		Fleet: fleet, Prior: &state.Snapshot{Lineage: "l"}, Remembered: true, Now: now, Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: dyiotapi()},
		Rows: func(visit func(*state.Card) error) error {
			for i := range cards {
				if err := visit(&cards[i]); err != nil {
					return err
				}
			}
			return nil
		},
	}
	h := heldBy(t, in)
	t.Log(h)
	require.Less(t, h, 1.0, "a card as it is wanted")
	for i := range fleet.Cards {
		fleet.Cards[i].Active = spec.Off
	}
	h = heldBy(t, in)
	t.Log(h)
	require.Less(t, h, 140.0, "a card that changes")
	in.Rows = nil
	h = heldBy(t, in)
	t.Log(h)
	require.Less(t, h, 60.0, "a card that is adopted")
	runtime.KeepAlive(cards)
}
