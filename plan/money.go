package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// Money is what a plan adds to and takes from what packages cost, at the prices of
// the configuration's package blocks. Applying a plan that fails in part costs and
// saves less. Changes of other kinds, and packages that run out, count nothing.
type Money struct {
	// Sums are those of the whole plan, by currency: exactly the sums of Providers.
	Sums []Sum `json:"sums,omitempty"`
	// Providers are the sums of each provider block.
	Providers []Sum `json:"providers,omitempty"`
	// Labels are the sums of the cards that have a label in common. A card with
	// several labels is in several of them.
	Labels []Sum `json:"labels,omitempty"`
	// Unpriced are the packages without a price that the plan changes.
	Unpriced []Unpriced `json:"unpriced,omitempty"`
	// Many are the labels' keys with more than [mostValues] values: no sums are made of them.
	Many []string `json:"many,omitempty"`
	// Unknown are the cards whose account is closed and whose packages nobody knows.
	Unknown int `json:"unknown,omitempty"`
}

// Sum is what is added and saved a month, and paid once, in one currency.
type Sum struct {
	Provider spec.ProviderName `json:"provider,omitempty"`
	Key      string            `json:"key,omitempty"` // of a label
	Value    string            `json:"value,omitempty"`
	Currency string            `json:"currency"`
	Adds     spec.Amount       `json:"adds"`
	Saves    spec.Amount       `json:"saves"`
	Once     spec.Amount       `json:"once,omitempty"`
}

// Unpriced is a package without a price.
type Unpriced struct {
	Provider spec.ProviderName `json:"provider"`
	Package  string            `json:"package"`
	Adds     int               `json:"adds,omitempty"` // cards that get it
	Ends     int               `json:"ends,omitempty"` // cards that lose it
}

// mostValues is how many values a label's key may have for sums to be made of it:
// a key with a value of its own for each card would make a sum for each card.
const mostValues = 200

// pricing counts packages that begin and end, card by card. It is nothing for a
// fleet without prices.
type pricing struct {
	prices   []spec.Price
	known    map[packageKey]*spec.Price // nil for a package without a price
	sums     map[sumKey]map[*spec.Price]*packageCount
	unpriced map[packageKey]*packageCount
	unknown  int            // cards whose packages end, and aren't known
	values   map[string]int // how many values of a label's key have sums; -1: too many
}

type packageKey struct {
	provider spec.ProviderName
	id       string
}

// sumKey is a provider, or a label.
type sumKey struct {
	provider   spec.ProviderName
	key, value string
}

type packageCount struct{ adds, ends int }

// newPricing is a pricing by a fleet's prices.
func newPricing(prices []spec.Price) pricing {
	if len(prices) == 0 {
		return pricing{}
	}
	return pricing{
		prices: prices, known: map[packageKey]*spec.Price{}, sums: map[sumKey]map[*spec.Price]*packageCount{},
		unpriced: map[packageKey]*packageCount{}, values: map[string]int{},
	}
}

// card counts the packages that begin and end at a card.
func (n *pricing) card(c *Card) {
	if len(n.prices) == 0 {
		return
	}
	for i := range c.Actions {
		switch a := &c.Actions[i]; a.Kind {
		case spec.Subscribe:
			n.count(c, a.To, packageCount{adds: 1})
			if a.Replaces {
				n.end(c, a.To)
			}
		case spec.Unsubscribe:
			n.count(c, a.From, packageCount{ends: 1})
		case spec.Unbind:
			if !a.KeepsAccount {
				n.end(c, "")
			}
		}
	}
}

// end counts the packages that end with a card's account, or that a package
// takes the place of.
func (n *pricing) end(c *Card, instead string) {
	has, known := packagesOf(c)
	if !known {
		n.unknown++
	}
	for _, id := range has {
		ended := slices.ContainsFunc(c.Actions, func(a Action) bool { return a.Kind == spec.Unsubscribe && a.From == id })
		if id != instead && !ended {
			n.count(c, id, packageCount{ends: 1})
		}
	}
}

// packagesOf are the packages that the card has, as they were read for this plan,
// else as they were last known. A card that leaves isn't read for them.
func packagesOf(c *Card) (ids []string, known bool) {
	if c.Before.Packages != nil {
		return c.Before.Packages, true
	}
	last := c.Memory.Reading()
	for _, p := range last.Packages {
		ids = append(ids, p.ID)
	}
	return ids, last.Tells(spec.AttrPackages)
}

