package editor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/docs"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/editor"
	stores "github.com/cardfleet/cardfleet/state/all"
)

// desk is a folder with an editor. In its texts the mark ‸ is the cursor.
type desk struct {
	t   testing.TB
	dir string
	*editor.Editor
}

const cursor = "‸"

func newEditor() *editor.Editor {
	var providers, backends []spec.Schema
	for _, p := range all.Types() {
		providers = append(providers, p.Schema)
	}
	for _, b := range stores.Types() {
		backends = append(backends, b.Schema)
	}
	return editor.New(editor.Options{Providers: providers, Backends: backends, Pages: docs.Pages})
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	return &desk{t, t.TempDir(), newEditor()}
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) onDisk(name, text string) {
	d.t.Helper()
	require.NoError(d.t, os.WriteFile(d.path(name), []byte(text), 0o600))
}

// typed opens a text, and tells where its cursor is.
func (d *desk) typed(name, text string) editor.Position {
	d.t.Helper()
	before, after, ok := strings.Cut(text, cursor)
	require.True(d.t, ok, "the text has no cursor")
	d.Open(d.path(name), before+after)
	line := before[strings.LastIndex(before, "\n")+1:]
	return editor.Position{Line: strings.Count(before, "\n"), Character: len(utf16.Encode([]rune(line)))}
}

// offers are the labels that are offered at the cursor.
func (d *desk) offers(name, text string) []string {
	d.t.Helper()
	list, _ := d.Complete(d.path(name), d.typed(name, text))
	var labels []string
	for _, c := range list {
		labels = append(labels, c.Label)
	}
	return labels
}

func (d *desk) says(name, text string) string {
	d.t.Helper()
	h := d.Hover(d.path(name), d.typed(name, text))
	if h == nil {
		return ""
	}
	return h.Text
}

// goesTo are the places of a definition, as FILE:LINE:CHARACTER TEXT.
func (d *desk) goesTo(name, text string) []string {
	d.t.Helper()
	return d.told(d.Definition(d.path(name), d.typed(name, text)))
}

func (d *desk) told(places []editor.Location) []string {
	var list []string
	for _, p := range places {
		text, open := d.Text(p.Path)
		if !open {
			b, err := os.ReadFile(p.Path)
			require.NoError(d.t, err)
			text = strings.TrimPrefix(string(b), "\uFEFF") // as editors have it
		}
		line := utf16.Encode([]rune(strings.Split(text, "\n")[p.Range.Start.Line]))
		list = append(list, filepath.Base(p.Path)+" "+string(utf16.Decode(line[p.Range.Start.Character:p.Range.End.Character])))
	}
	return list
}

const fleetText = `
provider "aliyun" {
  alias    = "hangzhou"
  endpoint = "simulator"
}

variable "package" {
  type        = string
  default     = "10002"
  description = "what every card is subscribed to"
}

locals {
  bikes = csvdecode(file("bikes.csv"))
  byId  = { for row in local.bikes : row.iccid => row }
}
`

