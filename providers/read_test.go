package providers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reads is a provider that can only read.
type reads func(ctx context.Context, iccid spec.ICCID) (spec.Reading, error)

func (r reads) Capabilities() spec.Capabilities { return spec.Capabilities{} }

func (r reads) Read(ctx context.Context, iccid spec.ICCID, _ spec.Attr) (spec.Reading, error) {
	return r(ctx, iccid)
}

func (r reads) Do(context.Context, Change) (Receipt, error) { panic("reading changed a card") }

func wants(n int) []Want {
	w := make([]Want, n)
	for i := range w {
		w[i].ICCID = spec.ICCID(fmt.Sprintf("89860000%012d", i))
	}
	return w
}

func fine() (spec.Reading, error) {
	return spec.Reading{At: time.Unix(1, 0), Lifecycle: spec.Active}, nil
}

func TestReadingsAreInTheOrderOfWants(t *testing.T) {
	w := wants(1000)
	var total atomic.Int64
	readings, err := ReadAll(t.Context(), reads(func(context.Context, spec.ICCID) (spec.Reading, error) { return fine() }), w,
		ReadOptions{Provider: "aliyun.a", Progress: func(done, all int) { total.Add(1); assert.LessOrEqual(t, done, all) }})
	require.NoError(t, err)
	require.Len(t, readings, len(w))
	for i := range w {
		assert.Equal(t, spec.CardID{Provider: "aliyun.a", ICCID: w[i].ICCID}, readings[i].ID())
		assert.True(t, readings[i].Known())
	}
	assert.EqualValues(t, len(w), total.Load(), "progress")
}

func TestReadingsSayForHowLongTheRunHasHadTheState(t *testing.T) {
	read := func(since time.Time) time.Duration {
		readings, err := ReadAll(t.Context(), reads(func(context.Context, spec.ICCID) (spec.Reading, error) { return fine() }), wants(1), ReadOptions{Since: since})
		require.NoError(t, err)
		return readings[0].Watched
	}
	assert.Equal(t, 11*time.Minute, read(time.Unix(1, 0).Add(-11*time.Minute)))
	assert.Zero(t, read(time.Unix(2, 0)), "a clock that was set back tells nothing")
	assert.Zero(t, read(time.Time{}))
}

func TestReadingNothingIsNoError(t *testing.T) {
	readings, err := ReadAll(t.Context(), reads(nil), nil, ReadOptions{})
	assert.Empty(t, readings)
	assert.NoError(t, err)
}

func TestNoMoreAtOnceThanAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most int
		var mu sync.Mutex
		count := func(d int) {
			mu.Lock()
			defer mu.Unlock()
			now += d
			most = max(most, now)
		}
		_, err := ReadAll(t.Context(), reads(func(context.Context, spec.ICCID) (spec.Reading, error) {
			count(1)
			defer count(-1)
			time.Sleep(time.Second)
			return fine()
		}), wants(20), ReadOptions{Parallel: 4})
		require.NoError(t, err)
		assert.Equal(t, 4, most)
	})
}

func TestOneUnreadCardDoesNotStopTheRest(t *testing.T) {
	w := wants(500)
	refused := &Error{Call: "QueryCardStatus", Code: "isv.RAM_PERMISSION_DENY", Cause: Refused, Proof: Declined}
	readings, err := ReadAll(t.Context(), reads(func(_ context.Context, iccid spec.ICCID) (spec.Reading, error) {
		if iccid == w[7].ICCID {
			return spec.Reading{}, refused
		}
		return fine()
	}), w, ReadOptions{})
	require.NoError(t, err)
	for i, r := range readings {
		assert.Equal(t, i != 7, r.Known(), "card %d", i)
	}
	assert.Equal(t, "QueryCardStatus: isv.RAM_PERMISSION_DENY", readings[7].Unread)
}

// refusing is a provider that refuses the cards that it is told to, by their place.
func refusing(code func(i int) string) reads {
	return func(_ context.Context, iccid spec.ICCID) (spec.Reading, error) {
		i, _ := strconv.Atoi(string(iccid[8:]))
		if code(i) == "" {
			return fine()
		}
		return spec.Reading{}, &Error{Call: "QueryCardStatus", Code: code(i), Message: "no right on the card", RequestID: string(iccid), Cause: Refused, Proof: Declined}
	}
}

