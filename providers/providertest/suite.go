// Package providertest is the one conformance suite that every provider
// passes, under plain go test: what [providers.Provider] promises, held against
// the provider's simulated carrier. Start reading at [Run].
package providertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Harness is a provider and its simulated carrier.
type Harness struct {
	Type    providers.Type
	Carrier func(w *carriersim.World) carriersim.Carrier
	// Settings are further settings that the provider needs.
	Settings map[string]any
	// ReadCall is the carrier's name for the call that reads a card's status.
	ReadCall string
	// ChangeCalls are its names for the call that makes each kind of change.
	ChangeCalls map[spec.Kind]string
	// Offer is a package that the carrier has; "" means "100M".
	Offer string
	// Refuses are the kinds that the carrier refuses for a card that is so already,
	// without a word that tells this from other refusals: a reading tells it.
	Refuses []spec.Kind
	// NoneSuch is the body by which it says that it has no such card, where a card is
	// found by a search; "" where that is no odd answer's.
	NoneSuch string
	// TokenCall is its name for the call that gets a token, which is no card's
	// and no change's; "" where it takes none.
	TokenCall string
	// Expire makes every token given so far invalid; nil where there are none.
	Expire func(c carriersim.Carrier)
}

// Run holds the provider to the suite.
func Run(t *testing.T, h Harness) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("every card is read once", h.everyCardIsReadOnce)
	t.Run("the list has every card once", h.listHasEveryCardOnce)
	t.Run("the list tells what reading card by card does", h.listTellsTheSame)
	t.Run("a card that the carrier doesn't know is not found", h.unknownCardIsNotFound)
	t.Run("a passing failure of a read is repeated", h.readsAreRepeated)
	t.Run("wrong credentials end the reading at once", h.wrongCredentialsEndReading)
	t.Run("an unreachable carrier is given up", h.unreachableCarrierIsGivenUp)
	t.Run("each change round-trips", h.eachChange(h.roundTrips))
	t.Run("a repeated change is done", h.eachChange(h.alreadyIsDone))
	t.Run("a lost answer is unknown and sent once", h.eachChange(h.lostAnswerIsUnknown))
	t.Run("a certain failure changed nothing", h.eachChange(h.noneMeansNone))
	t.Run("an unsupported change is refused before any request", h.unsupportedIsRefused)
	t.Run("an expired token is renewed once", h.tokenIsRenewedOnce)
	t.Run("throttled reads are not lost", h.throttledReads)
	t.Run("throttled changes are made once", h.throttledChanges)
	t.Run("the configured rate is kept", h.rateIsKept)
	t.Run("cancel returns at once", h.cancelReturns)
	t.Run("odd answers are named", h.oddAnswersAreNamed)
	t.Run("no secret in any error", h.noSecretInErrors)
}

// eachChange runs a test for each kind that the provider can change, on a
// clock of its own.
func (h Harness) eachChange(test func(*testing.T, spec.Kind)) func(*testing.T) {
	return func(t *testing.T) {
		kinds := h.inProcess(t, newWorld(), nil).provider.Capabilities().Changes
		for _, kind := range kinds {
			t.Run(string(kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { test(t, kind) })
			})
		}
	}
}

func (h Harness) everyCardIsReadOnce(t *testing.T) {
	world := newWorld()
	wants := fleet(world, 300)
	f := h.overHTTP(t, world, nil)
	readings, err := providers.ReadAll(t.Context(), alone{f.provider}, wants, providers.ReadOptions{Provider: "p"})
	require.NoError(t, err)
	asked := map[spec.ICCID]int{}
	for _, r := range world.Requests() {
		asked[r.ICCID]++
	}
	calls := f.provider.Capabilities().CallsToRead(0)
	for i, r := range readings {
		assert.Equal(t, wants[i].ICCID, r.ICCID, "reading %d is of another card", i)
		assert.Equal(t, spec.Active, r.Lifecycle, "reading %d: %s", i, r.Unread)
		assert.True(t, r.Known(), "reading %d says nothing: %s", i, r.Unread)
		assert.Equal(t, spec.ProviderName("p"), r.Provider)
		assert.Equal(t, calls, asked[r.ICCID], "calls for %s", r.ICCID)
	}
}

