package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

// requireSame loads a configuration as always, and with everything left to HCL:
// both give the same fleet, whether it has mistakes or not, and the same
// diagnostics, with the same places and snippets.
func requireSame(t require.TestingT, o Options) {
	fastLoader, fullLoader := newLoader(o), newLoader(o)
	fullLoader.hclOnly = true
	fast, fastDiags := fastLoader.load()
	full, fullDiags := fullLoader.load()
	require.Equal(t, withoutGuesses(fullDiags), withoutGuesses(fastDiags))
	require.Equal(t, fullLoader.fleet, fastLoader.fleet)
	require.Equal(t, full == nil, fast == nil)
	if full == nil {
		return
	}
	require.Equal(t, full.Secrets(), fast.Secrets())
	require.Equal(t, full.CardNames(), fast.CardNames())
	fullOut, fullDiags := full.Outputs(spec.Live{})
	fastOut, fastDiags := fast.Outputs(spec.Live{})
	require.Equal(t, fullOut, fastOut)
	require.Equal(t, fullDiags, fastDiags)
}

// withoutGuesses takes out which function HCL thinks was meant: of two that are
// as close, it names either.
func withoutGuesses(diags spec.Diagnostics) spec.Diagnostics {
	for i := range diags {
		if diags[i].Summary == "Call to unknown function" {
			diags[i].Detail, _, _ = strings.Cut(diags[i].Detail, " Did you mean")
		}
	}
	return diags
}

