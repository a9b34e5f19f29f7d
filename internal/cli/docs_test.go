package cli_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// The documentation is held to the program: what it shows has to run, what it
// names has to exist, and what exists has to be named.
//
// A fenced block says by its first line what it is:
//
//	hcl            a configuration that validates, by itself or with the page's others
//	hcl fragment   a piece of one, which fmt leaves as it is
//	sh             commands and options that exist
//	csv NAME       a file that configurations read: the page's own, else configuration.md's
//	json world     a simulated world that loads

const repository = "../.."

// page is one page of the documentation.
type page struct {
	name   string // relative to the repository
	text   string
	blocks []fenced
}

type fenced struct {
	info, text string
	line       int
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, name))
	require.NoError(t, err)
	p := page{name: name, text: string(text)}
	var open *fenced
	for i, line := range strings.Split(p.text, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &fenced{info: strings.TrimSpace(info), line: i + 1}
		case fence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	require.Nil(t, open, "%s has a block without an end", name)
	return p
}

// pages are docs/**/*.md, and README.md and .github/SECURITY.md where they are.
func pages(t *testing.T) []page {
	t.Helper()
	var out []page
	if _, err := os.Stat(filepath.Join(repository, "README.md")); err == nil {
		out = append(out, readPage(t, "README.md"), readPage(t, ".github/SECURITY.md"))
	}
	require.NoError(t, filepath.WalkDir(filepath.Join(repository, "docs"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		name, err := filepath.Rel(repository, path)
		out = append(out, readPage(t, filepath.ToSlash(name)))
		return err
	}))
	return out
}

func (p *page) of(info string) []fenced {
	var out []fenced
	for _, b := range p.blocks {
		if b.info == info {
			out = append(out, b)
		}
	}
	return out
}

// names reports whether the page has the word as code, by itself or among others.
func (p *page) names(word string) bool {
	for _, span := range regexp.MustCompile("`[^`\n]+`").FindAllString(p.text, -1) {
		if slices.Contains(regexp.MustCompile(`@?\w[\w-]*`).FindAllString(span, -1), word) {
			return true
		}
	}
	return false
}

func TestDocumentedConfigurationsValidate(t *testing.T) {
	for _, p := range pages(t) {
		joined := ""
		for _, b := range p.of("hcl") {
			joined += b.text
		}
		for _, b := range p.of("hcl") {
			got := validate(t, &p, b.text)
			if got.code != 0 && validate(t, &p, joined).code != 0 {
				t.Errorf("%s line %d:\n%s", p.name, b.line, got.errors)
			}
		}
	}
}

// validate runs validate on a configuration of a page, with a provider block
// where it has cards and none of its own.
func validate(t *testing.T, p *page, text string) ran {
	t.Helper()
	r := newRig(t, &carriersim.World{})
	r.env["HANGZHOU_SECRET"] = testSecret
	r.env["SORACOM_AUTH_KEY"], r.env["TELNYX_API_KEY"] = testSecret, testSecret
	r.env["JASPER_USERNAME"], r.env["JASPER_API_KEY"] = "testid", testSecret
	r.env["N1CE_CLIENT_SECRET"], r.env["ONOMONDO_API_KEY"] = testSecret, testSecret
	r.env["CMIOT_APPID"], r.env["CMIOT_PASSWORD"] = "100001", testSecret
	r.env["XUYU_CLIENT_ID"], r.env["XUYU_CLIENT_SECRET"], r.env["XUYU_SUBSCRIPTION_KEY"] = "testid", testSecret, testSecret
	r.env["CTWING_APP_KEY"], r.env["CTWING_SECRET_KEY"] = "testid", testSecret
	r.env["CARDFLEET_PG_CONN_STR"] = "postgres://fleet@db.example/cardfleet?sslmode=verify-full"
	tables := readPage(t, "docs/configuration.md")
	for _, b := range slices.Concat(tables.blocks, p.blocks) {
		if name, ok := strings.CutPrefix(b.info, "csv "); ok {
			r.write(name, b.text)
		}
	}
	if !strings.Contains(text, `provider "`) && regexp.MustCompile(`(?m)^(card|privacy_number) `).MatchString(text) {
		r.write("provider.fleet.hcl", provider)
	}
	r.write("main.fleet.hcl", text)
	return r.run("validate")
}