// listHasEveryCardOnce goes over several pages of any carrier's list. A
// provider without one says so in its capabilities.
func (h Harness) listHasEveryCardOnce(t *testing.T) {
	world := newWorld()
	wants := fleet(world, 230)
	f := h.overHTTP(t, world, nil)
	lister, ok := f.provider.(providers.Lister)
	require.Equal(t, f.provider.Capabilities().Lists, ok, "the capability says what the provider is")
	if !ok {
		return
	}
	seen := map[spec.ICCID]int{}
	require.NoError(t, lister.List(t.Context(), func(r spec.Reading) error { seen[r.ICCID]++; return nil }))
	assert.Len(t, seen, len(wants)+1)
	for _, want := range wants {
		assert.Equal(t, 1, seen[want.ICCID]+seen[want.ICCID.Stem()], "card %s", want.ICCID) // carriers may leave out the check digit
	}
	enough := errors.New("enough")
	assert.ErrorIs(t, lister.List(t.Context(), func(spec.Reading) error { return enough }), enough, "the caller may end it")
}

// alone is a provider without its list: its cards are read one by one.
type alone struct{ providers.Provider }

// listTellsTheSame reads a fleet from the list where there is one that tells
// something, and card by card, in several conditions and with what it doesn't
// tell: the readings are the same, for no more calls.
func (h Harness) listTellsTheSame(t *testing.T) {
	world := newWorld()
	wants := fleet(world, 230)
	statuses := []spec.Lifecycle{spec.Active, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Pending, spec.Testing, spec.Closed}
	for i := range wants {
		_, err := world.Change(wants[i].ICCID, func(c *carriersim.Card) bool { c.Status = statuses[i%len(statuses)]; return true })
		require.NoError(t, err)
	}
	wants = append(wants, providers.Want{ICCID: "89860000000000000000"}) // which the carrier doesn't have
	f := h.overHTTP(t, world, nil)
	able := f.provider.Capabilities()
	if able.ListTells == 0 {
		return
	}
	_, err := providers.ReadAll(t.Context(), alone{f.provider}, wants, providers.ReadOptions{}) // what is looked up once a card is known from here on
	require.NoError(t, err)
	for _, attrs := range []spec.Attr{able.ListTells, spec.AttrActive | spec.AttrPackages, able.Reads} {
		for i := range wants {
			wants[i].Attrs = attrs
		}
		started := len(world.Requests())
		listed, err := providers.ReadAll(t.Context(), f.provider, wants, providers.ReadOptions{})
		require.NoError(t, err)
		between := len(world.Requests())
		single, err := providers.ReadAll(t.Context(), alone{f.provider}, wants, providers.ReadOptions{})
		require.NoError(t, err)
		assert.LessOrEqual(t, between-started, len(world.Requests())-between, "calls")
		for i := range wants {
			listed[i].At, listed[i].CarrierAt = single[i].At, single[i].CarrierAt
			if listed[i].Observed == "" { // a list may leave out the device in use
				single[i].Observed = ""
			}
			if attrs == able.ListTells { // card by card, more may come along
				single[i].Has, single[i].IMEI = listed[i].Has, listed[i].IMEI
			}
			assert.Equal(t, single[i], listed[i])
		}
	}
}

func (h Harness) unknownCardIsNotFound(t *testing.T) {
	f := h.overHTTP(t, newWorld(), nil)
	reading, err := f.provider.Read(t.Context(), "89860000000000000000", spec.AttrActive|spec.AttrPackages)
	require.NoError(t, err)
	assert.Equal(t, spec.NotFound, reading.Lifecycle)
	assert.True(t, reading.Known())
}

func (h Harness) readsAreRepeated(t *testing.T) {
	for _, kind := range []carriersim.FaultKind{
		carriersim.LostAfter, carriersim.LostBefore, carriersim.HTML5xx, carriersim.Truncated, carriersim.Throttle,
	} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := newWorld()
				world.Faults = []carriersim.Fault{{Action: h.ReadCall, Kind: kind, Times: 2}}
				f := h.inProcess(t, world, nil)
				reading, err := f.provider.Read(t.Context(), iccid, 0)
				require.NoError(t, err)
				assert.Equal(t, spec.Active, reading.Lifecycle)
				assert.Equal(t, 3, world.Count(h.ReadCall), "calls")
			})
		})
	}
}

func (h Harness) wrongCredentialsEndReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newWorld()
		wants := fleet(world, 500)
		f := h.inProcess(t, world, nil)
		world.Admit(carriersim.Account{ID: id, Secret: "another"}) // from now on
		start := time.Now()
		readings, err := providers.ReadAll(t.Context(), f.provider, wants, providers.ReadOptions{Parallel: 4})
		var lost *providers.CarrierError
		require.ErrorAs(t, err, &lost)
		cause, _ := providers.CauseOf(err)
		assert.Equal(t, providers.Denied, cause)
		assert.Less(t, time.Since(start), time.Second)
		for _, r := range readings {
			assert.NotEmpty(t, r.Unread)
			assert.NotEmpty(t, r.ICCID)
		}
	})
}