func TestCompletion(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		has  []string
		not  []string
	}{
		"a block's type":                 {"‸", []string{"card", "fleet", "provider", "variable"}, []string{"iccid"}},
		"part of a block's type":         {"pri‸", []string{"privacy_number"}, []string{"card"}},
		"an attribute of a card":         {"card \"a\" {\n  ‸\n}\n", []string{"iccid", "imei", "lifecycle"}, []string{"endpoint"}},
		"part of an attribute":           {"card \"a\" {\n  im‸\n}\n", []string{"imei"}, []string{"iccid"}},
		"no attribute twice":             {"card \"a\" {\n  imei = \"1\"\n  ‸\n}\n", []string{"iccid"}, []string{"imei"}},
		"a provider's own setting":       {"provider \"aliyun\" {\n  acc‸\n}\n", []string{"access_key_id", "access_key_secret"}, []string{"endpoint"}},
		"another provider's own setting": {"provider \"soracom\" {\n  ‸\n}\n", []string{"auth_key", "auth_key_id", "endpoint", "alias"}, []string{"access_key_id"}},
		"a provider's type":              {"provider \"ali‸\" {\n}\n", []string{"aliyun", "aliyun_linkcard"}, []string{"cmiot"}},
		"a backend's setting":            {"fleet {\n  backend \"s3\" {\n    buck‸\n  }\n}\n", []string{"bucket"}, nil},
		"a word that an attribute takes": {"fleet {\n  policy {\n    on_remove = ‸\n  }\n}\n", []string{"unbind", "forget"}, nil},
		"a kind of limit":                {"fleet {\n  policy {\n    limit \"‸\" {\n    }\n  }\n}\n", []string{"any", "remove", "unbind"}, nil},
		"a provider block":               {fleetText + "card \"a\" {\n  provider = ‸\n}\n", []string{"aliyun.hangzhou"}, []string{"var.package"}},
		"a variable":                     {fleetText + "card \"a\" {\n  iccid = var.‸\n}\n", []string{"var.package"}, []string{"local.bikes"}},
		"a local value, beside another":  {"locals {\n  a = 1\n  b = local.‸\n}\n", []string{"local.a"}, nil},
		"a function":                     {"locals {\n  a = csv‸\n}\n", []string{"csvdecode"}, []string{"file"}},
		"a column of from_csv":           {"card \"a\" {\n  from_csv = \"bikes.csv\"\n  imei = each.value.‸\n}\n", []string{"each.value.imei", "each.value.city"}, []string{"each.key"}},
		"a column by way of locals":      {fleetText + "card \"a\" {\n  for_each = local.byId\n  imei = each.‸\n}\n", []string{"each.value.imei", "each.key"}, []string{"var.package"}},
		"a column within a text":         {"card \"a\" {\n  from_csv = \"bikes.csv\"\n  labels = { a = \"x ${each.value.‸}\" }\n}\n", []string{"each.value.city"}, nil},
		"no row without rows":            {"card \"a\" {\n  imei = ‸\n}\n", nil, []string{"each.key", "each.value"}},
		"true and false":                 {"card \"a\" {\n  active = ‸\n}\n", []string{"true", "false"}, nil},
		"words of ignore_changes":        {"card \"a\" {\n  lifecycle {\n    ignore_changes = [‸]\n  }\n}\n", []string{"packages", "imei"}, nil},
		"a card in an output":            {"card \"kiosk\" {\n  iccid = \"1\"\n}\n\noutput \"x\" {\n  value = card.‸\n}\n", []string{"card.kiosk"}, nil},
		"after a block that is broken":   {"card \"b\" {\n  imei = (\n\ncard \"a\" {\n  acti‸\n}\n", []string{"active"}, nil},
		"behind letters of two units":    {"card \"a\" {\n  labels = { a = \"𝒳\" }\n  acti‸\n}\n", []string{"active"}, nil},
		"settings of a carrier that the configuration defines": {
			"carrier \"mine\" {\n  setting \"app_id\" {}\n}\n\nprovider \"mine\" {\n  ‸\n}\n", []string{"app_id", "endpoint"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.onDisk("bikes.csv", "iccid,imei,city\n1,2,3\n")
			got := d.offers("main.fleet.hcl", c.text)
			for _, want := range c.has {
				assert.Contains(t, got, want)
			}
			for _, no := range c.not {
				assert.NotContains(t, got, no)
			}
		})
	}
}

func TestVariablesAreOfferedInTheirFile(t *testing.T) {
	d := newDesk(t)
	d.onDisk("main.fleet.hcl", fleetText)
	assert.Equal(t, []string{"package"}, d.offers("x.auto.fleetvars.hcl", "pa‸"))
}

