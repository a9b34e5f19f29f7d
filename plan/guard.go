package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Guard marks the actions that need an approval, and those that have theirs.
// It replaces whatever the plan said before, so that a saved plan is judged by
// the approvals of the moment. An approval names a card and the device that it
// is unbound from; flags are the cards of -approve-unbind.
func Guard(p *Plan, fleet *spec.Fleet, flags []spec.ICCID, now time.Time) {
	g := guard{policy: fleet.Policy, now: now, flags: map[spec.ICCID]bool{}, blocks: map[spec.ICCID][]grant{}}
	for _, iccid := range flags {
		g.flags[iccid] = true
	}
	for _, a := range fleet.Approvals {
		for _, card := range a.Cards {
			g.blocks[card.ICCID] = append(g.blocks[card.ICCID], grant{a.Name, a.Action, card.IMEI, a.Expires})
		}
	}
	for i := range p.Cards {
		c := &p.Cards[i]
		for j := range c.Actions {
			a := &c.Actions[j]
			a.Guarded = a.Kind.CallsCarrier() && g.policy.Guards(a.Kind)
			a.Approved, a.Denial = false, ""
			if a.Guarded {
				a.Approved, a.Denial = g.judge(c.ICCID, *a)
			}
		}
	}
}

// grant is one approval block's word on one card.
type grant struct {
	name    string
	action  spec.Kind
	imei    spec.IMEI
	expires time.Time
}

type guard struct {
	policy spec.Policy
	now    time.Time
	flags  map[spec.ICCID]bool
	blocks map[spec.ICCID][]grant
}

// judge counts the approvals of one action; denial says why they aren't enough.
func (g *guard) judge(iccid spec.ICCID, a Action) (approved bool, denial string) {
	required := max(g.policy.RequiredApprovals, 1)
	if g.policy.AllowedSigners != "" {
		return false, "the policy names allowed_signers, so only signed approvals count, and there is none"
	}
	var reasons []string
	count := 0
	for _, grant := range g.blocks[iccid] {
		if reason := g.holds(grant, a); reason != "" {
			reasons = append(reasons, fmt.Sprintf("approval %q %s", grant.name, reason))
			continue
		}
		count++
	}
	if a.Kind == spec.Unbind && g.flags[iccid] {
		count++
	}
	switch {
	case count >= required:
		return true, ""
	case len(reasons) > 0:
		return false, strings.Join(reasons, "; ")
	case count > 0:
		return false, fmt.Sprintf("%d of %d approvals", count, required)
	default:
		return false, "no approval names this card"
	}
}

// holds says why an approval counts for nothing; "" where it counts.
func (g *guard) holds(grant grant, a Action) string {
	switch {
	case grant.action != a.Kind:
		return fmt.Sprintf("is for %s, not for %s", grant.action, a.Kind)
	case !grant.expires.IsZero() && !g.now.Before(grant.expires):
		return "expired on " + grant.expires.UTC().Format("2006-01-02 15:04 UTC")
	case a.Kind == spec.Unbind && !grant.imei.Same(spec.IMEI(a.From)):
		return fmt.Sprintf("is for device %s, but the card is bound to %s", grant.imei, a.From)
	default:
		return ""
	}
}

// Unapproved lists the guarded actions that lack an approval.
func (p *Plan) Unapproved() []string {
	var ids []string
	for i := range p.Cards {
		for _, a := range p.Cards[i].Actions {
			if a.Guarded && !a.Approved {
				ids = append(ids, a.ID)
			}
		}
	}
	return ids
}

// The limit on stops that holds where the policy doesn't set one: a wrong
// column must not stop a fleet.
const (
	defaultStopPercent = 30.0
	defaultLimitFrom   = 10 // cards
)

// CheckLimits lists the limits of the policy that the plan passes.
func CheckLimits(p *Plan, policy spec.Policy) []Exceeded {
	counts := p.Summary().ByKind
	total := 0
	for kind, n := range counts {
		if kind.CallsCarrier() {
			total += n.Planned
		}
	}
	var out []Exceeded
	stops := false
	for _, limit := range policy.Limits {
		n := counts[limit.Kind].Planned
		if limit.Kind == spec.AnyKind {
			n = total
		}
		stops = stops || limit.Kind == spec.Stop
		if limit.Count != nil && n > *limit.Count {
			out = append(out, Exceeded{Kind: limit.Kind, Planned: n, Allowed: fmt.Sprint(*limit.Count)})
		}
		if limit.Percent != nil && over(n, p.Total, *limit.Percent) {
			out = append(out, Exceeded{Kind: limit.Kind, Planned: n, Allowed: percentOf(*limit.Percent, p.Total)})
		}
	}
	if n := counts[spec.Stop].Planned; !stops && p.Total >= defaultLimitFrom && over(n, p.Total, defaultStopPercent) {
		out = append(out, Exceeded{Kind: spec.Stop, Planned: n, Allowed: percentOf(defaultStopPercent, p.Total), Default: true})
	}
	return out
}

func over(n, total int, percent float64) bool { return float64(n)*100 > percent*float64(total) }

func percentOf(percent float64, total int) string {
	return fmt.Sprintf("%g%% of %d cards", percent, total)
}

// number gives each action that calls a carrier its idempotency key: the same
// for every attempt of this plan, another for the next one. An outcome in doubt
// keeps the key of its first attempt.
func number(p *Plan, prior *state.Snapshot) {
	lineage, serial := "", uint64(0)
	if prior != nil {
		lineage, serial = prior.Lineage, prior.Serial
	}
	for i := range p.Cards {
		c := &p.Cards[i]
		for j := range c.Actions {
			a := &c.Actions[j]
			if !a.Kind.CallsCarrier() {
				continue
			}
			sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d/%s/%s/%s/%s/%s", lineage, serial, p.Timestamp.UnixNano(), c.Provider, c.ICCID, a.Kind, a.From, a.To))
			a.Key = cmp.Or(doubtKey(prior.Card(c.ID()), *a), hex.EncodeToString(sum[:16]))
		}
	}
}

// doubtKey is the key of an earlier attempt at the same change, whose outcome
// was in doubt when the plan was made; "" for none.
func doubtKey(memory *state.Card, a Action) string {
	if memory == nil {
		return ""
	}
	for _, doubt := range memory.Doubts {
		if doubt.Kind == a.Kind && doubt.From == a.From && doubt.To == a.To {
			return doubt.Key
		}
	}
	return ""
}

// costs adds up the calls that applying takes: each card is read again before
// it is changed, where the carrier can report the value.
func costs(p *Plan, caps map[spec.ProviderName]spec.Capabilities) []Cost {
	var out []Cost
	at := map[spec.ProviderName]int{}
	for i := range p.Cards {
		c := &p.Cards[i]
		able := caps[c.Provider]
		calls := 0
		for _, a := range c.Actions {
			if !a.Kind.CallsCarrier() {
				continue
			}
			calls += able.CallsToChange(a.Kind)
			if able.Reads.Has(a.Kind.Attr()) {
				calls += able.CallsToRead(a.Kind.Attr())
			}
		}
		if calls == 0 {
			continue
		}
		k, ok := at[c.Provider]
		if !ok {
			k = len(out)
			at[c.Provider] = k
			out = append(out, Cost{Provider: c.Provider, PerSecond: able.PerSecond})
		}
		out[k].Calls += calls
	}
	return out
}
