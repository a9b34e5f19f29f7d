package plan

import (
	"cmp"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// costs adds up the calls that applying takes: each card is read again before
// it is changed, where the carrier can report the value.
func costs(p *Plan, caps map[spec.ProviderName]spec.Capabilities, paces map[spec.ProviderName]spec.Pace) []Cost {
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
			out = append(out, Cost{Provider: c.Provider, PerSecond: paces[c.Provider].PerSecond})
		}
		out[k].Calls += calls
	}
	slices.SortFunc(out, func(a, b Cost) int { return cmp.Compare(a.Provider, b.Provider) })
	for i := range out {
		out[i].overdraw(paces[out[i].Provider], p.Reads)
	}
	return out
}

// overdraw says which quotas the calls pass, with those that reading took.
func (c *Cost) overdraw(pace spec.Pace, reads []Reads) {
	calls := c.Calls
	for _, r := range reads {
		if r.Provider == c.Provider {
			calls += r.Calls
		}
	}
	if pace.PerDay > 0 && calls > pace.PerDay {
		c.PerDay = pace.PerDay
	}
	if pace.PerMonth > 0 && calls > pace.PerMonth {
		c.PerMonth = pace.PerMonth
	}
}
