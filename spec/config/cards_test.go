package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// cardsOf loads card blocks beside a provider.
func cardsOf(t *testing.T, blocks string) []spec.Card {
	t.Helper()
	return mustLoad(t, map[string]string{"main.fleet.hcl": blocks, "p.fleet.hcl": "provider \"aliyun\" {}\n"}).Fleet.Cards
}

func TestNullLeavesAnAttributeAlone(t *testing.T) {
	cards := cardsOf(t, `card "a" {
  iccid        = "898600D6991330004146"
  imei         = null
  bound        = null
  active       = null
  packages     = null
  current_imei = null
  labels       = null
  shared_imei  = null
}
`)
	require.Len(t, cards, 1)
	assert.Equal(t, spec.Card{Provider: "aliyun", ICCID: iccidA, Block: cards[0].Block}, cards[0])
	assert.Zero(t, cards[0].Wants())
}

func TestNoPackagesIsNotUnmanagedPackages(t *testing.T) {
	cards := cardsOf(t, "card \"a\" {\n  iccid = \""+iccidA+"\"\n  packages = []\n}\n")
	assert.NotNil(t, cards[0].Packages)
	assert.Empty(t, cards[0].Packages)
	assert.True(t, cards[0].Wants().Has(spec.AttrPackages))
}

func TestForEachTakesMapsObjectsAndSets(t *testing.T) {
	for name, block := range map[string]string{
		"set":          `for_each = toset(["` + iccidB + `", "` + iccidA + "\"])\n  iccid = each.value\n  imei = null",
		"map":          "for_each = tomap({ a = \"" + iccidA + "\", b = \"" + iccidB + "\" })\n  iccid = each.value",
		"map of maps":  "for_each = { a = tomap({ n = \"" + iccidA + "\" }), b = tomap({ n = \"" + iccidB + "\" }) }\n  iccid = each.value.n",
		"mixed object": "for_each = { a = { n = \"" + iccidA + "\", on = true }, b = { n = \"" + iccidB + "\", on = \"true\", more = [] } }\n  iccid = each.value.n\n  active = each.value.on",
		"json":         "for_each = jsondecode(\"{\\\"" + iccidA + "\\\": {}, \\\"" + iccidB + "\\\": {}}\")\n  iccid = each.key",
		"for over set": "for_each = { for i in toset([\"" + iccidA + "\", \"" + iccidB + "\"]) : lower(i) => { iccid = i } }\n  iccid = each.value.iccid",
		"grouped":      "for_each = { for r in [{ k = \"a\", n = \"" + iccidA + "\" }, { k = \"b\", n = \"" + iccidB + "\" }] : r.k => r... }\n  iccid = each.value[0].n",
	} {
		t.Run(name, func(t *testing.T) {
			cards := cardsOf(t, "card \"bike\" {\n  "+block+"\n}\n")
			require.Len(t, cards, 2)
			assert.Equal(t, []spec.ICCID{iccidA, iccidB}, []spec.ICCID{cards[0].ICCID, cards[1].ICCID})
			assert.True(t, cards[0].Block.Keyed)
			assert.NotEmpty(t, cards[0].Key)
		})
	}
	assert.Empty(t, cardsOf(t, "card \"a\" {\n  for_each = toset([])\n  iccid = each.key\n}\n"))
}

func TestExpressionsOverSeveralColumnsAreNotMixedUp(t *testing.T) {
	cards := mustLoad(t, map[string]string{
		"main.fleet.hcl": "provider \"aliyun\" {}\ncard \"a\" {\n  from_csv = \"x.csv\"\n  iccid = each.key\n  labels = { l = \"${each.value.a}-${each.value.b}\" }\n}\n",
		"x.csv":          "iccid,a,b\n" + numberedICCID(1) + ",x,yz\n" + numberedICCID(2) + ",xy,z\n" + numberedICCID(3) + ",x,yz\n",
	}).Fleet.Cards
	labels := []string{cards[0].Labels["l"], cards[1].Labels["l"], cards[2].Labels["l"]}
	assert.Equal(t, []string{"x-yz", "xy-z", "x-yz"}, labels)
}

func TestDevicesMaySayThatTheyAreShared(t *testing.T) {
	block := func(name, iccid, imei string) string {
		return "card \"" + name + "\" {\n  iccid = \"" + iccid + "\"\n  imei = \"" + imei + "\"\n  shared_imei = true\n}\n"
	}
	cards := cardsOf(t, block("a", iccidA, "86153603019600")+block("b", iccidB, "861536030196001"))
	assert.Len(t, cards, 2)
	assert.True(t, cards[0].SharedIMEI && cards[1].SharedIMEI)
}

