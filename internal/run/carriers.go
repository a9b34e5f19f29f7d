package run

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Carriers are the opened provider blocks of a fleet.
type Carriers struct {
	Providers    map[spec.ProviderName]providers.Provider
	Capabilities map[spec.ProviderName]spec.Capabilities
	Paces        map[spec.ProviderName]spec.Pace // that each keeps to
	Accounts     map[spec.ProviderName]spec.Account

	gate      *gate      // of the calls that change something; nil where Open didn't open them
	throttles *throttles // nil where Open didn't open them
}

// throttles hands on to the watcher of the phase under way that a carrier
// throttled a call.
type throttles struct{ to atomic.Pointer[Watcher] }

// tell tells a watcher until untold is called.
func (t *throttles) tell(w Watcher) (untold func()) {
	if t == nil {
		return func() {}
	}
	t.to.Store(&w)
	return func() { t.to.Store(nil) }
}

func (t *throttles) of(provider spec.ProviderName) func(providers.Throttle) {
	return func(throttle providers.Throttle) {
		if w := t.to.Load(); w != nil {
			(*w).Throttled(provider, throttle)
		}
	}
}

// gate says whether a call that changes something may leave.
type gate struct{ lease atomic.Pointer[state.Leased] }

// errLeaseLost is why a call was not sent.
var errLeaseLost = errors.New("the state's lock could not be kept, and another run may have it by now")

// ask is [providers.Env].Gate: the lease is looked at right before a call leaves,
// after every wait. It waits where the lease isn't sure.
func (g *gate) ask(ctx context.Context) error {
	lease := g.lease.Load()
	if lease == nil {
		return nil
	}
	if err := (*lease).Assure(ctx); err != nil && ctx.Err() == nil {
		return errLeaseLost
	}
	return ctx.Err()
}

// goBy has the gate go by the lease of a backend, where that has one, until
// ungated is called.
func (g *gate) goBy(b state.Backend) (ungated func()) {
	leased, ok := b.(state.Leased)
	if !ok {
		return func() {}
	}
	return g.goByLease(leased)
}

// goByLease is goBy for a lease by itself.
func (g *gate) goByLease(leased state.Leased) (ungated func()) {
	if g == nil {
		return func() {}
	}
	g.lease.Store(&leased)
	return func() { g.lease.Store(nil) }
}

// Open opens provider blocks, without a call. What they change, they change only
// while a run that holds a lease may count on it. Types are those that there are;
// a block of another type is left out, since the configuration was checked
// against them. The diagnostics are of settings that don't fit.
func Open(blocks []spec.ProviderConfig, types []providers.Type, env providers.Env) (Carriers, spec.Diagnostics) {
	c := Carriers{
		Providers:    map[spec.ProviderName]providers.Provider{},
		Capabilities: map[spec.ProviderName]spec.Capabilities{},
		Paces:        map[spec.ProviderName]spec.Pace{},
		gate:         &gate{},
		throttles:    &throttles{},
	}
	env.Gate = c.gate.ask
	var diags spec.Diagnostics
	for _, block := range blocks {
		for _, t := range types {
			if t.Schema.Type != block.Name.Type() {
				continue
			}
			env.Throttled, env.Provider = c.throttles.of(block.Name), block.Name
			opened, more := t.Open(block, env)
			diags = append(diags, more...)
			if opened != nil {
				c.Providers[block.Name], c.Capabilities[block.Name], c.Paces[block.Name] = opened, opened.Capabilities(), providers.PaceOf(opened)
			}
		}
	}
	shareAccounts(c.Paces)
	return c, diags
}

