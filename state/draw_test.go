package state_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Random states, small enough that records hit cards that exist.

func drawID(t *rapid.T) spec.CardID {
	return spec.CardID{
		Provider: rapid.SampledFrom([]spec.ProviderName{"aliyun", "aliyun.hangzhou", "xuyu"}).Draw(t, "provider"),
		ICCID:    spec.ICCID(fmt.Sprintf("8986061703001730%03d%d", rapid.IntRange(0, 3).Draw(t, "card"), 0)),
	}
}

func drawTime(t *rapid.T) time.Time {
	return noon.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "second")) * time.Second)
}

func drawIMEI(t *rapid.T) string {
	return rapid.SampledFrom([]string{"861536030196001", "861536030196019", "861536030196027"}).Draw(t, "imei")
}

func drawChange(t *rapid.T) state.Change {
	c := state.Change{Kind: rapid.SampledFrom(spec.CarrierKinds()).Draw(t, "kind"), At: drawTime(t)}
	pkg := rapid.SampledFrom([]string{"10002", "10003"}).Draw(t, "package")
	switch c.Kind {
	case spec.ChangeBind:
		c.From, c.To = drawIMEI(t), drawIMEI(t)
	case spec.Unbind:
		c.From = drawIMEI(t)
	case spec.Subscribe:
		c.To = pkg
	case spec.Unsubscribe:
		c.From = pkg
	}
	return c
}

func drawDoubt(t *rapid.T) state.Doubt {
	c := drawChange(t)
	return state.Doubt{
		Kind: c.Kind, From: c.From, To: c.To, Since: c.At, Key: rapid.StringMatching(`[0-9a-f]{0,8}`).Draw(t, "key"),
		RequestID: rapid.StringMatching(`[0-9A-F]{0,8}`).Draw(t, "request"), Reason: rapid.String().Draw(t, "reason"),
	}
}

func drawLast(t *rapid.T) state.Last {
	l := state.Last{
		At: drawTime(t), Status: rapid.SampledFrom([]string{"", "正常", "停机<&>"}).Draw(t, "status"),
		Lifecycle: rapid.SampledFrom([]spec.Lifecycle{spec.Active, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Closing}).Draw(t, "lifecycle"),
		Has:       spec.Attr(rapid.IntRange(0, 7).Draw(t, "has")),
	}
	if l.Has.Has(spec.AttrBinding) {
		l.IMEI = spec.IMEI(drawIMEI(t))
	}
	for _, id := range []string{"10002", "10003"} {
		if l.Has.Has(spec.AttrPackages) && rapid.Bool().Draw(t, id) {
			l.Packages = append(l.Packages, spec.Package{ID: id, Expires: drawTime(t)})
		}
	}
	return l
}

func drawCard(t *rapid.T, id spec.CardID) state.Card {
	c := state.Card{
		Provider: id.Provider, ICCID: id.ICCID, Address: rapid.String().Draw(t, "address"),
		PreventUnbind: rapid.Bool().Draw(t, "prevent unbind"), Last: drawLast(t),
	}
	if rapid.Bool().Draw(t, "bound") {
		c.Binding = state.BoundTo(spec.IMEI(drawIMEI(t)))
	}
	for range rapid.IntRange(0, 2).Draw(t, "recent") {
		c.Recent = append(c.Recent, drawChange(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "doubts") {
		c.Doubts = append(c.Doubts, drawDoubt(t))
	}
	return c
}

func drawSnapshot(t *rapid.T) *state.Snapshot {
	s := &state.Snapshot{
		Lineage: rapid.StringMatching(`[0-9a-f]{0,8}`).Draw(t, "lineage"),
		Serial:  rapid.Uint64Range(0, 3).Draw(t, "serial"),
	}
	cards := map[spec.CardID]bool{}
	for range rapid.IntRange(0, 6).Draw(t, "cards") {
		if id := drawID(t); !cards[id] {
			cards[id] = true
			s.Cards = append(s.Cards, drawCard(t, id))
		}
	}
	slices.SortFunc(s.Cards, func(a, b state.Card) int { return a.ID().Compare(b.ID()) })
	return s
}
