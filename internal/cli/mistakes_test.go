package cli_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/spec"
	stateall "github.com/cardfleet/cardfleet/state/all"
)

// unsuitable are values that some setting or other can't have.
func unsuitable() []string {
	return []string{`{ nobody = ["wants", 7] }`, `-1`, `7.5`, `""`, `"many"`, `[]`, `["a", null]`, `true`, `1e300`, `null`, `local.nowhere`}
}

// block is a place for settings: what stands around them, and the settings
// that it has to have.
type block struct {
	before, after string
	settings      map[string]string // by name, as they are written
	names         []string          // that it may have
	// live reports whether a plan looks at the carrier for what the block says,
	// so that it may find more there.
	live bool
}

// with is the configuration in which the setting is said to be value.
func (b block) with(name, value string) string {
	said := maps.Clone(b.settings)
	if said == nil {
		said = map[string]string{}
	}
	said[name] = value
	var lines []string
	for _, n := range slices.Sorted(maps.Keys(said)) {
		lines = append(lines, fmt.Sprintf("  %s = %s\n", n, said[n]))
	}
	return b.before + "\n" + strings.Join(lines, "") + b.after + "\n"
}

func around(header string, nested ...string) (before, after string) {
	before = header + " {"
	for _, n := range nested {
		before += "\n" + n + " {"
	}
	return before, strings.Repeat("}\n", len(nested)+1)
}

// schemaBlocks are the blocks that have schemas of settings.
func schemaBlocks(denied string) map[string]block {
	blocks := map[string]block{}
	for _, t := range all.Types() {
		before, after := around(fmt.Sprintf("provider %q", t.Schema.Type))
		blocks["provider "+t.Schema.Type] = block{before: before, after: after, names: append(t.Schema.Names(), namesOf(spec.CommonSettings())...)}
	}
	base := map[string]map[string]string{
		"http":     {"address": strconv.Quote(denied)},
		"postgres": {"conn_str": `"postgres://u@127.0.0.1:1/d?sslmode=disable"`},
		"s3": {
			"bucket": `"b"`, "key": `"k"`, "region": `"r"`, "endpoint": strconv.Quote(denied),
			"access_key": `"a"`, "secret_key": `"0123456789abcdef"`,
		},
	}
	for _, t := range stateall.Types() {
		before, after := around("fleet", fmt.Sprintf("backend %q", t.Schema.Type))
		blocks["backend "+t.Schema.Type] = block{before: before, after: after, names: t.Schema.Names(), settings: base[t.Schema.Type]}
	}
	for _, s := range spec.NotifySchemas() {
		before, after := around("fleet", fmt.Sprintf("notify %q", s.Type))
		blocks["notify "+s.Type] = block{before: before, after: after, names: s.Names(), settings: map[string]string{"url": `"https://hooks.example/x"`}}
	}
	return blocks
}

func namesOf(settings []spec.Setting) []string { return spec.Schema{Settings: settings}.Names() }

// languageBlocks are the blocks of the language itself, by the functions of
// spec/config that say what may stand in them.
func languageBlocks() map[string]block {
	place := func(settings map[string]string, live bool, header string, nested ...string) block {
		before, after := around(header, nested...)
		return block{before: before, after: after, settings: settings, live: live}
	}
	card := map[string]string{"iccid": strconv.Quote(kiosk), "provider": "aliyun"}
	lifecycle := place(nil, true, `card "other"`, "lifecycle")
	lifecycle.before = strings.Replace(lifecycle.before, "{", "{\niccid = \""+kiosk+"\"\nprovider = aliyun", 1)
	return map[string]block{
		"fleetSchema":      place(nil, false, "fleet"),
		"encryptionSchema": place(map[string]string{"passphrase": `"correct horse"`}, false, "fleet", "encryption"),
		"previousSchema":   place(map[string]string{"passphrase": `"battery staple"`}, false, "fleet", "encryption", "previous"),
		"policySchema":     place(nil, false, "fleet", "policy"),
		"historySchema":    place(nil, false, "fleet", "history"),
		"limitSchema":      place(map[string]string{"count": "1"}, false, "fleet", "policy", `limit "stop"`),
		"variableSchema":   place(nil, false, `variable "x"`),
		"validationSchema": place(map[string]string{"condition": "true", "error_message": `"No."`}, false, `variable "x"`, "validation"),
		"cardSchema":       place(card, true, `card "other"`),
		"lifecycleSchema":  lifecycle,
		"numberSchema":     place(map[string]string{"provider": "aliyun", "pool_key": `"p"`, "subs_id": `"s"`}, true, `privacy_number "n"`),
		"approvalSchema":   place(map[string]string{"action": `"unbind"`, "cards": fmt.Sprintf("{ %q = \"861536030196001\" }", kiosk)}, true, `approval "a"`),
		"removedSchema":    place(map[string]string{"iccids": fmt.Sprintf("[%q]", kiosk)}, true, "removed"),
		"packageSchema":    place(map[string]string{"price": "3", "currency": `"CNY"`, "per": `"month"`}, false, `package "10002"`),
		"executorSchema":   place(nil, false, "fleet", `executor "workers"`),
		"windowSchema":     place(map[string]string{"kinds": `["stop"]`, "cron": `"0 1 * * *"`, "length": `"4h"`}, false, "fleet", `window "night"`),
		"scheduleSchema":   place(map[string]string{"cron": `"30 1 * * *"`}, false, "fleet", `schedule "drift"`),
		"checkSchema":      place(map[string]string{"condition": "true", "error_message": `"No."`}, false, `check "all is well"`),
		"outputSchema":     place(map[string]string{"value": "1"}, false, `output "o"`),
	}
}

