package run_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/jasper/jaspersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

const (
	jasper = spec.ProviderName("jasper")
	second = spec.ProviderName("jasper.second") // another way to the same account
)

var changedOnly = run.Options{Refresh: plan.Refresh{Mode: plan.RefreshChanged}}

// listing is a fleet at a carrier that lists what changes, where each call takes its
// time by the bubble's clock. Nothing is wanted of the cards, so that a plan from the
// state has no reason of its own to read one.
type listing struct {
	t       require.TestingT
	world   *carriersim.World
	carrier http.Handler
	session *run.Session
	warned  []string
	// meanwhile is called before each call that the carrier gets.
	meanwhile func()

	began  time.Time     // by the bubble's clock
	behind time.Duration // the clock of the machine that runs, of the carrier's
	mu     sync.Mutex
	// was has of each card every status that it had since the last run began.
	was map[spec.ICCID][]spec.Lifecycle
}

func (l *listing) RoundTrip(r *http.Request) (*http.Response, error) {
	l.pass(200 * time.Millisecond)
	if l.meanwhile != nil {
		l.meanwhile()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in, answer := r.Clone(r.Context()), httptest.NewRecorder()
	if in.Body == nil {
		in.Body = http.NoBody // as a server has it
	}
	l.carrier.ServeHTTP(answer, in)
	return answer.Result(), nil
}

func (l *listing) pass(d time.Duration) { time.Sleep(d) }

func (l *listing) carrierNow() time.Time { return start.Add(time.Since(l.began)) }

func (l *listing) ourNow() time.Time { return l.carrierNow().Add(-l.behind) }

func (l *listing) Warn(diags spec.Diagnostics) {
	for _, d := range diags {
		l.warned = append(l.warned, d.Summary+": "+d.Detail)
	}
}

// newListing has cards that the fleet manages, and as many others of the account.
func newListing(t require.TestingT, cards int) *listing {
	l := &listing{t: t, began: time.Now(), was: map[spec.ICCID][]spec.Lifecycle{}}
	l.world = &carriersim.World{Now: l.carrierNow}
	l.carrier = carriersim.Serve([]carriersim.Carrier{jaspersim.Carrier(l.world)})
	env := environment()
	env.Now, env.Sleep = l.ourNow, sleep
	fleet := &spec.Fleet{Digest: "sha256:0"}
	for i := range 2 * cards {
		l.world.Cards = append(l.world.Cards, carriersim.Card{ICCID: iccid(i), More: map[string]string{"dateUpdated": "2026-11-01T00:00:00Z"}})
		l.was[iccid(i)] = []spec.Lifecycle{spec.Active}
		if i < cards {
			fleet.Cards = append(fleet.Cards, spec.Card{Provider: jasper, ICCID: iccid(i), Block: &spec.Block{Name: fmt.Sprintf("c%03d", i)}})
		}
	}
	for _, block := range []spec.ProviderName{jasper, second} {
		fleet.Providers = append(fleet.Providers, spec.ProviderConfig{Name: block, Settings: map[string]any{
			"endpoint": "http://carrier.localhost/jasper/rws/api/v1", "username": carriersim.TestID, "api_key": carriersim.TestSecret, "allow_plaintext": true, "retries": 1,
		}})
	}
	carriers, diags := run.Open(fleet.Providers, all.Types(), providers.Env{
		Getenv: func(string) string { return "" }, Now: env.Now, Sleep: env.Sleep, Random: random, Transport: l, Version: "test",
	})
	require.Empty(t, diags)
	backend := &inMemory{}
	l.session = &run.Session{Store: run.Store{Backend: backend, Env: env}, Carriers: carriers, Fleet: fleet, Watcher: watching{run.Nobody{}, l}, Place: here, Places: &places{}}
	return l
}

// watching is told of warnings alone.
type watching struct {
	run.Nobody
	l *listing
}

func (w watching) Warn(diags spec.Diagnostics) { w.l.Warn(diags) }

// inMemory is a state that is as quick as memory. It is held by one run at a time.
type inMemory struct{ snap state.Snapshot }

func (b *inMemory) Read(context.Context) (*state.Snapshot, error) {
	snap := b.snap
	snap.Cards = slices.Clone(snap.Cards)
	return &snap, nil
}

func (b *inMemory) Lock(context.Context, state.LockInfo) (func() error, error) {
	return func() error { return nil }, nil
}

func (b *inMemory) Journal(context.Context) (state.Journal, error) { return nowhere{}, nil }

func (b *inMemory) Commit(_ context.Context, s *state.Snapshot, e state.Edits) error {
	*s = *e.Next(s, "lineage")
	b.snap = *s
	b.snap.Cards = slices.Clone(s.Cards)
	return nil
}

// nowhere is a journal of runs that don't end before their commit.
type nowhere struct{}

func (nowhere) Append(context.Context, ...state.Record) error { return nil }
func (nowhere) Close() error                                  { return nil }

// change is a change that somebody makes at the carrier.
func (l *listing) change(i int) {
	_, err := l.world.Change(iccid(i), func(c *carriersim.Card) bool {
		c.Status = map[spec.Lifecycle]spec.Lifecycle{spec.Active: spec.SuspendedByOwner, spec.SuspendedByOwner: spec.Active}[c.Status]
		jaspersim.Modify(c, l.carrierNow())
		l.mu.Lock()
		defer l.mu.Unlock()
		l.was[c.ICCID] = append(l.was[c.ICCID], c.Status)
		return true
	})
	require.NoError(l.t, err)
}

// apply plans and applies, and is what the state has then. Where the run was called
// off, or couldn't be made, whole is false.
func (l *listing) apply(ctx context.Context, o run.Options) (snap *state.Snapshot, whole bool) {
	l.mu.Lock()
	for card, list := range l.was {
		l.was[card] = list[len(list)-1:]
	}
	l.mu.Unlock()
	l.warned = nil
	held, unlock, err := l.session.Hold(context.Background(), "apply", state.Patience{})
	require.NoError(l.t, err)
	defer func() { require.NoError(l.t, unlock()) }()
	held, cancel := context.WithCancel(held)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	before, err := l.session.Backend.Read(context.Background())
	require.NoError(l.t, err)
	o.RefreshOnly = len(before.Cards) > 0 && o.Refresh.Mode != plan.RefreshNone
	p, err := l.session.PlanToApply(held, run.RowsOf(before), o, true)
	if err == nil {
		var done *run.Applied
		done, err = l.session.Apply(held, p, 0)
		require.NoError(l.t, err)
		whole = done.Committed && len(p.Plan.Head().Incomplete) == 0
	}
	snap, err = l.session.Backend.Read(context.Background())
	require.NoError(l.t, err)
	return snap, whole
}

// holds asserts that the state has of each card a status that it had since the last
// run began: no change before that is missed.
func (l *listing) holds(snap *state.Snapshot) {
	for i := range snap.Cards {
		c := &snap.Cards[i]
		require.Contains(l.t, l.was[c.ICCID], c.Last.Lifecycle, "card %s, which the state has changes of until %s", c.ICCID, snap.Fleet.Feeds[jasper])
	}
}

func TestAReadingOfWhatChangedMissesNoChange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		inBubble(t, rt, func(told require.TestingT) {
			const cards = 70 // with those of others, more than a page
			l := newListing(told, cards)
			l.behind = time.Duration(rapid.IntRange(-180, 180).Draw(rt, "minutes that the machine's clock is behind")) * time.Minute
			every := rapid.IntRange(5, 40).Draw(rt, "calls between changes while cards are read")
			calls := 0
			busy := func() {
				if calls++; calls%every == 0 {
					l.change(calls * 7 % (2 * cards))
				}
			}
			l.meanwhile = busy
			_, whole := l.apply(context.Background(), everything)
			require.True(told, whole)
			for range rapid.IntRange(2, 5).Draw(rt, "runs") {
				for range rapid.IntRange(0, 3).Draw(rt, "times that cards change") {
					l.pass(time.Duration(rapid.IntRange(0, 6*3600).Draw(rt, "seconds")) * time.Second)
					first := rapid.IntRange(0, 2*cards-1).Draw(rt, "first")
					for i := range rapid.IntRange(0, 2*cards-1-first).Draw(rt, "many") { // at once
						l.change(first + i)
					}
				}
				o, ctx, cancel := changedOnly, context.Background(), func() {}
				what := rapid.SampledFrom([]string{"", "", "", "budget", "no list", "no card", "called off", "old", "all"}).Draw(rt, "what")
				switch what {
				case "budget":
					o.Budget = rapid.IntRange(1, 40).Draw(rt, "calls")
				case "no list":
					l.world.Break(carriersim.Fault{Action: "devices", Kind: carriersim.HTML5xx})
				case "no card":
					l.world.Break(carriersim.Fault{Action: "device", ICCID: iccid(rapid.IntRange(0, cards-1).Draw(rt, "card")), Kind: carriersim.CodeFault("20000001")})
				case "called off":
					var off context.Context
					off, cancel = context.WithCancel(ctx)
					ctx = off
					left := rapid.IntRange(0, 60).Draw(rt, "after")
					l.meanwhile = func() {
						busy()
						if left--; left < 0 {
							cancel()
						}
					}
				case "old":
					o.Refresh.MaxAge = time.Hour
				case "all":
					o = everything
				}
				snap, whole := l.apply(ctx, o)
				cancel()
				l.world.Break()
				l.meanwhile = busy
				if disturbed := []string{"budget", "no list", "no card", "called off"}; whole && len(l.warned) == 0 && !slices.Contains(disturbed, what) {
					l.holds(snap)
				}
			}
			l.meanwhile = nil
			snap, whole := l.apply(context.Background(), changedOnly)
			require.True(told, whole)
			l.holds(snap)
			assert.Empty(told, l.warned)
		})
	})
}

