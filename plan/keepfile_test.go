package plan_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// requireKept holds a saved plan that is held against the present card by card to what
// comes out where it is held whole. It reports whether it was.
func requireKept(t require.TestingT, text []byte, in plan.Input) (byCard bool) {
	saved, _ := openBoth(t, text)
	want, diags := plan.Keep(saved, in)
	for _, open := range []func(io.Reader) (*plan.File, error){plan.Open, plan.OpenToKeep} {
		f, err := open(bytes.NewReader(text))
		require.NoError(t, err)
		byCard = requireKeptSo(t, f, text, in, want, diags)
	}
	return byCard
}

func requireKeptSo(t require.TestingT, f *plan.File, text []byte, in plan.Input, want *plan.Kept, wantDiags spec.Diagnostics) (byCard bool) {
	got, diags, err := plan.KeepFile(f, in)
	if errors.Is(err, plan.ErrHeldWhole) {
		whole, err := f.Whole()
		require.NoError(t, err)
		require.Equal(t, text, written(t, whole))
		return false
	}
	require.NoError(t, err)
	require.Equal(t, wantDiags, diags)
	if want == nil {
		require.Nil(t, got)
		return false
	}
	prior := in.Prior
	sameAsKept(t, want, got, prior)
	if len(in.Fleet.Removed) > 0 || prior == nil {
		return true
	}
	in.Prior, in.Rows = inRows(prior)
	got, _, err = plan.KeepFile(f, in)
	if errors.Is(err, state.ErrTangled) {
		return true
	}
	require.NoError(t, err)
	sameAsKept(t, want, got, prior)
	return true
}

// inRows is a state that is read card by card.
func inRows(s *state.Snapshot) (head *state.Snapshot, rows func(visit func(*state.Card) error) error) {
	own := *s
	own.Cards = nil
	return &own, func(visit func(*state.Card) error) error {
		var one state.Card // which is another one by the next
		for i := range s.Cards {
			one = s.Cards[i]
			if err := visit(&one); err != nil {
				return err
			}
		}
		return nil
	}
}

func sameAsKept(t require.TestingT, want *plan.Kept, got *plan.KeptFile, prior *state.Snapshot) {
	require.Equal(t, cardsOf(want.Plan), read(t, got).Cards)
	require.Equal(t, want.Plan.Summary(), got.Head().Summary(), "counted without the cards")
	require.Equal(t, plan.Digest(want.Plan), plan.Digest(got), "all else of it too")
	require.Equal(t, want.Plan.Limits, got.Head().Limits)
	require.Equal(t, want.Plan.Unapproved(), (&plan.Plan{Cards: read(t, got).Cards}).Unapproved())
	require.Equal(t, leftOf(want.Left), leftOf(got.Left))
	require.NoError(t, got.Each(func(n int, c *plan.Card) error {
		if _, memory := got.Before(n); len(c.Actions) > 0 {
			require.Equal(t, prior.Card(c.ICCID), memory)
			require.Equal(t, prior.Card(c.ICCID), got.Remembered(c.ICCID))
		}
		return nil
	}))
}

// cardsOf are the plan's cards, of which empty lists are nil.
func cardsOf(p *plan.Plan) []plan.Card {
	var cards []plan.Card
	for i := range p.Cards {
		cards = append(cards, p.Cards[i].Clone())
	}
	return cards
}

func leftOf(list []plan.Left) (left []plan.Left) {
	for _, l := range list {
		c := l.Card.Clone()
		l.Card = &c
		left = append(left, l)
	}
	return left
}

func TestASavedPlanHeldAgainstThePresentCardByCardIsTheOneHeldWhole(t *testing.T) {
	byCard, tb := 0, t
	rapid.Check(t, func(t *rapid.T) {
		e := drawEdited(t)
		in := e.input()
		exchange(t, in)
		parks := rapid.Bool().Draw(t, "cards share no device")
		park(in, parks)
		saved, diags := plan.Make(in)
		if diags.HasErrors() {
			t.Skip("no plan is made of that fleet") // rapid draws another one
		}
		if rapid.IntRange(0, 3).Draw(t, "a part") == 0 {
			saved.Partial = "-target=card.x"
		}
		text := written(t, saved)
		passTime(t, e)
		now := e.input()
		if rapid.Bool().Draw(t, "exchanged again") {
			exchange(t, now)
		} else {
			sameDevices(in, now)
		}
		park(now, parks)
		now.Live, now.Now = nil, in.Now.Add(time.Hour)
		if rapid.Bool().Draw(t, "signed") {
			signed, _ := saved.ApprovalText(in.Now.Add(2*time.Hour), "returned")
			now.Fleet.Policy.AllowedSigners, now.Approvals.Signers = "allowed_signers", listOf(tb, "alice")
			now.Approvals.Signatures = []byte(entryOf(tb, "alice", signed.Bytes()))
		}
		now.Approvals.Unbind = drawApproved(t, now.Fleet)
		if requireKept(t, text, now) {
			byCard++
		}
	})
	require.Positive(t, byCard)
}

