package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	stateall "github.com/cardfleet/cardfleet/state/all"
)

var updateSchema = flag.Bool("update-schema", false, "write docs/schema/fleet.schema.json anew")

// The JSON Schema of *.fleet.json is made from what the loader itself goes by, so
// that an editor knows the blocks and settings that there are.
func TestTheSchemaOfFleetsIsWhatTheLanguageHas(t *testing.T) {
	var made bytes.Buffer
	enc := json.NewEncoder(&made)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(fleetSchema()))
	path := filepath.Join(root, "docs/schema/fleet.schema.json")
	if *updateSchema {
		require.NoError(t, os.WriteFile(path, made.Bytes(), 0o600))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err, "run with -update-schema to make it")
	assert.Equal(t, made.String(), string(kept), "the language has changed: go test ./internal/cli -run TestTheSchemaOfFleets -update-schema")
}

// schemaObject is a part of a JSON Schema.
type schemaObject = map[string]any

func fleetSchema() schemaObject {
	var providers, states []spec.Schema
	for _, typ := range all.Types() {
		providers = append(providers, typ.Schema)
	}
	for _, typ := range stateall.Types() {
		states = append(states, typ.Schema)
	}
	m := schemaMaker{}
	s := m.body("", config.ShapeOf(providers, states))
	s["$defs"] = map[string]any(m)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = "https://raw.githubusercontent.com/cardfleet/cardfleet/main/docs/schema/fleet.schema.json"
	s["title"] = "A fleet's configuration in HCL's JSON syntax: *.fleet.json"
	s["description"] = "What a block may have. Each value may be an expression: a text with ${…}."
	return s
}

// schemaMaker has the schemas of blocks by their path: "card.lifecycle".
type schemaMaker schemaObject

