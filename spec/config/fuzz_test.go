package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// checkLoad loads whatever it is given: no panic, no error without a place,
// no snippet whose underline lies outside its code.
func checkLoad(t *testing.T, files map[string]string) {
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	o := testOptions(dir)
	o.Env = environment(map[string]string{"SECRET": "hunter2-Zq9"})
	c, diags := Load(o)
	require.Equal(t, c == nil, diags.HasErrors())
	checkPlaces(t, diags)
	if c == nil {
		return
	}
	for i := 1; i < len(c.Fleet.Cards); i++ {
		require.Negative(t, c.Fleet.Cards[i-1].ID().Compare(c.Fleet.Cards[i].ID()))
	}
	_, diags = c.Outputs(spec.Live{})
	checkPlaces(t, diags)
}

func checkPlaces(t *testing.T, diags spec.Diagnostics) {
	for _, d := range diags {
		require.NotEmpty(t, d.Summary)
		require.NotEmpty(t, d.Detail)
		require.NotNil(t, d.Subject, "%s: %s", d.Summary, d.Detail)
		require.NotEmpty(t, d.Subject.File)
		require.Positive(t, d.Subject.Start.Line)
		if s := d.Snippet; s != nil {
			require.True(t, 0 <= s.From && s.From <= s.To && s.To <= len(s.Code), "%+v", s)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(contract)
	f.Add(outputFleet)
	f.Add(csvBlock)
	f.Add("locals {\n  a = local.b\n  b = local.a\n}\noutput \"x\" {\n  value = card.x.live\n}\ncard \"x\" {\n  for_each = {for r in [{k=1}] : r.k => r}\n  iccid = each.value.k\n}\n")
	f.Add("variable \"x\" {\n  type = object({a = optional(list(string), [])})\n  default = {}\n  validation {\n    condition = true\n    error_message = env(\"SECRET\")\n  }\n}\n")
	f.Add("card \"x\" {\n  iccid = <<EOT\n8986\nEOT\n  labels = { for k, v in path : k => v... }\n}\nremoved {\n  iccids = null\n}\napproval \"a\" {\n  action = \"unbind\"\n  cards = { null = 1 }\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		checkLoad(t, map[string]string{"main.fleet.hcl": text, "p.fleet.hcl": "provider \"aliyun\" { alias = \"fuzz\" }",
			"bikes.csv": "iccid,imei\n" + iccidA + ",86153603019600\n"})
	})
}

func FuzzLoadJSON(f *testing.F) {
	f.Add(jsonFleet)
	f.Add(`{"card": [{"a": {"iccid": "x", "for_each": "${toset([\"a\"])}", "provider": []}}], "locals": [{"a": "${local.a}"}], "output": {"x": {"value": null}}}`)
	f.Add(`{"removed": {"iccids": "x"}, "approval": {"a": {"action": "unbind", "cards": []}}, "fleet": {"backend": {"local": {"path": null}}, "policy": []}}`)
	f.Fuzz(func(t *testing.T, text string) {
		checkLoad(t, map[string]string{"main.fleet.json": text, "p.fleet.hcl": "provider \"aliyun\" { alias = \"fuzz\" }",
			"bikes.csv": "iccid,imei\n" + iccidA + ",86153603019600\n"})
	})
}

func FuzzVars(f *testing.F) {
	f.Add("x = 1\ny = \"a\"\n", "[1, 2]")
	f.Add("x = {", "{a = ")
	f.Fuzz(func(t *testing.T, text, value string) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "main.fleet.hcl"), []byte("variable \"x\" { type = any }\nvariable \"y\" { default = 1 }\n"), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "a.auto.fleetvars.hcl"), []byte(text), 0o644))
		o := testOptions(dir)
		o.Vars = []Assignment{{Name: "x", Value: value}}
		c, diags := Load(o)
		require.Equal(t, c == nil, diags.HasErrors())
		checkPlaces(t, diags)
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("iccid,imei\n" + iccidA + ",86153603019600\n"))
	f.Add([]byte("\uFEFFiccid,imei\r\n\"" + iccidA + "\",\"\"\r\n\"a\nb\",\n"))
	f.Add([]byte("iccid,imei,imei\n"))
	f.Add([]byte("iccid,imei\n\"898\"x,1\n1,\"2\n"))
	f.Add([]byte("\xff,iccid,imei\n,,\xfe\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		checkLoad(t, map[string]string{"main.fleet.hcl": csvBlock, "bikes.csv": string(text)})
	})
}

func FuzzFormat(f *testing.F) {
	f.Add([]byte(contract))
	f.Fuzz(func(t *testing.T, text []byte) {
		once, diags := Format(text, "main.fleet.hcl")
		checkPlaces(t, diags)
		if diags.HasErrors() {
			require.Equal(t, text, once)
			return
		}
		twice, diags := Format(once, "main.fleet.hcl")
		require.Empty(t, diags)
		require.Equal(t, string(once), string(twice))
	})
}
