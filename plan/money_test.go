package plan_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func drawPrices(t *rapid.T) []spec.Price {
	var out []spec.Price
	for i := range rapid.IntRange(0, 6).Draw(t, "prices") {
		out = append(out, spec.Price{
			Package:  rapid.SampledFrom([]string{"10002", "10003", "1", "2", "s1.fast"}).Draw(t, "package"),
			Provider: rapid.SampledFrom([]spec.ProviderName{"", "aliyun", "xuyu", "aliyun.a"}).Draw(t, "provider"),
			Amount:   spec.Amount(rapid.Int64Range(0, 1e9).Draw(t, "amount")),
			Currency: rapid.SampledFrom([]string{"CNY", "EUR"}).Draw(t, "currency"),
			Per:      rapid.SampledFrom(spec.Periods()).Draw(t, "per"),
			Source:   &spec.Range{Start: spec.Pos{Line: i}},
		})
	}
	return out
}

// drawSubscribers is a fleet whose packages differ from those that are live, at two
// providers, and whose cards may be unbound or have left.
func drawSubscribers(t *rapid.T) plan.Input {
	able := dyiotapi()
	able.Reads |= spec.AttrBinding
	able.Changes = append(able.Changes, spec.Unsubscribe)
	one := able
	one.OnePackage = true
	in := plan.Input{
		Fleet: &spec.Fleet{Prices: drawPrices(t), Providers: []spec.ProviderConfig{{Name: "aliyun.a"}, {Name: "xuyu"}}}, Prior: &state.Snapshot{}, Now: now,
		Capabilities: map[spec.ProviderName]spec.Capabilities{"aliyun.a": able, "xuyu": one},
	}
	block := &spec.Block{Name: "bike"}
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"10002", "10003", "1", "2", "s1.fast"}), 0, 3, rapid.ID[string])
	for i := range rapid.IntRange(0, 12).Draw(t, "cards") {
		c := spec.Card{
			Block: block, Key: fmt.Sprint(i), Provider: rapid.SampledFrom([]spec.ProviderName{"aliyun.a", "xuyu"}).Draw(t, "provider"),
			ICCID:  spec.ICCID(fmt.Sprintf("8986061703001%07d", i)),
			Labels: map[string]string{"city": rapid.SampledFrom([]string{"", "hangzhou", "ningbo"}).Draw(t, "city")},
		}
		live := spec.Reading{Provider: c.Provider, ICCID: c.ICCID, At: now, Has: spec.AttrPackages | spec.AttrActive | spec.AttrBinding, Lifecycle: spec.Active, IMEI: deviceA}
		for _, id := range ids.Draw(t, "live") {
			live.Packages = append(live.Packages, spec.Package{ID: id})
		}
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			c.Bound = spec.Off
		default:
			c.Packages = ids.Draw(t, "wanted")
			if c.Provider == "xuyu" && len(c.Packages) > 1 {
				c.Packages = c.Packages[:1]
			}
		}
		memory := state.Card{Provider: c.Provider, ICCID: c.ICCID, Address: c.Address(), Binding: state.BoundTo(deviceA), Labels: c.Labels}
		if rapid.IntRange(0, 4).Draw(t, "left") == 0 { // then it isn't read for its packages
			memory.Last = state.Last{At: now, Has: live.Has, Packages: live.Packages, Lifecycle: live.Lifecycle, IMEI: live.IMEI}
			live.Has, live.Packages = spec.AttrActive|spec.AttrBinding, nil
		} else {
			in.Fleet.Cards = append(in.Fleet.Cards, c)
		}
		in.Live = append(in.Live, live)
		in.Prior.Cards = append(in.Prior.Cards, memory)
	}
	return in
}

// exact is what a plan adds, saves and costs once in a currency, added up card by
// card and not rounded.
func exact(p *plan.Plan, prices []spec.Price, currency string, where func(*plan.Card) bool) (adds, saves, once *big.Rat) {
	adds, saves, once = new(big.Rat), new(big.Rat), new(big.Rat)
	for i := range p.Cards {
		c := &p.Cards[i]
		if !where(c) {
			continue
		}
		begins, ends := beginsAndEnds(c)
		for _, id := range begins {
			price := spec.PriceOf(prices, c.Provider, id)
			switch {
			case price == nil || price.Currency != currency:
			case price.Per == spec.Once:
				once.Add(once, big.NewRat(int64(price.Amount), 1))
			default:
				adds.Add(adds, new(big.Rat).Mul(big.NewRat(int64(price.Amount), 1), price.Per.Monthly()))
			}
		}
		for _, id := range ends {
			if price := spec.PriceOf(prices, c.Provider, id); price != nil && price.Currency == currency && price.Per != spec.Once {
				saves.Add(saves, new(big.Rat).Mul(big.NewRat(int64(price.Amount), 1), price.Per.Monthly()))
			}
		}
	}
	return adds, saves, once
}