func (n *pricing) count(c *Card, id string, by packageCount) {
	key := packageKey{c.Provider, id}
	price, looked := n.known[key]
	if !looked {
		price = spec.PriceOf(n.prices, c.Provider, id)
		n.known[key] = price
	}
	if price == nil {
		n.unpriced[key] = n.unpriced[key].plus(by)
		return
	}
	n.add(sumKey{provider: c.Provider}, price, by)
	for label, value := range c.Labels {
		if n.has(label, value) {
			n.add(sumKey{key: label, value: value}, price, by)
		}
	}
}

// has reports whether sums are made of a label, and of no more values than may be.
func (n *pricing) has(key, value string) bool {
	switch values := n.values[key]; {
	case values < 0:
		return false
	case n.sums[sumKey{key: key, value: value}] != nil:
		return true
	case values < mostValues:
		n.values[key]++
		return true
	}
	n.values[key] = -1
	maps.DeleteFunc(n.sums, func(s sumKey, _ map[*spec.Price]*packageCount) bool { return s.provider == "" && s.key == key })
	return false
}

func (n *pricing) add(at sumKey, price *spec.Price, by packageCount) {
	counts := n.sums[at]
	if counts == nil {
		counts = map[*spec.Price]*packageCount{}
		n.sums[at] = counts
	}
	counts[price] = counts[price].plus(by)
}

func (c *packageCount) plus(by packageCount) *packageCount {
	if c == nil {
		return &by
	}
	c.adds += by.adds
	c.ends += by.ends
	return c
}

// money is what was counted; nil where nothing was, or nothing could be.
func (n *pricing) money() *Money {
	if len(n.known)+n.unknown == 0 {
		return nil
	}
	m := &Money{Unknown: n.unknown}
	for at, counts := range n.sums {
		if sums := sumsOf(at, counts); at.provider != "" {
			m.Providers = append(m.Providers, sums...)
		} else {
			m.Labels = append(m.Labels, sums...)
		}
	}
	for key, c := range n.unpriced {
		m.Unpriced = append(m.Unpriced, Unpriced{key.provider, key.id, c.adds, c.ends})
	}
	for key, values := range n.values {
		if values < 0 {
			m.Many = append(m.Many, key)
		}
	}
	slices.Sort(m.Many)
	slices.SortFunc(m.Providers, bySubject)
	slices.SortFunc(m.Labels, bySubject)
	slices.SortFunc(m.Unpriced, func(a, b Unpriced) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Package, b.Package))
	})
	m.addUp()
	return m
}

// sumsOf are the sums of one provider or label, a currency each.
func sumsOf(at sumKey, counts map[*spec.Price]*packageCount) []Sum {
	var out []Sum
	for price, c := range counts {
		i := slices.IndexFunc(out, func(s Sum) bool { return s.Currency == price.Currency })
		if i < 0 {
			i = len(out)
			out = append(out, Sum{Provider: at.provider, Key: at.key, Value: at.value, Currency: price.Currency})
		}
		factor := price.Per.Monthly()
		if price.Per == spec.Once {
			out[i].Once += price.Amount.Times(c.adds, factor)
			continue
		}
		out[i].Adds += price.Amount.Times(c.adds, factor)
		out[i].Saves += price.Amount.Times(c.ends, factor)
	}
	return out
}

// addUp makes the plan's sums of those of the providers, so that they agree to
// the hundredth.
func (m *Money) addUp() {
	for _, s := range m.Providers {
		i := slices.IndexFunc(m.Sums, func(all Sum) bool { return all.Currency == s.Currency })
		if i < 0 {
			i = len(m.Sums)
			m.Sums = append(m.Sums, Sum{Currency: s.Currency})
		}
		m.Sums[i].Adds += s.Adds
		m.Sums[i].Saves += s.Saves
		m.Sums[i].Once += s.Once
	}
	slices.SortFunc(m.Sums, bySubject)
}

func bySubject(a, b Sum) int {
	return cmp.Or(cmp.Compare(a.Provider, b.Provider), strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value), strings.Compare(a.Currency, b.Currency))
}

// providers are all that the sums name.
func (m *Money) providers() []spec.ProviderName {
	if m == nil {
		return nil
	}
	var out []spec.ProviderName
	for _, s := range m.Providers {
		out = append(out, s.Provider)
	}
	for _, u := range m.Unpriced {
		out = append(out, u.Provider)
	}
	return out
}
