package plan

import (
	"cmp"
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// costing adds up the calls that applying takes: each card is read again before
// it is changed, where the carrier can report the value.
type costing struct {
	caps  map[spec.ProviderName]spec.Capabilities
	calls map[spec.ProviderName]int
	of    spec.ProviderName // the provider of the last card
	able  spec.Capabilities // that provider's
	kind  spec.Kind         // of the last change there
	takes int               // the calls that such a change takes
}

func (n *costing) card(c *Card) {
	calls := 0
	for i := range c.Actions {
		kind := c.Actions[i].Kind
		if !kind.CallsCarrier() {
			continue
		}
		if n.of != c.Provider {
			n.of, n.able, n.kind = c.Provider, n.caps[c.Provider], ""
		}
		if n.kind != kind {
			n.kind, n.takes = kind, n.callsOf(kind)
		}
		calls += n.takes
	}
	if calls == 0 {
		return
	}
	if n.calls == nil {
		n.calls = map[spec.ProviderName]int{}
	}
	n.calls[c.Provider] += calls
}

func (n *costing) callsOf(kind spec.Kind) int {
	calls := n.able.CallsToChange(kind)
	if n.able.Reads.Has(kind.Attr()) {
		calls += n.able.CallsToRead(kind.Attr())
	}
	return calls
}

// costs are the calls by provider.
func (n *costing) costs(reads []Reads, paces map[spec.ProviderName]spec.Pace) []Cost {
	var out []Cost
	of := map[string][]spec.ProviderName{} // by account
	for _, provider := range slices.Sorted(maps.Keys(n.calls)) {
		pace := paces[provider]
		out = append(out, Cost{Provider: provider, PerSecond: pace.PerSecond, Calls: n.calls[provider]})
		if pace.Account != "" {
			of[pace.Account] = append(of[pace.Account], provider)
		}
	}
	for i := range out {
		for _, other := range of[paces[out[i].Provider].Account] {
			if other != out[i].Provider {
				out[i].With = append(out[i].With, other)
			}
		}
	}
	overdraw(out, paces, reads)
	return out
}

// overdraw says which quotas the calls pass, with those that reading took. A
// quota is the account's: the calls of all who share it count.
func overdraw(costs []Cost, paces map[spec.ProviderName]spec.Pace, reads []Reads) {
	account := func(provider spec.ProviderName) string {
		return cmp.Or(paces[provider].Account, "alone: "+string(provider))
	}
	calls := map[string]int{}
	for i := range costs {
		calls[account(costs[i].Provider)] += costs[i].Calls
	}
	for i := range reads {
		calls[account(reads[i].Provider)] += reads[i].Calls
	}
	for i := range costs {
		c := &costs[i]
		pace, n := paces[c.Provider], calls[account(c.Provider)]
		if pace.PerDay > 0 && n > pace.PerDay {
			c.PerDay = pace.PerDay
		}
		if pace.PerMonth > 0 && n > pace.PerMonth {
			c.PerMonth = pace.PerMonth
		}
	}
}