// inBubble runs a property's body by a clock of its own. What it draws or finds wrong
// ends the body there, and is rapid's, which runs outside.
func inBubble(t *testing.T, rt *rapid.T, body func(told require.TestingT)) {
	told, raised := &telling{}, any(nil)
	synctest.Test(t, func(*testing.T) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer func() { raised = recover() }()
			body(told)
		}()
		<-ended
	})
	if raised != nil {
		panic(raised)
	}
	if told.wrong != "" {
		rt.Fatal(told.wrong)
	}
}

// telling remembers what is wrong.
type telling struct{ wrong string }

func (t *telling) Errorf(format string, args ...any) { t.wrong += fmt.Sprintf(format, args...) }

func (t *telling) FailNow() { runtime.Goexit() }

// until is until when the state has what changed.
func until(snap *state.Snapshot) time.Time { return snap.Fleet.Feeds[jasper] }

// read is how many calls read a card, or the list, since before.
func (l *listing) calls(before map[string]int) (lists, cards int) {
	now := l.world.Counts()
	return now["devices"] - before["devices"], now["device"] - before["device"]
}

func TestOnlyAnApplyOfTheWholeFleetThatReadAllThatChangedMovesOnSinceWhenItIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListing(t, 5)
		snap, _ := l.apply(t.Context(), everything)
		require.WithinDuration(t, start, until(snap), time.Second)
		l.pass(time.Hour)
		l.change(3)

		before := l.world.Counts()
		_, err := l.session.Draft(t.Context(), run.RowsOf(snap), changedOnly)
		require.NoError(t, err)
		lists, cards := l.calls(before)
		require.Equal(t, []int{1, 1}, []int{lists, cards}, "the card that changed is read")
		snap, err = l.session.Backend.Read(t.Context())
		require.NoError(t, err)
		require.WithinDuration(t, start, until(snap), time.Second, "a plan moves nothing")

		part := changedOnly
		part.Select.Targets = []string{string(iccid(0))}
		snap, _ = l.apply(t.Context(), part)
		require.WithinDuration(t, start, until(snap), time.Second, "nothing was asked of the others")

		for _, fault := range []carriersim.Fault{
			{Action: "devices", Kind: carriersim.HTML5xx},
			{Action: "device", ICCID: iccid(3), Kind: carriersim.CodeFault("20000001")},
		} {
			l.world.Break(fault)
			snap, _ = l.apply(t.Context(), changedOnly)
			require.WithinDuration(t, start, until(snap), time.Second, "%s failed", fault.Action)
			require.Equal(t, spec.Active, snap.Cards[3].Last.Lifecycle)
		}

		l.world.Break()
		began := l.carrierNow()
		snap, _ = l.apply(t.Context(), changedOnly)
		require.WithinDuration(t, began, until(snap), time.Second)
		require.Equal(t, spec.SuspendedByOwner, snap.Cards[3].Last.Lifecycle)

		for _, again := range []int{1, 0} { // within ten minutes of the last time it is told again
			l.pass(time.Hour)
			before = l.world.Counts()
			_, whole := l.apply(t.Context(), changedOnly)
			require.True(t, whole)
			lists, cards = l.calls(before)
			require.Equal(t, []int{1, again}, []int{lists, cards})
		}
	})
}

