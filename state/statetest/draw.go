package statetest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Random states, small enough that records hit cards that exist.

// drawnFrom is the earliest time of a random state; the latest is two hours later.
var drawnFrom = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// DrawID draws the identity of one of few cards.
func DrawID(t *rapid.T) spec.CardID {
	return spec.CardID{
		Provider: rapid.SampledFrom([]spec.ProviderName{"aliyun", "aliyun.hangzhou", "xuyu"}).Draw(t, "provider"),
		ICCID:    spec.ICCID(fmt.Sprintf("8986061703001730%03d%d", rapid.IntRange(0, 3).Draw(t, "card"), 0)),
	}
}

func drawTime(t *rapid.T) time.Time {
	return drawnFrom.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "second")) * time.Second)
}

func drawIMEI(t *rapid.T) string {
	return rapid.SampledFrom([]string{"861536030196001", "861536030196019", "861536030196027"}).Draw(t, "imei")
}

// DrawChange draws a change that a carrier may have made.
func DrawChange(t *rapid.T) state.Change {
	c := state.Change{Change: spec.Change{Kind: rapid.SampledFrom(spec.CarrierKinds()).Draw(t, "kind")}, At: drawTime(t), Accepted: rapid.IntRange(0, 3).Draw(t, "accepted") == 0}
	if rapid.Bool().Draw(t, "clocked") {
		c.CarrierAt = drawTime(t)
	}
	pkg := rapid.SampledFrom([]string{"10002", "10003"}).Draw(t, "package")
	switch c.Kind {
	case spec.ChangeBind:
		c.To = drawIMEI(t)
		if rapid.IntRange(0, 3).Draw(t, "first device") > 0 {
			c.From = drawIMEI(t)
		}
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
	c := DrawChange(t)
	return state.Doubt{
		Change: c.Change, Since: c.At, Key: rapid.StringMatching(`[0-9a-f]{0,8}`).Draw(t, "key"),
		RequestID: rapid.StringMatching(`[0-9A-F]{0,8}`).Draw(t, "request"), Reason: rapid.String().Draw(t, "reason"),
		Tried: rapid.Bool().Draw(t, "tried"), Refused: rapid.Bool().Draw(t, "refused"),
		CarrierSince: drawTime(t), Waits: rapid.Bool().Draw(t, "waits"), Ticket: rapid.StringMatching(`[0-9a-f-]{0,8}`).Draw(t, "ticket"),
		Accepted: rapid.Bool().Draw(t, "accepted"),
	}
}

func drawLast(t *rapid.T) state.Last {
	l := state.Last{
		At: drawTime(t), Status: rapid.SampledFrom([]string{"", "正常", "停机<&>"}).Draw(t, "status"),
		Lifecycle: rapid.SampledFrom([]spec.Lifecycle{spec.Active, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Closing}).Draw(t, "lifecycle"),
		Has:       spec.Attr(rapid.IntRange(0, 7).Draw(t, "has")),
	}
	if l.Tells(spec.AttrBinding) {
		l.IMEI = spec.IMEI(drawIMEI(t))
	}
	for _, id := range []string{"10002", "10003"} {
		if l.Tells(spec.AttrPackages) && rapid.Bool().Draw(t, id) {
			l.Packages = append(l.Packages, spec.Package{ID: id, Expires: drawTime(t)})
		}
	}
	return l
}

// DrawCard draws what is remembered of the card.
func DrawCard(t *rapid.T, id spec.CardID) state.Card {
	c := state.Card{
		Provider: id.Provider, ICCID: id.ICCID, Address: rapid.String().Draw(t, "address"),
		PreventUnbind: rapid.Bool().Draw(t, "prevent unbind"), Last: drawLast(t),
	}
	if rapid.Bool().Draw(t, "bound") {
		c.Binding = state.BoundTo(spec.IMEI(drawIMEI(t)))
		c.Binding.Unconfirmed = rapid.SampledFrom([]state.Unconfirmed{state.Confirmed, state.OnTrust, state.MovedHere}).Draw(t, "unconfirmed")
	}
	if rapid.Bool().Draw(t, "told") {
		c.MSISDN, c.Since = rapid.StringMatching(`1[0-9]{10}`).Draw(t, "msisdn"), drawTime(t)
		c.Labels = map[string]string{"city": rapid.String().Draw(t, "city")}
		c.CarrierIDs = map[string]string{"order": rapid.StringMatching(`[0-9]{4}`).Draw(t, "order")}
	}
	for range rapid.IntRange(0, 2).Draw(t, "recent") {
		c.Recent = append(c.Recent, DrawChange(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "doubts") {
		c.Doubts = append(c.Doubts, drawDoubt(t))
	}
	return c
}

// DrawSnapshot draws a state of a few cards.
func DrawSnapshot(t *rapid.T) *state.Snapshot {
	s := &state.Snapshot{
		Lineage: rapid.StringMatching(`[0-9a-f]{0,8}`).Draw(t, "lineage"),
		Serial:  rapid.Uint64Range(0, 3).Draw(t, "serial"),
	}
	s.Cards, s.Doubled = state.Undouble(drawRows(t))
	s.Fleet = drawFleet(t)
	return s
}

// drawRows draws rows of cards, a few of which stand at several provider blocks.
func drawRows(t *rapid.T) []state.Card {
	taken := map[spec.CardID]bool{}
	blocks := map[spec.ICCID]int{}
	most := rapid.SampledFrom([]int{1, 1, 3}).Draw(t, "blocks of a card")
	var rows []state.Card
	for range rapid.IntRange(0, 6).Draw(t, "cards") {
		if id := DrawID(t); !taken[id] && blocks[id.ICCID] < most {
			taken[id] = true
			blocks[id.ICCID]++
			rows = append(rows, DrawCard(t, id))
		}
	}
	return rows
}

func drawFleet(t *rapid.T) state.Fleet {
	var f state.Fleet
	if rapid.Bool().Draw(t, "policy") {
		count := rapid.IntRange(0, 3).Draw(t, "limit")
		f.Policy = &state.Policy{Guard: []spec.Kind{spec.Unbind}, Limits: []state.Limit{{Kind: spec.Stop, Count: &count}}}
		f.Signers = []state.Signer{{Name: "alice@example.com", Fingerprint: "SHA256:" + rapid.StringMatching(`[a-z]{4}`).Draw(t, "key")}}
	}
	for range rapid.IntRange(0, 2).Draw(t, "plans") {
		f.Carried(state.CarriedOut{Digest: "sha256:" + rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "digest"), At: drawTime(t)})
	}
	return f
}

// DrawEdits draws a change of some cards.
func DrawEdits(t *rapid.T) state.Edits {
	var before, after []state.Card
	taken := map[spec.ICCID]bool{}
	for range rapid.IntRange(0, 4).Draw(t, "edits") {
		id := DrawID(t)
		if taken[id.ICCID] {
			continue
		}
		taken[id.ICCID] = true
		if rapid.Bool().Draw(t, "put") {
			after = append(after, DrawCard(t, id))
		} else {
			before = append(before, state.Card{Provider: id.Provider, ICCID: id.ICCID})
		}
	}
	order := func(a, b state.Card) int { return a.ID().Compare(b.ID()) }
	slices.SortFunc(before, order)
	slices.SortFunc(after, order)
	e := state.Difference(&state.Snapshot{Cards: before}, &state.Snapshot{Cards: after})
	if rapid.Bool().Draw(t, "fleet") {
		fleet := drawFleet(t)
		e.Fleet = &fleet
	}
	if rapid.IntRange(0, 3).Draw(t, "doubled") == 0 {
		_, rows := state.Undouble(drawRows(t))
		rows = slices.DeleteFunc(append([]state.Card{}, rows...), func(c state.Card) bool { return taken[c.ICCID] })
		e.Doubled = &rows
	}
	return e
}

// Clone copies a snapshot down to its last slice.
func Clone(s *state.Snapshot) *state.Snapshot {
	c := *s
	c.Cards = slices.Clone(s.Cards)
	for i := range c.Cards {
		c.Cards[i] = cloneCard(c.Cards[i])
	}
	c.Doubled = slices.Clone(s.Doubled)
	for i := range c.Doubled {
		c.Doubled[i] = cloneCard(c.Doubled[i])
	}
	return &c
}

func cloneCard(c state.Card) state.Card {
	c.Recent, c.Doubts = slices.Clone(c.Recent), slices.Clone(c.Doubts)
	c.Last.Packages = slices.Clone(c.Last.Packages)
	c.Labels, c.CarrierIDs = maps.Clone(c.Labels), maps.Clone(c.CarrierIDs)
	return c
}
