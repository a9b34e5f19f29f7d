package run_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
)

const aliyun = spec.ProviderName("aliyun")

var (
	errReadOnly = errors.New("the token may only read")
	start       = time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)
)

// sealable is a backend that can be told to take no commit any more.
type sealable struct {
	state.Backend
	sealed bool
}

func (b *sealable) Commit(ctx context.Context, s *state.Snapshot, e state.Edits) error {
	if b.sealed {
		return errReadOnly
	}
	return b.Backend.Commit(ctx, s, e)
}

// witness is a watcher that writes down what it is told, and checks its order.
type witness struct {
	t        *testing.T
	mu       sync.Mutex
	phase    *run.Phase
	phases   []run.Phase
	shares   map[run.Phase][]run.Share
	read     int
	finished []string
	kept     int
	waits    []run.Call
	onWaits  func()
	onRead   func()
}

func (w *witness) Throttled(spec.ProviderName, providers.Throttle) {}

func (w *witness) during(phase run.Phase) (unlock func()) {
	w.mu.Lock()
	if assert.NotNil(w.t, w.phase, "it is told between two phases") {
		assert.Equal(w.t, phase, *w.phase)
	}
	return w.mu.Unlock
}

func (w *witness) Begin(phase run.Phase, shares []run.Share) {
	assert.Nil(w.t, w.phase, "the phase before has ended")
	w.phase, w.phases = &phase, append(w.phases, phase)
	if w.shares == nil {
		w.shares = map[run.Phase][]run.Share{}
	}
	w.shares[phase] = shares
}

func (w *witness) Read(_ spec.ProviderName, done int) {
	defer w.during(run.Reading)()
	w.read = max(w.read, done)
	if w.onRead != nil {
		w.onRead()
	}
}

func (w *witness) Costs([]plan.Reads) { w.during(run.Reading)() }

func (w *witness) Started(*plan.Card, *plan.Action) { w.during(run.Changing)() }

func (w *witness) Finished(r apply.Result) {
	defer w.during(run.Changing)()
	w.finished = append(w.finished, fmt.Sprintf("%s %s %s", r.Card.ICCID, r.Action.Kind, r.Outcome))
}

func (w *witness) Waits(calls []run.Call) {
	defer w.during(run.Changing)()
	w.waits = calls
	if w.onWaits != nil {
		w.onWaits()
	}
}

func (w *witness) End(phase run.Phase) {
	w.during(phase)()
	w.phase = nil
}

func (w *witness) Warn(spec.Diagnostics) {}

func (w *witness) Kept(n int) { w.kept = n }

func iccid(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("8986000000000000%04d", i)) }

// environment is a world with a clock that stands still.
func environment() run.Env {
	return run.Env{
		Now: func() time.Time { return start }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Random: random, Version: "test", Who: "worker@queue-7",
	}
}

func random(p []byte) { _, _ = rand.Read(p) } // never fails

func localState(t *testing.T) *sealable {
	return &sealable{Backend: local.New(filepath.Join(t.TempDir(), "fleet.state"), state.Env{Now: environment().Now, Random: random, Version: "test"})}
}

// session is a fleet of n cards that are to be stopped, at a simulated carrier.
func session(t *testing.T, n int) (*run.Session, *sealable, *witness, *carriersim.World) {
	t.Helper()
	env := environment()
	world := &carriersim.World{Record: true, Now: env.Now, Sleep: env.Sleep}
	fleet := &spec.Fleet{Digest: "sha256:0"}
	for i := range n {
		c := spec.Card{Provider: aliyun, ICCID: iccid(i), Block: &spec.Block{Name: fmt.Sprintf("c%02d", i)}, Active: spec.Off}
		fleet.Cards = append(fleet.Cards, c)
		world.Cards = append(world.Cards, carriersim.Card{ICCID: iccid(i)})
	}
	server := httptest.NewServer(carriersim.Serve(all.Simulators(world)))
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	fleet.Providers = []spec.ProviderConfig{{Name: aliyun, Settings: map[string]any{
		"endpoint": server.URL + "/aliyun", "requests_per_second": 1e6, "access_key_id": carriersim.TestID, "access_key_secret": carriersim.TestSecret,
	}}}
	carriers, diags := run.Open(fleet.Providers, all.Types(), providers.Env{
		Getenv: func(string) string { return "" }, Now: env.Now, Sleep: env.Sleep, Random: random, Transport: transport, Version: "test",
	})
	require.Empty(t, diags)
	backend, w := localState(t), &witness{t: t}
	return &run.Session{Store: run.Store{Backend: backend, Env: env}, Carriers: carriers, Fleet: fleet, Watcher: w, Place: here, Places: &places{}}, backend, w, world
}

