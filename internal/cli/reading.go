package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// refreshOptions say which cards are read.
type refreshOptions struct {
	mode   refreshFlag
	maxAge time.Duration
	budget int
}

func (o *refreshOptions) flags() []cli.Flag {
	o.mode = refreshFlag(plan.RefreshAll)
	return []cli.Flag{
		&cli.GenericFlag{Name: "refresh", Usage: "which cards to read: `true`, changed (those that a plan from the state would touch) or false", Value: &o.mode},
		&cli.DurationFlag{Name: "max-age", Usage: "read only cards whose last reading is older than `DUR` (like 24h)", Destination: &o.maxAge},
		&cli.IntFlag{Name: "refresh-budget", Usage: "read with at most `N` calls, the cards with the oldest readings first", Destination: &o.budget},
	}
}

// check refuses options that make no sense together.
func (o *refreshOptions) check() error {
	switch {
	case o.maxAge < 0:
		return refuse("Invalid option", "-max-age is a length of time, such as 24h; %s is below 0.", o.maxAge)
	case o.budget < 0:
		return refuse("Invalid option", "-refresh-budget is a number of calls; %d is below 0.", o.budget)
	case !o.asks() && (o.maxAge > 0 || o.budget > 0):
		return refuse("Options don't go together", "-refresh=false asks no carrier: leave out -max-age and -refresh-budget.")
	}
	return nil
}

// asks reports whether carriers are asked at all.
func (o *refreshOptions) asks() bool { return plan.RefreshMode(o.mode) != plan.RefreshNone }

// refreshFlag is -refresh: a word, and true where there is none.
type refreshFlag plan.RefreshMode

// Set takes the value; all that is true or false for other options is so here.
func (f *refreshFlag) Set(s string) error {
	if s == string(plan.RefreshChanged) {
		*f = refreshFlag(s)
		return nil
	}
	yes, err := strconv.ParseBool(s)
	if err != nil {
		return errNoRefresh
	}
	*f = refreshFlag(strconv.FormatBool(yes))
	return nil
}

// String is for help texts, which don't show it.
func (f *refreshFlag) String() string { return "" }

// Get is for the library, which doesn't use it.
func (f *refreshFlag) Get() any { return nil }

// IsBoolFlag lets the option stand without a value.
func (f *refreshFlag) IsBoolFlag() bool { return true }

const errNoRefresh = constError("-refresh wants true, false or changed")

// live is what is known of the cards, and where from.
type live struct {
	cards      []spec.Reading // by provider and ICCID
	asked      []bool         // which of the cards were asked for now
	numbers    []spec.NumberReading
	incomplete []plan.Incomplete
	reads      []plan.Reads
}

// fresh are the readings that were made now.
func (l live) fresh() []spec.Reading {
	if !slices.Contains(l.asked, false) {
		return l.cards
	}
	var fresh []spec.Reading
	for i := range l.cards {
		if l.asked[i] {
			fresh = append(fresh, l.cards[i])
		}
	}
	return fresh
}

// part is one provider's share of the cards that a plan needs.
type part struct {
	provider spec.ProviderName
	from, to int   // in the targets
	read     []int // those to be read, in the order in which they are
	calls    int   // the most that reading them may take; 0 for no limit
	later    bool  // no call is left for any of them
	err      error
	reads    plan.Reads
}

// read asks every carrier at once for the cards that are to be read, each
// within its own limits. The others are as the state remembers them. Where ctx
// ends, what was read until then is returned with its error.
func (s *session) read(ctx context.Context, prior *state.Snapshot, o runOptions) (live, error) {
	targets := plan.Targets(s.fleet, prior, o.selection())
	l := live{cards: make([]spec.Reading, len(targets)), asked: make([]bool, len(targets))}
	remembered := prior.Walk()
	for i, t := range targets {
		if c := remembered(t.ID); c != nil {
			l.cards[i] = c.Reading()
		}
		l.cards[i].Provider, l.cards[i].ICCID = t.ID.Provider, t.ID.ICCID
	}
	parts := s.parts(targets, l.cards, prior, o)
	if o.asks() {
		s.askCarriers(ctx, targets, &l, parts, o)
	}
	for i := range parts {
		parts[i].count(&l, o.asks())
		l.reads = append(l.reads, parts[i].reads)
		var carrier *providers.CarrierError
		if errors.As(parts[i].err, &carrier) {
			l.incomplete = append(l.incomplete, plan.Incomplete{Provider: parts[i].provider, Reason: carrier.Err.Error(), Cards: parts[i].to - parts[i].from})
		}
	}
	return l, ctx.Err()
}

// parts says for each provider which cards are read.
func (s *session) parts(targets []plan.Target, remembered []spec.Reading, prior *state.Snapshot, o runOptions) []part {
	refresh := plan.Refresh{Mode: plan.RefreshMode(o.mode), MaxAge: o.maxAge}
	read := refresh.Reads(plan.Input{
		Fleet: s.fleet, Prior: prior, Live: remembered, Capabilities: s.caps, Select: o.selection(), Now: s.env.Now().UTC(),
	}, targets)
	var parts []part
	for i, t := range targets {
		if len(parts) == 0 || parts[len(parts)-1].provider != t.ID.Provider {
			parts = append(parts, part{provider: t.ID.Provider, from: i})
		}
		p := &parts[len(parts)-1]
		p.to = i + 1
		if read[i] {
			p.read = append(p.read, i)
		}
	}
	if o.budget > 0 {
		s.ration(parts, targets, remembered, o.budget)
	}
	return parts
}

