package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// providerNames are the provider blocks that cards may refer to.
type providerNames struct {
	at expr.Names
	// unsure reports whether a block has no name that can be read, so that
	// references to it can't be told from wrong ones.
	unsure bool
}

func (p providerNames) sorted() []string { return slices.Sorted(maps.Keys(p.at)) }

// loadProviders reads every provider block and checks it against its type's schema.
func (l *loader) loadProviders() {
	l.providers.at = expr.Names{}
	for _, b := range l.blocks["provider"] {
		l.loadProvider(b)
	}
}

func (l *loader) loadProvider(b *hcl.Block) {
	attributes, diags := b.Body.JustAttributes()
	l.report.HCL(diags)
	name, ok := l.providerName(b, attributes["alias"])
	if !ok {
		l.providers.unsure = true
	}
	if !ok || !l.providers.at.Claim(l.report, string(name), "provider "+string(name), b.DefRange) {
		return
	}
	if slices.Contains(l.undefined, b.Labels[0]) {
		return // its settings can't be told from wrong ones
	}
	schema, ok := l.schemaOf(b, l.Schemas, "Unknown provider type", "There is no provider type %q.")
	if !ok {
		return
	}
	schema.Settings = slices.Concat(schema.Settings, spec.CommonSettings())
	w := l.written(attributes, schema, spec.UnsetValue{For: spec.ForCarriers, Provider: name}, "alias")
	l.fleet.Providers = append(l.fleet.Providers, spec.ProviderConfig{
		Name: name, Settings: w.Values, Ranges: w.Ranges, Sensitive: w.Sensitive, Source: *rangeOf(b.DefRange),
	})
}

// providerName is the block's type, with its alias where it has one. The alias
// is a literal, since references are resolved before expressions are.
func (l *loader) providerName(b *hcl.Block, alias *hcl.Attribute) (spec.ProviderName, bool) {
	typ := b.Labels[0]
	if alias == nil {
		return spec.ProviderName(typ), true
	}
	v, diags := alias.Expr.Value(nil)
	if l.report.HCL(diags) || !v.IsKnown() {
		return "", false
	}
	if v.IsNull() || v.Type() != cty.String || !hclsyntax.ValidIdentifier(v.AsString()) {
		l.report.ErrorAt(alias.Expr.Range(), "Invalid name",
			`An alias is a quoted name, such as "hangzhou": a letter, then letters, digits, underscores and dashes.`)
		return "", false
	}
	return spec.ProviderName(typ + "." + v.AsString()), true
}

// providerOf finds the provider that a block refers to, or the only one where
// it doesn't say.
func (l *loader) providerOf(b *hcl.Block, a *hcl.Attribute) (spec.ProviderName, bool) {
	if a == nil {
		return l.onlyProvider(b)
	}
	t, diags := hcl.AbsTraversalForExpr(a.Expr)
	if diags.HasErrors() || len(t) > 2 {
		l.report.ErrorAt(a.Expr.Range(), "Invalid provider reference",
			"provider names a provider block without quotes: its type, and its alias where it has one, such as aliyun.hangzhou.")
		return "", false
	}
	name := expr.TraversalText(t)
	if _, ok := l.providers.at[name]; ok {
		return spec.ProviderName(name), true
	}
	if !l.report.Broken() && !l.providers.unsure {
		names := l.providers.sorted()
		l.report.ErrorAt(a.Expr.Range(), "Unknown provider", "There is no provider block for %s.%s%s",
			name, spec.DidYouMean(name, names), thereAre(names))
	}
	return "", false
}

func thereAre(names []string) string {
	if len(names) == 0 {
		return " There is no provider block at all."
	}
	return " There are: " + strings.Join(names, ", ") + "."
}

// onlyProvider is the default where there is one provider block.
func (l *loader) onlyProvider(b *hcl.Block) (spec.ProviderName, bool) {
	names := l.providers.sorted()
	switch {
	case len(names) == 1:
		return spec.ProviderName(names[0]), true
	case len(names) > 1:
		l.report.ErrorAt(b.DefRange, "Missing provider",
			"There are several provider blocks, so the block must say which is meant: provider = %s.%s",
			names[0], thereAre(names))
	case !l.report.Broken() && len(l.blocks["provider"]) == 0 && !l.toldNoProvider:
		l.toldNoProvider = true // once is enough: the remedy is one block
		l.report.ErrorAt(b.DefRange, "Missing provider",
			"There is no provider block, so nobody can be asked about this card. Add one, such as provider \"aliyun\" { … }.")
	}
	return "", false
}
