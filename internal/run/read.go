package run

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Live is what is known of the cards, and where from.
type Live struct {
	Cards   []spec.Reading       // by ICCID
	Numbers []spec.NumberReading // in the fleet's order; nil where they were not asked for

	asked      []bool // which of the cards were asked for now
	incomplete []plan.Incomplete
	reads      []plan.Reads
	fed        map[spec.ProviderName]time.Time // see [Session.fedUntil]
}

// fresh are the readings that were made now.
func (l *Live) fresh() []spec.Reading {
	if !slices.Contains(l.asked, false) {
		return l.Cards
	}
	var fresh []spec.Reading
	for i := range l.Cards {
		if l.asked[i] {
			fresh = append(fresh, l.Cards[i])
		}
	}
	return fresh
}

// part is one provider's share of the cards that a plan needs.
type part struct {
	provider spec.ProviderName
	of       []int // the targets that are its own
	read     []int // those to be read, in the order in which they are
	calls    int   // the most that reading them may take; 0 for no limit
	later    bool  // no call is left for any of them
	feed     int   // the calls that told which cards have changed
	told     bool  // they told all that have
	unsaid   []int // the targets in read that they would have told of, had there been more
	err      error
	reads    plan.Reads
}

// read asks every carrier at once for the cards that are to be read, each
// within its own limits. The others are as the state remembers them. Where ctx
// ends, what was read until then is returned with its error.
func (s *Session) read(ctx context.Context, prior *state.Snapshot, o Options) (*Live, error) {
	began := s.Env.Now()
	targets := plan.Targets(s.Fleet, prior, o.Select)
	l := &Live{Cards: make([]spec.Reading, len(targets)), asked: make([]bool, len(targets))}
	memoryOf := prior.Walk()
	for i, t := range targets {
		if memory := memoryOf(t.ID.ICCID); memory != nil {
			l.Cards[i] = memory.Reading()
		}
		l.Cards[i].Provider, l.Cards[i].ICCID = t.ID.Provider, t.ID.ICCID
	}
	s.tellKeys(prior)
	parts := s.parts(targets, l.Cards, prior, o)
	if o.asks() {
		calls := s.askFeeds(ctx, targets, prior, l, parts, o)
		if o.Budget > 0 {
			s.ration(parts, targets, l.Cards, calls)
		}
		s.askCarriers(ctx, targets, l, parts, o)
		l.fed = s.fedUntil(prior, targets, l, parts, began, o)
	}
	for i := range parts {
		if o.asks() {
			parts[i].markLeft(l)
		}
		parts[i].count(l)
		l.reads = append(l.reads, parts[i].reads)
		var carrier *providers.CarrierError
		if errors.As(parts[i].err, &carrier) {
			l.incomplete = append(l.incomplete, plan.Incomplete{Provider: parts[i].provider, Reason: carrier.Err.Error(), Cards: len(parts[i].of)})
		}
	}
	return l, ctx.Err()
}

// parts says for each provider which cards are read. prior holds what is known
// of the targets before that.
func (s *Session) parts(targets []plan.Target, known []spec.Reading, prior *state.Snapshot, o Options) []part {
	read := o.Refresh.Reads(plan.Input{
		Fleet: s.Fleet, Prior: prior, Live: known, Capabilities: s.Capabilities, Select: o.Select, Now: s.Env.Now().UTC(),
	}, targets)
	parts := partsOf(targets)
	for i := range parts {
		for _, target := range parts[i].of {
			if read[target] {
				parts[i].read = append(parts[i].read, target)
			}
		}
	}
	return parts
}

// partsOf are the targets by provider.
func partsOf(targets []plan.Target) []part {
	var parts []part
	at := map[spec.ProviderName]int{} // in parts
	for i, t := range targets {
		n, ok := at[t.ID.Provider]
		if !ok {
			n = len(parts)
			at[t.ID.Provider], parts = n, append(parts, part{provider: t.ID.Provider})
		}
		parts[n].of = append(parts[n].of, i)
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.provider, b.provider) })
	return parts
}

