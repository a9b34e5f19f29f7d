package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// linkcard is the block that reaches a carrier which lists its cards and
// reports their devices.
func linkcard(r *rig, more string) string {
	return fmt.Sprintf("provider \"aliyun_linkcard\" {\n  endpoint            = %q\n  requests_per_second = 100000\n%s}\n", r.url+"/linkcard", more)
}

// motley is cards in every place of their lives.
func motley() *carriersim.World {
	return &carriersim.World{Cards: []carriersim.Card{
		{ICCID: "89860617030017300008", IMEI: "861536030196001", Packages: []spec.Package{{ID: "10003"}, {ID: "10002"}}},
		{ICCID: "89860617030017300016", IMEI: "861536030196019", Status: spec.SuspendedByOwner},
		{ICCID: "89860617030017300024", IMEI: "861536030196027", Status: spec.SuspendedByCarrier},
		{ICCID: "89860617030017300032", Status: spec.Pending},
		{ICCID: "89860617030017300040", IMEI: "861536030196035"},
		{ICCID: "89860617030017300057", IMEI: "861536030196035"},
		{ICCID: "89860617030017300065", Status: spec.Closing},
		{ICCID: "898600D6991330004146", Status: spec.Testing},
	}}
}

// onlyAdopts holds the configuration to the promise of import.
func onlyAdopts(r *rig, cards int) {
	r.t.Helper()
	got := r.want(2, r.run("plan", "-detailed-exitcode"))
	require.Contains(r.t, got.out, fmt.Sprintf("Plan: %d to adopt, 0 to change-bind, 0 to unbind (0 of 0 approved), 0 to stop, 0 to resume, 0 to subscribe, 0 to unsubscribe, 0 to forget. 0 unchanged, 0 needs attention.", cards), "%s", got.out)
	r.want(0, r.run("apply", "-auto-approve"))
	got = r.want(0, r.run("plan", "-detailed-exitcode"))
	require.Contains(r.t, got.out, fmt.Sprintf("No changes. %d cards match the configuration.", cards))
}

func TestWhatIsImportedIsOnlyAdopted(t *testing.T) {
	r := newRig(t, motley())
	r.write("main.fleet.hcl", linkcard(r, ""))
	got := r.want(0, r.run("import", "-provider=aliyun_linkcard", "-out=old.fleet.hcl"))
	assert.Empty(t, got.out)
	assert.Contains(t, got.errors, "Wrote 7 cards to old.fleet.hcl.")
	assert.Contains(t, got.errors, "89860617030017300065 is clos")
	text := r.read("old.fleet.hcl")
	assert.Contains(t, text, `card "imported_89860617030017300008" {
  iccid    = "89860617030017300008"
  imei     = "861536030196001"
  active   = true
  packages = ["10002", "10003"]
}
`)
	assert.Contains(t, text, `card "imported_89860617030017300016" {
  iccid    = "89860617030017300016"
  imei     = "861536030196019"
  active   = false
`)
	assert.Contains(t, text, "# active is left out: the carrier says \"")
	assert.Contains(t, text, "(suspended-by-carrier)")
	assert.Equal(t, 2, strings.Count(text, "shared_imei = true"))
	assert.NotContains(t, text, "provider")
	assert.Equal(t, text, r.formatted("old.fleet.hcl"))
	onlyAdopts(r, 7)

	got = r.want(0, r.run("import", "-out=more.fleet.hcl"))
	assert.Contains(t, got.errors, "7 cards are declared or removed already.")
	assert.Contains(t, got.errors, "Nothing to import.")
	assert.NoFileExists(t, filepath.Join(r.dir, "more.fleet.hcl"))
}

// formatted is what fmt makes of a file.
func (r *rig) formatted(name string) string {
	r.t.Helper()
	r.want(0, r.run("fmt", name))
	return r.read(name)
}

