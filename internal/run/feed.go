package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// feedMargin is by how much a carrier is asked for changes from before what the
// state has: its clock may be slow, its list late, and a card may have been read
// by a machine whose clock is another.
const feedMargin = 10 * time.Minute

// feedOf is the provider's list of changes; nil where it has none.
func (s *Session) feedOf(name spec.ProviderName) providers.ChangeFeed {
	if feed, ok := s.Providers[name].(providers.ChangeFeed); ok && feed.FeedsChanges() {
		return feed
	}
	return nil
}

// fed is until when the state has what changed at the provider; zero where nobody
// knows. What another definition of the carrier told, or another account, doesn't
// count; a rotated key too may be another account's.
func (s *Session) fed(prior *state.Snapshot, name spec.ProviderName) time.Time {
	now, declared := s.Accounts[name]
	otherAccount := declared && now != prior.Fleet.Accounts[name]
	if otherAccount || plan.CarrierDigests(s.Fleet)[name.Type()] != prior.Fleet.Carriers[name.Type()] {
		return time.Time{}
	}
	return prior.Fleet.Feeds[name]
}

// askFeeds adds to what is read the cards of which a carrier says that they have
// changed since they were read, where it says that. A carrier that can't be asked
// leaves them as the state has them, as those that have no such list do. It returns
// how many calls of the budget are left for reading: lists take half of it at most.
func (s *Session) askFeeds(ctx context.Context, targets []plan.Target, prior *state.Snapshot, l *Live, parts []part, o Options) (left int) {
	if o.Refresh.Mode != plan.RefreshChanged {
		return o.Budget
	}
	var asked []*part
	for i := range parts {
		if s.feedOf(parts[i].provider) != nil {
			asked = append(asked, &parts[i])
		}
	}
	errs := make([]error, len(asked))
	var g errgroup.Group
	for i, p := range asked {
		q := &question{feed: s.feedOf(p.provider), since: s.fed(prior, p.provider)}
		if q.most = o.Budget / (2 * len(asked)); o.Budget > 0 && q.most == 0 {
			continue // no call is left for it
		}
		p.reads.PerSecond = s.Paces[p.provider].PerSecond
		g.Go(func() error { errs[i] = p.askFeed(ctx, q, targets, l.Cards); return nil })
	}
	_ = g.Wait() // workers report through the parts and errs
	left = o.Budget
	for i, p := range asked {
		left = max(left-p.feed, 0)
		if errs[i] != nil && ctx.Err() == nil {
			s.Watcher.Warn(spec.Diagnostics{{Severity: spec.Warning, Summary: "Changes not told", Detail: fmt.Sprintf(
				"%s couldn't be asked which of its cards have changed (%v), so cards that -refresh=changed doesn't read by itself are taken from the state. Plan without it to read all.",
				p.provider, errs[i])}})
		}
	}
	return left
}

// question is what a list of changes is asked.
type question struct {
	feed  providers.ChangeFeed
	since time.Time // that the state has changes until; zero where nobody knows
	most  int       // calls; 0 for as many as reading the cards takes
}

// askFeed adds the cards that have changed to those that are read. Where going on
// would cost as many calls as reading them, or more than there are, the others are
// to be read too.
func (p *part) askFeed(ctx context.Context, q *question, targets []plan.Target, known []spec.Reading) error {
	left, oldest := p.remembered(targets, known)
	if left.n == 0 {
		return nil
	}
	since := q.since
	if since.IsZero() {
		since = oldest
	}
	most, pages, cut := left.n, 0, false
	if q.most > 0 {
		most = min(most, q.most)
	}
	err := q.feed.Changed(ctx, since.Add(-feedMargin), func(cards []spec.ICCID) bool {
		pages++
		for _, card := range cards {
			p.read = append(p.read, left.take(card)...)
		}
		cut = pages >= most
		return !cut && left.n > 0
	})
	if err != nil {
		pages++
	}
	if cut && err == nil {
		p.unsaid = left.all()
		p.read = append(p.read, p.unsaid...)
	}
	p.feed, p.told = pages, err == nil && !cut
	slices.Sort(p.read)
	return err
}