func TestDocumentedConfigurationsAreFormatted(t *testing.T) {
	for _, p := range pages(t) {
		for _, b := range slices.Concat(p.of("hcl"), p.of("hcl fragment")) {
			formatted, diags := config.Format([]byte(b.text), p.name)
			require.False(t, diags.HasErrors(), "%s line %d: %v", p.name, b.line, diags)
			if p.name != "README.md" { // it lines comments up with more than fmt does
				assert.Equal(t, string(formatted), b.text, "%s line %d", p.name, b.line)
			}
		}
	}
}

func TestDocumentedCommandsExist(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	for _, p := range pages(t) {
		for _, b := range p.of("sh") {
			for _, words := range commands(b.text) {
				checkCommand(t, r, p.name, words)
			}
		}
	}
}

// commands are the calls of cardfleet in a script, each without its first word.
func commands(script string) [][]string {
	var out [][]string
	for line := range strings.Lines(script) {
		for part := range strings.SplitSeq(regexp.MustCompile(`&&|[|;&>]`).ReplaceAllString(line, "\n"), "\n") {
			if words := strings.Fields(part); len(words) > 0 && words[0] == "cardfleet" {
				out = append(out, words[1:])
			}
		}
	}
	return out
}

// checkCommand holds the words of one call to the help of its command.
func checkCommand(t *testing.T, r *rig, page string, words []string) {
	t.Helper()
	path, help := []string{}, r.run("-h").out
	for _, word := range words {
		if option, ok := strings.CutPrefix(word, "-"); ok && option != "" {
			option, _, _ = strings.Cut(strings.TrimPrefix(option, "-"), "=")
			there := regexp.MustCompile(`(?m)^  -` + regexp.QuoteMeta(option) + `[= ]`).MatchString(help)
			assert.True(t, there, "%s: -%s of cardfleet %s", page, option, strings.Join(words, " "))
			continue
		}
		if strings.Contains(help, "\nCommands:\n") && !slices.Contains(path, "completion") {
			path = append(path, word)
			got := r.run(append(slices.Clone(path), "-h")...)
			known := strings.HasPrefix(got.out, "cardfleet "+strings.Join(path, " ")+":") || word == "completion"
			require.True(t, known, "%s: there is no command %q", page, path)
			help = got.out
		}
	}
}

// Whoever adds an option documents it.
func TestEveryOptionIsDocumented(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	text := readPage(t, "docs/cli.md").text + readPage(t, "docs/simulator.md").text
	var look func(path ...string)
	look = func(path ...string) {
		help := r.run(append(slices.Clone(path), "-h")...).out
		for _, m := range regexp.MustCompile(`(?m)^  -(\S+?)[= ]`).FindAllStringSubmatch(help, -1) {
			there := regexp.MustCompile("`-" + regexp.QuoteMeta(m[1]) + "[=` ]").MatchString(text)
			assert.True(t, there, "cardfleet %s -%s", strings.Join(path, " "), m[1])
		}
		_, list, _ := strings.Cut(help, "\nCommands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		for _, m := range regexp.MustCompile(`(?m)^  (\w+) `).FindAllStringSubmatch(list, -1) {
			name := strings.Join(append(slices.Clone(path), m[1]), " ")
			assert.True(t, strings.Contains(text, "`"+name), "cardfleet %s", name)
			look(append(slices.Clone(path), m[1])...)
		}
	}
	look()
}

func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(p.text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := p.name
			if file != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(p.name), file))
			}
			if _, err := os.Stat(filepath.Join(repository, target)); !assert.NoError(t, err, "%s links to %s", p.name, m[1]) || anchor == "" {
				continue
			}
			other := readPage(t, target)
			assert.Contains(t, other.anchors(), anchor, "%s links to %s", p.name, m[1])
		}
	}
}

