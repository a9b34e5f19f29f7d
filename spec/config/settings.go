package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// schemaOf is the schema that a block's first label names. none is the sentence
// that there is no such one.
func (l *loader) schemaOf(b *hcl.Block, schemas []spec.Schema, summary, none string) (spec.Schema, bool) {
	typ := b.Labels[0]
	names := make([]string, 0, len(schemas))
	for _, s := range schemas {
		if s.Type == typ {
			return s, true
		}
		names = append(names, s.Type)
	}
	slices.Sort(names)
	l.report.ErrorAt(b.LabelRanges[0], summary, none+"%s There are %s.", typ, spec.DidYouMean(typ, names), spec.QuoteList(names, "and"))
	return spec.Schema{}, false
}

// written reads the attributes of a block by its schema, and reports each
// mistake at its own attribute. An attribute that is wrong is left out. Those
// in besides are read elsewhere. later says who needs the values.
func (l *loader) written(attributes hcl.Attributes, schema spec.Schema, later spec.UnsetValue, besides ...string) spec.Written {
	w := spec.Written{Values: map[string]any{}, Ranges: map[string]spec.Range{}, Sensitive: map[string]bool{}}
	s := settings{loader: l, attributes: attributes, later: later, sensitive: w.Sensitive}
	for _, a := range inSourceOrder(attributes) {
		x, known := schema.Setting(a.Name)
		switch {
		case slices.Contains(besides, a.Name):
			continue
		case !known:
			l.report.ErrorAt(a.NameRange, "Unsupported argument", "An argument named %q is not expected here.%s",
				a.Name, spec.DidYouMean(a.Name, slices.Concat(besides, schema.Names())))
			continue
		case l.Simulated && (x.Secret || x.Env != "" || x.Name == "endpoint"):
			continue
		case x.Secret:
			l.rememberSecret(a)
		}
		w.Ranges[a.Name] = *rangeOf(a.Expr.Range())
		if value, ok := s.setting(x, schema.Exact); ok {
			w.Values[a.Name] = value
		}
	}
	return w
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

// setting reads one setting by its type. exact is [spec.Schema].Exact.
func (s settings) setting(x spec.Setting, exact bool) (any, bool) {
	raw, ok := s.raw(x, exact)
	if !ok {
		return nil, false
	}
	value, wrong := x.Take(raw)
	for _, m := range wrong {
		s.wrong(x.Name, m.Summary, "%s", m.Detail)
	}
	return value, len(wrong) == 0
}

// raw is a setting's value as [spec.Setting.Take] wants it.
func (s settings) raw(x spec.Setting, exact bool) (any, bool) {
	switch x.Type {
	case spec.SettingString, spec.SettingDuration:
		return s.rawText(x.Name, exact)
	case spec.SettingNumber, spec.SettingInt:
		return asAny(s.number(x.Name))
	case spec.SettingBool:
		return asAny(s.bool(x.Name))
	case spec.SettingStrings, spec.SettingIMEIs:
		return asAny(s.texts(x.Name))
	default:
		return s.any(x.Name)
	}
}

func (s settings) rawText(name string, exact bool) (any, bool) {
	v, ok := s.value(name)
	if !ok {
		return nil, false
	}
	if exact && v.Type() != cty.String {
		s.wrong(name, "Unsuitable value", "%s must be a text.", name)
		return nil, false
	}
	return asAny(s.text(name))
}

func asAny[T any](v T, ok bool) (any, bool) { return v, ok }

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