// Words of which configurations are drawn: what is plain, what isn't, and what is wrong.
var (
	drawnNames = []string{`"a"`, `"b"`, `"c"`, `"d-1"`, `"_e"`, `"a"`, `plain`, `"é"`, `"1"`, `""`, `"a" "b"`, `"${x}"`, ``}
	drawnTexts = []string{
		`"` + iccidA + `"`, `"` + iccidB + `"`, `"898602b0011430000545"`, `"86153603019600"`, `"861536030196019"`, `"86153603019605"`,
		`"8986"`, `""`, `" "`, `null`, `"é"`, "\"e\u0301\"", "\"\u0301\"", `"杭州"`, `"👩‍🚀"`, "\"a\tb\"", "\"a\rb\"", `"a\"b"`, `"\u00e9"`, `"$"`, `"$${x}"`, `"%"`, `"100%"`,
		`"${local.iccid}"`, `local.iccid`, `local.none`, `12`, `true`, `["x"]`, "\"\xff\"", `"unclosed`, "<<EOT\n" + iccidA + "\nEOT", "<<EOT\ncard \"x\" {\nEOT", `("x")`, `each.key`, `upper("` + iccidA + `")`, ``,
	}
	drawnSwitches = []string{`true`, `false`, `null`, `"true"`, `"maybe"`, `local.on`, `!true`, `truey`, `1`, `true # why`, `true /* why */`, `true,`}
	drawnLists    = []string{
		`["10002"]`, `["10003", "10002"]`, `["10002", "10002",]`, `[]`, `null`, `[ ]`, "[\n  \"10002\",\n  \"10001\"\n]", "[\n \"a\", # why\n]", `["é", "e` + "\u0301" + `"]`,
		`[10002]`, `[null]`, `[""]`, `["a" "b"]`, `[,]`, `local.list`, `toset(["a"])`, `[for x in ["a"] : x]`, `"a"`, `["a"`,
	}
	drawnObjects = []string{
		`{ city = "hangzhou" }`, `{ "city" = "杭州", line: "7" }`, `{}`, `null`, "{\n    city = \"x\"\n    line = \"y\"\n  }", "{\n city = \"x\",\n}", `{ a = "1", a = "2" }`, `{ e` + "\u0301" + ` = "x" }`,
		`{ "é" = "1", "e` + "\u0301" + `" = "2" }`, `{ true = "x" }`, `{ for = "x" }`, `{ for k, v in local.map : k => v }`, `{ (local.on) = "x" }`, `{ a = 1, b = null, c = true }`, `{ a "x" }`, `{ a = "x" b = "y" }`,
		`{ a.b = "x" }`, `{ a-b = "x", _c = "" }`, `{ , }`, "{ a =\n\"x\" }", `{ a == "x" }`, `{ a = "x"`, `local.map`,
	}
	drawnProviders = []string{`aliyun`, `aliyun.hz`, `cmiot`, `aliyun.nope`, `"aliyun"`, `aliyun . hz`, `null`, `true`, `for`, `aliyun.`, `aliyun[0]`, `var.x`}
	drawnLifecycle = []string{
		"lifecycle {\n    prevent_unbind = true\n  }", "lifecycle { prevent_unbind = true }", "lifecycle {\n    ignore_changes = [imei, packages]\n    prevent_unbind = false\n  }", "lifecycle {\n  }", "lifecycle {}",
		"lifecycle {\n    prevent_unbind = null\n  }", "lifecycle {\n    ignore_changes = [imie]\n  }", "lifecycle {\n    ignore_changes = all\n  }", "lifecycle {\n    ignore_changes = [for]\n  }",
		"lifecycle {\n    prevent_unbind = true\n    prevent_unbind = true\n  }", "lifecycle \"x\" {\n  }", "lifecycle {\n    nope = 1\n  }", "lifecycle {\n    prevent_unbind = true # why\n\n    # so\n  }", "lifecycle {\n    ignore_changes = [\n      active,\n      bound,\n    ]\n  }",
	}
	drawnBetween = []string{
		"", "", "", "", "\n", "# a comment\n", "// card \"x\" {\n", "/* card */\n", "/*\ncard \"x\" {\n}\n*/\n", "\r\n", "removed {\n  iccids = []\n}\n", "removed {\n  iccids = [] # card\n}\n",
		"/* a */ /* b\n */ ", "  ", "\t", "\r", "\uFEFF", ";\n", "}\n", "x = 1\n", "x = 1\nx = 1\n",
		"removed {\n  iccids = []\n}\n", "locals {\n  doc = <<EOT\ncard \"x\" {\n  iccid = \"y\"\n}\nEOT\n}\n", "locals {\n  doc2 = <<EOT\ncard \"x\" {\n", "locals {\n  big = [\n/*\ncard \"x\" {\n*/\n  ]\n}\n", "/*\ncard \"x\" {\n", "crad \"x\" {\n}\n",
		"locals {\n  q = \"${\ncard \"\n}\n", "output \"o\" {\n  value = card.a.iccid\n}\n", "output \"b\" {\n  value = card.b.labels\n}\n", "output \"n\" {\n  value = card.nope.imei\n}\n", "'", "card\n", "card \"x\"\n", "card \"x\" {",
	}
)

// drawnKinds are the attributes of a card by the kind of their values, of which
// the first good ones are plain and right.
var drawnKinds = []struct {
	names  []string
	values []string
	good   int
}{
	{[]string{"imei", "current_imei"}, []string{`"86153603019600"`, `"861536030196020"`, `null`, `"86153603019605"`}, 3},
	{[]string{"msisdn"}, []string{`"1064633113571"`, `"14765004176"`, `null`, `""`, `"1234"`, `14765004176`}, 4},
	{[]string{"iccid", "imei", "current_imei", "msisdn"}, drawnTexts, 1},
	{[]string{"bound", "active", "shared_imei"}, drawnSwitches, 3},
	{[]string{"packages"}, drawnLists, 7},
	{[]string{"labels"}, drawnObjects, 6},
	{[]string{"provider"}, drawnProviders, 1},
}

// seldom is true once in twenty times. rapid likes 0 best.
func seldom(t *rapid.T, label string) bool { return rapid.IntRange(0, 19).Draw(t, label) == 7 }

// mostly is one of the common words, and now and then one of the odd ones.
func mostly(t *rapid.T, label string, common, odd []string) string {
	if seldom(t, "odd "+label) {
		return rapid.SampledFrom(odd).Draw(t, label)
	}
	return rapid.SampledFrom(common).Draw(t, label)
}