func TestEveryCarriersCardsAreOnlyAdopted(t *testing.T) {
	for _, carrier := range all.Simulators(&carriersim.World{}) {
		typ := carrier.Type
		t.Run(typ, func(t *testing.T) {
			r := newRig(t, &carriersim.World{})
			require.NoError(t, motley().Save(filepath.Join(r.dir, "simulator.json")))
			r.write("main.fleet.hcl", fmt.Sprintf("provider %q {\n  endpoint = \"simulator\"\n}\n", typ))
			args := []string{"import", "-out=old.fleet.hcl"}
			if r.run("import").code != 0 { // it can't list
				var list strings.Builder
				for _, c := range motley().Cards {
					fmt.Fprintln(&list, c.ICCID)
				}
				r.write("cards.txt", list.String())
				args = append(args, "-iccids=cards.txt")
			}
			r.want(0, r.run(args...))
			onlyAdopts(r, strings.Count(r.read("old.fleet.hcl"), "card \""))
		})
	}
}

func TestManyCardsAreImportedAsATable(t *testing.T) {
	world := motley()
	for i := range 150 {
		c := carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("8986061703001740%04d", i)), IMEI: spec.IMEI(fmt.Sprintf("8615360302%05d", 10*i))}
		if i%3 == 0 {
			c.Packages, c.IMEI = []spec.Package{{ID: "10002"}, {ID: "a b"}}, ""
		}
		world.Cards = append(world.Cards, c)
	}
	r := newRig(t, world)
	r.write("main.fleet.hcl", linkcard(r, ""))
	got := r.want(1, r.run("import"))
	assert.Contains(t, got.errors, "Too many cards for standard output")
	assert.Empty(t, got.out)

	got = r.want(0, r.run("import", "-out=old.fleet.hcl"))
	assert.Contains(t, got.errors, "Wrote 157 cards to old.fleet.hcl, with the table old.csv.")
	assert.Equal(t, `card "imported" {
  from_csv    = "old.csv"
  iccid       = each.value.iccid
  imei        = each.value.imei == "" ? null : each.value.imei
  shared_imei = each.value.shared_imei
  active      = each.value.active == "" ? null : each.value.active
  packages    = compact(split(";", each.value.packages))
}
`, r.read("old.fleet.hcl"))
	assert.Contains(t, r.read("old.csv"), "iccid,imei,shared_imei,active,packages,note\n898600D6991330004146,,false,true,,\n89860617030017300008,861536030196001,false,true,10002;10003,\n")
	onlyAdopts(r, 157)
}

func TestCardsAreImportedFromAFile(t *testing.T) {
	world := motley()
	r := newRig(t, world)
	r.write("main.fleet.hcl", provider+`
provider "aliyun" {
  alias    = "hangzhou"
  endpoint = var.carrier_url
}
card "kiosk" {
  provider = aliyun
  iccid    = "89860617030017300008"
}
removed {
  iccids = ["89860617030017300016"]
}
`)
	got := r.want(1, r.run("import", "-provider=aliyun"))
	assert.Contains(t, got.errors, "Carrier can't list its cards")
	assert.Contains(t, r.want(1, r.run("import")).errors, "aliyun, aliyun.hangzhou")
	assert.Contains(t, r.want(1, r.run("import", "-provider=aliyum")).errors, "Did you mean aliyun?")
	assert.Contains(t, r.want(1, r.run("import", "-provider=aliyun", "-iccids=none.txt")).errors, "none.txt")

	list := "\ufeff# returned\n89860617030017300008\n89860617030017300016\n\n898600d6991330004146\n898600D6991330004146\n89860617030017309999\n"
	table := "city,iccid\nningbo,89860617030017300008\n,89860617030017300016\n\"a, b\",898600D6991330004146\n,89860617030017309999\n"
	for _, text := range []string{list, table} {
		r.write("cards.txt", text)
		got = r.want(0, r.run("import", "-provider=aliyun", "-iccids=cards.txt"))
		assert.Equal(t, `card "imported_898600D6991330004146" {
  provider = aliyun
  iccid    = "898600D6991330004146"
  active   = true
  packages = []
}
`, got.out)
		assert.Contains(t, got.errors, "2 cards are declared or removed already.")
		assert.Contains(t, got.errors, "89860617030017309999 is not known to the carrier")
	}
	got = r.want(0, r.run("import", "-provider=aliyun.hangzhou", "-iccids=cards.txt"))
	assert.Contains(t, got.out, "provider = aliyun.hangzhou\n  iccid    = \"898600D6991330004146\"")
	assert.NotContains(t, got.out, "89860617030017300008", "one ICCID is one card, at whatever provider it is declared")

	r.write("cards.txt", "89860617030017300008\n8.98606E+19\n123\n")
	got = r.want(1, r.run("import", "-provider=aliyun", "-iccids=cards.txt"))
	assert.Contains(t, got.errors, "cards.txt row 2: ")
	assert.Contains(t, got.errors, "cards.txt row 3: ")
	r.write("cards.txt", "card,city\n1,2\n")
	assert.Contains(t, r.want(1, r.run("import", "-provider=aliyun", "-iccids=cards.txt")).errors, "has no column of ICCIDs")
}