func (h Harness) unreachableCarrierIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newWorld()
		wants := fleet(world, 2000)
		f := h.open(t, h.Carrier(world), "http://carrier.localhost", unreachable{}, map[string]any{"requests_per_second": 100.0})
		start := time.Now()
		readings, err := providers.ReadAll(t.Context(), f.provider, wants, providers.ReadOptions{})
		var lost *providers.CarrierError
		require.ErrorAs(t, err, &lost)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err), "nothing was sent")
		assert.Less(t, time.Since(start), time.Minute, "2,000 cards were all retried")
		assert.Len(t, readings, len(wants))
	})
}

func (h Harness) roundTrips(t *testing.T, kind spec.Kind) {
	world := newWorld()
	h.prepare(world, kind)
	f := h.inProcess(t, world, nil)
	receipt, err := f.provider.Do(t.Context(), h.change(kind))
	require.NoError(t, err)
	assert.NotEmpty(t, receipt.RequestID)
	assert.True(t, h.happened(world, kind), "the card is not as it should be")
	assert.Equal(t, 1, world.Count(h.ChangeCalls[kind]), "changing calls")
	calls := -world.Count(h.TokenCall)
	for _, n := range world.Counts() {
		calls += n
	}
	assert.LessOrEqual(t, calls, f.provider.Capabilities().CallsToChange(kind), "more calls than the capabilities say")

	reading, err := f.provider.Read(t.Context(), iccid, f.provider.Capabilities().Reads)
	require.NoError(t, err)
	assert.True(t, h.shows(reading, kind), "a second look finds %+v", reading)
}

func (h Harness) alreadyIsDone(t *testing.T, kind spec.Kind) {
	world := newWorld()
	h.prepare(world, kind)
	f := h.inProcess(t, world, nil)
	_, err := f.provider.Do(t.Context(), h.change(kind))
	require.NoError(t, err)
	before, _ := world.Card(iccid)
	_, err = f.provider.Do(t.Context(), h.change(kind))
	after, _ := world.Card(iccid)
	assert.Equal(t, before, after, "the second call changed the card")
	if f.provider.Capabilities().ReplacesByName(kind) {
		cause, _ := providers.CauseOf(err)
		assert.Equal(t, providers.PriorMismatch, cause, "the carrier should refuse by the value it replaces: %v", err)
		return
	}
	if slices.Contains(h.Refuses, kind) {
		assert.Equal(t, providers.Declined, providers.ProofOf(err), "the carrier should refuse it: %v", err)
		return
	}
	assert.NoError(t, err)
}

func (h Harness) lostAnswerIsUnknown(t *testing.T, kind spec.Kind) {
	call := h.ChangeCalls[kind]
	require.NotEmpty(t, call, "the harness doesn't name the call for %s", kind)
	for _, fault := range []carriersim.FaultKind{
		carriersim.LostAfter, carriersim.LostBefore, carriersim.HTML5xx, carriersim.Truncated,
	} {
		world := newWorld()
		h.prepare(world, kind)
		world.Faults = []carriersim.Fault{{Action: call, Kind: fault}}
		f := h.inProcess(t, world, nil)
		_, err := f.provider.Do(t.Context(), h.change(kind))
		require.Error(t, err, "%s", fault)
		assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err), "%s: %v", fault, err)
		assert.Equal(t, 1, world.Count(call), "%s: changing calls", fault)
		assert.Equal(t, fault.Done(), h.happened(world, kind), "%s", fault)
	}
}

// noneMeansNone makes every call of a change fail in every way. Whatever the
// error says of the effect must be true.
func (h Harness) noneMeansNone(t *testing.T, kind spec.Kind) {
	first := newWorld()
	h.prepare(first, kind)
	_, err := h.inProcess(t, first, nil).provider.Do(t.Context(), h.change(kind))
	require.NoError(t, err)
	for action := range first.Counts() {
		for _, fault := range []carriersim.FaultKind{
			carriersim.LostAfter, carriersim.LostBefore, carriersim.HTML5xx, carriersim.Truncated, carriersim.Throttle,
			carriersim.CodeFault("NobodyKnowsThisCode"),
		} {
			world := newWorld()
			h.prepare(world, kind)
			world.Faults = []carriersim.Fault{{Action: action, Kind: fault}}
			f := h.inProcess(t, world, map[string]any{"retries": 1})
			_, err := f.provider.Do(t.Context(), h.change(kind))
			name := fmt.Sprintf("%s of %s: %v", fault, action, err)
			if err == nil {
				assert.True(t, h.happened(world, kind), "done, it says, with %s", name)
			} else if providers.EffectOf(err) == providers.EffectNone {
				assert.False(t, h.happened(world, kind), name)
			}
		}
	}
	h.unsentMeansNone(t, kind)
}