// anchors are the headings as GitHub links to them.
func (p *page) anchors() []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(p.text, -1) {
		out = append(out, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, m[1]))
	}
	return out
}

func TestEveryFunctionIsDocumented(t *testing.T) {
	here, _ := documentedFunctions(t)
	assert.Equal(t, config.FunctionNames(), slices.Sorted(maps.Keys(here)))
}

// Each function of Terraform (1.17.0-dev, commit 883c7221) and of OpenTofu
// (1.13.0-dev, commit f831fa1a) stands in one of the two tables, and what they say is so.
func TestTheDocsSayOfEachOfTerraformsFunctionsWhetherItIsHere(t *testing.T) {
	here, notHere := documentedFunctions(t)
	exist := config.FunctionNames()
	for _, name := range strings.Fields(terraformFunctions) {
		assert.NotEqual(t, here[name], notHere[name] != "", "%s stands in one of the tables", name)
		assert.Equal(t, here[name], slices.Contains(exist, name), name)
	}
	for name, why := range notHere {
		assert.Contains(t, strings.Fields(terraformFunctions), name, "nobody asks for it")
		assert.Greater(t, len(why), 20, "%s: why not", name)
	}
	for name := range here {
		own := name == "env" || strings.HasPrefix(name, "provider::cardfleet::")
		assert.NotEqual(t, own, slices.Contains(strings.Fields(terraformFunctions), name), name)
	}
}

// terraformFunctions are the tables in internal/lang/functions.go of both, and
// what their consoles and plans add.
const terraformFunctions = `
	abs abspath alltrue anytrue assumeequal assumelistlength assumelistlengthmax assumelistlengthmin assumemaplength assumemaplengthmax
	assumemaplengthmin assumenotnull assumesetlength assumesetlengthmax assumesetlengthmin assumestringprefix base64decode base64encode
	base64gunzip base64gzip base64sha256 base64sha512 basename bcrypt can ceil chomp chunklist cidrcontains cidrhost cidrnetmask cidrsubnet
	cidrsubnets coalesce coalescelist compact concat contains convert csvdecode dirname distinct element endswith ephemeralasnull file
	filebase64 filebase64sha256 filebase64sha512 fileexists filemd5 fileset filesha1 filesha256 filesha512 flatten floor format formatdate
	formatlist indent index issensitive join jsondecode jsonencode keys length list log lookup lower map matchkeys max md5 merge min
	nonsensitive one parseint pathexpand plantimestamp pow range regex regexall replace reverse rsadecrypt sensitive setintersection
	setproduct setsubtract setunion sha1 sha256 sha512 signum slice sort split startswith strcontains strrev substr sum templatefile
	templatestring textdecodebase64 textencodebase64 timeadd timecmp timestamp title tobool tolist tomap tonumber toset tostring transpose
	trim trimprefix trimspace trimsuffix try type upper urldecode urlencode uuid uuidv5 values yamldecode yamlencode zipmap`

// documentedFunctions are the names in the table of groups, and in the table of
// what is not here the reasons by name.
func documentedFunctions(t *testing.T) (here map[string]bool, notHere map[string]string) {
	t.Helper()
	_, section, found := strings.Cut(readPage(t, "docs/configuration.md").text, "\n## Functions\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	groups, rest, found := strings.Cut(section, "| not here | why |")
	require.True(t, found)
	here, notHere = map[string]bool{}, map[string]string{}
	for _, row := range functionRows(groups) {
		for _, name := range namesIn(row[1]) {
			assert.False(t, here[name], "%s stands there once", name)
			here[name] = true
		}
	}
	for _, row := range functionRows(rest) {
		for _, name := range namesIn(row[0]) {
			notHere[name] = row[1]
		}
	}
	return here, notHere
}

// functionRows are the rows of a table of two columns.
func functionRows(text string) [][2]string {
	var rows [][2]string
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			rows = append(rows, [2]string{strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])})
		}
	}
	return rows
}

