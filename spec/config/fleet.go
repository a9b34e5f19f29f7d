package config

import (
	"slices"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// loadFleet reads the fleet blocks. There may be several, as long as no two
// say where the state is, what encrypts it or what the policy is.
func (l *loader) loadFleet() {
	once := expr.Names{}
	for _, b := range l.blocks["fleet"] {
		content, diags := b.Body.Content(fleetSchema())
		l.report.HCL(diags)
		if a := content.Attributes["required_version"]; a != nil {
			l.checkVersion(settings{loader: l, attributes: content.Attributes}, a)
		}
		for _, nested := range content.Blocks {
			if nested.Type == "notify" { // there may be any number
				l.loadNotify(nested)
				continue
			}
			if !once.Claim(l.report, nested.Type, "The "+nested.Type+" block", nested.DefRange) {
				continue
			}
			switch nested.Type {
			case "backend":
				l.loadBackend(nested)
			case "encryption":
				l.loadEncryption(nested)
			default:
				l.loadPolicy(nested)
			}
		}
	}
}

func (l *loader) checkVersion(s settings, a *hcl.Attribute) {
	text, ok := s.text(a.Name)
	if !ok {
		return
	}
	constraint, err := version.NewConstraint(text)
	if err != nil {
		s.wrong(a.Name, "Invalid version constraint",
			`%q is no version constraint. Write one such as ">= 0.1.0" or "~> 1.2".`, text)
		return
	}
	have, err := version.NewVersion(l.Version)
	if err != nil {
		return // a build from source has no number; it is for its builder to know
	}
	if !constraint.Check(have.Core()) {
		s.wrong(a.Name, "Unsupported version", "This configuration needs cardfleet %s, and this is %s. "+
			"Use a version that fits, or change required_version.", text, l.Version)
	}
}

// backendTypes are the places where a state can be kept.
func backendTypes() []string { return []string{"http", "local", "postgres", "s3"} }

// backendSecrets are the settings of backends whose values are never shown.
func backendSecrets() []string { return []string{"conn_str", "password", "secret_key", "token"} }

func (l *loader) loadBackend(b *hcl.Block) {
	typ := b.Labels[0]
	if !slices.Contains(backendTypes(), typ) {
		l.report.ErrorAt(b.LabelRanges[0], "Unknown backend type", "There is no backend %q.%s There are %s.",
			typ, spec.DidYouMean(typ, backendTypes()), spec.QuoteList(backendTypes(), "and"))
		return
	}
	attributes, diags := b.Body.JustAttributes()
	l.report.HCL(diags)
	s := settings{loader: l, attributes: attributes}
	out := spec.Backend{Type: typ, Settings: map[string]any{}, Source: rangeOf(b.DefRange)}
	for _, a := range inSourceOrder(attributes) {
		if slices.Contains(backendSecrets(), a.Name) {
			l.rememberSecret(a)
		}
		value, ok := s.any(a.Name)
		if !ok {
			continue
		}
		switch value.(type) {
		case string, bool, float64:
			out.Settings[a.Name] = value
		default:
			s.wrong(a.Name, "Unsuitable value", "%s must be a text, a number, or true or false.", a.Name)
		}
	}
	l.fleet.Backend = out
}
