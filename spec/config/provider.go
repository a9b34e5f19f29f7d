package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

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
	schema, ok := l.schemaOf(b)
	if !ok {
		return
	}
	p := spec.ProviderConfig{
		Name: name, Settings: map[string]any{}, Ranges: map[string]spec.Range{}, Source: *rangeOf(b.DefRange),
	}
	s := settings{loader: l, attributes: attributes}
	for _, a := range inSourceOrder(attributes) {
		if a.Name != "alias" {
			l.loadSetting(s, &p, schema, a)
		}
	}
	l.fleet.Providers = append(l.fleet.Providers, p)
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

func (l *loader) schemaOf(b *hcl.Block) (spec.Schema, bool) {
	names := make([]string, 0, len(l.Schemas))
	for _, s := range l.Schemas {
		if s.Type == b.Labels[0] {
			return s, true
		}
		names = append(names, s.Type)
	}
	slices.Sort(names)
	l.report.ErrorAt(b.LabelRanges[0], "Unknown provider type", "There is no provider type %q.%s There are %s.",
		b.Labels[0], spec.DidYouMean(b.Labels[0], names), spec.QuoteList(names, "and"))
	return spec.Schema{}, false
}

func (l *loader) loadSetting(s settings, p *spec.ProviderConfig, schema spec.Schema, a *hcl.Attribute) {
	all := slices.Concat(schema.Settings, spec.CommonSettings())
	i := slices.IndexFunc(all, func(x spec.Setting) bool { return x.Name == a.Name })
	if i < 0 {
		names := []string{"alias"}
		for _, x := range all {
			names = append(names, x.Name)
		}
		l.report.ErrorAt(a.NameRange, "Unsupported argument", "An argument named %q is not expected here.%s",
			a.Name, spec.DidYouMean(a.Name, names))
		return
	}
	if all[i].Secret {
		l.rememberSecret(a)
	}
	value, ok := s.setting(all[i])
	if !ok {
		return
	}
	p.Settings[a.Name], p.Ranges[a.Name] = value, *rangeOf(a.Expr.Range())
}

// rememberSecret notes what a secret setting says, right or wrong.
func (l *loader) rememberSecret(a *hcl.Attribute) {
	if v, ok := expr.Literal(a.Expr); ok {
		l.report.secrets.Remember(v)
		return
	}
	if v, diags := a.Expr.Value(l.scope.Context()); !diags.HasErrors() {
		l.report.secrets.Remember(v)
	}
}

// setting reads one setting by its type.
func (s settings) setting(x spec.Setting) (any, bool) {
	switch x.Type {
	case spec.SettingString:
		return asAny(s.filled(x.Name))
	case spec.SettingNumber:
		return s.positive(x.Name)
	case spec.SettingInt:
		least := 0
		if x.Name == "max_in_flight" {
			least = 1
		}
		return asAny(s.whole(x.Name, least))
	case spec.SettingBool:
		return asAny(s.bool(x.Name))
	case spec.SettingDuration:
		return s.duration(x.Name)
	case spec.SettingStrings:
		return s.settingTexts(x.Name)
	default:
		return s.any(x.Name)
	}
}

func asAny[T any](v T, ok bool) (any, bool) { return v, ok }

func (s settings) positive(name string) (any, bool) {
	n, ok := s.number(name)
	if ok && n <= 0 {
		s.wrong(name, "Value out of range", "%s must be more than 0.", name)
		return nil, false
	}
	return n, ok
}

func (s settings) duration(name string) (any, bool) {
	text, ok := s.text(name)
	if !ok {
		return nil, false
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		s.wrong(name, "Invalid duration", `%s is a number with its unit, such as "25s", "1m30s" or "500ms".`, name)
		return nil, false
	}
	if d < 0 || (d == 0 && name == "timeout") {
		s.wrong(name, "Value out of range", "%s must be more than 0.", name)
		return nil, false
	}
	return d, true
}

func (s settings) settingTexts(name string) (any, bool) {
	list, ok := s.texts(name)
	if !ok || name != "parking_imeis" {
		return list, ok
	}
	devices := map[string]string{}
	for _, text := range list {
		imei, err := spec.ParseIMEI(text)
		if err != nil {
			s.wrong(name, "Invalid IMEI", "%s.", spec.Capital(err.Error()))
			ok = false
			continue
		}
		if first, twice := devices[imei.Device()]; twice {
			s.wrong(name, "Duplicate IMEI", "%q and %q are one device: their first 14 digits are the same.", first, text)
			ok = false
		}
		devices[imei.Device()] = cmp.Or(devices[imei.Device()], text)
	}
	return list, ok
}

func (s settings) any(name string) (any, bool) {
	v, ok := s.value(name)
	if !ok {
		return nil, false
	}
	x, err := plainGo(v)
	if err != nil {
		s.wrong(name, "Unsuitable value", "%s: %s.", name, err)
		return nil, false
	}
	return x, true
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
