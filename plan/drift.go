package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// Drift is an attribute that changed outside the program since it was last read.
type Drift struct {
	Attribute string    `json:"attribute"` // "active", "imei", "packages"
	From      string    `json:"from,omitempty"`
	To        string    `json:"to,omitempty"`
	Since     time.Time `json:"since"` // of the reading that showed From
	Cause     string    `json:"cause"` // the likely one
	// Keep is the line that would take the change into the configuration, and
	// Where the place that it belongs to.
	Keep  string `json:"keep,omitempty"`
	Where string `json:"where,omitempty"`
}

// drift compares what was read with what the state remembers, for the
// attributes that the card manages.
func (p *pair) drift() {
	if p.memory == nil || p.memory.Last.At.IsZero() || !p.live.Known() || !p.memory.Last.At.Before(p.live.At) {
		return
	}
	wants := p.wanted.Wants()
	// An apply's own reading may be from before the carrier showed what it did: what
	// is compared is that reading with our changes laid over it.
	last := p.memory.Overlay(p.memory.Reading(), p.caps.Settle)
	if wants.Has(spec.AttrActive) {
		p.driftedLifecycle(last)
	}
	if wants.Has(spec.AttrBinding) {
		p.driftedBinding()
	}
	if wants.Has(spec.AttrPackages) {
		p.driftedPackages(last)
	}
}

func (p *pair) driftedLifecycle(last spec.Reading) {
	if last.Lifecycle == "" || p.live.Lifecycle == "" || last.Lifecycle == p.live.Lifecycle {
		return
	}
	d := Drift{Attribute: spec.AttrActive.String(), From: activeText(last.Lifecycle), To: activeText(p.live.Lifecycle), Cause: p.cause(spec.AttrActive)}
	if p.live.Lifecycle == spec.SuspendedByCarrier {
		d.Cause = fmt.Sprintf("the carrier stopped it: %s", cmp.Or(p.live.Reason, p.live.Status, "it gives no reason"))
	}
	if is := p.live.Lifecycle.InService(); is != spec.Unset {
		d.Keep = fmt.Sprintf("active = %t", is == spec.On)
	}
	p.drifted(d)
}

// activeText is a lifecycle as the value of active, with our word for it where
// that says more.
func activeText(l spec.Lifecycle) string {
	switch l.InService() {
	case spec.On:
		return "true"
	case spec.Off:
		return fmt.Sprintf("false (%s)", l)
	default:
		return string(l)
	}
}

func (p *pair) driftedBinding() {
	was := p.memory.Binding
	if !p.live.Tells(spec.AttrBinding) || !was.Known || was.IMEI.Same(p.live.IMEI) {
		return
	}
	d := Drift{Attribute: spec.AttrBinding.String(), From: cmp.Or(string(was.IMEI), "none"), To: cmp.Or(string(p.live.IMEI), "none"), Cause: p.cause(spec.AttrBinding)}
	if p.live.IMEI != "" {
		d.Keep = fmt.Sprintf("imei = %q", p.live.IMEI)
	}
	p.drifted(d)
}

func (p *pair) driftedPackages(last spec.Reading) {
	if !last.Tells(spec.AttrPackages) || !p.live.Tells(spec.AttrPackages) {
		return
	}
	from, to := packageIDs(last.Packages), packageIDs(p.live.Packages)
	if slices.Equal(from, to) {
		return
	}
	d := Drift{
		Attribute: spec.AttrPackages.String(), From: list(from), To: list(to), Cause: p.cause(spec.AttrPackages),
		Keep: fmt.Sprintf("packages = %s", list(to)),
	}
	for _, pkg := range last.Packages {
		if !p.live.HasPackage(pkg.ID) && !pkg.Expires.IsZero() && !pkg.Expires.After(p.live.At) {
			d.Cause = fmt.Sprintf("package %s ran out on %s", pkg.ID, pkg.Expires.Format("2006-01-02"))
		}
	}
	p.drifted(d)
}

func packageIDs(packages []spec.Package) []string {
	ids := make([]string, 0, len(packages))
	for _, pkg := range packages {
		ids = append(ids, pkg.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func list(ids []string) string {
	quoted := make([]string, 0, len(ids))
	for _, id := range ids {
		quoted = append(quoted, fmt.Sprintf("%q", id))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// cause is the likely cause where the carrier gives none.
func (p *pair) cause(attr spec.Attr) string {
	for _, ch := range p.memory.Recent {
		if ch.Kind.Attr() == attr && ch.YoungIn(&p.live, p.caps.Settle) {
			return fmt.Sprintf("the %s of %s may still be under way", ch.Kind, ch.At.UTC().Format("2006-01-02 15:04 UTC"))
		}
	}
	return "another tool or a person, at the carrier"
}

func (p *pair) drifted(d Drift) {
	d.Since = p.memory.Last.At
	if d.Keep != "" {
		d.Where = whereOf(p.wanted, d.Attribute)
	}
	p.card.Drift = append(p.card.Drift, d)
}

// whereOf is where a card says an attribute: its row, or its line.
func whereOf(c *spec.Card, attribute string) string {
	if c.Row > 0 {
		return fmt.Sprintf("%s row %d", c.Block.CSV(), c.Row)
	}
	place := c.Place(attribute)
	return fmt.Sprintf("%s line %d", place.File, place.Start.Line)
}
