package all_test

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

func TestEveryDefinitionKeepsToItsSamplesHoweverRepliesChange(t *testing.T) {
	for _, d := range all.Definitions() {
		assert.Greater(t, d.Samples(), 3, d.Name)
		assert.Empty(t, d.Test(), d.Name)
	}
}

// A run that doesn't need a definition doesn't compile it: what its blocks may say
// stands in the registry.
func TestWhatTheRegistrySaysOfADefinitionIsTheDefinitions(t *testing.T) {
	types := map[string]spec.Schema{}
	for _, p := range all.Types() {
		types[p.Schema.Type] = p.Schema
	}
	for _, d := range all.Definitions() {
		assert.Equal(t, d.Type().Schema, types[d.Name], d.Name)
		assert.Equal(t, d.Name+".carrier.hcl", d.File)
	}
}

// A definition of the program is compiled without what a configuration's is asked
// besides: what can never hold.
func TestEveryDefinitionIsTakenFromAConfigurationToo(t *testing.T) {
	for _, d := range all.Definitions() {
		file, diags := hclsyntax.ParseConfig([]byte(d.Source), d.File, hcl.InitialPos)
		require.False(t, diags.HasErrors(), diags)
		content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "carrier", LabelNames: []string{"name"}}}})
		require.False(t, diags.HasErrors(), diags)
		assert.NotNil(t, described.Compile(content.Blocks[0], []byte(d.Source), mistakes{t, d.Name}), d.Name)
	}
}

// A definition is copied into a configuration, where fmt -check looks at it.
func TestEveryDefinitionIsLaidOutAsFmtDoes(t *testing.T) {
	for _, d := range all.Definitions() {
		formatted, diags := config.Format([]byte(d.Source), d.File)
		require.Empty(t, diags)
		assert.Equal(t, string(formatted), d.Source, d.Name)
	}
}

// mistakes is a report that fails the test.
type mistakes struct {
	t    *testing.T
	name string
}

func (m mistakes) ErrorAt(at hcl.Range, summary, format string, args ...any) {
	m.t.Errorf("%s: %s: %s: "+format, append([]any{m.name, at, summary}, args...)...)
}

func (m mistakes) HCL(diags hcl.Diagnostics) bool {
	assert.False(m.t, diags.HasErrors(), "%s: %s", m.name, diags)
	return diags.HasErrors()
}

func (mistakes) Broken() bool { return false }
