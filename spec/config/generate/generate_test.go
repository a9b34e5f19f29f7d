package generate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/config/generate"
	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// read is a reading of a card that is in service.
func read(iccid string, change func(*spec.Reading)) spec.Reading {
	r := spec.Reading{Provider: "aliyun", ICCID: spec.ICCID(iccid), At: time.Unix(1, 0), Lifecycle: spec.Active, Status: "正常"}
	if change != nil {
		change(&r)
	}
	return r
}

func numberedICCID(i int) string { return fmt.Sprintf("898600D6%012d", i) }

func numberedIMEI(i int) string { return fmt.Sprintf("86%012d", i) }

// load loads a configuration that has no mistakes.
func load(t *testing.T, files map[string]string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	c, diags := config.Load(config.Options{Dir: dir, Schemas: []spec.Schema{{Type: "aliyun"}}})
	require.False(t, diags.HasErrors(), "%v", diags)
	return c
}

func packages(ids ...string) []spec.Package {
	out := make([]spec.Package, 0, len(ids))
	for _, id := range ids {
		out = append(out, spec.Package{ID: id})
	}
	return out
}

// oddities is readings with everything that can be odd about one.
func oddities() []spec.Reading {
	has := func(attrs spec.Attr, imei spec.IMEI, ids ...string) func(*spec.Reading) {
		return func(r *spec.Reading) { r.Has, r.IMEI, r.Packages = attrs, imei, packages(ids...) }
	}
	return []spec.Reading{
		read(numberedICCID(9), has(spec.AttrBinding|spec.AttrPackages, spec.IMEI(numberedIMEI(9)), "b ${x} \"q\"", "a", "a")),
		read(numberedICCID(1), has(spec.AttrBinding, spec.IMEI(numberedIMEI(1)))),
		read(numberedICCID(2), has(spec.AttrBinding, spec.IMEI(numberedIMEI(1)+"00"))),
		read(numberedICCID(3), has(spec.AttrBinding, spec.IMEI(numberedIMEI(77)))),
		read(numberedICCID(4), has(spec.AttrBinding, "none\n")),
		read(numberedICCID(5), has(spec.AttrPackages, "", "10002", " ")),
		read(numberedICCID(6), has(spec.AttrPackages, "")),
		read(numberedICCID(7), func(r *spec.Reading) { r.Lifecycle, r.Status = spec.SuspendedByOwner, "申请停机" }),
		read(numberedICCID(8), func(r *spec.Reading) { r.Lifecycle, r.Status = spec.SuspendedByCarrier, "违章\n停机" }),
		read(numberedICCID(10), func(r *spec.Reading) { r.Lifecycle = spec.NotFound }),
		read(numberedICCID(11), func(r *spec.Reading) { r.Lifecycle, r.Status = spec.Closed, "销户" }),
		read(numberedICCID(12), func(r *spec.Reading) { r.Lifecycle, r.Status = spec.UnknownLifecycle, "数据异常" }),
		{Provider: "aliyun", ICCID: spec.ICCID(numberedICCID(13)), Unread: "no\nanswer"},
	}
}

// declared is a configuration that the oddities have to fit in with.
func declared() map[string]string {
	return map[string]string{"main.fleet.hcl": fmt.Sprintf(`
provider "aliyun" {}
card "imported_%s" {
  iccid = "89860617030017300008"
  imei  = "%s"
}
card "imported" {
  for_each = {}
  iccid    = each.key
}
`, numberedICCID(1), numberedIMEI(77))}
}

// cards are the cards that files declare besides those of declared, without
// where they stand.
func cards(t *testing.T, files map[string]string) []spec.Card {
	t.Helper()
	for name, text := range declared() {
		files[name] = text
	}
	var out []spec.Card
	for _, c := range load(t, files).Fleet.Cards {
		if c.ICCID != "89860617030017300008" {
			c.Block, c.Key, c.Row = nil, "", 0
			out = append(out, c)
		}
	}
	return out
}