// exchange has cards take the devices of others.
func exchange(t *rapid.T, in plan.Input) {
	var devices []spec.IMEI
	for i := range in.Prior.Cards {
		if imei := in.Prior.Cards[i].Binding.IMEI; imei != "" {
			devices = append(devices, imei)
		}
	}
	for i := range in.Fleet.Cards {
		if c := &in.Fleet.Cards[i]; c.IMEI != "" && len(devices) > 0 && rapid.Bool().Draw(t, "takes another card's device") {
			c.IMEI = rapid.SampledFrom(devices).Draw(t, "device")
		}
	}
}

// park has the cards of a provider share no device, so that swaps go by way of a
// parking IMEI.
func park(in plan.Input, parks bool) {
	for i := range in.Fleet.Providers {
		if parks {
			in.Fleet.Providers[i].Settings = exclusive("P").Settings
		}
	}
}

// sameDevices declares the devices that were declared before.
func sameDevices(before, now plan.Input) {
	for i := range now.Fleet.Cards {
		c := &now.Fleet.Cards[i]
		at := slices.IndexFunc(before.Fleet.Cards, func(b spec.Card) bool { return b.ICCID == c.ICCID })
		if at >= 0 && c.IMEI != "" {
			c.IMEI = before.Fleet.Cards[at].IMEI
		}
	}
}

// passTime changes some cards, as configuration and state do while a plan is reviewed.
func passTime(t *rapid.T, e *edited) {
	for i := range e.cards {
		was := e.cards[i]
		switch rapid.IntRange(0, 5).Draw(t, "since then") {
		case 0:
			e.cards[i] = e.draw(t, i)
		case 1:
			again := e.draw(t, i)
			e.cards[i].memory.Binding, e.cards[i].memory.Doubts = again.memory.Binding, again.memory.Doubts
			e.cards[i].managed = again.managed
		case 2:
			again := e.draw(t, i)
			e.cards[i].wanted.IMEI, e.cards[i].wanted.Active, e.cards[i].wanted.Bound = again.wanted.IMEI, again.wanted.Active, again.wanted.Bound
		case 3:
			e.cards[i].memory.Done(state.Change{Change: spec.Change{Kind: spec.Stop}, At: now.Add(time.Minute)})
		}
		if e.cards[i].after != "" && was.after != "" && rapid.IntRange(0, 7).Draw(t, "declared elsewhere") > 0 {
			e.cards[i].wanted.Block = was.wanted.Block
		}
	}
	if rapid.IntRange(0, 5).Draw(t, "another policy") == 0 {
		e.policy.OnRemove = rapid.SampledFrom([]spec.Kind{"", spec.Unbind, spec.Stop, spec.Forget}).Draw(t, "on_remove now")
	}
}

func drawApproved(t *rapid.T, fleet *spec.Fleet) []spec.ApprovedCard {
	var list []spec.ApprovedCard
	for i := range fleet.Cards {
		if rapid.Bool().Draw(t, "approved") {
			list = append(list, spec.ApprovedCard{ICCID: fleet.Cards[i].ICCID, IMEI: fleet.Cards[i].IMEI})
		}
	}
	return list
}

func TestASavedPlanOfManyCardsIsHeldAgainstThePresentCardByCard(t *testing.T) {
	in := bigFleet(3000)
	saved, diags := plan.Make(in)
	require.Empty(t, diags)
	text := written(t, saved)
	in.Live = nil
	require.True(t, requireKept(t, text, in))

	for i := range in.Fleet.Cards {
		switch c := &in.Fleet.Cards[i]; i % 7 {
		case 1:
			c.IMEI = in.Prior.Cards[i].Binding.IMEI
		case 2:
			c.Active = spec.Unset
		}
	}
	require.True(t, requireKept(t, text, in), "the plan's cards have another fate by now")
	in.Fleet.Cards = in.Fleet.Cards[:1500]
	require.True(t, requireKept(t, text, in), "cards left")
	f, err := plan.Open(bytes.NewReader(text))
	require.NoError(t, err)
	kept, _, err := plan.KeepFile(f, in)
	require.NoError(t, err)
	require.NotEmpty(t, kept.Left)
}
