package plan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

func TestARetryIsOfItsCardsAloneAndOfNoPrivacyNumber(t *testing.T) {
	in := bigFleet(100)
	in.Fleet.Numbers = []spec.PrivacyNumber{{Name: "courier", Provider: aliyun, PoolKey: "FC1", SubsID: "1"}}
	in.Numbers = []spec.NumberReading{{Address: "privacy_number.courier", Status: 3}}
	whole, diags := plan.Make(in)
	require.Empty(t, diags)
	require.Len(t, whole.Numbers, 1)

	card := in.Fleet.Cards[6].ICCID
	in.Select = plan.Selection{Retry: "run.jsonl", Cards: map[spec.ICCID]bool{card: true, "89869999999999999999": true}}
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	assert.Empty(t, p.Numbers)
	require.Len(t, p.Cards, 1)
	assert.Equal(t, card, p.Cards[0].ICCID)
	assert.Equal(t, 99, p.Skipped)
	assert.Len(t, plan.Targets(in.Fleet, in.Prior, in.Select), 1)

	in.Select.Cards = nil
	p, _ = plan.Make(in)
	assert.Equal(t, 100, p.Skipped, "with nothing to retry, nothing is planned")
	assert.Equal(t, "-retry=run.jsonl", p.Partial)
}

func TestATargetWhoseQuotesAShellAteIsSaid(t *testing.T) {
	for target, hint := range map[string]string{
		"card.bike[89860617030017309990]":   `A shell took the quotes around 89860617030017309990 away: write the ICCID alone, -target=89860617030017309990, or -target='card.bike["89860617030017309990"]'.`,
		"card.bike[north]":                  `write -target='card.bike["north"]'.`,
		`card.bike["89860617030017309990"]`: "* stands for any characters.",
		"card.bikes":                        "* stands for any characters.",
	} {
		in := bigFleet(3)
		in.Select = plan.Selection{Targets: []string{target}}
		_, diags := plan.Make(in)
		require.Len(t, diags, 1, target)
		assert.Contains(t, diags[0].Detail, "names no card")
		assert.Truef(t, strings.HasSuffix(diags[0].Detail, hint), "%s: %s", target, diags[0].Detail)
	}
}

func TestATargetIsACardInAnySpelling(t *testing.T) {
	in := bigFleet(3)
	card := in.Fleet.Cards[1].ICCID
	require.Len(t, card, 20)
	for _, target := range []string{string(card), string(card.Stem())} {
		in.Select = plan.Selection{Targets: []string{target}}
		_, diags := plan.Make(in)
		assert.Empty(t, diags, target)
	}
}

func TestNamesAreLookedUpAsTheyAreTriedInTurn(t *testing.T) {
	glob := rapid.SampledFrom([]string{
		"", "*", "card.bike", "card.bik?", `card.bike["a"]`, `card.bike["a`, "card.bike[", "card.*", "8986061703000000001", "89860617030000000018", "89860617030000000019", "8986*", "8986", `card.x["a[b"]`, `card.x["a`,
		"privacy_number.n",
	})
	rapid.Check(t, func(t *rapid.T) {
		s := plan.Selection{Targets: rapid.SliceOfN(glob, 0, 4).Draw(t, "targets"), Excludes: rapid.SliceOfN(glob, 0, 3).Draw(t, "excludes")}
		address := rapid.SampledFrom([]string{"card.bike", `card.bike["a"]`, `card.x["a[b"]`, `card.x["89860617030000000018"]`, "privacy_number.n", ""}).Draw(t, "address")
		iccid := rapid.SampledFrom([]spec.ICCID{"", "8986061703000000001", "89860617030000000018", "89860617030000000019", "89860617030000000020"}).Draw(t, "iccid")
		lookedUp, tried := plan.Selects(s, address, iccid)
		require.Equal(t, tried, lookedUp)
	})
}

func TestLabelsThatSelectNoCardAreAMistakeThatSaysWhatThereIs(t *testing.T) {
	for name, c := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"another key":   {map[string]string{"ciyt": "beijing"}, `No card that is declared or managed fits -select, together with the other options that select. No card has a label "ciyt". Did you mean "city"? The labels are: "city", "shelf".`},
		"another value": {map[string]string{"city": "bejing"}, `No card has "city" = "bejing". Did you mean "beijing"? Its values are: "beijing", "wuhan".`},
		"a glob":        {map[string]string{"city": "x*"}, `No card has "city" = "x*". Its values are: "beijing", "wuhan".`},
		"not together":  {map[string]string{"city": "beijing", "shelf": "B2"}, `No card that is declared or managed fits -select, together with the other options that select.`},
	} {
		t.Run(name, func(t *testing.T) {
			in := bigFleet(2)
			in.Fleet.Cards[0].Labels = map[string]string{"city": "beijing"}
			in.Fleet.Cards[1].Labels = map[string]string{"city": "wuhan", "shelf": "B2"}
			in.Select = plan.Selection{Labels: c.labels}
			_, diags := plan.Make(in)
			require.Len(t, diags, 1)
			assert.Equal(t, "No card is selected", diags[0].Summary)
			assert.Truef(t, strings.HasSuffix(diags[0].Detail, c.want), "%s", diags[0].Detail)
		})
	}
	in := bigFleet(2)
	in.Fleet.Cards[0].Labels = map[string]string{"city": "beijing"}
	in.Select = plan.Selection{Labels: map[string]string{"city": "wuhan"}, Retry: "run.jsonl"}
	_, diags := plan.Make(in)
	assert.Empty(t, diags, "a retry may come to nothing")
}