// A code that each card gets is not about the cards: no plan made of it is whole.
func TestOneRefusalForTheFirstCardsEndsTheReading(t *testing.T) {
	denies := func(int) string { return "isv.RAM_PERMISSION_DENY" }
	for n, want := range map[int]string{
		1:   "the carrier refused the one card that it was asked for, QueryCardStatus: isv.RAM_PERMISSION_DENY: no right on the card",
		3:   "the carrier refused all 3 cards with one code, QueryCardStatus: isv.RAM_PERMISSION_DENY: no right on the card",
		20:  "the carrier refused the first 20 cards with one code and told of none, QueryCardStatus: isv.RAM_PERMISSION_DENY",
		500: "the carrier refused the first 20 cards with one code and told of none, QueryCardStatus: isv.RAM_PERMISSION_DENY",
	} {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int64
			readings, err := ReadAll(t.Context(), reads(func(ctx context.Context, iccid spec.ICCID) (spec.Reading, error) {
				calls.Add(1)
				time.Sleep(time.Millisecond) // as long for each: none of the first is overtaken by all the rest
				return refusing(denies)(ctx, iccid)
			}), wants(n), ReadOptions{Provider: "aliyun", Parallel: 4})
			var lost *CarrierError
			require.ErrorAs(t, err, &lost, n)
			assert.ErrorContains(t, err, want)
			assert.ErrorContains(t, err, "the account may lack a right or have passed a limit", "what it may mean")
			assert.ErrorContains(t, err, "ask the carrier by code and request, and plan again", "what to do")
			assert.LessOrEqual(t, calls.Load(), int64(min(n, 23)), "it isn't asked for the rest")
			for _, r := range readings {
				assert.NotEmpty(t, r.Unread)
			}
		})
	}
}

func TestRefusalsOfSomeCardsAreTheCards(t *testing.T) {
	for name, code := range map[string]func(i int) string{
		"one was read":              func(i int) string { return map[bool]string{true: "", false: "12009"}[i == 5] },
		"one of the first was read": func(i int) string { return map[bool]string{true: "", false: "12009"}[i == 19] },
		"the first, but not all alike": func(i int) string {
			return map[bool]string{true: "12010"}[i == 7] + map[bool]string{true: "12009"}[i < 30 && i != 7]
		},
		"more than twenty of all cards": func(i int) string { return map[bool]string{true: "12009"}[i%2 == 1] },
	} {
		readings, err := ReadAll(t.Context(), refusing(code), wants(200), ReadOptions{Parallel: 1})
		require.NoError(t, err, name)
		for i := range readings {
			assert.Equal(t, code(i) == "", readings[i].Known(), "%s: card %d", name, i)
		}
	}
}

// Not one card was read, whatever the codes: the carrier wasn't read at all.
func TestCarrierThatTellsOfNoCardIsLost(t *testing.T) {
	readings, err := ReadAll(t.Context(), refusing(func(i int) string { return strconv.Itoa(12000 + i%7) }), wants(60), ReadOptions{Parallel: 1})
	var lost *CarrierError
	require.ErrorAs(t, err, &lost)
	assert.ErrorContains(t, err, "none of the cards could be read, and the first of 60 refusals was QueryCardStatus: 12000")
	assert.Contains(t, readings[59].Unread, "12003", "each is asked for")
}

// That the carrier has no such card is an answer about the card.
func TestCardsThatTheCarrierDoesNotHaveAreRead(t *testing.T) {
	_, err := ReadAll(t.Context(), reads(func(context.Context, spec.ICCID) (spec.Reading, error) {
		return spec.Reading{At: time.Unix(1, 0), Lifecycle: spec.NotFound}, nil
	}), wants(60), ReadOptions{})
	require.NoError(t, err)
}

func TestDeniedEndsTheReadingAtOnce(t *testing.T) {
	var calls atomic.Int64
	denied := &Error{Call: "QueryCardStatus", Code: "SignatureDoesNotMatch", Cause: Denied, Proof: Declined}
	readings, err := ReadAll(t.Context(), reads(func(context.Context, spec.ICCID) (spec.Reading, error) {
		calls.Add(1)
		return spec.Reading{}, denied
	}), wants(10_000), ReadOptions{Provider: "aliyun", Parallel: 8})
	var lost *CarrierError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, spec.ProviderName("aliyun"), lost.Provider)
	assert.EqualError(t, err, "read aliyun: QueryCardStatus: SignatureDoesNotMatch")
	assert.LessOrEqual(t, calls.Load(), int64(8))
	for _, r := range readings {
		assert.Equal(t, "QueryCardStatus: SignatureDoesNotMatch", r.Unread)
		assert.False(t, r.Known())
	}
}

func TestDeadCarrierIsGivenUpAfterAHandful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &Error{Call: "QueryCardStatus", Cause: Unavailable, Proof: Declined, Err: errors.New("connect: no route")}
		start := time.Now()
		readings, err := ReadAll(t.Context(), reads(func(ctx context.Context, _ spec.ICCID) (spec.Reading, error) {
			select { // each card's retries take 10 s
			case <-time.After(10 * time.Second):
				return spec.Reading{}, down
			case <-ctx.Done():
				return spec.Reading{}, ctx.Err()
			}
		}), wants(10_000), ReadOptions{Parallel: 4})
		var lost *CarrierError
		require.ErrorAs(t, err, &lost)
		assert.Equal(t, 20*time.Second, time.Since(start), "two rounds of four are more than five failures")
		assert.Len(t, readings, 10_000)
	})
}