func (h Harness) unsentMeansNone(t *testing.T, kind spec.Kind) {
	f := h.open(t, h.Carrier(newWorld()), "http://carrier.localhost", unreachable{}, nil)
	_, err := f.provider.Do(t.Context(), h.change(kind))
	require.Error(t, err)
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err), "no connection came about: %v", err)
}

func (h Harness) unsupportedIsRefused(t *testing.T) {
	world := newWorld()
	f := h.overHTTP(t, world, nil)
	for _, kind := range spec.Kinds() {
		if f.provider.Capabilities().CanChange(kind) {
			continue
		}
		_, err := f.provider.Do(t.Context(), h.change(kind))
		require.Error(t, err, "%s", kind)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err), "%s", kind)
	}
	assert.Empty(t, world.Requests())
}

// tokenIsRenewedOnce lets the token expire between two rounds of reading:
// whoever of the 50 workers notices, one of them renews it for all.
func (h Harness) tokenIsRenewedOnce(t *testing.T) {
	if h.Expire == nil {
		return
	}
	world := newWorld()
	wants := fleet(world, 300)
	f := h.overHTTP(t, world, nil)
	for round := 1; round <= 2; round++ {
		readings, err := providers.ReadAll(t.Context(), f.provider, wants, providers.ReadOptions{Parallel: 50})
		require.NoError(t, err)
		for _, r := range readings {
			require.True(t, r.Known(), "round %d, %s: %s", round, r.ICCID, r.Unread)
		}
		assert.Equal(t, round, world.Count(h.TokenCall), "tokens after round %d", round)
		h.Expire(f.carrier)
	}
}

func (h Harness) throttledReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newWorld()
		world.RequestsPerSecond = 5
		wants := fleet(world, 200)
		f := h.inProcess(t, world, map[string]any{"requests_per_second": 20.0, "max_in_flight": 16})
		readings, err := providers.ReadAll(t.Context(), f.provider, wants, providers.ReadOptions{})
		require.NoError(t, err)
		for _, r := range readings {
			require.True(t, r.Known(), "%s: %s", r.ICCID, r.Unread)
		}
		calls := 0
		for _, n := range world.Counts() {
			calls += n
		}
		assert.Less(t, calls, 2*len(wants)*f.provider.Capabilities().CallsToRead(0), "most calls should not be throttled ones")
	})
}

func (h Harness) throttledChanges(t *testing.T) {
	h.eachChange(func(t *testing.T, kind spec.Kind) {
		world := newWorld()
		h.prepare(world, kind)
		world.Faults = []carriersim.Fault{{
			Action: h.ChangeCalls[kind], Kind: carriersim.Throttle, Times: 2, RetryAfter: carriersim.Duration(7 * time.Second),
		}}
		f := h.inProcess(t, world, nil)
		start := time.Now()
		_, err := f.provider.Do(t.Context(), h.change(kind))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(start), 14*time.Second, "Retry-After was not obeyed")
		assert.True(t, h.happened(world, kind))
		effects := 0
		for _, r := range world.Requests() {
			if r.Effect && r.Action == h.ChangeCalls[kind] {
				effects++
			}
		}
		assert.Equal(t, 1, effects, "effects")
	})(t)
}

func (h Harness) rateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, cards = 20, 300
		world := newWorld()
		wants := fleet(world, cards)
		f := h.inProcess(t, world, map[string]any{"requests_per_second": float64(rate)})
		calls := cards * f.provider.Capabilities().CallsToRead(0)
		start := time.Now()
		_, err := providers.ReadAll(t.Context(), alone{f.provider}, wants, providers.ReadOptions{})
		require.NoError(t, err)
		ideal := time.Duration(calls) * time.Second / rate
		assert.InEpsilon(t, ideal, time.Since(start), 0.05, "%d calls at %d/s", calls, rate)
	})
}