func namesIn(cell string) []string {
	var names []string
	for _, m := range regexp.MustCompile("`([\\w:]+)`").FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}

func TestEveryProviderSettingIsDocumented(t *testing.T) {
	common := readPage(t, "docs/configuration.md")
	for _, typ := range all.Types() {
		p := readPage(t, "docs/providers/"+typ.Schema.Type+".md")
		for _, s := range typ.Schema.Settings {
			assert.True(t, p.names(s.Name), "%s: %s", typ.Schema.Type, s.Name)
			if s.Env != "" {
				assert.True(t, p.names(s.Env), "%s: %s", typ.Schema.Type, s.Env)
			}
		}
		for _, s := range spec.CommonSettings() {
			assert.True(t, p.names(s.Name), "%s: %s", typ.Schema.Type, s.Name)
			assert.True(t, common.names(s.Name), s.Name)
		}
	}
}

func TestTheTableOfProvidersIsDocumented(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	table := r.want(0, r.run("providers")).out
	p := readPage(t, "docs/providers/README.md")
	assert.Contains(t, p.text, "```text\n"+table+"```\n", "put what cardfleet providers prints into %s", p.name)
	for _, typ := range all.Types() {
		assert.Contains(t, p.text, "("+typ.Schema.Type+".md)")
	}
}

func TestDocumentedWorldsLoad(t *testing.T) {
	p := readPage(t, "docs/simulator.md")
	require.NotEmpty(t, p.of("json world"))
	for _, b := range p.of("json world") {
		path := filepath.Join(t.TempDir(), "world.json")
		require.NoError(t, os.WriteFile(path, []byte(b.text), 0o600))
		_, err := carriersim.Load(path)
		assert.NoError(t, err, "line %d", b.line)
	}
}

func TestEveryFieldOfTheWorldIsDocumented(t *testing.T) {
	p := readPage(t, "docs/simulator.md")
	for _, typ := range []reflect.Type{
		reflect.TypeFor[carriersim.World](), reflect.TypeFor[carriersim.Card](), reflect.TypeFor[carriersim.Account](),
		reflect.TypeFor[carriersim.Number](), reflect.TypeFor[carriersim.Order](), reflect.TypeFor[carriersim.Fault](), reflect.TypeFor[spec.Package](),
	} {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name != "" && name != "-" {
				assert.True(t, p.names(name), "%s: %s", typ, name)
			}
		}
	}
}

// everything is a configuration whose plan has each part that JSON can have.
const everything = `
provider "aliyun" {
  endpoint = var.carrier_url
}
provider "aliyun" {
  alias    = "dark"
  endpoint = "http://127.0.0.1:1"
  retries  = 0
}
variable "carrier_url" { type = string }

fleet {
  policy {
    limit "any" { count = 0 }
  }
}
card "dark" {
  provider = aliyun.dark
  iccid    = "89860617030017300040"
}
card "unknown" {
  provider = aliyun
  iccid    = "89860617030017300032"
}
card "back" {
  provider     = aliyun
  iccid        = "89860617030017300008"
  bound        = false
  current_imei = "861536030196001"
}
card "kiosk" {
  provider = aliyun
  iccid    = "89860617030017300016"
  imei     = "861536030196019"
  active   = false
  packages = ["10002"]
  labels   = { city = "hangzhou" }
}
privacy_number "courier" {
  provider = aliyun
  pool_key = "FC12345"
  subs_id  = "12345"
  number   = "17000000001"
}
output "kiosk" { value = card.kiosk.live.status }
`