func TestACarrierOfOneCardThatCannotBeReachedIsLostToo(t *testing.T) {
	down := &Error{Call: "QueryCardStatus", Cause: Unavailable, Proof: Declined}
	readings, err := ReadAll(t.Context(), reads(func(context.Context, spec.ICCID) (spec.Reading, error) { return spec.Reading{}, down }), wants(1), ReadOptions{})
	var lost *CarrierError
	require.ErrorAs(t, err, &lost)
	assert.ErrorIs(t, lost, down)
	assert.NotEmpty(t, readings[0].Unread)
}

func TestCarrierThatDiesMidwayKeepsWhatWasRead(t *testing.T) {
	w := wants(10_000)
	down := &Error{Call: "QueryCardStatus", Cause: Unavailable, Proof: Declined}
	var calls atomic.Int64
	readings, err := ReadAll(t.Context(), reads(func(context.Context, spec.ICCID) (spec.Reading, error) {
		if calls.Add(1) > 1000 {
			return spec.Reading{}, down
		}
		return fine()
	}), w, ReadOptions{})
	var lost *CarrierError
	require.ErrorAs(t, err, &lost)
	known := 0
	for _, r := range readings {
		if r.Known() {
			known++
		}
	}
	assert.Equal(t, 1000, known)
	assert.Less(t, calls.Load(), int64(1500))
}

func TestAHiccupIsNoLostCarrier(t *testing.T) {
	var calls atomic.Int64
	down := &Error{Call: "QueryCardStatus", Cause: Unavailable, Proof: Declined}
	_, err := ReadAll(t.Context(), reads(func(context.Context, spec.ICCID) (spec.Reading, error) {
		if n := calls.Add(1); n > 100 && n%90 != 0 { // 89 failures in a row, again and again
			return spec.Reading{}, down
		}
		return fine()
	}), wants(1000), ReadOptions{Parallel: 1})
	require.NoError(t, err)
	assert.EqualValues(t, 1000, calls.Load())
}

func TestInterruptLeavesTheRestUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2500*time.Millisecond, errors.New("signal"))
		defer cancel()
		readings, err := ReadAll(ctx, reads(func(ctx context.Context, _ spec.ICCID) (spec.Reading, error) {
			select {
			case <-time.After(time.Second):
				return fine()
			case <-ctx.Done():
				return spec.Reading{}, ctx.Err()
			}
		}), wants(100), ReadOptions{Parallel: 10})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for i, r := range readings {
			assert.Equal(t, i < 20, r.Known(), "card %d", i)
			assert.Equal(t, i >= 20, r.Unread == "interrupted", "card %d: %q", i, r.Unread)
		}
	})
}

func TestInterruptAfterTheLastCardIsNoError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	readings, err := ReadAll(ctx, reads(func(context.Context, spec.ICCID) (spec.Reading, error) {
		cancel()
		return fine()
	}), wants(1), ReadOptions{})
	require.NoError(t, err)
	assert.True(t, readings[0].Known())
}

func TestErrorSaysWhatHappened(t *testing.T) {
	err := fmt.Errorf("change-bind 8986…: %w", &Error{
		Call: "DoIotChgBindOrUnBind", Code: "isv.ERROR_BIND_NOT_EXIST", Message: "not bound", RequestID: "8906582E", Cause: PriorMismatch, Proof: Declined,
	})
	assert.EqualError(t, err, "change-bind 8986…: DoIotChgBindOrUnBind: isv.ERROR_BIND_NOT_EXIST: not bound (request 8906582E)")
	cause, known := CauseOf(err)
	assert.Equal(t, PriorMismatch, cause)
	assert.True(t, known)
	assert.Equal(t, EffectNone, EffectOf(err))
	assert.Equal(t, "8906582E", RequestIDOf(err))

	plain := errors.New("plain")
	assert.Equal(t, EffectUnknown, EffectOf(plain), "the careful answer")
	_, known = CauseOf(plain)
	assert.False(t, known)
	assert.Empty(t, RequestIDOf(plain))
}

func BenchmarkReadAll(b *testing.B) {
	w := wants(100_000)
	p := reads(func(context.Context, spec.ICCID) (spec.Reading, error) { return fine() })
	for b.Loop() {
		if _, err := ReadAll(b.Context(), p, w, ReadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w)), "ns/card")
}
