package config

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// loadPrices reads the package blocks.
func (l *loader) loadPrices() {
	once := expr.Names{}
	for _, b := range l.blocks["package"] {
		price, ok := l.loadPrice(b)
		title := blockTitle("package", b.Labels)
		if price.Provider != "" {
			title += " of " + string(price.Provider)
		}
		if once.Claim(l.report, price.Package+"\n"+string(price.Provider), title, b.DefRange) && ok {
			l.fleet.Prices = append(l.fleet.Prices, price)
		}
	}
}

// currencyPattern is how ISO 4217 writes a currency.
var currencyPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Z]{3}$`) })

func (l *loader) loadPrice(b *hcl.Block) (spec.Price, bool) {
	content, diags := b.Body.Content(packageSchema())
	failed := l.report.HCL(diags)
	s := settings{loader: l, attributes: content.Attributes, shows: true}
	out := spec.Price{Package: b.Labels[0], Source: rangeOf(b.DefRange)}
	if strings.TrimSpace(out.Package) == "" {
		l.report.ErrorAt(b.LabelRanges[0], "Blank package", `A package block names the package's id, such as package "10002".`)
		failed = true
	}
	ok := true
	if a := content.Attributes["provider"]; a != nil {
		out.Provider, ok = l.priceProvider(b, a)
	}
	amount, hasAmount := s.amount("price")
	currency, hasCurrency := s.filled("currency")
	per, hasPer := s.period("per")
	if hasCurrency && !currencyPattern().MatchString(currency) {
		s.wrong("currency", "Invalid currency", "%q is no currency. Write its three letters, such as \"CNY\" or \"EUR\".", currency)
		hasCurrency = false
	}
	out.Amount, out.Currency, out.Per = amount, currency, per
	return out, ok && !failed && hasAmount && hasCurrency && hasPer
}

// amount is a price.
func (s settings) amount(name string) (spec.Amount, bool) {
	v, ok := s.convert(name, cty.Number)
	if !ok {
		return 0, false
	}
	amount, ok := spec.NewAmount(v.AsBigFloat())
	if !ok {
		s.wrong(name, "Value out of range", "%s is a number from 0 to %d with at most six decimals.", name, spec.MostOfPrice)
	}
	return amount, ok
}

func (s settings) period(name string) (spec.Period, bool) {
	text, ok := s.filled(name)
	if !ok {
		return "", false
	}
	var periods []string
	for _, p := range spec.Periods() {
		periods = append(periods, string(p))
	}
	if !slices.Contains(periods, text) {
		s.wrong(name, "Unknown period", "%q is none that a price is paid in.%s It is one of %s.",
			text, spec.DidYouMean(text, periods), spec.QuoteList(periods, "or"))
		return "", false
	}
	return spec.Period(text), true
}

// priceProvider is the provider block that a price is of, or the type of such blocks.
func (l *loader) priceProvider(b *hcl.Block, a *hcl.Attribute) (spec.ProviderName, bool) {
	if name := hcl.ExprAsKeyword(a.Expr); name != "" && l.providers.hasType(name) {
		return spec.ProviderName(name), true
	}
	return l.providerOf(b, a)
}

// hasType reports whether there is a block of a type.
func (p providerNames) hasType(typ string) bool {
	for name := range p.at {
		if spec.ProviderName(name).Type() == typ {
			return true
		}
	}
	return false
}