// ration shares out the calls: to the cards with the oldest readings first,
// whichever provider they are of, and last to those of which a list of changes might
// have said nothing. Each provider reads its own in that order.
func (s *Session) ration(parts []part, targets []plan.Target, known []spec.Reading, calls int) {
	unsaid := map[int]int{} // 1 for those
	for i := range parts {
		for _, target := range parts[i].unsaid {
			unsaid[target] = 1
		}
	}
	older := func(a, b int) int {
		return cmp.Or(cmp.Compare(unsaid[a], unsaid[b]), known[a].At.Compare(known[b].At), cmp.Compare(a, b))
	}
	var all []int
	of := make(map[spec.ProviderName]*part, len(parts))
	for i := range parts {
		slices.SortFunc(parts[i].read, older)
		all = append(all, parts[i].read...)
		of[parts[i].provider] = &parts[i]
	}
	slices.SortFunc(all, older)
	for _, i := range all {
		id := targets[i].ID
		n := s.Capabilities[id.Provider].CallsToRead(targets[i].Attrs)
		if n > calls {
			break
		}
		calls -= n
		of[id.Provider].calls += n
	}
	for i := range parts {
		parts[i].later = parts[i].calls == 0
	}
}

// askCarriers reads the parts' cards into l.
func (s *Session) askCarriers(ctx context.Context, targets []plan.Target, l *Live, parts []part, o Options) {
	asked := make([]*part, 0, len(parts))
	shares := make([]Share, 0, len(parts))
	for i := range parts {
		if p := &parts[i]; len(p.read) > 0 && !p.later {
			asked, shares = append(asked, p), append(shares, Share{Provider: p.provider, Count: len(p.read)})
		}
	}
	s.Watcher.Begin(Reading, shares)
	defer s.Watcher.End(Reading)
	defer s.throttles.tell(s.Watcher)()
	tell := s.tellCosts(asked)
	since := s.Env.Now() // the state was read before
	var g errgroup.Group
	for _, p := range asked {
		g.Go(func() error {
			readings, err := providers.ReadAll(ctx, s.Providers[p.provider], p.wants(targets), providers.ReadOptions{
				Provider: p.provider, Since: since, Parallel: o.Parallel, MostCalls: p.calls,
				Progress: func(done, _ int) { s.Watcher.Read(p.provider, done) },
				Chosen: func(m providers.Mix) {
					p.reads = s.reads(p.provider, len(p.of), m)
					tell(p.reads)
				},
			})
			p.err = err
			p.take(readings, l)
			return nil
		})
	}
	g.Go(func() error { l.Numbers = s.ReadNumbers(ctx, s.Fleet); return nil })
	_ = g.Wait() // workers report through the parts
}

// tellCosts tells the watcher how the parts are read, those of one account
// together once it is chosen for all of them: they share its rate.
func (s *Session) tellCosts(parts []*part) (chosen func(plan.Reads)) {
	account := func(provider spec.ProviderName) string {
		return cmp.Or(s.Paces[provider].Account, "alone: "+string(provider))
	}
	open := map[string]int{}
	for _, p := range parts {
		open[account(p.provider)]++
	}
	var mu sync.Mutex
	told := map[string][]plan.Reads{}
	return func(r plan.Reads) {
		mu.Lock()
		defer mu.Unlock()
		of := account(r.Provider)
		told[of] = append(told[of], r)
		if open[of]--; open[of] == 0 {
			reads := told[of]
			slices.SortFunc(reads, func(a, b plan.Reads) int { return cmp.Compare(a.Provider, b.Provider) })
			s.Watcher.Costs(reads)
		}
	}
}

func (p *part) wants(targets []plan.Target) []providers.Want {
	wants := make([]providers.Want, 0, len(p.read))
	for _, i := range p.read {
		wants = append(wants, providers.Want{ICCID: targets[i].ID.ICCID, Other: targets[i].Other, Attrs: targets[i].Attrs})
	}
	return wants
}

// take puts the readings where they belong. A card that is left for a later run
// stays as the state has it.
func (p *part) take(readings []spec.Reading, l *Live) {
	for k, i := range p.read {
		if readings[k].Unread != spec.LeftForLater {
			l.Cards[i], l.asked[i] = readings[k], true
		}
	}
}

// markLeft marks the cards of which nothing is known after carriers were asked:
// they are left for a later run.
func (p *part) markLeft(l *Live) {
	for _, i := range p.of {
		if r := &l.Cards[i]; !l.asked[i] && r.At.IsZero() {
			r.Unread = spec.LeftForLater
		}
	}
}

// count says how many cards are known from where.
func (p *part) count(l *Live) {
	p.reads.Provider, p.reads.Cards, p.reads.Read = p.provider, len(p.of), 0
	p.reads.Calls, p.reads.ListCalls = p.reads.Calls+p.feed, p.reads.ListCalls+p.feed
	for _, i := range p.of {
		switch r := &l.Cards[i]; {
		case l.asked[i]:
			p.reads.Read++
		case r.Unread == spec.LeftForLater:
			p.reads.Left++
		case !r.At.IsZero():
			p.reads.Remember(r.At)
		}
	}
}
