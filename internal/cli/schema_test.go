package cli_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// docs/schema is held to the program: what any run of a rig prints as JSON is
// validated, and a field that its schema doesn't declare is an error there.
// Others may read the schemas more generously, since fields may be added.

// schemas are those of docs/schema by name ("plan"), made strict.
var schemas = sync.OnceValues(func() (map[string]*jsonschema.Resolved, error) {
	out := map[string]*jsonschema.Resolved{}
	for _, name := range []string{"plan", "run", "report", "history", "state", "runs"} {
		s, err := strictSchema(name + ".schema.json")
		if err != nil {
			return nil, err
		}
		out[name], err = s.Resolve(&jsonschema.ResolveOptions{Loader: func(uri *url.URL) (*jsonschema.Schema, error) {
			return strictSchema(path.Base(uri.Path))
		}})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
})

// strictSchema reads a schema, and lets no object have a field that isn't declared.
func strictSchema(file string) (*jsonschema.Schema, error) {
	text, err := os.ReadFile(filepath.Join(root, "docs/schema", file))
	if err != nil {
		return nil, err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	lines := len(s.OneOf) > 0
	for _, def := range s.Defs {
		if !lines {
			closeObjects(def)
		}
		for _, p := range def.Properties {
			closeObjects(p)
		}
	}
	if lines { // their fields are those of the envelope and of one of the kinds
		s.UnevaluatedProperties = nothing()
	} else {
		closeObjects(&s)
	}
	return &s, nil
}

// nothing is a schema that no value fits.
func nothing() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }

func closeObjects(s *jsonschema.Schema) {
	for _, p := range s.Properties {
		closeObjects(p)
	}
	for _, inner := range []*jsonschema.Schema{s.Items, s.AdditionalProperties} {
		if inner != nil && inner.Not == nil {
			closeObjects(inner)
		}
	}
	if len(s.Properties) > 0 {
		s.AdditionalProperties = nothing()
	}
}

// conforms validates a JSON text.
func conforms(t testing.TB, schema, text string) {
	t.Helper()
	all, err := schemas()
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal([]byte(text), &v), "%s: %s", schema, text)
	require.NoError(t, all[schema].Validate(v), "%s: %s", schema, text)
}

// conformLines validates whole lines of JSON.
func conformLines(t testing.TB, schema, text string) {
	t.Helper()
	require.True(t, text == "" || strings.HasSuffix(text, "\n"), "the last line is whole")
	for line := range strings.Lines(text) {
		conforms(t, schema, line)
	}
}

// conform validates what a run printed, and what it wrote besides.
func (r *rig) conform(args []string, got ran) {
	r.t.Helper()
	command := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
	switch {
	case command < 0 || slices.Contains(args, "-h"):
		return
	case args[command] == "show" && slices.Contains(args, "-json") && got.code == 0 && len(args) == command+3:
		conforms(r.t, "plan", got.out)
		return
	case args[command] == "history" && slices.Contains(args, "-json") && got.code == 0:
		conforms(r.t, "history", got.out)
		return
	case args[command] == "state" && slices.Contains(args, "-json") && got.out != "":
		conforms(r.t, "state", got.out)
		return
	case args[command] == "runs" && slices.Contains(args, "-json") && got.code == 0:
		conforms(r.t, "runs", got.out)
		return
	case args[command] != "plan" && args[command] != "apply" && args[command] != "test":
		return
	}
	if slices.Contains(args, "-json") {
		conformLines(r.t, "run", got.out)
	}
	for option, schema := range map[string]string{"-json-into=": "run", "-report=": "report"} {
		for _, a := range args {
			if file, ok := strings.CutPrefix(a, option); ok {
				text, err := os.ReadFile(filepath.Join(r.dir, file))
				if err == nil {
					conformLines(r.t, schema, string(text))
				}
			}
		}
	}
}

