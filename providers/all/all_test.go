package all_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestTypesAreSortedAndDocumented(t *testing.T) {
	last := ""
	for _, provider := range all.Types() {
		assert.Less(t, last, provider.Schema.Type)
		last = provider.Schema.Type
		assert.NotNil(t, provider.Open, last)
		for _, s := range provider.Schema.Settings {
			assert.NotEmpty(t, s.Doc, "%s: %s", last, s.Name)
		}
	}
}

func TestSimulatorsHavePathsOfTheirOwnAndKnownSettings(t *testing.T) {
	known := map[string]map[string]bool{}
	for _, provider := range all.Types() {
		names := map[string]bool{}
		for _, s := range append(spec.CommonSettings(), provider.Schema.Settings...) {
			names[s.Name] = true
		}
		known[provider.Schema.Type] = names
	}
	paths := map[string]bool{}
	for _, c := range all.Simulators(&carriersim.World{}) {
		assert.True(t, c.IDSetting == "" || known[c.Type][c.IDSetting], "%s: %s", c.Type, c.IDSetting) // a key alone may be enough
		assert.True(t, known[c.Type][c.SecretSetting], "%s: %s", c.Type, c.SecretSetting)
		for _, s := range c.Services {
			assert.True(t, known[c.Type][s.Setting], "%s: %s", c.Type, s.Setting)
			assert.True(t, strings.HasPrefix(s.Path, "/"), s.Path)
			assert.False(t, paths[s.Path], "%s is served twice", s.Path)
			paths[s.Path] = true
		}
	}
}