func TestBlocksAndTablesDeclareWhatWasRead(t *testing.T) {
	few := generate.Cards(load(t, declared()), "aliyun", oddities(), generate.Form{Table: "old.csv"})
	assert.Nil(t, few.CSV)
	assert.Equal(t, 9, few.Cards)
	blocks := cards(t, map[string]string{"old.fleet.hcl": string(few.HCL)})
	require.Len(t, blocks, 9)
	off, shared := spec.Off, spec.IMEI(numberedIMEI(1))
	for i, want := range []spec.Card{
		{IMEI: shared, SharedIMEI: true, Active: spec.On},
		{IMEI: shared + "00", SharedIMEI: true, Active: spec.On},
		{Active: spec.On}, {Active: spec.On}, {Active: spec.On},
		{Active: spec.On, Packages: []string{}},
		{Active: off}, {},
		{IMEI: spec.IMEI(numberedIMEI(9)), Active: spec.On, Packages: []string{"a", "b ${x} \"q\""}},
	} {
		want.Provider, want.ICCID = "aliyun", spec.ICCID(numberedICCID(i+1))
		assert.Equal(t, want, blocks[i])
	}

	readings := oddities()
	for i := range generate.LiteralCards {
		readings = append(readings, read(numberedICCID(100+i), nil))
	}
	many := generate.Cards(load(t, declared()), "aliyun", readings, generate.Form{Table: "old.csv"})
	require.NotNil(t, many.CSV)
	assert.Equal(t, blocks, cards(t, map[string]string{"old.fleet.hcl": string(many.HCL), "old.csv": string(many.CSV)})[:9])
	assert.Contains(t, string(many.HCL), `card "imported_2" {`)
	assert.Contains(t, string(many.HCL), `packages    = each.value.packages == "unmanaged" ? null : compact(split(";", each.value.packages))`)
}

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	got := generate.Cards(load(t, declared()), "aliyun", oddities(), generate.Form{})
	text := string(got.HCL)
	assert.Contains(t, text, fmt.Sprintf("card \"imported_%s_2\" {", numberedICCID(1)), "the name is taken")
	for _, want := range []string{
		"# imei is left out: another card is declared with " + numberedIMEI(77) + ", without shared_imei\n",
		`# imei is left out: "none\n" has white space around it` + "\n",
		"# packages is left out: the carrier shows one without an id\n",
		`# active is left out: the carrier says "违章 停机" (suspended-by-carrier)` + "\n",
	} {
		assert.Contains(t, text, want)
	}
	var left []string
	for _, l := range got.Left {
		left = append(left, strings.TrimPrefix(string(l.ICCID), "898600D60000000000")+" "+l.Why)
		assert.Equal(t, l.ICCID == spec.ICCID(numberedICCID(13)), l.Unread)
	}
	assert.Equal(t, []string{
		"10 is not known to the carrier", "11 is closed (销户)",
		`12 has a status that this version doesn't know: "数据异常"`, "13 could not be read: no answer",
	}, left)
	formatted, _ := config.Format(got.HCL, "old.fleet.hcl")
	assert.Equal(t, string(formatted), text)
}

func TestGeneratedCardsNameTheirProviderAmongSeveral(t *testing.T) {
	c := load(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\nprovider \"aliyun\" {\n  alias = \"hangzhou\"\n}\n"})
	got := generate.Cards(c, "aliyun.hangzhou", []spec.Reading{read(numberedICCID(1), nil)}, generate.Form{})
	assert.Contains(t, string(got.HCL), "  provider = aliyun.hangzhou\n")
}

// A fleet of imported blocks is loaded as fast as one can be.
func TestImportedBlocksArePlain(t *testing.T) {
	c := load(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\n"})
	readings := make([]spec.Reading, 5)
	for i := range readings {
		readings[i] = spec.Reading{
			Provider: "aliyun", ICCID: spec.ICCID(numberedICCID(i)), At: time.Unix(1, 0), Status: "normal", Lifecycle: spec.Active,
			Has: spec.AttrBinding | spec.AttrActive | spec.AttrPackages, IMEI: spec.IMEI(numberedIMEI(i)), Packages: []spec.Package{{ID: "10002"}},
		}
	}
	schema := &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "card", LabelNames: []string{"name"}}}}
	_, found, ok := plain.TakeApart("old.fleet.hcl", generate.Cards(c, "aliyun", readings, generate.Form{}).HCL, schema, func() bool { return false })
	require.True(t, ok)
	require.Len(t, found.Cards, 5)
	for _, card := range found.Cards {
		require.True(t, card.Plain, card.Name)
	}
}