func (h Harness) cancelReturns(t *testing.T) {
	for _, phase := range []struct {
		name     string
		settings map[string]any
		world    func(*carriersim.World)
		busy     int // calls under way beside the one that is watched
	}{
		{name: "waiting for a token", settings: map[string]any{"requests_per_second": 0.01}, busy: 1},
		{
			name: "waiting for a slot", settings: map[string]any{"max_in_flight": 1}, busy: 1,
			world: func(w *carriersim.World) { w.Latency = carriersim.Duration(20 * time.Second) },
		},
		{
			name:  "waiting for the answer",
			world: func(w *carriersim.World) { w.Latency = carriersim.Duration(20 * time.Second) },
		},
		{
			name: "waiting to repeat",
			world: func(w *carriersim.World) {
				w.Faults = []carriersim.Fault{{Kind: carriersim.Throttle, RetryAfter: carriersim.Duration(50 * time.Second)}}
			},
		},
	} {
		t.Run(phase.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := newWorld()
				if phase.world != nil {
					phase.world(world)
				}
				f := h.inProcess(t, world, phase.settings)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				for range phase.busy {
					go func() { _, _ = f.provider.Read(ctx, iccid, 0) }() // only takes up room
					synctest.Wait()
				}
				start := time.Now()
				wants := []providers.Want{{ICCID: iccid}, {ICCID: iccid}}
				readings, err := providers.ReadAll(ctx, f.provider, wants, providers.ReadOptions{})
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, 5*time.Second, time.Since(start), "it did not return at once")
				assert.Equal(t, "interrupted", readings[1].Unread)
			})
		})
	}
}

// oddAnswersAreNamed gives every call an answer that is none, with a token
// where the carrier has one: an error each time, never a panic, never taken for
// a success, and a change that may have been made is never called off.
func (h Harness) oddAnswersAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, body := range []string{"", "{", "null", "[]", `""`, "0", "{}", `{"Code":{}}`, `{"status":[]}`, `{"a":` + strings.Repeat("[", 500), "\xff\xfe", "<html>502</html>"} {
			f := h.oddly(t, body, "")
			reading, err := f.provider.Read(t.Context(), iccid, f.provider.Capabilities().Reads)
			if h.NoneSuch != "" && body == h.NoneSuch {
				require.NoError(t, err)
				assert.Equal(t, spec.NotFound, reading.Lifecycle)
				continue
			}
			require.Error(t, err, "%.20q", body)
			assert.Less(t, len(err.Error()), 300, "%.20q", body)
			for _, kind := range f.provider.Capabilities().Changes {
				f := h.oddly(t, body, kind)
				_, err := f.provider.Do(t.Context(), h.change(kind))
				require.Error(t, err, "%s: %.20q", kind, body)
				if h.happened(f.world, kind) {
					assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err), "%s: %.20q after %d calls", kind, body, len(f.world.Requests()))
				}
			}
		}
	})
}

// oddly opens the provider where every answer is body, before a change of the kind.
func (h Harness) oddly(t *testing.T, body string, kind spec.Kind) *fixture {
	world := newWorld()
	h.prepare(world, kind)
	carrier := h.Carrier(world)
	network := &swapping{InProcess{carriersim.Serve([]carriersim.Carrier{carrier})}, body, h.TokenCall, world}
	return h.open(t, carrier, "http://carrier.localhost", network, map[string]any{"retries": 0})
}

func (h Harness) noSecretInErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []carriersim.FaultKind{
			carriersim.LostAfter, carriersim.LostBefore, carriersim.HTML5xx, carriersim.Truncated, carriersim.Throttle,
			carriersim.CodeFault("Odd." + secret),
		} {
			world := newWorld()
			world.Faults = []carriersim.Fault{{Kind: fault}}
			f := h.inProcess(t, world, map[string]any{"retries": 0})
			f.assertNoSecrets(t, string(fault))
		}
		world := newWorld()
		f := h.inProcess(t, world, nil)
		world.Admit(carriersim.Account{ID: id, Secret: "another"})
		f.assertNoSecrets(t, "refused credentials")
		h.open(t, h.Carrier(newWorld()), "http://carrier.localhost", unreachable{}, nil).assertNoSecrets(t, "no connection")
	})
}

// ready brings the card into the state in which a change of the kind makes a difference.
func (f *fixture) ready(t *testing.T, kind spec.Kind) {
	prepare := f.trials()[kind].prepare
	if prepare == nil {
		return
	}
	_, err := f.world.Change(iccid, func(c *carriersim.Card) bool { prepare(c); return true })
	require.NoError(t, err)
}

func (f *fixture) assertNoSecrets(t *testing.T, when string) {
	_, err := f.provider.Read(t.Context(), iccid, f.provider.Capabilities().Reads)
	errs := []error{err}
	for _, kind := range f.provider.Capabilities().Changes {
		f.ready(t, kind) // a card in service would be so already
		_, err := f.provider.Do(t.Context(), f.change(kind))
		errs = append(errs, err)
	}
	for _, err := range errs {
		require.Error(t, err, when)
		for _, hidden := range []string{secret, id, "Signature="} {
			assert.NotContains(t, err.Error(), hidden, when)
		}
	}
}