func TestEveryFieldOfJSONIsDocumented(t *testing.T) {
	r := newRig(t, &carriersim.World{
		Cards:   []carriersim.Card{{ICCID: "89860617030017300008", IMEI: "861536030196001"}, {ICCID: "89860617030017300016", IMEI: "861536030196019"}},
		Numbers: []carriersim.Number{{Pool: "FC12345", Subs: "12345", Status: 2, Number: "17000000009"}},
		Faults:  []carriersim.Fault{{Action: "DoIotUserStopResume", Kind: carriersim.CodeFault("isv.QUERY_ASSETS_ERROR")}},
	})
	r.write("main.fleet.hcl", everything)
	texts := []string{r.want(1, r.run("plan", "-json", "-out=p.fleetplan")).out, r.want(0, r.run("show", "-json", "p.fleetplan")).out}
	r.write("main.fleet.hcl", strings.Replace(everything, "count = 0", "count = 100", 1))
	texts = append(texts, r.want(3, r.run("apply", "-json", "-auto-approve", "-skip-unread")).out)
	texts = append(texts, r.want(5, r.run("apply", "-json", "-auto-approve", "-skip-unread", "-skip-unapproved", "-report=run.jsonl")).out)
	texts = append(texts, r.read("run.jsonl"))

	namesEach(t, texts)
}

func TestEveryFieldOfDriftAndOfPartsIsDocumented(t *testing.T) {
	r := settled(t)
	r.elsewhere(scale, func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner })
	r.want(0, r.run("plan", "-target=card.scale", "-out=p.fleetplan"))
	namesEach(t, []string{
		r.want(0, r.run("show", "-json", "p.fleetplan")).out,
		r.want(0, r.run("plan", "-json", "-check=p.fleetplan")).out,
		r.want(0, r.run("plan", "-json", "-refresh-only")).out,
	})
}

// What a schema declares and no page explains is left over, or forgotten.
func TestEveryFieldOfTheSchemasIsDocumented(t *testing.T) {
	p := readPage(t, "docs/cli.md")
	files, err := filepath.Glob(filepath.Join(repository, "docs/schema/*.json"))
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "fleet.schema.json" }) // what people write: other pages have it
	require.Len(t, files, 6)
	var walk func(file string, v any)
	walk = func(file string, v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(file, e)
			}
		case map[string]any:
			properties, _ := v["properties"].(map[string]any)
			for name := range properties {
				assert.True(t, p.names(name), "%s: %s", file, name)
			}
			for name, e := range v {
				if !slices.Contains([]string{"range", "snippet"}, name) { // Terraform documents these
					walk(file, e)
				}
			}
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var v any
		require.NoError(t, json.Unmarshal(text, &v))
		walk(file, v)
	}
}

// namesEach holds the fields and types of JSON texts to the page.
func namesEach(t *testing.T, texts []string) {
	t.Helper()
	p := readPage(t, "docs/cli.md")
	for name := range fields(t, texts) {
		assert.True(t, p.names(name), name)
	}
	for _, kind := range regexp.MustCompile(`"type":"([\w-]+)"`).FindAllStringSubmatch(strings.Join(texts, ""), -1) {
		assert.True(t, p.names(kind[1]), kind[1])
	}
}

// fields are the names of all fields in the JSON values of the texts, but for
// those that users choose and those that Terraform documents.
func fields(t *testing.T, texts []string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for name, e := range v {
				names[name] = true
				if !slices.Contains([]string{"labels", "outputs", "range", "snippet"}, name) {
					walk(e)
				}
			}
		}
	}
	for _, text := range texts {
		decoder := json.NewDecoder(strings.NewReader(text))
		for decoder.More() {
			var v any
			require.NoError(t, decoder.Decode(&v))
			walk(v)
		}
	}
	return names
}

func TestEachPromiseOfSecurityNamesATestThatExists(t *testing.T) {
	p := readPage(t, "docs/security.md")
	promises := 0
	for _, line := range strings.Split(p.text, "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| promise") {
			continue
		}
		promises++
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		held := regexp.MustCompile("`([a-z0-9_/A-Z]+_test\\.go)`").FindAllStringSubmatch(cells[len(cells)-1], -1)
		assert.NotEmpty(t, held, line)
		for _, m := range held {
			assert.FileExists(t, filepath.Join(repository, m[1]))
		}
	}
	assert.Greater(t, promises, 10)
}
