package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// The limits that hold where the policy doesn't set its own: a wrong column
// must not stop a fleet, a table cut in half must not shrink one.
const (
	defaultPercent   = 30.0
	defaultLimitFrom = 10 // cards
)

// defaultLimits are the kinds of these limits.
func defaultLimits() []spec.Kind { return []spec.Kind{spec.Stop, spec.Removals} }

// Exceeded is a limit that the plan passes.
type Exceeded struct {
	Kind     spec.Kind         `json:"kind"`
	Provider spec.ProviderName `json:"provider,omitempty"` // "" for a limit over all providers
	Planned  int               `json:"planned"`
	Allowed  string            `json:"allowed"`           // "5", "30% of 1204 cards"
	Default  bool              `json:"default,omitempty"` // the limit is the built-in one, not the policy's
	// File is the configuration file that most of them come from, with FileCount of them.
	File      string `json:"file,omitempty"`
	FileCount int    `json:"file_count,omitempty"`
	// OnTrust marks the limit on cards that are adopted on trust though the fleet
	// had a state. Planned counts these, of Adopted adoptions in all; Allowed is
	// of the limit "remove".
	OnTrust bool `json:"on_trust,omitempty"`
	Adopted int  `json:"adopted,omitempty"`
	// Accepted is what -accept-count said of the kind, where that doesn't fit.
	Accepted *int `json:"accepted,omitempty"`
}

// CheckLimits lists the limits that the plan passes. accepted is what
// -accept-count says: it lifts the limits on a kind for this run, if exactly so
// many are planned.
func CheckLimits(p *Plan, policy spec.Policy, accepted map[spec.Kind]int) []Exceeded {
	return p.counts().limits(p.Totals, policy, accepted)
}

// LimitsWith is [CheckLimits] of a plan that is read card by card, with what runs that
// were handed over before have not done yet.
func LimitsWith(p Source, pending []*Card, policy spec.Policy, accepted map[spec.Kind]int) ([]Exceeded, error) {
	n := &counts{}
	err := p.Each(func(_ int, c *Card) error {
		n.card(c)
		return nil
	})
	for _, c := range pending {
		n.tally.card(c)
	}
	return n.limits(p.Head().Totals, policy, accepted), err
}

func (n *counts) limits(totals []Total, policy spec.Policy, accepted map[spec.Kind]int) []Exceeded {
	t := n.tally.among(totals)
	var out []Exceeded
	own := map[spec.Kind]bool{}
	for _, limit := range policy.Limits {
		own[limit.Kind] = own[limit.Kind] || limit.Provider == ""
		out = append(out, t.exceeds(limit)...)
	}
	percent := defaultPercent
	for _, kind := range defaultLimits() {
		if total := t.of(kind, "").among; !own[kind] && total >= defaultLimitFrom {
			for _, e := range t.exceeds(spec.Limit{Kind: kind, Percent: &percent}) {
				e.Default = true
				out = append(out, e)
			}
		}
	}
	out = slices.DeleteFunc(out, func(e Exceeded) bool {
		n, ok := accepted[e.Kind]
		return ok && n == t.of(e.Kind, "").planned
	})
	for i := range out {
		if n, ok := accepted[out[i].Kind]; ok {
			out[i].Accepted = &n
		}
	}
	return out
}

// judgeLimits says which limits the plan passes, by its counts, and where the
// state was looked for.
func (p *Plan) judgeLimits(n *counts, in *Input) {
	p.FirstRun = in.FirstRun
	p.Limits = n.limits(p.Totals, in.Fleet.Policy, in.Accepted)
	if in.Lost {
		p.Limits = append(p.Limits, n.trust(p.Totals, in.Fleet.Policy, in.Accepted)...)
	}
}

// trust holds the cards that are adopted on trust to the limit "remove":
// of a fleet whose state is lost, nobody knows better which device a card has. A
// percentage is of the cards that are declared. accepted counts all adoptions,
// as the plan shows them.
func (n *counts) trust(totals []Total, policy spec.Policy, accepted map[spec.Kind]int) []Exceeded {
	t := n.trusted.declared(totals)
	var out []Exceeded
	own := false
	for _, limit := range policy.Limits {
		if limit.Kind == spec.Removals {
			own = own || limit.Provider == ""
			out = append(out, t.exceeds(limit)...)
		}
	}
	if percent := defaultPercent; !own && t.of(spec.Removals, "").among >= defaultLimitFrom {
		for _, e := range t.exceeds(spec.Limit{Kind: spec.Removals, Percent: &percent}) {
			e.Default = true
			out = append(out, e)
		}
	}
	said, ok := accepted[spec.Adopt]
	if ok && said == n.adopted {
		return nil
	}
	for i := range out {
		out[i].Kind, out[i].OnTrust, out[i].Adopted = spec.Adopt, true, n.adopted
		if ok {
			out[i].Accepted = &said
		}
	}
	return out
}