var here = run.Place{Type: "local", Address: "fleet.state"}

// places is what a folder knows of the state's place.
type places struct {
	place run.Place
	err   error // of both
}

func (p *places) Known() (run.Place, error) { return p.place, p.err }

func (p *places) Note(place run.Place) error {
	if p.err == nil {
		p.place = place
	}
	return p.err
}

var everything = run.Options{Refresh: plan.Refresh{Mode: plan.RefreshAll}}

func prior(t *testing.T, s *run.Session) *state.Snapshot {
	t.Helper()
	snap, err := s.Backend.Read(t.Context())
	require.NoError(t, err)
	return snap
}

// carryOut plans and applies.
func carryOut(t *testing.T, s *run.Session) (*run.Applied, error) {
	t.Helper()
	ctx, unlock, err := s.Hold(t.Context(), "apply", state.Patience{})
	require.NoError(t, err)
	defer func() { require.NoError(t, unlock()) }()
	p, err := s.PlanToApply(ctx, run.RowsOf(prior(t, s)), everything, false)
	require.NoError(t, err)
	require.NoError(t, p.Allowed(run.Lenience{}))
	return s.Apply(ctx, p, 0)
}

func TestARunNeedsNoCommandLine(t *testing.T) {
	s, _, w, _ := session(t, 3)
	done, err := carryOut(t, s)
	require.NoError(t, err)
	require.True(t, done.Complete())
	require.Equal(t, 3, done.Done(spec.Stop))
	require.Equal(t, uint64(0), done.Serial)
	require.NotEmpty(t, done.Prior.Lineage, "the commit made the state")

	require.Equal(t, []run.Phase{run.Reading, run.Changing}, w.phases)
	require.Equal(t, []run.Share{{Provider: aliyun, Count: 3}}, w.shares[run.Reading])
	require.Equal(t, []run.Share{{Provider: aliyun, Count: 3, Calls: 6}}, w.shares[run.Changing], "an adoption calls nobody")
	require.Equal(t, 3, w.read)
	require.Len(t, w.finished, 6)
	slices.Sort(w.finished)
	require.Equal(t, "89860000000000000000 adopt done", w.finished[0])
	require.Equal(t, "89860000000000000000 stop done", w.finished[1])

	s.Watcher = run.Nobody{}
	p, err := s.Draft(t.Context(), run.RowsOf(prior(t, s)), everything)
	require.NoError(t, err)
	require.True(t, p.Plan.Head().Clean())
	require.Len(t, p.Live.Cards, 3)
}

func TestNothingCountsAsDoneBeforeItIsCommitted(t *testing.T) {
	s, backend, _, _ := session(t, 2)
	_, err := carryOut(t, s)
	require.NoError(t, err)
	before := prior(t, s)
	backend.sealed = true

	forgotten, err := s.Forget(t.Context(), []string{string(iccid(0))})
	require.ErrorIs(t, err, errReadOnly)
	require.Empty(t, forgotten)
	pushed, err := s.Push(t.Context(), &run.Pulled{Cards: before.Cards[:1]}, true)
	require.ErrorIs(t, err, errReadOnly)
	require.Nil(t, pushed)
	from := run.Store{Backend: localState(t), Env: environment()}
	_, err = from.Push(t.Context(), &run.Pulled{Lineage: "l", Cards: before.Cards[:1]}, false)
	require.NoError(t, err)
	copied, err := s.Migrate(t.Context(), from, true)
	require.ErrorIs(t, err, errReadOnly)
	require.Nil(t, copied)
	done, err := carryOut(t, s)
	require.ErrorIs(t, err, errReadOnly)
	require.False(t, done.Committed)
	require.False(t, done.Complete(), "all was done, and the state doesn't have it")
	require.Equal(t, before, prior(t, s))
}