func TestAnImportWritesOverNothing(t *testing.T) {
	world := &carriersim.World{}
	for i := range 101 {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("8986061703001740%04d", i))})
	}
	r := newRig(t, world)
	r.write("main.fleet.hcl", linkcard(r, ""))
	r.write("old.csv", "mine")
	got := r.want(1, r.run("import", "-out=main.fleet.hcl"))
	assert.Contains(t, got.errors, "File exists")
	got = r.want(1, r.run("import", "-out=old.fleet.hcl"))
	assert.Contains(t, got.errors, "old.csv is there already")
	assert.Contains(t, r.want(1, r.run("import", "-out=old.hcl")).errors, "Not a configuration file")
	assert.Equal(t, "mine", r.read("old.csv"))
	assert.NoFileExists(t, filepath.Join(r.dir, "old.fleet.hcl"))
	entries, err := os.ReadDir(r.dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2)
}

func TestACardThatCantBeReadIsNotImported(t *testing.T) {
	world := motley()
	world.Faults = []carriersim.Fault{{ICCID: "89860617030017300008", Kind: carriersim.CodeFault("isv.QUERY_ASSETS_ERROR")}}
	r := newRig(t, world)
	r.write("main.fleet.hcl", linkcard(r, ""))
	got := r.want(5, r.run("import", "-out=old.fleet.hcl"))
	assert.Contains(t, got.errors, "89860617030017300008 could not be read: ")
	assert.Contains(t, got.errors, "Wrote 6 cards")
	assert.NotContains(t, r.read("old.fleet.hcl"), "89860617030017300008")

	r.write("cards.txt", "89860617030017300008\n")
	r.write("main.fleet.hcl", strings.Replace(linkcard(r, "  retries = 0\n"), r.url, "http://127.0.0.1:1", 1))
	r.want(1, r.run("import", "-iccids=cards.txt", "-out=dark.fleet.hcl"))
	r.want(1, r.run("import", "-out=dark.fleet.hcl"))
	assert.NoFileExists(t, filepath.Join(r.dir, "dark.fleet.hcl"))
}

func TestAnImportNeedsAProviderBlock(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	r.write("main.fleet.hcl", "fleet {}\n")
	assert.Contains(t, r.want(1, r.run("import", "-provider=aliyun")).errors, "no provider block")
}

