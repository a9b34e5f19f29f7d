package plan

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Approvals are what people approved, besides the configuration's blocks.
type Approvals struct {
	Unbind []spec.ApprovedCard // of -approve-unbind: unsigned
	// Signatures is the text of an approvals file: texts with their armored SSH signatures.
	Signatures []byte
	// Signers are those of the policy's allowed_signers file.
	Signers *signers.List
}

// signed reports whether there is a signature at all, whatever it is of.
func (a *Approvals) signed() bool { return bytes.Contains(a.Signatures, []byte(signers.Begin)) }

// Guard marks the actions that need an approval, and those that have theirs.
// It replaces whatever the plan said before, so that a saved plan is judged by
// the policy, the state and the approvals of the moment. An approval names a
// card and the device that it is unbound from; a signature stands for all
// guarded actions of the plan at once.
func Guard(p *Plan, fleet *spec.Fleet, prior *state.Snapshot, approvals Approvals, now time.Time) {
	guardAs(p, p, fleet, prior, approvals, now)
}

// guardAs is Guard where signatures are over the guarded actions of another
// plan: of the saved one, of which p has the actions that are still wanted.
func guardAs(p, signed *Plan, fleet *spec.Fleet, prior *state.Snapshot, approvals Approvals, now time.Time) {
	g := newGuard(fleet, prior, approvals, now)
	p.Policy = g.policy
	marks := func(p *Plan) {
		for i := range p.Cards {
			if c := &p.Cards[i]; len(c.Actions) > 0 {
				g.guards(c, prior.Card(c.ICCID))
			}
		}
	}
	marks(p)
	if signed != p {
		marks(signed)
	}
	lineage := ""
	if prior != nil {
		lineage = prior.Lineage
	}
	g.signatures(signed, lineage, approvals, spentIn(prior))
	g.mark(p)
}

// newGuard is a guard that knows all approvals but those that are signed.
func newGuard(fleet *spec.Fleet, prior *state.Snapshot, approvals Approvals, now time.Time) *guard {
	g := &guard{policy: policyOf(fleet.Policy, approvals.Signers, prior), now: now, blocks: map[spec.ICCID][]grant{}}
	for _, kind := range spec.Kinds() {
		if kind.CallsCarrier() && fleet.Policy.Guards(kind) {
			g.guarded = append(g.guarded, kind)
		}
	}
	for _, a := range fleet.Approvals {
		for _, card := range a.Cards {
			g.blocks[card.ICCID.Stem()] = append(g.blocks[card.ICCID.Stem()], grant{iccid: card.ICCID, name: a.Name, reason: a.Reason, action: a.Action, imei: card.IMEI, expires: a.Expires})
		}
	}
	for _, card := range approvals.Unbind {
		g.blocks[card.ICCID.Stem()] = append(g.blocks[card.ICCID.Stem()], grant{iccid: card.ICCID, option: true, action: spec.Unbind, imei: card.IMEI})
	}
	return g
}

// Review judges a saved plan by signatures, and by what the plan itself holds
// of policy and state. It is for looking at a plan: apply asks [Guard]. Signers
// other than the plan's are given in approvals.
func Review(p *Plan, approvals Approvals, now time.Time) {
	g := reviewing(p, approvals, now)
	if g == nil {
		return
	}
	approvals.Signers = signers.Of(p.Policy.Signers)
	g.signatures(p, p.Lineage, approvals, spentIn(nil))
	g.mark(p)
}

// reviewing takes the signers into the plan's policy, and is the guard that
// judges by signatures; nil where blocks count, and the plan says which.
func reviewing(p *Plan, approvals Approvals, now time.Time) *guard {
	if approvals.Signers != nil {
		p.Policy.SignersOnly, p.Policy.Signers = true, approvals.Signers.Lines()
	}
	if !p.Policy.SignersOnly {
		return nil
	}
	return &guard{policy: p.Policy, now: now}
}

// guards says which of a card's actions need an approval, and since when the
// card is as the state has it. memory is what the state has; nil for none.
func (g *guard) guards(c *Card, memory *state.Card) {
	for j := range c.Actions {
		c.Actions[j].Guarded = c.Actions[j].Final || slices.Contains(g.guarded, c.Actions[j].Kind)
	}
	if len(c.Actions) > 0 {
		c.Since = sinceOf(memory)
	}
}

// mark says of each guarded action whether it is approved.
func (g *guard) mark(p *Plan) {
	for i := range p.Cards {
		g.judges(&p.Cards[i])
	}
}

// judges says of each of a card's guarded actions whether it is approved.
func (g *guard) judges(c *Card) {
	for j := range c.Actions {
		a := &c.Actions[j]
		a.Approvals, a.Denial, a.Required = nil, "", 0
		if a.Guarded {
			a.Required = g.policy.Required()
			a.Approvals, a.Denial = g.judge(c, *a)
		}
		a.Approved = a.Guarded && a.Denial == ""
	}
}

// signatures finds who signed the plan's guarded actions.
func (g *guard) signatures(p *Plan, lineage string, approvals Approvals, spent func(text []byte) string) {
	if !approvals.signed() {
		return
	}
	wanted, guarded := p.ApprovalText(g.now, "")
	if !guarded {
		return
	}
	wanted.Fleet = lineage
	g.signed, g.refused = g.judgeAll(wanted, approvals, spent)
}