func TestHoverSaysWhatTheDocumentationSays(t *testing.T) {
	d := newDesk(t)
	d.onDisk("bikes.csv", "iccid,imei,city\n1,2,3\n")
	for text, want := range map[string]string{
		"card \"a\" {\n  im‸ei = \"1\"\n}\n":                                       "the device it is to be bound to",
		"card \"a\" {\n  lifecycle {\n    prevent_un‸bind = true\n  }\n}\n":        "a plan that would unbind the card is an error",
		"provider \"aliyun\" {\n  access_key_s‸ecret = \"x\"\n}\n":                 "never shown",
		"provider \"soracom\" {\n  end‸point = \"x\"\n}\n":                         "the global coverage",
		"provider \"aliyun\" {\n  parking_im‸eis = []\n}\n":                        "spare IMEIs",
		"fleet {\n  backend \"postgres\" {\n    schema_n‸ame = \"x\"\n  }\n}\n":    "made with its tables",
		"fleet {\n  encryption {\n    passp‸hrase = \"x\"\n  }\n}\n":               "in place of recipients",
		"fleet {\n  history { ke‸ep = \"1d\" }\n}\n":                               "is for how long at least",
		fleetText + "card \"a\" {\n  packages = [var.pack‸age]\n}\n":               "what every card is subscribed to",
		fleetText + "card \"a\" {\n  for_each = local.by‸Id\n}\n":                  "for row in local.bikes",
		fleetText + "card \"a\" {\n  provider = aliyun.hang‸zhou\n}\n":             `provider "aliyun"`,
		"locals {\n  a = csvde‸code(\"\")\n}\n":                                    "csvdecode(",
		"card \"a\" {\n  from_csv = \"bikes.csv\"\n  imei = each.value.ci‸ty\n}\n": "column 3 of bikes.csv",
	} {
		assert.Contains(t, d.says("main.fleet.hcl", text), want, text)
	}
	assert.Empty(t, d.says("main.fleet.hcl", "# ‸a comment\n"))
}

// Each attribute and block that the language has is said something of, in the
// documentation or by its schema.
func TestTheDocumentationSaysSomethingOfEachAttribute(t *testing.T) {
	e := newEditor()
	assert.Empty(t, e.Unexplained())
}

func TestDefinition(t *testing.T) {
	d := newDesk(t)
	d.onDisk("bikes.csv", "\uFEFFiccid,\"imei\",城市 𝒳,city\n1,2,3,4\n")
	d.onDisk("more.fleet.hcl", "variable \"city\" {\n}\n\ncard \"far\" {\n  iccid = \"1\"\n}\n")
	for text, want := range map[string]string{
		fleetText + "card \"a\" {\n  packages = [var.pack‸age]\n}\n":                     "main.fleet.hcl variable \"package\"",
		fleetText + "card \"a\" {\n  labels = { a = \"${var.ci‸ty}\" }\n}\n":             "more.fleet.hcl variable \"city\"",
		fleetText + "card \"a\" {\n  for_each = local.by‸Id\n}\n":                        "main.fleet.hcl byId",
		fleetText + "card \"a\" {\n  provider = ali‸yun.hangzhou\n}\n":                   "main.fleet.hcl provider \"aliyun\"",
		fleetText + "output \"a\" {\n  value = card.fa‸r.live\n}\n":                      "more.fleet.hcl card \"far\"",
		"card \"a\" {\n  from_csv = \"bikes.csv\"\n  imei = each.value.im‸ei\n}\n":       "bikes.csv imei",
		"card \"a\" {\n  from_csv = \"bikes.csv\"\n  imei = each.value.cit‸y\n}\n":       "bikes.csv city",
		"card \"a\" {\n  from_csv = \"bikes.csv\"\n  iccid = each.k‸ey\n}\n":             "bikes.csv iccid",
		fleetText + "card \"a\" {\n  for_each = local.byId\n  x = each.value.city‸\n}\n": "bikes.csv city",
		"card \"a\" {\n  from_csv = \"bi‸kes.csv\"\n}\n":                                 "bikes.csv ",
		"locals {\n  a = file(\"bikes‸.csv\")\n}\n":                                      "bikes.csv ",
	} {
		got := d.goesTo("main.fleet.hcl", text)
		assert.Equal(t, []string{want}, got, text)
	}
	assert.Empty(t, d.goesTo("main.fleet.hcl", "card \"a\" {\n  imei = var.no‸ne\n}\n"))
}