// drawAttribute is a line of a card block; it is what seen has not, mostly.
func drawAttribute(t *rapid.T, seen map[string]bool) string {
	kind := rapid.SampledFrom(drawnKinds).Draw(t, "kind")
	name := mostly(t, "name", kind.names, []string{"ime", "for_each", "from_csv", "lifecycle", "Iccid", "é", ""})
	if seen[name] && !seldom(t, "again") {
		return "\n"
	}
	seen[name] = true
	return name + mostly(t, "equals", []string{" = ", "=", "   =\t"}, []string{" ", ": ", " == ", "\n=", "=\n"}) +
		mostly(t, "value", kind.values[:kind.good], kind.values) +
		mostly(t, "end", []string{"\n", "\n", " # why\n", "\t// \"\n", "\r\n", "\n\n  # a line\n"}, []string{"", "\r", ",\n", "# \r x\n", "/* x */\n", "/*\n*/"})
}

func drawBlock(t *rapid.T, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%scard %s {", rapid.SampledFrom([]string{"", "", "", " ", "\t"}).Draw(t, "indent"),
		mostly(t, "name", []string{fmt.Sprintf("%q", string(rune('a'+n)))}, drawnNames))
	b.WriteString(mostly(t, "open", []string{"\n", "\n", " # why\n", "\r\n"}, []string{" ", ""}))
	seen := map[string]bool{}
	if !seldom(t, "no iccid") {
		seen["iccid"] = true
		fmt.Fprintf(&b, "  iccid = %q\n", rapid.StringMatching(`8986[0-9]{15}|898600[A-F0-9]{14}`).Draw(t, "iccid"))
	}
	for range rapid.IntRange(0, 4).Draw(t, "attributes") {
		b.WriteString("  " + drawAttribute(t, seen))
	}
	if rapid.IntRange(0, 3).Draw(t, "lifecycle") == 2 {
		b.WriteString("  " + mostly(t, "which", drawnLifecycle[:4], drawnLifecycle) + "\n")
	}
	b.WriteString(mostly(t, "close", []string{"}\n", "}\n", "  }\n", "} # end\n", "}\r\n"}, []string{"}", "}}", ""}))
	return b.String()
}

// drawFile is a file of card blocks with this and that between them, the first
// of which has number from.
func drawFile(t *rapid.T, from int) string {
	var b strings.Builder
	for i := range rapid.IntRange(0, 6).Draw(t, "blocks") {
		b.WriteString(mostly(t, "between", drawnBetween[:12], drawnBetween))
		b.WriteString(drawBlock(t, from+i))
	}
	b.WriteString(mostly(t, "last", drawnBetween[:12], drawnBetween))
	return b.String()
}

const aroundBlocks = `provider "aliyun" {}
locals {
  iccid = "898600D6991330004146"
  on    = true
  list  = ["10001"]
  map   = { city = "hangzhou" }
}
`

// Blocks that are read without HCL give the fleet and the diagnostics that HCL gives.
func TestPlainBlocksAreWhatHCLMakesOfThem(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		around := aroundBlocks
		if rapid.IntRange(0, 3).Draw(rt, "providers") == 2 {
			around += "provider \"aliyun\" {\n  alias = \"hz\"\n}\n"
		}
		for name, text := range map[string]string{
			"a.fleet.hcl": drawFile(rt, 0), "b.fleet.hcl": rapid.SampledFrom([]string{"", "\uFEFF"}).Draw(rt, "bom") + drawFile(rt, 6), "main.fleet.hcl": around,
		} {
			require.NoError(rt, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		requireSame(rt, testOptions(dir))
	})
}