// tally counts what limits are about.
type tally struct {
	counts map[tallyKey]*counted
	// last is what was counted last, since cards that follow each other are mostly
	// alike: of a kind, and of any kind.
	last, lastOfAny tallied
}

type tallied struct {
	key      tallyKey
	all, own *counted
}

type tallyKey struct {
	kind     spec.Kind
	provider spec.ProviderName
}

type counted struct {
	planned, among int
	files          map[string]int
	file           string // of the last card
	inFile         int    // cards of that file, which are not in files yet
}

func (t *tally) of(kind spec.Kind, provider spec.ProviderName) *counted {
	key := tallyKey{kind, provider}
	n := t.counts[key]
	if n == nil {
		n = &counted{files: map[string]int{}}
		if t.counts == nil {
			t.counts = map[tallyKey]*counted{}
		}
		t.counts[key] = n
	}
	return n
}

// card counts a card's actions by kind and provider.
func (t *tally) card(c *Card) {
	for i := range c.Actions {
		kind := c.Actions[i].Kind
		t.add(kind, c)
		if kind.CallsCarrier() {
			t.add(spec.AnyKind, c)
		}
	}
}

func (t *tally) add(kind spec.Kind, c *Card) {
	last := &t.last
	if kind == spec.AnyKind {
		last = &t.lastOfAny
	}
	if key := (tallyKey{kind, c.Provider}); last.all == nil || last.key != key {
		*last = tallied{key, t.of(kind, ""), t.of(kind, c.Provider)}
	}
	last.all.add(c)
	last.own.add(c)
}

func (n *counted) add(c *Card) {
	n.planned++
	if c.File == "" {
		return
	}
	if n.file != c.File {
		n.sumUp()
		n.file = c.File
	}
	n.inFile++
}

// sumUp takes the cards of the last file into files.
func (n *counted) sumUp() {
	if n.inFile > 0 {
		n.files[n.file] += n.inFile
		n.inFile = 0
	}
}

// among is the tally with what a percentage is of: the cards that are declared
// or managed; of removals, those that were managed.
func (t *tally) among(totals []Total) *tally {
	out := t.clone()
	for _, total := range totals {
		for _, provider := range []spec.ProviderName{"", total.Provider} {
			for _, kind := range append(spec.Kinds(), spec.AnyKind) {
				out.of(kind, provider).among += total.Cards
			}
			removals := out.of(spec.Removals, provider)
			removals.among += total.Managed
			removals.planned += total.Left
		}
	}
	return out
}

// declared is the tally of removals among all cards.
func (t *tally) declared(totals []Total) *tally {
	out := t.clone()
	for _, total := range totals {
		for _, provider := range []spec.ProviderName{"", total.Provider} {
			out.of(spec.Removals, provider).among += total.Cards
		}
	}
	return out
}

func (t *tally) clone() *tally {
	out := &tally{counts: make(map[tallyKey]*counted, len(t.counts))}
	for key, n := range t.counts {
		n.sumUp()
		out.counts[key] = &counted{planned: n.planned, among: n.among, files: n.files}
	}
	return out
}

// exceeds is how the counts pass the limit; none where they keep to it.
func (t *tally) exceeds(limit spec.Limit) []Exceeded {
	n := t.of(limit.Kind, limit.Provider)
	var out []Exceeded
	passed := func(allowed string) {
		e := Exceeded{Kind: limit.Kind, Provider: limit.Provider, Planned: n.planned, Allowed: allowed}
		if len(n.files) > 0 {
			e.File = slices.MaxFunc(slices.Sorted(maps.Keys(n.files)), func(a, b string) int { return cmp.Compare(n.files[a], n.files[b]) })
			e.FileCount = n.files[e.File]
		}
		out = append(out, e)
	}
	if limit.Count != nil && n.planned > *limit.Count {
		passed(fmt.Sprint(*limit.Count))
	}
	if limit.Percent != nil && float64(n.planned)*100 > *limit.Percent*float64(n.among) {
		passed(fmt.Sprintf("%g%% of %d cards", *limit.Percent, n.among))
	}
	return out
}