func TestOneICCIDIsOneCardAtWhateverProvider(t *testing.T) {
	diags := mistakes(t, map[string]string{"main.fleet.hcl": `provider "aliyun" {}
provider "cmiot" {}
card "a" {
  provider = cmiot
  iccid    = "898600D6991330004146"
}
card "b" {
  provider = aliyun
  iccid    = "898600D6991330004146"
}
`})
	require.Len(t, diags, 1)
	assert.Equal(t, "Duplicate ICCID", diags[0].Summary)
	assert.Equal(t, "The ICCID 898600D6991330004146 stands twice: in card.b (main.fleet.hcl line 9), and in card.a (main.fleet.hcl line 5). "+
		"It is one card, at whatever provider block (cmiot, aliyun): delete one of the two.", diags[0].Detail)
}

// A card's own mistake hides none that it makes together with another card.
func TestClashesAreToldBesideEachCardsOwnMistakes(t *testing.T) {
	const device = "86153603019600"
	block := func(name, iccid, lines string) string {
		return "card \"" + name + "\" {\n  iccid = \"" + iccid + "\"\n" + lines + "\n}\n"
	}
	csv := "card \"c\" {\n  from_csv = \"x.csv\"\n  iccid = each.key\n  imei = each.value.imei\n}\n"
	for name, row := range map[string]struct {
		config, table string
		want          []string
	}{
		"invalid imei":    {block("a", iccidA, `imei = "123"`) + block("b", iccidA, ""), "", []string{"Duplicate ICCID", "Invalid IMEI"}},
		"both":            {block("a", iccidA, `imei = "123"`) + block("b", iccidA, `imei = ""`), "", []string{"Blank IMEI", "Duplicate ICCID", "Invalid IMEI"}},
		"no provider":     {block("a", iccidA, `provider = jasper`) + block("b", iccidA, ""), "", []string{"Duplicate ICCID", "Unknown provider"}},
		"contradiction":   {block("a", iccidA, "bound = false\nimei = \""+device+"\"") + block("b", iccidA, ""), "", []string{"Contradiction", "Duplicate ICCID"}},
		"a row":           {csv + block("b", iccidA, ""), "iccid,imei\n" + iccidB + "," + device + "\n" + iccidA + ",123\n", []string{"Duplicate ICCID", "Invalid IMEI"}},
		"two rows":        {csv, "iccid,imei\n" + iccidA + ",123\n" + iccidB + ",86153603019700\n" + iccidA + "," + device + "\n", []string{"Duplicate ICCID", "Invalid IMEI"}},
		"device":          {block("a", iccidA, "msisdn = \"x\"\nimei = \""+device+"\"") + block("b", iccidB, "imei = \""+device+"\""), "", []string{"Duplicate IMEI", "Invalid MSISDN"}},
		"perhaps shared":  {block("a", iccidA, "shared_imei = \"x\"\nimei = \""+device+"\"") + block("b", iccidB, "shared_imei = true\nimei = \""+device+"\""), "", []string{"Unsuitable value"}},
		"removed":         {block("a", iccidA, `imei = ""`) + "removed { iccids = [\"" + iccidA + "\"] }", "", []string{"Blank IMEI", "Removed card is declared"}},
		"removed, thrice": {block("a", iccidA, `imei = ""`) + block("b", iccidA, "") + "removed { iccids = [\"" + iccidA + "\"] }", "", []string{"Blank IMEI", "Duplicate ICCID", "Removed card is declared", "Removed card is declared"}},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			for _, d := range mistakes(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\n" + row.config, "x.csv": row.table}) {
				told = append(told, d.Summary)
			}
			assert.ElementsMatch(t, row.want, told)
		})
	}
}

func TestContradictionsOfRowsNameTheRow(t *testing.T) {
	diags := mistakes(t, map[string]string{
		"main.fleet.hcl": "provider \"aliyun\" {}\ncard \"a\" {\n  from_csv = \"x.csv\"\n  iccid = each.key\n  imei = each.value.imei\n  bound = false\n}\n",
		"x.csv":          "iccid,imei\n" + iccidA + ",86153603019600\n",
	})
	require.Len(t, diags, 1)
	assert.Equal(t, `card.a["`+iccidA+`"]`, diags[0].Address)
	assert.Contains(t, diags[0].Detail, "x.csv row 2, ICCID "+iccidA)
	assert.Equal(t, 6, diags[0].Subject.Start.Line)
}