func TestABudgetAsksWhatChangedAndReadsThatFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListing(t, 40)
		l.apply(t.Context(), everything)
		l.pass(24 * time.Hour)
		for i := 5; i < 11; i++ {
			l.change(i)
		}
		o := changedOnly
		o.Budget = 5
		before := l.world.Counts()
		snap, _ := l.apply(t.Context(), o)
		lists, cards := l.calls(before)
		require.Equal(t, []int{1, 4}, []int{lists, cards})
		require.WithinDuration(t, start, until(snap), time.Second, "two weren't read")
		l.pass(time.Minute)
		snap, _ = l.apply(t.Context(), o)
		for i := 5; i < 11; i++ {
			require.Equal(t, spec.SuspendedByOwner, snap.Cards[i].Last.Lifecycle, "card %d", i)
		}
		require.True(t, until(snap).After(start.Add(23*time.Hour)), "all of them are read by now: %s", until(snap))
	})
}

func TestCardsThatDifferInTheirLastDigitAloneAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListing(t, 30)
		l.apply(t.Context(), everything)
		l.pass(time.Hour)
		for i := 20; i < 30; i += 3 {
			l.change(i)
		}
		before := l.world.Counts()
		snap, _ := l.apply(t.Context(), changedOnly)
		l.holds(snap)
		_, cards := l.calls(before)
		require.Equal(t, 4, cards)
	})
}

