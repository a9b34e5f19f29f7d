package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

// csvRow is a row of a drawn fleet, right or wrong.
type csvRow struct{ iccid, imei, active, city, packages string }

func drawRow(t *rapid.T) csvRow {
	return csvRow{
		iccid:    rapid.SampledFrom([]string{iccidA, iccidB, "89860617020025302476", "898602b0011430000545", "8986", "89860617020025302477"}).Draw(t, "iccid"),
		imei:     rapid.SampledFrom([]string{"", "86153603019600", "861536030196019", "8615360301960212", "12", " ", "86153603019604", "86153603019605"}).Draw(t, "imei"),
		active:   rapid.SampledFrom([]string{"true", "false", "true", "false", "maybe"}).Draw(t, "active"),
		city:     rapid.SampledFrom([]string{"hangzhou", "北京", "e\u0301", ""}).Draw(t, "city"),
		packages: rapid.SampledFrom([]string{"10002", "10002;10001", "10003;", "10002;10002"}).Draw(t, "packages"),
	}
}

// expressions are ways to write a block's attributes, direct and not.
var expressions = []string{
	`
  iccid    = each.value.iccid
  imei     = each.value.imei
  active   = each.value.active
  labels   = { city = each.value.city }
  packages = split(";", each.value.packages)`,
	`
  iccid    = upper(each.key)
  imei     = trimspace(each.value.imei) == "" ? null : each.value["imei"]
  active   = each.value["active"] == "true"
  labels   = { all = join("/", values(each.value)), city = "${each.value.city}!" }
  packages = sort(compact(split(";", each.value.packages)))`,
	`
  iccid    = each.key
  bound    = each.value.imei != "12"
  labels   = { n = length(each.value), c = try(each.value.nope, each.value.city) }
  packages = ["10002"]`,
}

func csvText(rows []csvRow) string {
	var b strings.Builder
	b.WriteString("iccid,imei,active,city,packages\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", r.iccid, r.imei, r.active, r.city, r.packages)
	}
	return b.String()
}

// literalBlocks writes each row as a block of its own, with the row as a local.
func literalBlocks(rows []csvRow, attributes string) string {
	var b strings.Builder
	for i, r := range rows {
		fmt.Fprintf(&b, "locals {\n  r%d = { iccid = %q, imei = %q, active = %q, city = %q, packages = %q }\n}\n",
			i, r.iccid, r.imei, r.active, r.city, r.packages)
		own := strings.NewReplacer("each.value", fmt.Sprintf("local.r%d", i), "each.key", fmt.Sprintf("local.r%d.iccid", i)).Replace(attributes)
		fmt.Fprintf(&b, "card \"c%d\" {%s\n}\n", i, own)
	}
	return b.String()
}

// Reading a file as a stream, through csvdecode, and writing its rows out as
// blocks give the same cards, or the same mistakes.
func TestThreeWaysToSayAFleetAreEqual(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.SliceOfNDistinct(rapid.Custom(drawRow), 0, 6, func(r csvRow) string { return r.iccid }).Draw(rt, "rows")
		attributes := rapid.SampledFrom(expressions).Draw(rt, "attributes")
		load := func(body string) ([]spec.Card, []string) {
			c, diags := Load(testOptions(writeFiles(t, map[string]string{
				"main.fleet.hcl": "provider \"aliyun\" {}\n" + body, "bikes.csv": csvText(rows),
			})))
			return plainCards(c), plainMistakes(diags)
		}
		cards, wrong := load("card \"bike\" {\n  from_csv = \"bikes.csv\"" + attributes + "\n}\n")
		for name, body := range map[string]string{
			"streamed for": "card \"bike\" {\n  for_each = { for row in csvdecode(file(\"bikes.csv\")) : row.iccid => row }" + attributes + "\n}\n",
			"for with if":  "card \"bike\" {\n  for_each = { for row in csvdecode(file(\"bikes.csv\")) : row.iccid => row if true }" + attributes + "\n}\n",
			"blocks":       literalBlocks(rows, attributes),
		} {
			otherCards, otherWrong := load(body)
			require.Equal(rt, cards, otherCards, name)
			require.Equal(rt, wrong, otherWrong, name)
		}
	})
}

// plainCards are the cards without where and how they were written.
func plainCards(c *Config) []spec.Card {
	if c == nil {
		return nil
	}
	cards := make([]spec.Card, len(c.Fleet.Cards))
	for i, card := range c.Fleet.Cards {
		card.Block, card.Key, card.Row = nil, "", 0
		cards[i] = card
	}
	return cards
}

// plainMistakes counts the errors of each summary.
func plainMistakes(diags spec.Diagnostics) []string {
	counts := map[string]int{}
	for _, d := range diags {
		if d.Severity == spec.Error {
			counts[d.Summary]++
		}
	}
	var list []string
	for summary, n := range counts {
		list = append(list, fmt.Sprintf("%s %d", summary, n))
	}
	sortStrings(list)
	return list
}
