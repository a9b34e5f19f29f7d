package plan

import (
	"fmt"

	"github.com/cardfleet/cardfleet/spec"
)

// CheckCapabilities finds what a configuration asks of providers that can't
// serve it: an attribute that the provider can neither read nor change, a
// privacy number at one that has none. It needs no carrier.
func CheckCapabilities(fleet *spec.Fleet, caps map[spec.ProviderName]spec.Capabilities) spec.Diagnostics {
	var diags spec.Diagnostics
	type question struct {
		block    *spec.Block
		provider spec.ProviderName
		attr     spec.Attr
	}
	asked := map[question]bool{}
	for i := range fleet.Cards {
		c := &fleet.Cards[i]
		able := caps[c.Provider]
		served := able.Reads | able.Writes()
		if able.ObservesIMEI && c.IMEI != "" {
			served |= spec.AttrBinding // watched
		}
		missing := c.Wants() &^ served
		if missing == 0 {
			continue
		}
		for _, attr := range spec.Attrs() {
			q := question{c.Block, c.Provider, attr}
			if missing.Has(attr) && !asked[q] {
				asked[q] = true
				diags = append(diags, unserved(c, attr))
			}
		}
	}
	for i := range fleet.Numbers {
		n := &fleet.Numbers[i]
		if !caps[n.Provider].Numbers {
			place := n.Source
			diags = append(diags, spec.Diagnostic{
				Summary: "Provider has no privacy numbers", Subject: &place, Address: n.Address(),
				Detail: fmt.Sprintf("Provider %s can't read privacy numbers. Use a provider of type aliyun.", n.Provider),
			})
		}
	}
	return diags
}

func unserved(c *spec.Card, attr spec.Attr) spec.Diagnostic {
	name := attr.String()
	if attr == spec.AttrBinding && c.IMEI == "" {
		name = "bound"
	}
	place := c.Place(name)
	return spec.Diagnostic{
		Summary: "Attribute is not available at this carrier", Subject: &place, Address: c.Address(),
		Detail: fmt.Sprintf("Provider %s can neither read nor change %s. Leave it out, or move the card to a provider that can (cardfleet providers lists what each one does).", c.Provider, name),
	}
}