// drawnColumns are expressions for each attribute of a block with rows: those
// that take a column as it is, those that are remembered by their columns, and
// those that need the whole row.
var drawnColumns = map[string][]string{
	"iccid": {`each.value.iccid`, `each.key`, `each.value["iccid"]`, `upper(each.key)`, `"898600D6991330004146"`, `each.value.none`, `each.value.city`, `local.iccid`, `join("", [each.value.iccid])`},
	"imei": {`each.value.imei`, `each.value.imei == "" ? null : each.value.imei`, `each.value.imei != each.value.city ? each.value.imei : null`, `trimspace(each.value["imei"])`,
		`(each.value.city == "é") ? "86153603019600" : (each.value.imei == "" ? null : each.value.imei)`, `each.value.none == "" ? null : each.value.imei`, `each.value.imei == "" ? each.value.none : each.value.imei`,
		`each.value.imei == null ? null : each.value.imei`, `each.value.imei == "" ? null : null`, `each.value.imei == 1 ? null : each.key`, `each.value == "" ? null : each.value.imei`, `null`, `each.value.none`, `each.value.city`, `each.value`},
	"current_imei": {`each.value.imei`, `null`, `each.value.note`},
	"msisdn":       {`each.value.imei`, `null`, `each.value.note`, `each.value.imei == "" ? null : each.value.imei`},
	"active":       {`true`, `each.value.active == "true"`, `each.value.active`, `each.value.city == "" && each.value.note == ""`, `each.key != ""`},
	"bound":        {`null`, `each.value.imei != ""`},
	"shared_imei":  {`true`, `each.value.active == "true"`},
	"labels": {
		`{ city = each.value.city }`, `{ a = each.value.city, b = each.value.note }`, `each.value`, `{ n = length(each.value), k = each.key }`, `{ (each.value.city) = each.value.note }`, `{ c = "${each.value.city}!" }`,
		`try(each.value.none, { x = each.value.note })`,
	},
	"packages": {`["10002"]`, `split(";", each.value.note)`, `compact(split(";", each.value.note))`, `sort(values(each.value))`, `local.list`, `each.value.note`},
}

// drawRows is a CSV file; its rows are whole, mostly.
func drawRows(t *rapid.T) string {
	cell := rapid.SampledFrom([]string{"", "x", "hangzhou", "杭州", "é", "e\u0301", "a;b", "b;;a", "\"a,b\"", "\"a\nb\"", "\x00", "x\x00", "\x00x", "true", "false", " ", "\"\"\"\""})
	var b strings.Builder
	b.WriteString(mostly(t, "header", []string{"iccid,imei,active,city,note\n"}, []string{"iccid,imei,active,city\n", "\uFEFFiccid,imei,active,city,note\r\n", "imei,iccid,iccid\n", ""}))
	for i := range rapid.IntRange(0, 8).Draw(t, "rows") {
		iccid := mostly(t, "iccid", []string{numberedICCID(i), strings.ToLower(numberedICCID(i)), "8986061702002530247" + fmt.Sprint(i)}, []string{iccidA, "8986", "", "é", "e\u0301", " " + iccidA})
		imei := mostly(t, "imei", []string{numberedIMEI(i), numberedIMEI(i) + "0", ""}, []string{"86153603019600", "12", "e\u0301"})
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s%s", iccid, imei, rapid.SampledFrom([]string{"true", "false", "maybe", ""}).Draw(t, "active"), cell.Draw(t, "city"), cell.Draw(t, "note"),
			mostly(t, "row end", []string{"\n", "\r\n"}, []string{",x\n", "\"\n", "\xff\n", "\n\n", ""}))
	}
	return b.String()
}

