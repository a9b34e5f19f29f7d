package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/cli"
	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// desk is an editor that speaks with `cardfleet lsp` over its standard streams.
// In texts the mark ‸ is the cursor.
type desk struct {
	*rig
	client *jrpc2.Client
	told   chan toldMistakes
	texts  map[string]string
	typed  map[string]int // how often a text was changed
	ended  chan int
	in     *io.PipeWriter
}

// toldMistakes is a publishDiagnostics of the program.
type toldMistakes struct {
	URI         string
	Version     int
	Diagnostics []struct {
		Severity int
		Message  string
		Range    span
	}
}

type span struct{ Start, End struct{ Line, Character int } }

const cursor = "‸"

func newDesk(t *testing.T, args ...string) *desk {
	t.Helper()
	d := &desk{rig: newRig(t, &carriersim.World{}), told: make(chan toldMistakes, 100), texts: map[string]string{}, typed: map[string]int{}, ended: make(chan int, 1)}
	in, toProgram := io.Pipe()
	fromProgram, out := io.Pipe()
	d.in = toProgram
	env := &cli.Env{
		Dir: d.dir, In: in, Out: out, Err: io.Discard, Now: d.clock.Now, Sleep: d.clock.Sleep,
		LookupEnv: func(name string) (string, bool) { v, ok := d.rig.env[name]; return v, ok },
		Random:    func(p []byte) { clear(p) },
	}
	go func() {
		d.ended <- cli.Run(context.Background(), append([]string{"lsp"}, args...), env)
		out.Close()
	}()
	d.client = jrpc2.NewClient(channel.LSP(fromProgram, toProgram), &jrpc2.ClientOptions{OnNotify: func(r *jrpc2.Request) {
		var n toldMistakes
		assert.Equal(t, "textDocument/publishDiagnostics", r.Method())
		assert.NoError(t, r.UnmarshalParams(&n))
		d.told <- n
	}})
	t.Cleanup(func() { d.client.Close() })
	var hello struct{ ServerInfo struct{ Name string } }
	d.call("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{
		"textDocument": map[string]any{"completion": map[string]any{"completionItem": map[string]any{"snippetSupport": false}}},
	}}, &hello)
	require.Equal(t, "cardfleet", hello.ServerInfo.Name)
	d.notify("initialized", map[string]any{})
	return d
}

func (d *desk) call(method string, params, result any) {
	d.t.Helper()
	require.NoError(d.t, d.client.CallResult(d.t.Context(), method, params, result))
}

func (d *desk) notify(method string, params any) {
	d.t.Helper()
	require.NoError(d.t, d.client.Notify(d.t.Context(), method, params))
}

func (d *desk) uri(name string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(d.dir, name))}).String()
}

// open shows a file in the editor, and tells where its cursor is.
func (d *desk) open(name, text string) map[string]any {
	d.t.Helper()
	before, after, _ := strings.Cut(text, cursor)
	d.texts[name] = before + after
	d.typed[name] = 1
	d.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": d.uri(name), "languageId": "cardfleet", "version": d.typed[name], "text": d.texts[name],
	}})
	return d.at(name, before)
}

func (d *desk) at(name, before string) map[string]any {
	line := before[strings.LastIndex(before, "\n")+1:]
	return map[string]any{
		"textDocument": map[string]any{"uri": d.uri(name)},
		"position":     map[string]any{"line": strings.Count(before, "\n"), "character": len(utf16.Encode([]rune(line)))},
	}
}

// replaces types a text in place of another, as an editor tells it.
func (d *desk) replaces(name, old, text string) map[string]any {
	d.t.Helper()
	before, after, ok := strings.Cut(d.texts[name], old)
	require.True(d.t, ok, "no %q in %s", old, name)
	typed, rest, _ := strings.Cut(text, cursor)
	d.texts[name] = before + typed + rest + after
	d.typed[name]++
	d.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": d.uri(name), "version": d.typed[name]},
		"contentChanges": []any{map[string]any{"range": map[string]any{"start": d.at(name, before)["position"], "end": d.at(name, before+old)["position"]}, "text": typed + rest}},
	})
	return d.at(name, before+typed)
}

// mistakes waits until the mistakes of a file are told, as it is typed now.
func (d *desk) mistakes(name string) toldMistakes {
	d.t.Helper()
	for n := range d.told {
		if n.URI == d.uri(name) && n.Version == d.typed[name] {
			return n
		}
	}
	d.t.Fatal("the program ended")
	return toldMistakes{}
}

// under is the text that a range covers.
func (d *desk) under(text string, s span) string {
	d.t.Helper()
	lines := strings.Split(text, "\n")
	line := utf16.Encode([]rune(lines[s.Start.Line]))
	require.Equal(d.t, s.Start.Line, s.End.Line)
	return string(utf16.Decode(line[s.Start.Character:s.End.Character]))
}

func (d *desk) completes(at map[string]any) []string {
	d.t.Helper()
	var list struct {
		Items []struct {
			Label    string
			TextEdit struct{ NewText string }
		}
	}
	d.call("textDocument/completion", at, &list)
	var labels []string
	for _, item := range list.Items {
		labels = append(labels, item.Label)
	}
	return labels
}

type place struct {
	URI   string
	Range span
}

func (d *desk) leave() int {
	d.t.Helper()
	var nothing json.RawMessage
	d.call("shutdown", nil, &nothing)
	d.notify("exit", nil)
	return <-d.ended
}

const deskFleet = `provider "aliyun" {
  endpoint = "simulator"
}

card "bike" {
  from_csv = "bikes.csv"
  iccid    = each.value.iccid
  imei     = each.value.imei
}
`

