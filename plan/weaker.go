package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Recorded is the policy and its signers as the state keeps them once an apply
// has ended, so that the next plan can say what became weaker.
func Recorded(p spec.Policy, list *signers.List) (state.Policy, []state.Signer) {
	policy := state.Policy{
		Guard: p.Guard, OnRemove: p.OnRemove, RequiredApprovals: p.RequiredApprovals, ApprovalMaxAge: p.ApprovalMaxAge,
		Signed: p.AllowedSigners != "",
	}
	for _, l := range p.Limits {
		policy.Limits = append(policy.Limits, state.Limit{Kind: l.Kind, Provider: l.Provider, Count: l.Count, Percent: l.Percent})
	}
	slices.SortFunc(policy.Limits, func(a, b state.Limit) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Provider, b.Provider))
	})
	var people []state.Signer
	for _, line := range list.Lines() {
		people = append(people, state.Signer{Name: line.Principals, Fingerprint: line.Fingerprint})
	}
	slices.SortFunc(people, compareSigners)
	return policy, slices.Compact(people)
}

func compareSigners(a, b state.Signer) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Fingerprint, b.Fingerprint))
}

// weaker says what the policy allows more than the one of the last apply that
// ended: "required_approvals 2 -> 1". Nothing is weaker before the first.
func weaker(before *state.Fleet, p spec.Policy, list *signers.List) []string {
	if before == nil || before.Policy == nil {
		return nil
	}
	was := *before.Policy
	now, people := Recorded(p, list)
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if was.Signed && !now.Signed {
		say("allowed_signers is gone: unsigned approvals count")
	}
	if a, b := max(was.RequiredApprovals, 1), max(now.RequiredApprovals, 1); b < a {
		say("required_approvals %d -> %d", a, b)
	}
	if a, b := maxAge(was), maxAge(now); b > a {
		say("approval_max_age %s -> %s", a, b)
	}
	for _, kind := range was.Guard {
		if !p.Guards(kind) {
			say("guard: %s needs no approval any more", kind)
		}
	}
	if cmp.Or(was.OnRemove, spec.Unbind) == spec.Unbind && cmp.Or(now.OnRemove, spec.Unbind) != spec.Unbind {
		say("on_remove %s -> %s, which needs no approval", spec.Unbind, now.OnRemove)
	}
	out = append(out, raised(was.Limits, now.Limits)...)
	if was.Signed && now.Signed {
		for _, s := range people {
			if !slices.Contains(before.Signers, s) {
				say("signer %s is new (%s)", s.Name, s.Fingerprint)
			}
		}
	}
	return out
}

func maxAge(p state.Policy) time.Duration {
	return spec.Policy{ApprovalMaxAge: p.ApprovalMaxAge}.MaxApprovalAge()
}

// raised says which limits allow more than before, or are gone.
func raised(before, now []state.Limit) []string {
	now = withDefaults(now)
	var out []string
	for _, was := range withDefaults(before) {
		name := fmt.Sprintf("limit %q", was.Kind)
		if was.Provider != "" {
			name += " of " + string(was.Provider)
		}
		var is state.Limit
		if i := slices.IndexFunc(now, func(l state.Limit) bool { return l.Kind == was.Kind && l.Provider == was.Provider }); i >= 0 {
			is = now[i]
		}
		if was.Count != nil && (is.Count == nil || *is.Count > *was.Count) {
			out = append(out, fmt.Sprintf("%s count %d -> %s", name, *was.Count, orNoLimit(is.Count)))
		}
		if was.Percent != nil && (is.Percent == nil || *is.Percent > *was.Percent) {
			out = append(out, fmt.Sprintf("%s percent %g -> %s", name, *was.Percent, orNoLimit(is.Percent)))
		}
	}
	return out
}

func orNoLimit[N int | float64](n *N) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}

// withDefaults adds the limits that hold where the policy has none of its own.
func withDefaults(limits []state.Limit) []state.Limit {
	percent := defaultPercent
	for _, kind := range defaultLimits() {
		own := slices.ContainsFunc(limits, func(l state.Limit) bool { return l.Kind == kind && l.Provider == "" })
		if !own {
			limits = append(limits[:len(limits):len(limits)], state.Limit{Kind: kind, Percent: &percent})
		}
	}
	return limits
}