func TestTheSchemasAreStrict(t *testing.T) {
	all, err := schemas()
	require.NoError(t, err)
	const envelope = `"@level":"info","@message":"m","@module":"cardfleet.ui","@timestamp":"2026-11-21T20:46:47Z"`
	rows := []struct {
		schema, text string
		valid        bool
	}{
		{"run", `{` + envelope + `,"type":"version","cardfleet":"0.1.0","ui":"1.0"}`, true},
		{"run", `{` + envelope + `,"type":"version","cardfleet":"0.1.0","ui":"1.0","more":1}`, false},
		{"run", `{` + envelope + `,"type":"version","cardfleet":"0.1.0"}`, false},
		{"run", `{` + envelope + `,"type":"versions","cardfleet":"0.1.0","ui":"1.0"}`, false},
		{"run", `{` + envelope + `,"type":"progress","phase":"refresh","done":1,"total":2}`, true},
		{"run", `{` + envelope + `,"type":"progress","phase":"reading","done":1,"total":2}`, false},
		{"run", `{` + envelope + `,"type":"drift","drift":{"address":"card.x","iccid":"89860617030017300008","provider":"aliyun","changes":[{"attribute":"active","before":"true","after":"false","since":"2026-11-21T20:46:47Z","cause":"c"}]}}`, true},
		{"run", `{` + envelope + `,"type":"drift","drift":{"address":"card.x","iccid":"89860617030017300008","provider":"aliyun","changes":[{"attribute":"active","before":"true","after":"false","since":"2026-11-21T20:46:47Z","cause":"c","other":""}]}}`, false},
		{"plan", `{}`, false},
		{"report", `{"type":"end","actions":0,"outcomes":{"done":0,"failed":0,"dropped":0,"not_started":0,"in_doubt":0}}`, true},
		{"report", `{"type":"end","actions":0,"outcomes":{"done":0,"failed":0,"dropped":0,"not_started":0}}`, false},
	}
	for _, row := range rows {
		var v any
		require.NoError(t, json.Unmarshal([]byte(row.text), &v))
		assert.Equal(t, row.valid, all[row.schema].Validate(v) == nil, row.text)
	}
}

// TestExamplesConformToTheSchemas plans and applies every example; the rig
// validates what they print. Where one needs what its script makes (signers'
// keys), its diagnostics are what is validated.
func TestExamplesConformToTheSchemas(t *testing.T) {
	scripts, err := filepath.Glob("../../examples/*/script.txtar")
	require.NoError(t, err)
	for _, script := range scripts {
		t.Run(filepath.Base(filepath.Dir(script)), func(t *testing.T) {
			r := newRig(t, &carriersim.World{})
			require.NoError(t, copyExample(filepath.Dir(script), r.dir))
			r.run("plan", "-json", "-out=p.fleetplan")
			r.run("show", "-json", "p.fleetplan")
			r.run("apply", "-json", "-auto-approve", "-skip-unapproved")
			r.run("plan", "-json", "-check=p.fleetplan")
			r.run("plan", "-json", "-refresh-only")
		})
	}
}

// A kind of action is in every schema that lists or counts the kinds.
func TestTheSchemasKnowEachKindOfAction(t *testing.T) {
	for _, name := range []string{"plan", "run", "report"} {
		text, err := os.ReadFile(filepath.Join(root, "docs/schema", name+".schema.json"))
		require.NoError(t, err)
		var doc any
		require.NoError(t, json.Unmarshal(text, &doc))
		lists := 0
		eachObject(doc, func(o map[string]any) {
			for _, list := range [][]string{texts(o["enum"]), texts(o["required"]), slices.Sorted(maps.Keys(object(o["properties"])))} {
				if !slices.Contains(list, "unsubscribe") {
					continue
				}
				lists++
				for _, kind := range spec.Kinds() {
					assert.True(t, slices.Contains(list, string(kind)) || slices.Contains(list, kind.Field()), "%s.schema.json lacks %s among %v", name, kind, list)
				}
			}
		})
		assert.Equal(t, map[string]int{"plan": 4, "run": 4, "report": 0}[name], lists, "%s.schema.json", name)
	}
}

// eachObject visits every object of a document.
func eachObject(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, inner := range v {
			eachObject(inner, visit)
		}
	case []any:
		for _, inner := range v {
			eachObject(inner, visit)
		}
	}
}

func object(v any) map[string]any { o, _ := v.(map[string]any); return o }

func texts(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, e := range list {
		text, _ := e.(string)
		out = append(out, text)
	}
	return out
}
