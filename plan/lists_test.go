package plan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// tableBlock is a block of a table with one card of it.
func tableBlock(iccid spec.ICCID, imei spec.IMEI, row int) spec.Card {
	return spec.Card{Provider: aliyun, ICCID: iccid, IMEI: imei, Key: string(iccid), Row: row, Block: &spec.Block{
		Name: "bike", Keyed: true, Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 3}},
		Table: &spec.BlockTable{CSV: "bikes.csv", Columns: []spec.AttrColumn{{Attr: "imei", Column: "device"}}},
	}}
}

func managedBike(iccid spec.ICCID, imei spec.IMEI) state.Card {
	return state.Card{Provider: aliyun, ICCID: iccid, Address: `card.bike["` + string(iccid) + `"]`, Binding: state.BoundTo(imei)}
}

func listInput(wanted []spec.Card, managed ...state.Card) plan.Input {
	in := plan.Input{
		Fleet: &spec.Fleet{Providers: []spec.ProviderConfig{{Name: aliyun}}, Cards: wanted}, Now: now,
		Prior: &state.Snapshot{Cards: managed}, Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: dyiotapi()},
	}
	return in
}

func TestATableWithoutRowsIsAnErrorWhereItsCardsAreManaged(t *testing.T) {
	emptied := []spec.Emptied{{Block: "bike", Diagnostic: spec.Diagnostic{Severity: spec.Warning, Summary: "Table without rows", Detail: "x has no row."}}}
	for _, row := range []struct {
		name    string
		wanted  []spec.Card
		managed []state.Card
		removed []spec.Removed
		want    string // of the error; "" for a warning
	}{
		{"two cards of the block", nil, []state.Card{managedBike(kiosk, deviceA), managedBike(scale, deviceB)}, nil,
			"The state has 2 cards of card.bike; those that this table had would be taken for removed. x has no row."},
		{"one of two tables, and no card left", []spec.Card{tableBlock(kiosk, deviceA, 2)}, []state.Card{managedBike(kiosk, deviceA)}, nil,
			"The state has 1 card of card.bike; those that this table had would be taken for removed. x has no row."},
		{"a new card of the block", []spec.Card{tableBlock(kiosk, deviceA, 2)}, nil, nil, ""},
		{"a card of another block", nil, []state.Card{{Provider: aliyun, ICCID: kiosk, Address: "card.bikes"}}, nil, ""},
		{"removed by its name", nil, []state.Card{managedBike(kiosk, deviceA)}, []spec.Removed{{ICCID: kiosk}}, ""},
		{"no state", nil, nil, nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := listInput(row.wanted, row.managed...)
			in.Fleet.Emptied, in.Fleet.Removed = emptied, row.removed
			p, diags := plan.Make(in)
			require.Len(t, diags, 1)
			if row.want == "" {
				assert.NotNil(t, p)
				assert.Equal(t, emptied[0].Diagnostic, diags[0])
				return
			}
			assert.Nil(t, p)
			assert.Equal(t, spec.Error, diags[0].Severity)
			assert.Equal(t, row.want, diags[0].Detail)
		})
	}
}

func TestACardThatCameBackWithoutItsLastDigitsIsNotAdoptedAndUnbound(t *testing.T) {
	for _, row := range []struct {
		name       string
		left, came spec.ICCID
		device     spec.IMEI // of the one that came
		others     []spec.ICCID
		lost       bool
	}{
		{"cut", "89860617030017300390", "89860617030017300000", deviceA, nil, true},
		{"cut to 19 digits", "8986061703001730039", "8986061703001730000", deviceA, nil, true},
		{"through a double", "89860617030017300390", "89860617030017302528", deviceA, nil, true},
		{"a table through long doubles", "89860617030017300390", "89860617030017300392", deviceA, []spec.ICCID{"89860617030018300392"}, true},
		{"a multiple of 8 among others", "89860617030017300390", "89860617030017300392", deviceA, []spec.ICCID{"89860617030018300393"}, false},
		{"a lonely multiple of 8", "89860617030017300390", "89860617030017300392", deviceA, nil, false},
		{"a replaced card", "89860617030017300390", "89860617030017300391", deviceA, nil, false},
		{"another device", "89860617030017300390", "89860617030017300000", deviceB, nil, false},
		{"other first digits", "89860617030018300390", "89860617030017300000", deviceA, nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			came := tableBlock(row.came, row.device, 7)
			cards := []spec.Card{came}
			for _, iccid := range row.others {
				other := tableBlock(iccid, "", 8)
				other.Block = came.Block
				cards = append(cards, other)
			}
			p, diags := plan.Make(listInput(cards, managedBike(row.left, deviceA)))
			if !row.lost {
				assert.NotNil(t, p)
				assert.Empty(t, diags)
				return
			}
			assert.Nil(t, p)
			require.Len(t, diags, 1)
			assert.Equal(t, "Lost digits", diags[0].Summary)
			for _, part := range []string{string(row.came), string(row.left), string(deviceA), "bikes.csv row 7", "spreadsheet"} {
				assert.Contains(t, diags[0].Detail, part)
			}
		})
	}
}

func TestAnIMEIWithoutItsLeadingZeroNeedsAttentionAndPlansNothing(t *testing.T) {
	for _, row := range []struct {
		name          string
		wanted, bound spec.IMEI
		lost          bool
	}{
		{"14 of 15", "12345670123459", "012345670123459", true},
		{"14 of 14", "12345670123459", "01234567012345", true},
		{"15 of 16", "123456701234501", "0123456701234501", true},
		{"15 of 15 is another device", "123456701234599", "012345670123459", false},
		{"another device", "12345670123459", "012345670223459", false},
		{"no zero", "12345670123459", "112345670123459", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, diags := plan.Make(listInput([]spec.Card{tableBlock(kiosk, row.wanted, 7)}, managedBike(kiosk, row.bound)))
			require.Empty(t, diags)
			require.Len(t, p.Cards, 1)
			if !row.lost {
				require.Len(t, p.Cards[0].Actions, 1)
				assert.Equal(t, spec.ChangeBind, p.Cards[0].Actions[0].Kind)
				return
			}
			assert.Empty(t, p.Cards[0].Actions)
			require.Len(t, p.Cards[0].Attention, 1)
			assert.Equal(t, "The zero was lost", p.Cards[0].Attention[0].Summary)
			assert.Contains(t, p.Cards[0].Attention[0].Detail, string(row.bound)+`, the card's device, without its leading zero`)
			assert.Contains(t, p.Cards[0].Attention[0].Detail, `bikes.csv row 7, column "device"`)
		})
	}
}

func TestANewDeviceWhoseCheckDigitFailsIsNotedAtItsCard(t *testing.T) {
	const mistyped = "861536030196018"
	note := func(managed ...state.Card) string {
		p, diags := plan.Make(listInput([]spec.Card{tableBlock(kiosk, mistyped, 7)}, managed...))
		require.Empty(t, diags)
		if len(p.Cards) == 0 {
			return ""
		}
		return strings.Join(p.Cards[0].Notes, "\n")
	}
	want := `the check digit of 861536030196018 fails, as after a typing error: compare it with the device (bikes.csv row 7, column "device")`
	assert.Contains(t, note(), want, "adopted on trust")
	assert.Equal(t, want, note(managedBike(kiosk, deviceC)), "bound anew")
	assert.Empty(t, note(managedBike(kiosk, mistyped)), "it has that device already")
}