// remembered are the targets that wouldn't be read, and the time of the oldest of
// their readings.
func (p *part) remembered(targets []plan.Target, known []spec.Reading) (left *unread, oldest time.Time) {
	read := make(map[int]bool, len(p.read))
	for _, i := range p.read {
		read[i] = true
	}
	left = &unread{targets: targets, of: map[spec.ICCID][]int{}}
	for _, i := range p.of {
		if read[i] {
			continue
		}
		stem := targets[i].ID.ICCID.Stem()
		left.of[stem] = append(left.of[stem], i)
		left.n++
		if at := known[i].At; oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return left, oldest
}

// unread are targets that nobody has asked to read yet. Several may have a stem in
// common: not every issuer's last digit is a check digit.
type unread struct {
	targets []plan.Target
	of      map[spec.ICCID][]int // by their ICCID's stem
	n       int
}

// take takes out those that the ICCID may be of.
func (u *unread) take(card spec.ICCID) (taken []int) {
	stem := card.Stem()
	rest := slices.DeleteFunc(u.of[stem], func(i int) bool {
		same := u.targets[i].ID.ICCID.SameCard(card)
		if same {
			taken = append(taken, i)
		}
		return same
	})
	if u.n -= len(taken); len(taken) > 0 {
		u.of[stem] = rest
	}
	return taken
}

// all are the targets that are left, in order.
func (u *unread) all() (left []int) {
	for _, list := range u.of {
		left = append(left, list...)
	}
	slices.Sort(left)
	return left
}

// fedUntil says of each provider that lists changes until when the state has them
// once what was read is committed. A card that was read has all until the reading
// began, and so has one of which the list said nothing; any other one has no more
// than before. So a reading that ended half-way moves nothing on.
//
// Where only a part of the fleet was looked at, nothing is said.
func (s *Session) fedUntil(prior *state.Snapshot, targets []plan.Target, l *Live, parts []part, began time.Time, o Options) map[spec.ProviderName]time.Time {
	feeds := map[spec.ProviderName]*feeding{}
	for i := range parts {
		p := &parts[i]
		if s.feedOf(p.provider) == nil {
			continue
		}
		f := &feeding{part: p, until: began, before: s.fed(prior, p.provider)}
		if at := providers.CarrierTime(s.Providers[p.provider], began); !at.IsZero() {
			f.until, f.ahead = at, at.Sub(began)
		}
		feeds[p.provider] = f
	}
	if len(feeds) == 0 || o.Select.Partial() || len(prior.Doubled) > 0 {
		return nil
	}
	reads := make([]bool, len(targets))
	for _, f := range feeds {
		for _, i := range f.part.read {
			reads[i] = true
		}
	}
	at := 0
	for i := range prior.Cards {
		c := &prior.Cards[i]
		for at < len(targets) && targets[at].ID.ICCID < c.ICCID {
			at++
		}
		if f := feeds[c.Provider]; f != nil && (at == len(targets) || targets[at].ID != c.ID() || !f.has(l, at, reads[at])) {
			f.stays(c)
		}
	}
	until := make(map[spec.ProviderName]time.Time, len(feeds))
	for name, f := range feeds {
		until[name] = f.until
	}
	return until
}

// feeding is how far a provider's changes are known.
type feeding struct {
	part          *part
	until, before time.Time     // by the carrier's clock; before is zero where nobody knows
	ahead         time.Duration // the carrier's clock, of ours
}

// has reports whether all that changed of a target before the reading began is
// known.
func (f *feeding) has(l *Live, target int, reads bool) bool {
	if reads {
		return l.asked[target] && l.Cards[target].Known()
	}
	return f.part.told
}

// stays takes in a card of which no more is known than before. One that was never
// read is read in any case.
func (f *feeding) stays(c *state.Card) {
	if c.Last.At.IsZero() {
		return
	}
	known := c.Last.At.Add(f.ahead)
	if known.Before(f.before) {
		known = f.before
	}
	if known.Before(f.until) {
		f.until = known
	}
}

// feedsAfter has the state remember until when it has carriers' changes. A card that
// moved to a block, and wasn't read there, has no more than its last reading.
func (s *Session) feedsAfter(after *state.Fleet, p *Planned, r *apply.Report) error {
	for name := range p.Prior.Fleet.Feeds {
		if s.fed(p.Prior, name).IsZero() {
			after.NotFed(name)
		}
	}
	for name, until := range p.fed {
		after.Fed(name, until)
	}
	if len(after.Feeds) == 0 || r.Done(spec.Move) == 0 {
		return nil
	}
	return r.Each(func(result *apply.Result) error {
		if result.Action.Kind != spec.Move || result.Outcome != apply.Done {
			return nil
		}
		to, read := spec.ProviderName(result.Action.To), result.Card.Memory.Last.At
		if !read.IsZero() && read.Before(after.Feeds[to]) {
			after.Fed(to, read)
		}
		return nil
	})
}