// body is an object with the attributes and the blocks of a body.
func (m schemaMaker) body(path string, body config.Shape) schemaObject {
	if body.Any || body.Elsewhere {
		return schemaObject{"type": "object"}
	}
	properties := schemaObject{"//": schemaObject{"description": "a comment"}}
	var required []string
	for _, a := range body.Attributes {
		properties[a.Name] = attributeSchema(a)
		if a.Required {
			required = append(required, a.Name)
		}
	}
	for _, b := range body.Blocks {
		properties[b.Type] = m.block(strings.TrimPrefix(path+"."+b.Type, "."), b)
	}
	s := schemaObject{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// block is one block or a list of them, below its labels.
func (m schemaMaker) block(path string, b config.ShapeBlock) schemaObject {
	switch {
	case len(b.Labels) == 0:
		return oneOrMany(m.kept(path, b.Body))
	case b.ByLabel == nil:
		return oneOrMany(schemaObject{"type": "object", "additionalProperties": oneOrMany(m.kept(path, b.Body))})
	}
	named := schemaObject{"//": schemaObject{}}
	for label, body := range b.ByLabel {
		named[label] = oneOrMany(m.kept(path+"."+label, body))
	}
	m[path] = schemaObject{"type": "object", "properties": named, "additionalProperties": false}
	if b.Type == "provider" { // a carrier block may define another
		m[path] = schemaObject{"type": "object", "properties": named, "additionalProperties": oneOrMany(schemaObject{"type": "object"})}
	}
	return oneOrMany(schemaObject{"$ref": "#/$defs/" + path})
}

// kept is the schema of a body, which stands once in the document.
func (m schemaMaker) kept(path string, body config.Shape) schemaObject {
	if _, is := m[path]; !is {
		m[path] = m.body(path, body)
	}
	return schemaObject{"$ref": "#/$defs/" + path}
}

func oneOrMany(one schemaObject) schemaObject {
	return schemaObject{"anyOf": []any{one, schemaObject{"type": "array", "items": one}}}
}

// attributeSchema is a value of the setting's type, or an expression.
func attributeSchema(a config.ShapeAttribute) schemaObject {
	s := schemaObject{}
	switch a.Setting.Type {
	case spec.SettingBool:
		s["type"] = []string{"boolean", "string", "null"}
	case spec.SettingNumber, spec.SettingInt:
		s["type"] = []string{"number", "string", "null"}
	case spec.SettingStrings, spec.SettingIMEIs:
		s["type"] = []string{"array", "string", "null"}
	case spec.SettingDuration:
		s["type"] = []string{"string", "null"}
	case spec.SettingString, spec.SettingAny: // a number is taken for its digits
	}
	if a.Setting.Doc != "" {
		s["description"] = a.Setting.Doc
	}
	return s
}

// Each example is a configuration in JSON too, which the schema takes.
func TestTheSchemaOfFleetsTakesEachExample(t *testing.T) {
	validate := fleetValidator(t)
	files, err := filepath.Glob(filepath.Join(root, "examples/*/*.fleet.hcl"))
	require.NoError(t, err)
	require.Greater(t, len(files), 15)
	for _, file := range files {
		if strings.Contains(file, "broken") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, diags := hclsyntax.ParseConfig(text, file, hcl.InitialPos)
		require.False(t, diags.HasErrors(), "%v", diags)
		assert.NoError(t, validate(asJSON(parsed.Body.(*hclsyntax.Body), text)), file)
	}
}

// asJSON is a body in HCL's JSON syntax, with each expression as it is written.
func asJSON(body *hclsyntax.Body, text []byte) map[string]any {
	out := map[string]any{}
	for name, a := range body.Attributes {
		out[name] = "${" + string(a.Expr.Range().SliceBytes(text)) + "}"
	}
	for _, b := range body.Blocks {
		var v any = asJSON(b.Body, text)
		for i := len(b.Labels) - 1; i >= 0; i-- {
			v = map[string]any{b.Labels[i]: v}
		}
		list, _ := out[b.Type].([]any)
		out[b.Type] = append(list, v)
	}
	return out
}

// What the loader refuses for its name or its place, the schema refuses too.
func TestTheSchemaOfFleetsRefusesWhatIsNoConfiguration(t *testing.T) {
	validate := fleetValidator(t)
	for name, row := range map[string]struct {
		text string
		ok   bool
	}{
		"a card":                   {`{"card": {"kiosk": {"iccid": "89860617030017300008", "active": true}}}`, true},
		"several of one kind":      {`{"provider": {"aliyun": [{"alias": "a"}, {"alias": "b", "requests_per_second": 20}]}}`, true},
		"an expression":            {`{"provider": {"aliyun": {"requests_per_second": "${var.rate}"}}}`, true},
		"a comment":                {`{"//": "ours", "card": {"a": {"//": "x", "iccid": "1"}}}`, true},
		"a carrier of its own":     {`{"carrier": {"x": {"anything": 1}}, "provider": {"x": {"token": "t"}}}`, true},
		"a check":                  {`{"check": {"all is well": {"condition": "${true}", "error_message": "no"}}}`, true},
		"a limit":                  {`{"fleet": {"policy": {"limit": {"unbind": {"count": 5}}}}}`, true},
		"a card without its ICCID": {`{"card": {"kiosk": {"active": true}}}`, false},
		"an attribute that is none": {
			`{"card": {"kiosk": {"iccid": "89860617030017300008", "imie": "1"}}}`, false},
		"a block that is none":    {`{"cards": {}}`, false},
		"a setting that is none":  {`{"provider": {"aliyun": {"request_per_second": 20}}}`, false},
		"a rate that is a list":   {`{"provider": {"aliyun": {"requests_per_second": [20]}}}`, false},
		"a backend that is none":  {`{"fleet": {"backend": {"floppy": {}}}}`, false},
		"a limit on what is none": {`{"fleet": {"policy": {"limit": {"burn": {"count": 5}}}}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var v any
			require.NoError(t, json.Unmarshal([]byte(row.text), &v))
			err := validate(v)
			assert.Equal(t, row.ok, err == nil, "%v", err)
		})
	}
	page := readPage(t, "docs/configuration.md")
	for _, b := range page.of("json") {
		var v any
		require.NoError(t, json.Unmarshal([]byte(b.text), &v))
		assert.NoError(t, validate(v), "docs/configuration.md line %d", b.line)
	}
}

// fleetValidator holds values to the schema as it is kept.
func fleetValidator(t *testing.T) func(any) error {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/schema/fleet.schema.json"))
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("fleet.schema.json", v))
	s, err := c.Compile("fleet.schema.json")
	require.NoError(t, err)
	return s.Validate
}