func TestReferences(t *testing.T) {
	d := newDesk(t)
	d.onDisk("bikes.csv", "iccid,imei\n")
	d.onDisk("more.fleet.hcl", "card \"b\" {\n  provider = aliyun.hangzhou\n  packages = [var.package]\n}\n\ncard \"c\" {\n  from_csv = \"other.csv\"\n  imei = each.value.imei\n}\n")
	at := d.typed("main.fleet.hcl", fleetText+"card \"a\" {\n  from_csv = \"bikes.csv\"\n  packages = [var.pack‸age, \"package\"]\n  imei = each.value.imei\n  provider = aliyun.hangzhou\n}\n")
	path := d.path("main.fleet.hcl")
	assert.Equal(t, []string{"main.fleet.hcl variable \"package\"", "main.fleet.hcl var.package", "more.fleet.hcl var.package"},
		d.told(d.References(t.Context(), path, at, true)))
	at.Line++
	at.Character = 16
	assert.Equal(t, []string{"main.fleet.hcl each.value.imei"}, d.told(d.References(t.Context(), path, at, false)), "another table's column is another")
	at.Line++
	assert.Len(t, d.References(t.Context(), path, at, false), 2)
	header := editor.Position{Line: 6, Character: 12} // variable "package"
	assert.Len(t, d.References(t.Context(), path, header, false), 2)
}

func TestFormattingChangesWhatFmtWould(t *testing.T) {
	d := newDesk(t)
	text := "card \"a\" {\n  iccid = \"1\"\n}\n\ncard \"b\" {\n  iccid=\"1\"\n  active = true\n}\n\ncard \"c\" {\n}\n"
	path := d.path("main.fleet.hcl")
	d.Open(path, text)
	edits := d.Format(path)
	require.Len(t, edits, 1)
	assert.Equal(t, editor.Range{Start: editor.Position{Line: 5}, End: editor.Position{Line: 6}}, edits[0].Range, "only the line that changes")
	require.True(t, d.Change(path, []editor.Change{{Range: &edits[0].Range, Text: edits[0].Text}}))
	got, _ := d.Text(path)
	assert.Equal(t, strings.Replace(text, `  iccid="1"`, `  iccid  = "1"`, 1), got)
	assert.Empty(t, d.Format(path))
	d.Open(path, "card {{{")
	assert.Empty(t, d.Format(path))
	d.Open(path, text)
	d.Change(path, []editor.Change{{Range: &editor.Range{Start: editor.Position{Line: 5}, End: editor.Position{Line: 5}}, Text: "acti\n"}})
	assert.Empty(t, d.Format(path), "a block that is half typed")
}

func TestTheOutlineNamesEachBlock(t *testing.T) {
	d := newDesk(t)
	path := d.path("main.fleet.hcl")
	d.Open(path, "# first\n"+fleetText)
	var names []string
	for _, s := range d.Outline(path) {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"provider aliyun", "variable package", "locals"}, names)
}

func TestASignatureSaysWhichArgumentIsWritten(t *testing.T) {
	d := newDesk(t)
	s := d.Signature(d.path("main.fleet.hcl"), d.typed("main.fleet.hcl", "locals {\n  a = replace(\"a\", ‸\"b\", \"c\")\n}\n"))
	require.NotNil(t, s)
	assert.True(t, strings.HasPrefix(s.Label, "replace("))
	assert.Equal(t, 1, s.Active)
	assert.Len(t, s.Params, 3)
}

// A block that nests without end, or is long without end, has no answers, and ends nothing.
func TestWhatNestsOrGoesOnWithoutEndHasNoAnswers(t *testing.T) {
	for _, open := range []string{"(", "{a=", "!", "\"${", "x {\n"} {
		d := newDesk(t)
		path := d.path("main.fleet.hcl")
		for _, n := range []int{1_000, 60_000} {
			text := "card \"a\" {\n  imei = " + strings.Repeat(open, n)
			d.Open(path, text)
			askAll(t, d.Editor, path, placeOf(text, len(text)))
			askAll(t, d.Editor, path, editor.Position{Line: 1, Character: 4})
			assert.Empty(t, d.Format(path))
		}
	}
}

func TestAPathThatIsNoConfigurationAnswersNothing(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{"notes.hcl", "x.fleet.json", "bikes.csv"} {
		at := d.typed(name, "card \"a\" {\n  ‸\n}\n")
		list, whole := d.Complete(d.path(name), at)
		assert.Empty(t, list, name)
		assert.True(t, whole)
		assert.Nil(t, d.Hover(d.path(name), at))
		assert.Empty(t, d.Definition(d.path(name), at))
	}
	assert.False(t, d.Change(d.path("never.fleet.hcl"), nil))
}