// Rows that are read column by column, or by what was remembered of rows like
// them, give the fleet and the diagnostics that evaluating every row gives.
func TestRowsAreWhatHCLMakesOfThem(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		b.WriteString(aroundBlocks)
		for i, source := range []string{`from_csv = "rows.csv"`, `for_each = { for row in csvdecode(file("rows.csv")) : row.iccid => row }`} {
			if rapid.IntRange(0, 2).Draw(rt, "block") == i {
				continue
			}
			fmt.Fprintf(&b, "card \"c%d\" {\n  %s\n", i, source)
			for _, name := range []string{"iccid", "imei", "current_imei", "msisdn", "active", "bound", "shared_imei", "labels", "packages"} {
				if name == "iccid" || rapid.Bool().Draw(rt, name+"?") {
					choices := drawnColumns[name]
					fmt.Fprintf(&b, "  %s = %s\n", name, mostly(rt, name, choices[:(len(choices)+1)/2], choices))
				}
			}
			b.WriteString("}\n")
		}
		require.NoError(rt, os.WriteFile(filepath.Join(dir, "main.fleet.hcl"), []byte(b.String()), 0o600))
		require.NoError(rt, os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(drawRows(rt)), 0o600))
		requireSame(rt, testOptions(dir))
	})
}

// Whatever a file holds, taking it apart gives what HCL gives for all of it.
func FuzzPlain(f *testing.F) {
	f.Add([]byte(contract))
	for _, name := range drawnNames {
		f.Add([]byte("card " + name + " {\n  iccid = \"" + iccidA + "\"\n}\n"))
	}
	for _, kind := range drawnKinds {
		for i, v := range kind.values {
			f.Add([]byte("card \"a\" {\n  iccid = \"" + iccidA + "\"\n  " + kind.names[i%len(kind.names)] + " = " + v + "\n}\ncard \"b\" {\n  iccid = \"" + iccidB + "\"\n}\n"))
		}
	}
	for i, between := range drawnBetween {
		f.Add([]byte("card \"a\" {\n  iccid = \"" + iccidA + "\"\n  " + drawnLifecycle[i%len(drawnLifecycle)] + "\n}\n" + between + "card \"b\" {\n  iccid = local.iccid\n}\n"))
	}
	for _, odd := range []string{
		"card \"a\" { iccid = \"" + iccidA + "\" }", "card \"a\" { lifecycle { prevent_unbind = true } }", "card \"a\" { lifecycle {\n  }\n}\n",
		"card \"a\" {\n  iccid = \"" + iccidA + "\" # a\rb\n}\n", "card \"a\" {\n  iccid = \"" + iccidA + "\" // a\r\r\n} # b\rc\n", "# a\rcard \"b\" {\n}\n",
		"card \"a\" { # why\n  iccid = \"" + iccidA + "\" }\n", "card \"a\" {\n  iccid = \"" + iccidA + "\"\n} card \"b\" {\n}\n",
	} {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		requireSame(t, testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": string(text), "p.fleet.hcl": aroundBlocks})))
	})
}

// What outputs have to show is still there when the cards' text is gone.
func TestLateMistakesShowTheirSourceAmongPlainCards(t *testing.T) {
	cards := func(from int) string {
		var b strings.Builder
		for i := range 3 {
			fmt.Fprintf(&b, "card \"c%d\" {\n  iccid = %q\n}\n", from+i, numberedICCID(from+i))
		}
		return b.String()
	}
	text := "provider \"aliyun\" {}\n" + cards(0) + "output \"n\" {\n  value = parseint(card.c1.live.status, 10)\n}\n" + cards(3) + "locals {\n  x = 1\n}\n"
	o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": text}))
	live := spec.Live{Cards: []spec.Reading{{Provider: "aliyun", ICCID: spec.ICCID(numberedICCID(1)), At: o.Now(), Status: "normal"}}}
	for _, full := range []bool{false, true} {
		l := newLoader(o)
		l.hclOnly = full
		c, diags := l.load()
		require.Empty(t, diags)
		_, diags = c.Outputs(live)
		require.Len(t, diags, 1)
		require.Equal(t, "  value = parseint(card.c1.live.status, 10)", diags[0].Snippet.Code)
		require.Equal(t, `output "n"`, diags[0].Snippet.Context)
		require.Equal(t, 12, diags[0].Snippet.Line)
		require.Equal(t, "card.c1.live.status", underlined(diags[0]))
	}
}