// argumentsOf reads what may stand in each block from the source of spec/config.
func argumentsOf(t *testing.T) map[string][]string {
	t.Helper()
	arguments := map[string][]string{}
	var decls []ast.Decl
	for _, name := range []string{"/spec/config/schema.go", "/spec/config/expr/schema.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), root+name, nil, 0)
		require.NoError(t, err)
		decls = append(decls, file.Decls...)
	}
	for _, d := range decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || fmt.Sprint(call.Fun) != "attrs" {
				return true
			}
			for _, arg := range call.Args {
				if lit, ok := arg.(*ast.BasicLit); ok {
					name, err := strconv.Unquote(lit.Value)
					require.NoError(t, err)
					arguments[f.Name.Name] = append(arguments[f.Name.Name], name)
				}
			}
			return true
		})
	}
	return arguments
}

// TestValidateAndPlanSayTheSameOfEachMistake writes every setting of every block
// wrongly in every way.
func TestValidateAndPlanSayTheSameOfEachMistake(t *testing.T) {
	denied := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(denied.Close)
	blocks := schemaBlocks(denied.URL)
	language := languageBlocks()
	for function, names := range argumentsOf(t) {
		b, ok := language[function]
		if assert.True(t, ok, "%s says what may stand in a block that this test doesn't know", function) {
			b.names = names
			blocks[function] = b
		}
	}
	mistakes := 0
	for _, name := range slices.Sorted(maps.Keys(blocks)) {
		t.Run(name, func(t *testing.T) { mistakes += sayTheSame(t, name, blocks[name]) })
	}
	assert.Greater(t, mistakes, 500, "so many mistakes were found")
}

// sayTheSame compares what validate and plan say, and counts the mistakes.
func sayTheSame(t *testing.T, title string, b block) (mistakes int) {
	require.NotEmpty(t, b.names)
	r := newRig(t, describe())
	for _, p := range all.Types() {
		for _, x := range p.Schema.Settings {
			if x.Env != "" {
				r.env[x.Env] = cmp.Or(r.env[x.Env], "example")
			}
		}
	}
	// What the environment says isn't missed by plan either.
	r.env["CARDFLEET_HTTP_ADDRESS"], r.env["CARDFLEET_PG_CONN_STR"] = "http://127.0.0.1:1/state", "host=127.0.0.1 port=1"
	if !strings.HasPrefix(title, "provider aliyun") || strings.HasSuffix(title, "linkcard") {
		r.write("provider.fleet.hcl", strings.Replace(provider, "  requests_per", "  privacy_endpoint = \"http://127.0.0.1:1\"\n  requests_per", 1))
	} else {
		r.write("provider.fleet.hcl", `variable "carrier_url" { type = string }`)
	}
	check := func(text string) {
		r.write("main.fleet.hcl", text)
		validated, planned := r.run("validate", "-no-color"), r.run("plan", "-no-color")
		if validated.code != 0 {
			mistakes++
			assert.Equal(t, 1, planned.code, text)
			assert.Equal(t, validated.errors, planned.errors, text)
			assert.Contains(t, validated.errors, "on main.fleet.hcl line ", text)
			return
		}
		if !b.live {
			assert.NotContains(t, planned.errors, "on main.fleet.hcl line ", text)
		}
	}
	for _, name := range b.names {
		for _, value := range unsuitable() {
			check(b.with(name, value))
		}
		before := mistakes
		check(b.with(name+"x", `"text"`))
		assert.Equal(t, before+1, mistakes, "%sx is no setting", name)
	}
	return mistakes
}
