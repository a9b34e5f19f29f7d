package plan

import (
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// costing adds up the calls that applying takes: each card is read again before
// it is changed, where the carrier can report the value.
type costing struct {
	caps  map[spec.ProviderName]spec.Capabilities
	calls map[spec.ProviderName]int
	able  spec.Capabilities // of the provider of the last card
	of    spec.ProviderName
}

func (n *costing) card(c *Card) {
	calls := 0
	for i := range c.Actions {
		kind := c.Actions[i].Kind
		if !kind.CallsCarrier() {
			continue
		}
		if n.of != c.Provider {
			n.of, n.able = c.Provider, n.caps[c.Provider]
		}
		calls += n.able.CallsToChange(kind)
		if n.able.Reads.Has(kind.Attr()) {
			calls += n.able.CallsToRead(kind.Attr())
		}
	}
	if calls == 0 {
		return
	}
	if n.calls == nil {
		n.calls = map[spec.ProviderName]int{}
	}
	n.calls[c.Provider] += calls
}

// costs are the calls by provider.
func (n *costing) costs(reads []Reads, paces map[spec.ProviderName]spec.Pace) []Cost {
	var out []Cost
	for _, provider := range slices.Sorted(maps.Keys(n.calls)) {
		c := Cost{Provider: provider, PerSecond: paces[provider].PerSecond, Calls: n.calls[provider]}
		c.overdraw(paces[provider], reads)
		out = append(out, c)
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