// A key for would begin a for expression, and ${ a template.
func TestALabelOfAnyNameIsReadBack(t *testing.T) {
	for label, value := range map[string]string{"for": "gate 3", "null": "a", "a b": "b", "${x} \"q\" %{y}": "${z}", "in-use": "c", "é": "d"} {
		for _, cards := range []int{1, generate.LiteralCards + 1} {
			t.Run(fmt.Sprintf("%s of %d", label, cards), func(t *testing.T) {
				labels := map[string]string{label: value}
				form := generate.Form{Table: "old.csv", Labels: map[spec.ICCID]map[string]string{}}
				var readings []spec.Reading
				for i := range cards {
					readings = append(readings, read(numberedICCID(i), nil))
					form.Labels[readings[i].ICCID] = labels
				}
				got := generate.Cards(load(t, declared()), "aliyun", readings, form)
				files := declared()
				files["imported.fleet.hcl"], files["old.csv"] = string(got.HCL), string(got.CSV)
				found := map[spec.ICCID]map[string]string{}
				for _, card := range load(t, files).Fleet.Cards {
					found[card.ICCID] = card.Labels
				}
				for i := range readings {
					assert.Equal(t, labels, found[readings[i].ICCID])
				}
			})
		}
	}
}

func TestLabelsAreWrittenAsBlocksAndAsColumns(t *testing.T) {
	var readings []spec.Reading
	labels := map[spec.ICCID]map[string]string{}
	for i := range 101 {
		readings = append(readings, read(numberedICCID(i), nil))
		labels[spec.ICCID(numberedICCID(i))] = map[string]string{"city": "杭州", "note": fmt.Sprint(i), "a b": ""}
	}
	labels[spec.ICCID(numberedICCID(7))] = map[string]string{"city": "", "note": "7", "a b": "x"}
	readings[3].Lifecycle = spec.SuspendedByCarrier // has a note of its own
	got := generate.Cards(load(t, declared()), "aliyun", readings, generate.Form{Table: "old.csv", Labels: labels})
	assert.Contains(t, string(got.HCL), `labels   = { "a b" = each.value["a b"] == "" ? null : each.value["a b"], city = each.value.city == "" ? null : each.value.city, note = each.value.label_note }`)
	assert.Contains(t, string(got.CSV), "iccid,active,note,a b,city,label_note\n"+numberedICCID(0)+",true,,,杭州,0\n")

	files := declared()
	files["imported.fleet.hcl"], files["old.csv"] = string(got.HCL), string(got.CSV)
	c := load(t, files)
	found := map[spec.ICCID]map[string]string{}
	for _, card := range c.Fleet.Cards {
		found[card.ICCID] = card.Labels
	}
	assert.Equal(t, map[string]string{"city": "杭州", "note": "0"}, found[spec.ICCID(numberedICCID(0))])
	assert.Equal(t, map[string]string{"a b": "x", "note": "7"}, found[spec.ICCID(numberedICCID(7))])
}

func TestNumbersAreWrittenOnceEach(t *testing.T) {
	c := load(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\ncard \"a\" {\n  iccid = \"" + numberedICCID(1) + "\"\n  msisdn = \"1064633113571\"\n}\n"})
	form := generate.Form{MSISDNs: map[spec.ICCID]string{
		spec.ICCID(numberedICCID(2)): "1064633113572", spec.ICCID(numberedICCID(3)): "1064633113571", spec.ICCID(numberedICCID(4)): "x",
	}}
	got := string(generate.Cards(c, "aliyun", []spec.Reading{read(numberedICCID(2), nil), read(numberedICCID(3), nil), read(numberedICCID(4), nil)}, form).HCL)
	assert.Regexp(t, `msisdn += "1064633113572"`, got)
	assert.Contains(t, got, "# msisdn is left out: another card is declared with 1064633113571")
	assert.Contains(t, got, "# msisdn is left out: \"x\" holds")
}