func TestForgetTakesAllOfTheCardsOrNone(t *testing.T) {
	s, _, _, _ := session(t, 3)
	_, err := carryOut(t, s)
	require.NoError(t, err)
	var refused *run.Refusal
	_, err = s.Forget(t.Context(), []string{string(iccid(0)), string(iccid(9))})
	require.ErrorAs(t, err, &refused)
	require.Equal(t, run.NotInState, refused.Reason)
	require.Equal(t, string(iccid(9)), refused.Name)
	require.Len(t, prior(t, s).Cards, 3)

	forgotten, err := s.Forget(t.Context(), []string{string(iccid(2)), string(iccid(0)), string(iccid(2))})
	require.NoError(t, err)
	require.Len(t, forgotten, 2)
	require.Equal(t, []spec.CardID{{Provider: aliyun, ICCID: iccid(0)}, {Provider: aliyun, ICCID: iccid(2)}}, []spec.CardID{forgotten[0].ID(), forgotten[1].ID()})
	require.Len(t, prior(t, s).Cards, 1)
}

func TestWhatIsReadBeforeAnInterruptIsKept(t *testing.T) {
	s, _, w, _ := session(t, 3)
	_, err := carryOut(t, s)
	require.NoError(t, err)
	s.Env.Now = func() time.Time { return start.Add(time.Hour) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.onRead = cancel
	serial := prior(t, s).Serial
	_, err = s.PlanToApply(ctx, run.RowsOf(prior(t, s)), everything, true)
	require.ErrorIs(t, err, context.Canceled)
	require.Positive(t, w.kept)
	require.Equal(t, serial+1, prior(t, s).Serial)
}

func TestASavedPlanIsJudgedByTheStateOfTheMoment(t *testing.T) {
	s, _, _, _ := session(t, 1)
	made, err := s.Draft(t.Context(), run.RowsOf(prior(t, s)), everything)
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, run.WritePlan(&file, made.Plan, nil))
	p, err := run.ReadPlan(&file, nil, false)
	require.NoError(t, err)
	p.Plan.Head().Lineage = "another"
	var refused *run.Refusal
	_, err = s.Judge(t.Context(), &run.Saved{Plan: p.Plan}, run.RowsOf(prior(t, s)), run.Options{})
	require.ErrorAs(t, err, &refused)
	require.Equal(t, run.PlanOfOtherState, refused.Reason)

	p.Plan.Head().Lineage = ""
	s.Fleet.Digest = "sha256:1"
	judged, err := s.Judge(t.Context(), &run.Saved{Plan: p.Plan, Digest: "sha256:2"}, run.RowsOf(prior(t, s)), run.Options{})
	require.NoError(t, err)
	require.True(t, judged.Outdated)
	results, err := s.Check(t.Context(), judged, 0)
	require.NoError(t, err)
	for _, r := range results {
		require.Equal(t, apply.Runs, r.Outcome, r.Reason)
	}
	require.Equal(t, "sha256:2", (&run.Applied{Planned: judged}).ReportHeader("1").Plan)
}

func TestAnIncompletePlanIsCarriedOutOnlyOnRequest(t *testing.T) {
	s, _, _, world := session(t, 1)
	world.Expel(carriersim.Account{})
	p, err := s.PlanToApply(t.Context(), run.RowsOf(prior(t, s)), everything, true)
	require.NoError(t, err)
	var refused *run.Refusal
	require.ErrorAs(t, p.Allowed(run.Lenience{}), &refused)
	require.Equal(t, run.Incomplete, refused.Reason)
	require.NoError(t, p.Allowed(run.Lenience{Unread: true}))
}

func TestAnInterruptedRunSaysWhichCallItWaitsFor(t *testing.T) {
	s, _, w, world := session(t, 3)
	ctx, unlock, err := s.Hold(t.Context(), "apply", state.Patience{})
	require.NoError(t, err)
	p, err := s.PlanToApply(ctx, run.RowsOf(prior(t, s)), everything, false)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(ctx)
	told := make(chan struct{})
	w.onWaits = func() { close(told) }
	world.Latency = carriersim.Duration(time.Millisecond)
	world.Sleep = func(context.Context, time.Duration) error {
		if world.Count("DoIotUserStopResume") > 0 {
			cancel()
			<-told // the carrier answers only then
		}
		return nil
	}
	done, err := s.Apply(ctx, p, 1)
	require.NoError(t, err)
	require.Len(t, w.waits, 1)
	require.Equal(t, spec.Stop, w.waits[0].Action.Kind)
	require.Equal(t, 1, done.Done(spec.Stop), "it had left, and came to its end")
	require.Equal(t, 2, done.Report.Count(apply.NotStarted))
	require.NoError(t, unlock())
}
