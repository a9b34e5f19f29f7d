package config

import (
	"time"

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
		said := settings{loader: l, attributes: content.Attributes}
		if a := content.Attributes["required_version"]; a != nil {
			l.checkVersion(said, a)
		}
		if a := content.Attributes["zone"]; a != nil && once.Claim(l.report, "zone", "The fleet's zone", a.NameRange) {
			l.loadZone(said, a.Name)
		}
		for _, nested := range content.Blocks {
			l.loadNested(nested, once)
		}
	}
	l.loadTimed(l.timed)
	l.checkWorkers(once)
}

// loadNested reads a block in a fleet block. once has what was said already.
func (l *loader) loadNested(b *hcl.Block, once expr.Names) {
	switch b.Type {
	case "notify": // there may be any number
		if !l.Simulated {
			l.loadNotify(b)
		}
		return
	case "window", "schedule":
		if once.Claim(l.report, b.Type+" "+b.Labels[0], blockTitle(b.Type, b.Labels), b.DefRange) {
			l.timed = append(l.timed, b)
		}
		return
	}
	if !once.Claim(l.report, b.Type, "The "+b.Type+" block", b.DefRange) {
		return
	}
	switch b.Type {
	case "backend":
		l.loadBackend(b)
	case "encryption":
		if !l.Simulated {
			l.loadEncryption(b)
		}
	case "history":
		l.loadHistory(b)
	case "executor":
		l.loadExecutor(b)
	default:
		l.loadPolicy(b)
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

// loadZone reads the time zone that people are told times in. "Local" would be
// another one on each machine.
func (l *loader) loadZone(s settings, name string) {
	text, ok := s.filled(name)
	if !ok {
		return
	}
	if s.isZone(name, text) {
		l.fleet.Zone = text
	}
}

// isZone reports an attribute that names no time zone.
func (s settings) isZone(name, text string) bool {
	_, err := spec.LoadZone(text)
	if err != nil {
		s.wrong(name, "Invalid time zone", `%q is no time zone. Write the name of one from the IANA database, such as "Asia/Shanghai" or "Europe/Berlin".`, text)
	}
	return err == nil
}

// loadHistory reads for how long what was done to cards is kept.
func (l *loader) loadHistory(b *hcl.Block) {
	content, diags := b.Body.Content(historySchema())
	l.report.HCL(diags)
	if content.Attributes["keep"] == nil {
		return
	}
	s := settings{loader: l, attributes: content.Attributes}
	text, ok := s.filled("keep")
	if !ok {
		return
	}
	if text == spec.Forever {
		l.fleet.KeepHistory = -1
		return
	}
	d, err := spec.ParseDuration(text)
	if err != nil || d < 24*time.Hour {
		s.wrong("keep", "Invalid duration", `%q is no duration that a history may be kept for. Write one of a day or more, such as "730d", or %q.`, text, spec.Forever)
		return
	}
	l.fleet.KeepHistory = d
}

func (l *loader) loadBackend(b *hcl.Block) {
	schema, ok := l.schemaOf(b, l.Backends, "Unknown backend type", "There is no backend %q.")
	if !ok {
		return
	}
	attributes, diags := b.Body.JustAttributes()
	l.report.HCL(diags)
	w := l.written(attributes, schema, spec.UnsetValue{For: spec.ForState})
	l.fleet.Backend = spec.Backend{Type: schema.Type, Settings: w.Values, Ranges: w.Ranges, Source: rangeOf(b.DefRange)}
}