// A machine's clock may be hours off: what is asked for goes by the carrier's.
func TestSinceWhenChangesAreAskedForGoesByTheCarriersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, behind := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
			l := newListing(t, 5)
			l.behind = behind
			snap, _ := l.apply(t.Context(), everything)
			require.WithinDuration(t, start, until(snap), time.Second)
			l.pass(time.Minute)
			l.change(1)
			snap, _ = l.apply(t.Context(), changedOnly)
			require.Empty(t, l.warned)
			l.holds(snap)
		}
	})
}

// A card that moves to a block without being read there has no more of what changed
// than before.
func TestACardThatMovesToABlockTakesItsBackToItsLastReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListing(t, 3)
		l.session.Fleet.Cards[0].Provider = second
		l.apply(t.Context(), everything)
		l.pass(time.Hour)
		l.change(1) // at the block that it leaves, before that is asked
		part := everything
		part.Select.Targets = []string{string(iccid(0))}
		l.apply(t.Context(), part)
		whole := changedOnly
		l.world.Break(carriersim.Fault{Action: "device", ICCID: iccid(1), Kind: carriersim.CodeFault("20000001")})
		snap, _ := l.apply(t.Context(), whole)
		l.world.Break()
		require.WithinDuration(t, start, until(snap), time.Second)
		require.True(t, snap.Fleet.Feeds[second].After(start.Add(time.Minute)))

		l.session.Fleet.Cards[1].Provider = second
		snap, _ = l.apply(t.Context(), run.Options{Refresh: plan.Refresh{Mode: plan.RefreshNone}})
		require.Equal(t, second, snap.Cards[1].Provider)
		require.False(t, snap.Fleet.Feeds[second].After(start.Add(time.Second)), "%s", snap.Fleet.Feeds[second])
		snap, _ = l.apply(t.Context(), changedOnly)
		l.holds(snap)
	})
}

func TestAnotherAccountHasNothingOfWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListing(t, 2)
		l.session.Accounts = map[spec.ProviderName]spec.Account{jasper: "key:one"}
		snap, _ := l.apply(t.Context(), everything)
		require.WithinDuration(t, start, until(snap), time.Second)
		l.session.Accounts = map[spec.ProviderName]spec.Account{jasper: "key:two"} // which may be a rotation, or not
		l.pass(time.Hour)
		snap, _ = l.apply(t.Context(), run.Options{Refresh: plan.Refresh{Mode: plan.RefreshNone}})
		require.NotContains(t, snap.Fleet.Feeds, jasper)
		snap, _ = l.apply(t.Context(), changedOnly)
		require.True(t, until(snap).After(start.Add(time.Minute)))
	})
}