// A person types a wrong attribute, is told so at its place, mends it, completes a
// provider's setting, and jumps from each.value.imei to the column of the table.
func TestAnEditorsSession(t *testing.T) {
	d := newDesk(t)
	d.write("bikes.csv", "iccid,imei,city\n898600D6991330004146,861536030196001,hangzhou\n")
	d.open("main.fleet.hcl", deskFleet)
	assert.Empty(t, d.mistakes("main.fleet.hcl").Diagnostics)

	d.replaces("main.fleet.hcl", "imei     = each.value.imei", `/* 𝒳 */ imie = each.value.imei`)
	n := d.mistakes("main.fleet.hcl")
	require.Len(t, n.Diagnostics, 1)
	assert.Equal(t, `Unsupported argument: An argument named "imie" is not expected here. Did you mean "imei"?`, n.Diagnostics[0].Message)
	assert.Equal(t, "imie", d.under(d.texts["main.fleet.hcl"], n.Diagnostics[0].Range))

	at := d.replaces("main.fleet.hcl", "/* 𝒳 */ imie", "im"+cursor)
	assert.Contains(t, d.completes(at), "imei")
	at = d.replaces("main.fleet.hcl", "im =", "imei"+cursor+" =")
	assert.Empty(t, d.mistakes("main.fleet.hcl").Diagnostics)
	var said struct{ Contents struct{ Kind, Value string } }
	d.call("textDocument/hover", at, &said)
	assert.Contains(t, said.Contents.Value, "the device it is to be bound to")

	at = d.replaces("main.fleet.hcl", "simulator\"\n", "simulator\"\n  acc"+cursor+"\n")
	assert.Equal(t, []string{"access_key_id", "access_key_secret"}, d.completes(at))
	d.replaces("main.fleet.hcl", "\n  acc\n", "\n  access_key_id = \"x\"\n")

	at = d.replaces("main.fleet.hcl", "each.value.imei", "each.value.im"+cursor+"ei")
	var places []place
	d.call("textDocument/definition", at, &places)
	require.Len(t, places, 1)
	assert.Equal(t, d.uri("bikes.csv"), places[0].URI)
	assert.Equal(t, "imei", d.under(d.read("bikes.csv"), places[0].Range))
	assert.Equal(t, 0, d.leave())
}

// A table that is open counts as it is typed, and a mistake in it is told in it.
func TestATableIsCheckedAsItIsTyped(t *testing.T) {
	d := newDesk(t)
	d.write("bikes.csv", "iccid,imei\n898600D6991330004146,861536030196001\n")
	d.write("main.fleet.hcl", "nonsense")
	d.open("main.fleet.hcl", deskFleet)
	assert.Empty(t, d.mistakes("main.fleet.hcl").Diagnostics)
	d.open("bikes.csv", "iccid,imei\n898600D6991330004146,861536030196001\n")
	d.replaces("bikes.csv", "861536030196001", "none")
	n := d.mistakes("bikes.csv")
	require.Len(t, n.Diagnostics, 1)
	assert.Equal(t, "none", d.under(d.texts["bikes.csv"], n.Diagnostics[0].Range))
	d.replaces("bikes.csv", "none", "861536030196001")
	assert.Empty(t, d.mistakes("bikes.csv").Diagnostics)
	assert.Equal(t, 0, d.leave())
}

func TestFormattingAndReferencesOverTheProtocol(t *testing.T) {
	d := newDesk(t)
	at := d.open("main.fleet.hcl", "variable \"package\" {\n  default=\"1\"\n}\n\ncard \"a\" {\n  iccid = \"89860617030017300008\"\n  packages = [var.pack"+cursor+"age]\n}\n")
	at["context"] = map[string]any{"includeDeclaration": true}
	var places []place
	d.call("textDocument/references", at, &places)
	assert.Len(t, places, 2)
	var edits []struct{ NewText string }
	d.call("textDocument/formatting", map[string]any{"textDocument": map[string]any{"uri": d.uri("main.fleet.hcl")}, "options": map[string]any{"tabSize": 2}}, &edits)
	require.Len(t, edits, 1)
	assert.Contains(t, edits[0].NewText, "default = \"1\"")
	var blocks []struct{ Name string }
	d.call("textDocument/documentSymbol", map[string]any{"textDocument": map[string]any{"uri": d.uri("main.fleet.hcl")}}, &blocks)
	assert.Len(t, blocks, 2)
	assert.Equal(t, 0, d.leave())
}

// What is wrong with a secret setting is told without it, and a mistake without a
// place at the beginning of a file.
func TestAnEditorIsToldNoSecret(t *testing.T) {
	d := newDesk(t, "-var", "key=sEcReT-0123456789")
	d.open("main.fleet.hcl", "variable \"key\" {\n  sensitive = true\n}\n\nprovider \"aliyun\" {\n  access_key_id = \"x\"\n  access_key_secret = var.key\n}\n\ncard \"a\" {\n  iccid = var.key\n}\n")
	n := d.mistakes("main.fleet.hcl")
	require.NotEmpty(t, n.Diagnostics)
	for _, m := range n.Diagnostics {
		assert.NotContains(t, m.Message, "sEcReT")
	}
	assert.Equal(t, 0, d.leave())
}

func TestAnEditorThatLeavesInDisorderIsToldByTheExitCode(t *testing.T) {
	d := newDesk(t)
	d.notify("exit", nil)
	assert.Equal(t, 1, <-d.ended)
	d = newDesk(t)
	d.in.Close()
	assert.Equal(t, 1, <-d.ended)
}
