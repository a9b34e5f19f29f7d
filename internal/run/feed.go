package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// feedMargin is by how much a carrier is asked for changes from before the oldest
// reading: its clock may be slow, and its list late.
const feedMargin = 10 * time.Minute

// askFeeds adds to what is read the cards of which a carrier says that they have
// changed since they were read, where it says that. A carrier that can't be asked
// leaves them as the state has them, as those that have no such list do.
func (s *Session) askFeeds(ctx context.Context, targets []plan.Target, known []spec.Reading, parts []part, o Options) {
	if o.Refresh.Mode != plan.RefreshChanged || o.Budget > 0 {
		return // calls that are rationed go to the cards with the oldest readings
	}
	errs := make([]error, len(parts))
	var g errgroup.Group
	for i := range parts {
		feed, ok := s.Providers[parts[i].provider].(providers.ChangeFeed)
		if !ok || !feed.FeedsChanges() {
			continue
		}
		parts[i].reads.PerSecond = s.Paces[parts[i].provider].PerSecond
		g.Go(func() error { errs[i] = parts[i].askFeed(ctx, feed, targets, known); return nil })
	}
	_ = g.Wait() // workers report through the parts and errs
	for i, err := range errs {
		if err != nil && ctx.Err() == nil {
			s.Watcher.Warn(spec.Diagnostics{{Severity: spec.Warning, Summary: "Changes not told", Detail: fmt.Sprintf(
				"%s couldn't be asked which of its cards have changed (%v), so cards that -refresh=changed doesn't read by itself are taken from the state. Plan without it to read all.",
				parts[i].provider, err)}})
		}
	}
}

// askFeed adds the cards that have changed to those that are read. Where going on
// would cost as many calls as reading them, the others are read too.
func (p *part) askFeed(ctx context.Context, feed providers.ChangeFeed, targets []plan.Target, known []spec.Reading) error {
	remembered, oldest := p.remembered(targets, known)
	if len(remembered) == 0 {
		return nil
	}
	most, pages := len(remembered), 0
	cut := false
	err := feed.Changed(ctx, oldest.Add(-feedMargin), func(cards []spec.ICCID) bool {
		pages++
		for _, card := range cards {
			if i, ok := remembered[card.Stem()]; ok {
				p.read = append(p.read, i)
				delete(remembered, card.Stem())
			}
		}
		cut = pages >= most
		return !cut && len(remembered) > 0
	})
	if err != nil {
		pages++
	}
	if cut {
		for _, i := range remembered {
			p.read = append(p.read, i)
		}
	}
	p.feed = pages
	slices.Sort(p.read)
	return err
}

// remembered are the targets that wouldn't be read, by their ICCID's stem, and the
// time of the oldest of their readings.
func (p *part) remembered(targets []plan.Target, known []spec.Reading) (cards map[spec.ICCID]int, oldest time.Time) {
	read := make(map[int]bool, len(p.read))
	for _, i := range p.read {
		read[i] = true
	}
	cards = map[spec.ICCID]int{}
	for _, i := range p.of {
		if read[i] {
			continue
		}
		cards[targets[i].ID.ICCID.Stem()] = i
		if at := known[i].At; oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return cards, oldest
}
