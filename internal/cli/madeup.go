package cli

import (
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// madeUp are the provider blocks with made-up values in the place of those that
// variables should have given, which is an error where there are to be calls, so that
// the rest of them is checked. Without calls credentials may be missing too.
func (c *configuration) madeUp(blocks []spec.ProviderConfig, calls bool) []spec.ProviderConfig {
	if calls && len(c.fleet.Unset)+len(c.left) == 0 {
		return blocks
	}
	out := slices.Clone(blocks)
	for i := range out {
		out[i].Settings = maps.Clone(out[i].Settings)
		for _, typ := range c.types() {
			if typ.Schema.Type == out[i].Name.Type() {
				c.makeUp(&out[i], typ.Schema, !calls || c.left[out[i].Name] != "")
			}
		}
	}
	return out
}

// makeUp fills in what a block takes from variables that aren't set, and with
// credentials what it would take from the environment by itself.
func (c *configuration) makeUp(block *spec.ProviderConfig, schema spec.Schema, credentials bool) {
	made := example(schema).Settings
	lacks := map[string]bool{}
	for i := range c.fleet.Unset {
		if u := &c.fleet.Unset[i]; u.Provider == block.Name {
			lacks[u.Setting] = true
		}
	}
	for _, x := range append([]spec.Setting{{Name: "endpoint"}}, schema.Settings...) {
		_, written := block.Ranges[x.Name]
		_, said := block.Settings[x.Name]
		fromEnv := credentials && x.Env != "" && !written && !said && c.env.getenv(x.Env) == "" && c.env.getenv(x.TerraformEnv) == ""
		if value, ok := made[x.Name]; ok && (lacks[x.Name] || fromEnv) {
			block.Settings[x.Name] = value
		}
	}
}