func (g *guard) judgeAll(wanted ApprovalText, approvals Approvals, spent func(text []byte) string) (signed []Approved, refused []string) {
	j := judge{wanted: wanted, list: approvals.Signers, now: g.now, maxAge: g.policy.MaxAge(), spent: spent}
	return j.all(approvals.Signatures)
}

func (p *Plan) eachAction(visit func(*Card, *Action)) {
	for i := range p.Cards {
		c := &p.Cards[i]
		for j := range c.Actions {
			visit(c, &c.Actions[j])
		}
	}
}

// grant is the word of an approval block, or of the option, on one card.
type grant struct {
	iccid   spec.ICCID
	name    string
	reason  string
	option  bool // it is -approve-unbind
	action  spec.Kind
	imei    spec.IMEI
	expires time.Time
}

// by is what gave the approval: the block's name, or the option.
func (g grant) by() string {
	if g.option {
		return "-approve-unbind"
	}
	return g.name
}

// words name what gave the approval in a sentence, and are its own alone.
func (g grant) words() string {
	if g.option {
		return "-approve-unbind"
	}
	return fmt.Sprintf("approval %q", g.name)
}

type guard struct {
	policy  Policy
	now     time.Time
	guarded []spec.Kind            // that need an approval
	blocks  map[spec.ICCID][]grant // by the ICCID without its check digit
	// signed are the approvals of those who signed the plan's guarded actions,
	// refused says why other signatures count for nothing.
	signed  []Approved
	refused []string
}

// judge finds the approvals of one action; denial says why they aren't enough,
// "" where they are.
func (g *guard) judge(c *Card, a Action) (given []Approved, denial string) {
	if g.policy.SignersOnly {
		return g.judgeSigned()
	}
	given, reasons := g.sources(c, a)
	if len(g.signed)+len(g.refused) > 0 {
		reasons = append([]string{"a signature can't be checked: the policy names no allowed_signers"}, reasons...)
	}
	required := g.policy.Required()
	switch {
	case len(given) >= required:
		return given, ""
	case len(given) > 0:
		reasons = append([]string{fmt.Sprintf("%d of %d approvals", len(given), required)}, reasons...)
	case len(reasons) == 0:
		reasons = []string{"no approval names this card"}
	}
	return given, strings.Join(reasons, "; ")
}

// sources are the unsigned approvals of one action, one of each source: of a
// block, and of all -approve-unbind of the run, however often, and in whichever
// spelling, either names the card. reasons says why other words count for nothing.
func (g *guard) sources(c *Card, a Action) (given []Approved, reasons []string) {
	counted := map[string]bool{}
	for _, grant := range g.blocks[c.ICCID.Stem()] {
		if !grant.iccid.SameCard(c.ICCID) {
			continue
		}
		switch reason := g.holds(grant, a, DeviceOf(c, a)); {
		case reason != "":
			reasons = append(reasons, reason)
		case counted[grant.words()]:
			reasons = append(reasons, grant.words()+" names this card more than once, which counts once")
		default:
			counted[grant.words()] = true
			given = append(given, Approved{By: grant.by(), Reason: grant.reason, Until: grant.expires})
		}
	}
	return given, slices.Compact(reasons)
}

// judgeSigned counts the distinct signers, where only they count.
func (g *guard) judgeSigned() (given []Approved, denial string) {
	required := g.policy.Required()
	if len(g.signed) >= required {
		return g.signed, ""
	}
	reasons := slices.Clone(g.refused)
	switch {
	case len(g.signed) > 0:
		names := make([]string, 0, len(g.signed))
		for _, s := range g.signed {
			names = append(names, s.By)
		}
		reasons = append([]string{fmt.Sprintf("%d of %d approvals (%s)", len(g.signed), required, strings.Join(names, ", "))}, reasons...)
	case len(reasons) == 0:
		reasons = []string{"the policy names allowed_signers, so only signed approvals count, and there is none"}
	}
	return g.signed, strings.Join(reasons, "; ")
}

// holds says why an approval counts for nothing; "" where it counts.
func (g *guard) holds(grant grant, a Action, device spec.IMEI) string {
	by := grant.words()
	switch {
	case grant.action != a.Kind:
		return fmt.Sprintf("%s is for %s, not for %s", by, grant.action, a.Kind)
	case !grant.expires.IsZero() && !g.now.Before(grant.expires):
		return by + " expired on " + grant.expires.UTC().Format("2006-01-02 15:04 UTC")
	case !grant.imei.Same(device) && a.BindsFirst():
		return fmt.Sprintf("%s is for device %s, but the card is bound to none, and is to get %s", by, grant.imei, device)
	case !grant.imei.Same(device):
		return fmt.Sprintf("%s is for device %s, but the card is bound to %s", by, grant.imei, cmp.Or(device, "none that is known"))
	default:
		return ""
	}
}

// DeviceOf is the device that an approval of the action has to name: the one
// that the card is bound to before, or its first one where it is bound to none
// and gets one; "" where nobody knows it.
func DeviceOf(c *Card, a Action) spec.IMEI {
	if a.BindsFirst() {
		return spec.IMEI(a.To)
	}
	if a.Kind.Attr() == spec.AttrBinding {
		return spec.IMEI(a.From)
	}
	return cmp.Or(c.Before.Binding.IMEI, c.Memory.Binding.IMEI)
}

// Unapproved lists the guarded actions that lack an approval.
func (p *Plan) Unapproved() []string {
	var ids []string
	p.eachAction(func(_ *Card, a *Action) {
		if a.Guarded && !a.Approved {
			ids = append(ids, a.ID)
		}
	})
	return ids
}