func TestTheListToImportIsReadAsPeopleHandItOver(t *testing.T) {
	r := newRig(t, motley())
	r.write("main.fleet.hcl", linkcard(r, ""))
	r.workbook("导出.xlsx", map[string][][]any{"卡": {{"物联网卡清单"}, {"卡号", "设备IMEI", "城市"},
		{"89860617030017300008", "not an IMEI", "杭州"}, {"898600d6991330004146", "", ""}}})
	got := r.want(0, r.run("import", "-iccids=导出.xlsx", "-labels=city=城市"))
	assert.Contains(t, got.out, `card "imported_89860617030017300008" {
  iccid    = "89860617030017300008"
  imei     = "861536030196001"
  active   = true
  packages = ["10002", "10003"]
  labels = {
    city = "杭州"
  }
}
`)
	assert.Contains(t, got.out, `"imported_898600D6991330004146"`)
	assert.Equal(t, 1, strings.Count(got.out, "labels"))
	assert.Contains(t, r.want(1, r.run("import", "-labels=city=城市")).errors, "about the file of -iccids")
	assert.Contains(t, r.want(1, r.run("import", "-iccids=导出.xlsx", "-labels=city=省")).errors, `has no column "省"`)

	r.write("list.csv", "iccid,note\n89860617030017300008,\"x\n89860617030017300016,y\n89860617030017300024,z\n")
	got = r.want(1, r.run("import", "-iccids=list.csv"))
	assert.Contains(t, got.errors, "a quote is opened in row 2 and not closed there")
	r.write("list.csv", "iccid,imei\r89860617030017300008,\r89860617030017300016,\r")
	assert.Equal(t, 2, strings.Count(r.want(0, r.run("import", "-iccids=list.csv")).out, "card \""))
	r.write("list.csv", "iccid,imei\n")
	assert.Contains(t, r.want(1, r.run("import", "-iccids=list.csv")).errors, "No row")
}

func TestACardThatIsDeclaredInAnotherSpellingIsNotImported(t *testing.T) {
	r := newRig(t, motley())
	r.write("main.fleet.hcl", linkcard(r, "")+"card \"a\" { iccid = \"8986061703001730000\" }\ncard \"b\" { iccid = \"89860617030017300016\" }\n")
	r.write("list.txt", "89860617030017300008\n8986061703001730001f\n89860617030017300024\n")
	got := r.want(0, r.run("import", "-iccids=list.txt"))
	assert.Contains(t, got.errors, "2 cards are declared or removed already.")
	assert.Equal(t, 1, strings.Count(got.out, "card \""))
}

func TestAnImportAddsToATableThatIsThere(t *testing.T) {
	r := newRig(t, motley())
	const header = "city,iccid,imei,active,packages,note\r\n"
	const rowA = "hangzhou,\"89860617030017300008\",861536030196001,true,10002;10003,\r\n"
	const rowZ = "ningbo,89860617030017300040,,,,mine"
	const block = `
card "bike" {
  from_csv = "bikes.csv"
  iccid    = each.value.iccid
  imei     = each.value.imei == "" ? null : each.value.imei
  packages = compact(split(";", each.value.packages))
  labels   = { city = each.value.city }
}
`
	r.write("main.fleet.hcl", linkcard(r, "")+block)
	r.write("bikes.csv", header+rowA+rowZ)
	r.write("list.csv", "ICCID;城市\n89860617030017300016;宁波\n898600D6991330004146;杭州\n")
	got := r.want(0, r.run("import", "-iccids=list.csv", "-labels=city=城市", "-out=bikes.csv"))
	assert.Contains(t, got.errors, "Added 2 cards to bikes.csv.")
	assert.Equal(t, header+"杭州,898600D6991330004146,,true,,\r\n"+rowA+"宁波,89860617030017300016,861536030196019,false,,\r\n"+rowZ, r.read("bikes.csv"))
	r.want(0, r.run("validate"))

	got = r.want(0, r.run("import", "-iccids=list.csv", "-labels=city=城市", "-out=bikes.csv"))
	assert.Contains(t, got.errors, "Nothing to import.")
	assert.Contains(t, r.want(1, r.run("import", "-iccids=list.csv", "-labels=place=城市", "-out=bikes.csv")).errors, "no column place")
	assert.Contains(t, r.want(1, r.run("import", "-out=other.csv")).errors, "No such table")
	r.write("semi.csv", "iccid;imei\n")
	assert.Contains(t, r.want(1, r.run("import", "-out=semi.csv")).errors, "cardfleet table semi.csv")
}
