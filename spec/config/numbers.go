package config

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// loadNumbers reads the privacy_number blocks.
func (l *loader) loadNumbers() {
	for _, b := range l.unique("privacy_number") {
		l.loadNumber(b)
	}
}

func (l *loader) loadNumber(b *hcl.Block) {
	content, diags := b.Body.Content(numberSchema())
	l.report.HCL(diags)
	provider, _ := l.providerOf(b, content.Attributes["provider"])
	// the carrier's keys for the pool and the subscription may well be secret
	keys := settings{loader: l, attributes: content.Attributes, later: spec.UnsetValue{For: spec.ForCarriers}}
	shown := settings{loader: l, attributes: content.Attributes, shows: true}
	n := spec.PrivacyNumber{
		Name: b.Labels[0], Provider: provider, Source: *rangeOf(b.DefRange), Attrs: attributeRanges(content.Attributes),
	}
	n.PoolKey = l.requiredText(keys, "pool_key")
	n.SubsID = l.requiredText(keys, "subs_id")
	n.CallNo, _ = keys.filled("call_no")
	n.Number, _ = shown.filled("number")
	if _, err := spec.ParseMSISDN(n.Number); n.Number != "" && err != nil {
		shown.wrong("number", "Invalid number", "%s.", spec.Capital(err.Error()))
	}
	l.fleet.Numbers = append(l.fleet.Numbers, n)
}

// requiredText is an attribute that must not be null.
func (l *loader) requiredText(s settings, name string) string {
	text, ok := s.filled(name)
	if !ok {
		s.refuseNull(name)
	}
	return text
}

// refuseNull reports an attribute that is written as null and must have a value.
func (s settings) refuseNull(name string) {
	a := s.attributes[name]
	if a == nil {
		return
	}
	errors := len(s.report.list)
	v, ok := s.scope.Eval(a.Expr, expr.InSettings)
	s.report.list = s.report.list[:errors] // what is wrong with it otherwise was said before
	if ok && v.IsNull() {
		s.wrong(name, "Missing value", "%s is null, and it needs a value.", name)
	}
}
