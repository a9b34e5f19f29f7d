package plan

import (
	"time"

	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Policy is what a plan was judged by: what it takes to approve its guarded
// actions. Its zero value asks for one approval, signed or not.
type Policy struct {
	RequiredApprovals int `json:"required_approvals,omitempty"` // 0 means 1
	// ApprovalMaxAge is how far ahead a signature's end may lie.
	ApprovalMaxAge time.Duration `json:"approval_max_age,omitempty"`
	// SignersOnly reports that only signed approvals count, of these signers.
	SignersOnly bool           `json:"signers_only,omitempty"`
	Signers     []signers.Line `json:"signers,omitempty"`
	// Weaker says what it allows more than the policy of the last apply that ended.
	Weaker []string `json:"weaker,omitempty"`
}

func policyOf(p spec.Policy, list *signers.List, prior *state.Snapshot) Policy {
	var before *state.Fleet
	if prior != nil {
		before = &prior.Fleet
	}
	return Policy{
		Weaker:            weaker(before, p, list),
		RequiredApprovals: p.RequiredApprovals, ApprovalMaxAge: p.MaxApprovalAge(),
		SignersOnly: p.AllowedSigners != "", Signers: list.Lines(),
	}
}

// Required is how many approvals a guarded action needs, of different people
// where they are signed.
func (p Policy) Required() int { return max(p.RequiredApprovals, 1) }

// MaxAge is how far ahead a signature's end may lie.
func (p Policy) MaxAge() time.Duration {
	return spec.Policy{ApprovalMaxAge: p.ApprovalMaxAge}.MaxApprovalAge()
}