// shareAccounts gives each provider the pace of its account: of those who share
// it, the strictest.
func shareAccounts(paces map[spec.ProviderName]spec.Pace) {
	of := map[string]spec.Pace{}
	for _, pace := range paces {
		strictest := of[pace.Account]
		strictest.PerSecond = stricter(strictest.PerSecond, pace.PerSecond)
		strictest.PerDay = stricter(strictest.PerDay, pace.PerDay)
		strictest.PerMonth = stricter(strictest.PerMonth, pace.PerMonth)
		strictest.Account = pace.Account
		of[pace.Account] = strictest
	}
	for name, pace := range paces {
		if pace.Account != "" {
			paces[name] = of[pace.Account]
		}
	}
}

// stricter is the lower of two limits, of which 0 is none.
func stricter[N int | float64](a, b N) N {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// List asks a carrier for all cards of the account, in no order.
func (c Carriers) List(ctx context.Context, name spec.ProviderName) ([]spec.ICCID, error) {
	lister, ok := c.Providers[name].(providers.Lister)
	if !ok || !c.Capabilities[name].Lists {
		return nil, &Refusal{Reason: NoList, Name: string(name)}
	}
	var cards []spec.ICCID
	err := lister.List(ctx, func(r spec.Reading) error {
		cards = append(cards, r.ICCID)
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("list the cards of %s: %w", name, err)
	}
	return cards, nil
}

// ReadCards reads all that the provider can read of each card, in their order;
// msisdns are their numbers, as far as they are known.
func (c Carriers) ReadCards(ctx context.Context, name spec.ProviderName, cards []spec.ICCID, msisdns map[spec.ICCID]string, w Watcher) ([]spec.Reading, error) {
	if keyed, ok := c.Providers[name].(providers.Keyed); ok {
		keyed.SetKeys(func(card spec.ICCID) providers.Key { return providers.Key{MSISDN: msisdns[card]} })
	}
	attrs := (spec.AttrActive | spec.AttrPackages | spec.AttrBinding) & c.Capabilities[name].Reads
	wants := make([]providers.Want, 0, len(cards))
	for _, card := range cards {
		wants = append(wants, providers.Want{ICCID: card, Attrs: attrs})
	}
	w.Begin(Reading, []Share{{Provider: name, Count: len(wants)}})
	defer w.End(Reading)
	defer c.throttles.tell(w)()
	readings, err := providers.ReadAll(ctx, c.Providers[name], wants, providers.ReadOptions{
		Provider: name, Progress: func(done, _ int) { w.Read(name, done) },
		Chosen: func(m providers.Mix) { w.Costs([]plan.Reads{c.reads(name, len(wants), m)}) },
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return readings, err
}

// reads is what reading by a mix of calls takes, of so many cards that are needed.
func (c Carriers) reads(name spec.ProviderName, needed int, m providers.Mix) plan.Reads {
	return plan.Reads{
		Provider: name, Cards: needed, Read: m.Cards(), Calls: m.Calls, ListCalls: m.Pages, ListCards: m.Listed, PerSecond: c.Paces[name].PerSecond,
	}
}

// ReadNumbers reads the fleet's privacy numbers, in its order.
func (c Carriers) ReadNumbers(ctx context.Context, fleet *spec.Fleet) []spec.NumberReading {
	out := make([]spec.NumberReading, len(fleet.Numbers))
	var g errgroup.Group
	g.SetLimit(16)
	for i := range fleet.Numbers {
		g.Go(func() error {
			out[i] = c.readNumber(ctx, &fleet.Numbers[i])
			return nil
		})
	}
	_ = g.Wait() // workers report through the readings
	return out
}

func (c Carriers) readNumber(ctx context.Context, n *spec.PrivacyNumber) spec.NumberReading {
	reader, ok := c.Providers[n.Provider].(providers.NumberReader)
	if !ok {
		return spec.NumberReading{Address: n.Address(), Unread: fmt.Sprintf("provider %s can't read privacy numbers", n.Provider)}
	}
	reading, err := reader.ReadNumber(ctx, n)
	if err != nil {
		return spec.NumberReading{Address: n.Address(), Unread: err.Error()}
	}
	reading.Address = n.Address()
	return reading
}