func beginsAndEnds(c *plan.Card) (begins, ends []string) {
	all := false
	for _, a := range c.Actions {
		switch a.Kind {
		case spec.Subscribe:
			begins = append(begins, a.To)
			all = all || a.Replaces
		case spec.Unsubscribe:
			ends = append(ends, a.From)
		case spec.Unbind:
			all = all || !a.KeepsAccount
		}
	}
	has := c.Before.Packages
	if has == nil {
		for _, p := range c.Memory.Last.Packages {
			has = append(has, p.ID)
		}
	}
	for _, id := range has {
		if all && !slices.Contains(ends, id) && !slices.Contains(begins, id) {
			ends = append(ends, id)
		}
	}
	return begins, ends
}

func TestAPlansMoneyIsThatOfItsCards(t *testing.T) {
	priced := 0
	rapid.Check(t, func(rt *rapid.T) {
		in := drawSubscribers(rt)
		p, _ := plan.Make(in)
		if p == nil {
			return
		}
		if len(in.Fleet.Prices) == 0 {
			require.Nil(rt, p.Money)
			return
		}
		if p.Money == nil {
			for i := range p.Cards {
				begins, ends := beginsAndEnds(&p.Cards[i])
				require.Empty(rt, append(begins, ends...))
			}
			return
		}
		for _, s := range p.Money.Sums {
			adds, saves, once := exact(p, in.Fleet.Prices, s.Currency, func(*plan.Card) bool { return true })
			// Each price at each provider is rounded by half a hundredth at most.
			near(rt, adds, s.Adds, 30)
			near(rt, saves, s.Saves, 30)
			near(rt, once, s.Once, 30)
			var all plan.Sum
			for _, part := range p.Money.Providers {
				if part.Currency == s.Currency {
					all.Adds, all.Saves, all.Once = all.Adds+part.Adds, all.Saves+part.Saves, all.Once+part.Once
				}
			}
			require.Equal(rt, []spec.Amount{s.Adds, s.Saves, s.Once}, []spec.Amount{all.Adds, all.Saves, all.Once}, "the parts add up")
			priced++
		}
		for _, s := range p.Money.Labels {
			adds, saves, once := exact(p, in.Fleet.Prices, s.Currency, func(c *plan.Card) bool { v, ok := c.Labels[s.Key]; return ok && v == s.Value })
			near(rt, adds, s.Adds, 30)
			near(rt, saves, s.Saves, 30)
			near(rt, once, s.Once, 30)
		}
		for _, u := range p.Money.Unpriced {
			require.Nil(rt, spec.PriceOf(in.Fleet.Prices, u.Provider, u.Package))
			require.Positive(rt, u.Adds+u.Ends)
		}
	})
	assert.Positive(t, priced, "no plan had a price")
}

// near reports an amount that isn't the exact one but for the rounding of n parts.
func near(t require.TestingT, exact *big.Rat, got spec.Amount, n int64) {
	difference := new(big.Rat).Sub(exact, big.NewRat(int64(got), 1))
	require.LessOrEqual(t, difference.Abs(difference).Cmp(big.NewRat(n*5000, 1)), 0, "%s is not %s millionths", got, exact.FloatString(2))
}

// A label with a value of its own for each card would make a sum for each card.
func TestALabelOfManyValuesHasNoSums(t *testing.T) {
	in := plan.Input{Fleet: &spec.Fleet{Prices: []spec.Price{{Package: "10002", Amount: 1_000_000, Currency: "CNY", Per: spec.PerMonth}}}, Now: now,
		Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: dyiotapi()}}
	block := &spec.Block{Name: "bike"}
	for i := range 201 {
		in.Fleet.Cards = append(in.Fleet.Cards, spec.Card{
			Block: block, Key: fmt.Sprint(i), Provider: aliyun, ICCID: spec.ICCID(fmt.Sprintf("8986061703001%07d", i)), Packages: []string{"10002"},
			Labels: map[string]string{"rider": fmt.Sprint(i), "city": fmt.Sprint(i % 2)},
		})
		in.Live = append(in.Live, spec.Reading{Provider: aliyun, ICCID: in.Fleet.Cards[i].ICCID, At: now, Has: spec.AttrPackages | spec.AttrActive, Lifecycle: spec.Active})
	}
	p, diags := plan.Make(in)
	require.False(t, diags.HasErrors(), "%v", diags)
	require.NotNil(t, p.Money)
	assert.Equal(t, []string{"rider"}, p.Money.Many)
	require.Len(t, p.Money.Labels, 2)
	assert.Equal(t, "101.00", p.Money.Labels[0].Adds.String())
	assert.Equal(t, "201.00", p.Money.Sums[0].Adds.String())
}
