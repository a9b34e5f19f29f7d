package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

// TestWhatAPolicyAllowsMoreIsSaid changes a policy after an apply has recorded it.
func TestWhatAPolicyAllowsMoreIsSaid(t *testing.T) {
	five, ten, half := 5, 10, 50.0
	strict := func() spec.Policy {
		return spec.Policy{
			Guard: []spec.Kind{spec.Stop, spec.Unbind}, RequiredApprovals: 2, AllowedSigners: "allowed_signers",
			Limits: []spec.Limit{{Kind: spec.Unbind, Count: &five}, {Kind: spec.Subscribe, Provider: aliyun, Count: &five}},
		}
	}
	for name, row := range map[string]struct {
		change func(*spec.Policy)
		people []string
		want   []string
	}{
		"nothing":             {func(*spec.Policy) {}, nil, nil},
		"more approvals":      {func(p *spec.Policy) { p.RequiredApprovals = 3 }, nil, nil},
		"another file's name": {func(p *spec.Policy) { p.AllowedSigners = "signers" }, nil, nil},
		"a signer less":       {func(*spec.Policy) {}, []string{"alice"}, nil},
		"fewer approvals":     {func(p *spec.Policy) { p.RequiredApprovals = 0 }, nil, []string{"required_approvals 2 -> 1"}},
		"a later end":         {func(p *spec.Policy) { p.ApprovalMaxAge = 721 * time.Hour }, nil, []string{"approval_max_age 720h0m0s -> 721h0m0s"}},
		"a sooner end":        {func(p *spec.Policy) { p.ApprovalMaxAge = time.Hour }, nil, nil},
		"a kind unguarded":    {func(p *spec.Policy) { p.Guard = []spec.Kind{spec.Unbind} }, nil, []string{"guard: stop needs no approval any more"}},
		"unbind not written":  {func(p *spec.Policy) { p.Guard = []spec.Kind{spec.Stop} }, nil, nil},
		"removal unguarded":   {func(p *spec.Policy) { p.OnRemove = spec.Forget }, nil, []string{"on_remove unbind -> forget, which needs no approval"}},
		"a limit raised":      {func(p *spec.Policy) { p.Limits[0].Count = &ten }, nil, []string{`limit "unbind" count 5 -> 10`}},
		"a limit lowered":     {func(p *spec.Policy) { p.Limits[0].Count = new(int) }, nil, nil},
		"a limit gone":        {func(p *spec.Policy) { p.Limits = p.Limits[:1] }, nil, []string{`limit "subscribe" of aliyun count 5 -> none`}},
		"a count for a share": {func(p *spec.Policy) { p.Limits[0] = spec.Limit{Kind: spec.Unbind, Percent: &half} }, nil, []string{`limit "unbind" count 5 -> none`}},
		"a default raised":    {func(p *spec.Policy) { p.Limits = append(p.Limits, spec.Limit{Kind: spec.Stop, Percent: &half}) }, nil, []string{`limit "stop" percent 30 -> 50`}},
		"a default replaced":  {func(p *spec.Policy) { p.Limits = append(p.Limits, spec.Limit{Kind: spec.Removals, Count: &ten}) }, nil, []string{`limit "remove" percent 30 -> none`}},
		"a limit of one more": {func(p *spec.Policy) {
			p.Limits = append(p.Limits, spec.Limit{Kind: spec.Stop, Provider: aliyun, Count: &ten})
		}, nil, nil},
		"unsigned":      {func(p *spec.Policy) { p.AllowedSigners = "" }, []string{}, []string{"allowed_signers is gone: unsigned approvals count"}},
		"a signer more": {func(*spec.Policy) {}, []string{"alice", "bob", "mallory"}, []string{"signer mallory is new (" + listOf(t, "mallory").Lines()[0].Fingerprint + ")"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := unbinding()
			before, people := plan.Recorded(strict(), listOf(t, "alice", "bob"))
			in.Prior.Fleet.Policy, in.Prior.Fleet.Signers = &before, people
			in.Fleet.Policy = strict()
			row.change(&in.Fleet.Policy)
			in.Approvals.Signers = listOf(t, "alice", "bob")
			if row.people != nil {
				in.Approvals.Signers = listOf(t, row.people...)
			}
			p, diags := plan.Make(in)
			require.False(t, diags.HasErrors())
			assert.Equal(t, row.want, p.Policy.Weaker)
		})
	}

	in := unbinding()
	p, _ := plan.Make(in)
	assert.Empty(t, p.Policy.Weaker, "nothing is weaker before the first apply")
}