// ration shares out the calls: to the cards with the oldest readings first,
// whichever provider they are of. Each provider reads its own in that order.
func (s *session) ration(parts []part, targets []plan.Target, remembered []spec.Reading, calls int) {
	older := func(a, b int) int { return cmp.Or(remembered[a].At.Compare(remembered[b].At), cmp.Compare(a, b)) }
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
		n := s.caps[id.Provider].CallsToRead(targets[i].Attrs)
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
func (s *session) askCarriers(ctx context.Context, targets []plan.Target, l *live, parts []part, o runOptions) {
	progress := s.out.progress("refresh", "reading")
	defer progress.end()
	var g errgroup.Group
	for i := range parts {
		p := &parts[i]
		if len(p.read) == 0 || p.later {
			continue
		}
		bar := progress.carrier(string(p.provider), len(p.read))
		g.Go(func() error {
			readings, err := providers.ReadAll(ctx, s.providers[p.provider], p.wants(targets), providers.ReadOptions{
				Provider: p.provider, Parallel: o.parallelism, MostCalls: p.calls,
				Progress: func(done, _ int) { bar.set(done) },
				Chosen: func(m providers.Mix) {
					p.reads = readsOf(p.provider, m, providers.PaceOf(s.providers[p.provider]))
					progress.costs(p.reads)
				},
			})
			p.err = err
			p.take(readings, l)
			return nil
		})
	}
	g.Go(func() error { l.numbers = s.readNumbers(ctx); return nil })
	_ = g.Wait() // workers report through the parts
	s.numbers = l.numbers
}

func (p *part) wants(targets []plan.Target) []providers.Want {
	wants := make([]providers.Want, 0, len(p.read))
	for _, i := range p.read {
		wants = append(wants, providers.Want{ICCID: targets[i].ID.ICCID, Attrs: targets[i].Attrs})
	}
	return wants
}

// readsOf is what reading by a mix of calls takes.
func readsOf(name spec.ProviderName, m providers.Mix, pace spec.Pace) plan.Reads {
	return plan.Reads{Provider: name, Read: m.Cards(), Calls: m.Calls, ListCalls: m.Pages, ListCards: m.Listed, PerSecond: pace.PerSecond}
}

// take puts the readings where they belong. What is left for a later run stays
// as it is remembered.
func (p *part) take(readings []spec.Reading, l *live) {
	for k, i := range p.read {
		if readings[k].Unread != spec.LeftForLater {
			l.cards[i], l.asked[i] = readings[k], true
		}
	}
}

// count says of how many cards what is known came from where. Where carriers
// are asked, a card of which nothing is known was left for a later run.
func (p *part) count(l *live, asks bool) {
	p.reads.Provider, p.reads.Cards, p.reads.Read = p.provider, p.to-p.from, 0
	for i := p.from; i < p.to; i++ {
		switch r := &l.cards[i]; {
		case l.asked[i]:
			p.reads.Read++
		case r.At.IsZero() && asks:
			r.Unread = spec.LeftForLater
			p.reads.Left++
		case !r.At.IsZero():
			p.reads.Remember(r.At)
		}
	}
}

// costs says what a carrier's reading takes, where that is worth a line.
func (p *progress) costs(r plan.Reads) {
	text := fmt.Sprintf("%s %s: %s", p.verb, r.Provider, render.ReadingText(r))
	p.out.event("info", "reading_cost", text, map[string]any{"reading": render.ReadsOf(r)})
	switch {
	case r.ListCalls == 0 && r.Time() < between:
	case p.bars != nil:
		_, _ = p.bars.Write([]byte(text + "\n")) // as with everything that is said: nobody is left to be told
	default:
		p.out.say("%s\n", text)
	}
}

// keep commits what was read before an interrupt, so that another run can go on
// from there. A card that changed outside is left as it was, unless nobody
// wants to be asked: it is to be shown before it is taken over.
func (s *session) keep(ctx context.Context, prior *state.Snapshot, l live, o applyOptions) error {
	if errors.Is(context.Cause(ctx), run.ErrLeaseLost) {
		return nil
	}
	readings := slices.DeleteFunc(slices.Clone(l.fresh()), func(r spec.Reading) bool { return !r.Known() })
	if !o.autoApprove {
		p, _ := plan.Diff(plan.Input{ // its mistakes come out with the plan itself
			Fleet: s.fleet, Prior: prior, Live: readings, Capabilities: s.caps, Select: o.selection(), RefreshOnly: true, Now: s.env.Now().UTC(),
		})
		drifted := map[spec.CardID]bool{}
		for i := range p.Cards {
			drifted[p.Cards[i].ID()] = len(p.Cards[i].Drift) > 0
		}
		readings = slices.DeleteFunc(readings, func(r spec.Reading) bool { return drifted[r.ID()] })
	}
	edits := apply.Refresh(prior, s.fleet, readings, s.caps)
	if len(edits.Put) == 0 {
		return nil
	}
	kept := 0
	for i := range readings {
		if prior.Card(readings[i].ID()) != nil {
			kept++
		}
	}
	if err := s.store.Backend.Commit(context.WithoutCancel(ctx), prior, edits); err != nil {
		return fmt.Errorf("keep what was read until the interrupt: %w", err)
	}
	s.out.say("Interrupted while reading. %s kept in the state; with -max-age another run goes on from there.\n", readingsAre(kept))
	return nil
}

func readingsAre(n int) string {
	if n == 1 {
		return "1 reading is"
	}
	return render.Thousands(n) + " readings are"
}
