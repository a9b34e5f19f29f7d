package config

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// loadPolicy reads what a plan must keep to.
func (l *loader) loadPolicy(b *hcl.Block) {
	content, diags := b.Body.Content(policySchema())
	l.report.HCL(diags)
	s := settings{loader: l, attributes: content.Attributes, shows: true, written: true}
	p := spec.Policy{Guard: l.loadGuard(s), Source: rangeOf(b.DefRange)}
	p.OnRemove = s.kind("on_remove", []spec.Kind{spec.Unbind, spec.Stop, spec.Forget})
	p.RequiredApprovals, _ = s.whole("required_approvals", 1)
	p.AllowedSigners, _ = s.filled("allowed_signers")
	if a := s.attributes["allowed_signers"]; a != nil {
		p.SignersSource = rangeOf(a.Expr.Range())
	}
	p.ApprovalMaxAge = s.duration("approval_max_age")
	once := expr.Names{}
	for _, nested := range content.Blocks {
		limit, ok := l.loadLimit(nested)
		if ok && once.Claim(l.report, string(limit.Kind)+" "+string(limit.Provider), blockTitle("limit", nested.Labels), nested.DefRange) {
			p.Limits = append(p.Limits, limit)
		}
	}
	l.fleet.Policy = p
}

// duration is a time that passes, such as "720h"; 0 where the block doesn't say it.
func (s settings) duration(name string) time.Duration {
	text, ok := s.text(name)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		s.wrong(name, "Invalid duration", `%q is no duration. Write one such as "720h" or "45m".`, text)
		return 0
	}
	return d
}

// loadGuard is the guarded kinds, unbind always among them.
func (l *loader) loadGuard(s settings) []spec.Kind {
	guard := []spec.Kind{spec.Unbind}
	words, _ := s.texts("guard")
	for _, w := range words {
		if k, ok := l.kindOf(w, s.attributes["guard"].Expr.Range(), "guard", spec.CarrierKinds()); ok {
			guard = append(guard, k)
		}
	}
	slices.Sort(guard)
	return slices.Compact(guard)
}

func (l *loader) loadLimit(b *hcl.Block) (spec.Limit, bool) {
	content, diags := b.Body.Content(limitSchema())
	failed := l.report.HCL(diags)
	kind, ok := l.kindOf(b.Labels[0], b.LabelRanges[0], "a limit", spec.LimitKinds())
	s := settings{loader: l, attributes: content.Attributes, shows: true, written: true}
	out := spec.Limit{Kind: kind, Source: rangeOf(b.DefRange)}
	if n, ok := s.whole("count", 0); ok {
		out.Count = &n
	}
	if n, ok := s.number("percent"); ok {
		if n < 0 || n > 100 {
			s.wrong("percent", "Value out of range", "percent is a number from 0 to 100.")
		}
		out.Percent = &n
	}
	if a := content.Attributes["provider"]; a != nil {
		name, found := l.providerOf(b, a)
		out.Provider, ok = name, ok && found
	}
	if !failed && out.Count == nil && out.Percent == nil && s.attributes["count"] == nil && s.attributes["percent"] == nil {
		l.report.ErrorAt(b.DefRange, "Empty limit", "A limit says how many: count = 5, percent = 30, or both.")
	}
	return out, ok
}