func TestRowMistakesInForEach(t *testing.T) {
	for _, row := range []struct{ name, value, summary, detail string }{
		{"null iccid", `{ iccid = null }`, "Missing ICCID", "iccid is null"},
		{"number iccid", `{ iccid = 8986 }`, "Number in place of text", "quotes"},
		{"no attribute", `{}`, "Unsupported attribute", `"iccid"`},
		{"sensitive attribute", `{ iccid = sensitive("8986") }`, "Sensitive value", "nonsensitive(…)"},
		{"no object", `7`, "Unsupported attribute", ""},
		{"null object", `null`, "Attempt to get attribute from null value", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			diags := mistakes(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\ncard \"a\" {\n  for_each = { k = " + row.value + " }\n  iccid = each.value.iccid\n}\n"})
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Equal(t, row.summary, diags[0].Summary)
			assert.Contains(t, diags[0].Detail, row.detail)
			assert.Equal(t, `card.a["k"]`, diags[0].Address)
			assert.Equal(t, 4, diags[0].Subject.Start.Line)
		})
	}
}

func TestProviderSettingsOfEveryType(t *testing.T) {
	c := mustLoad(t, map[string]string{"main.fleet.hcl": `
provider "cmiot" {
  password       = "pass"
  ebid           = { a = "1", n = 2, list = [true, null] }
  write_cooldown = "30m"
  endpoint       = null
}
provider "aliyun" {
  register_imei = false
  parking_imeis = []
}
provider "aliyun" {
  alias     = "two"
  region_id = "cn-hangzhou"
}
`})
	p := c.Fleet.Providers
	require.Len(t, p, 3)
	assert.Equal(t, []spec.ProviderName{"aliyun", "aliyun.two", "cmiot"}, []spec.ProviderName{p[0].Name, p[1].Name, p[2].Name})
	assert.Equal(t, map[string]any{"register_imei": false, "parking_imeis": []string{}}, p[0].Settings)
	assert.Equal(t, map[string]any{
		"a": "1", "n": 2.0, "list": []any{true, nil},
	}, p[2].Settings["ebid"])
	assert.NotContains(t, p[2].Settings, "endpoint")
	assert.Equal(t, []string{"pass"}, c.Secrets())
}

func TestThePolicyIsEmptyWithoutABlock(t *testing.T) {
	c := mustLoad(t, map[string]string{"main.fleet.hcl": "fleet {}\n"})
	assert.Equal(t, spec.Policy{}, c.Fleet.Policy)
	assert.Equal(t, spec.Backend{}, c.Fleet.Backend)

	c = mustLoad(t, map[string]string{"main.fleet.hcl": "fleet {\n  policy {}\n}\nfleet {\n  required_version = \"~> 0.3\"\n}\n"})
	assert.Equal(t, []spec.Kind{spec.Unbind}, c.Fleet.Policy.Guard)
}

func TestVersionsThatAreNoNumberMeetEveryConstraint(t *testing.T) {
	dir := writeFiles(t, map[string]string{"main.fleet.hcl": "fleet {\n  required_version = \">= 9\"\n}\n"})
	for version, ok := range map[string]bool{"dev": true, "": true, "9.1.0-rc1": true, "v9.0.0": true, "8.9.9": false} {
		o := testOptions(dir)
		o.Version = version
		c, _ := Load(o)
		assert.Equal(t, ok, c != nil, version)
	}
}

func TestTwoCardsThatAgreeInNineteenCharactersAreAWarningWithBothPlaces(t *testing.T) {
	_, diags := Load(testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": `provider "aliyun" {}
card "a" {
  iccid = "89860617030017300115"
}
card "b" {
  iccid = "8986061703001730011"
}
card "c" {
  iccid = "89860617030017300123"
}
`})))
	require.False(t, diags.HasErrors(), "%v", texts(diags))
	var found []string
	for _, d := range diags {
		if d.Summary == "Perhaps one card twice" {
			assert.Equal(t, spec.Warning, d.Severity)
			found = append(found, d.Detail)
		}
	}
	require.Len(t, found, 1)
	assert.Contains(t, found[0], "89860617030017300115 in card.a (main.fleet.hcl line 3) and 8986061703001730011 in card.b (main.fleet.hcl line 6)")
}
