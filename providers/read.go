package providers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/spec"
)

const (
	// readersAtOnce is above any carrier's sensible max_in_flight: a reader that
	// waits for its turn costs little, and the provider keeps to its own limits.
	readersAtOnce = 128
	// deadFromStart is how many unavailable answers in a row mean that the carrier
	// can't be reached, where none came before that helped.
	deadFromStart = 5
	// deadMidway is the same where it had answered before: long enough to sit
	// out a hiccup, far shorter than retrying every card that is left.
	deadMidway = 100
)

// interrupted is the reason of cards that were not read because the run ended.
const interrupted = "interrupted"

// Want is one card to be read, and the attributes wanted of it.
type Want struct {
	ICCID spec.ICCID
	// Other is another spelling of the ICCID, to be tried where the carrier
	// doesn't find the card in that one; "" for none.
	Other spec.ICCID
	Attrs spec.Attr
}

// ReadOptions says how to read many cards. The zero value is usable.
type ReadOptions struct {
	// Provider is stamped on every reading.
	Provider spec.ProviderName
	// Since is when the run had read the state; zero where there is none. It is of
	// the clock that the provider goes by, with its steady part.
	Since time.Time
	// Parallel is how many cards are asked for at once; 0 means 128, which
	// leaves it to the provider's own limits.
	Parallel int
	// Progress, where set, is told how many cards are done, from several
	// goroutines at once, and numbers may come out of order. It must be quick.
	Progress func(done, total int)
	// MostCalls is the most calls to make, repeated ones aside; 0 for no limit.
	// The first of the wants go first. Those that are not read then are Unread
	// with [spec.LeftForLater].
	MostCalls int
	// Chosen, where set, is told how the cards are read, before most of them are; of
	// a [Follower]'s list, once that has been read.
	Chosen func(Mix)
}

// CarrierError is a carrier that could not be read at all, or no longer: the
// credentials are refused, it doesn't answer, or it gives one answer for each card.
type CarrierError struct {
	Provider spec.ProviderName
	Err      error
}

func (e *CarrierError) Error() string { return fmt.Sprintf("read %s: %v", e.Provider, e.Err) }

// Unwrap returns the failure that decided it.
func (e *CarrierError) Unwrap() error { return e.Err }

// ReadAll reads every wanted card once and returns a reading for each, in the
// order of wants. A card that can't be read is a reading with Unread set, and
// the others go on.
//
// Where the provider can list its cards, and the list tells what is wanted with
// fewer calls than reading one by one takes, they are read from the list (see
// [Choose]); a card that the list doesn't have is read by itself.
//
// A carrier that can't be read is given up early, rather than after retrying
// every card: the cards not yet read are then Unread, and the error is a
// [*CarrierError]. Where ctx ends, they are Unread too, and the error is ctx's.
// No goroutine outlives the call.
func ReadAll(ctx context.Context, p Provider, wants []Want, o ReadOptions) ([]spec.Reading, error) {
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = readersAtOnce
	}
	reading, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	r := &reader{provider: p, wants: wants, options: o, giveUp: giveUp, readings: make([]spec.Reading, len(wants))}
	r.list(reading, parallel)
	r.prepare(reading)
	r.batches(reading, parallel)
	var group errgroup.Group
	for range min(parallel, len(wants)) {
		group.Go(func() error { r.work(reading); return nil })
	}
	_ = group.Wait() // workers report through readings
	for i := range r.readings {
		read := &r.readings[i]
		read.CarrierAt = CarrierTime(p, read.At)
		if !o.Since.IsZero() && !read.At.IsZero() {
			read.Watched = max(read.At.Sub(o.Since), 0)
		}
	}
	return r.readings, r.finish(ctx.Err(), context.Cause(reading))
}

// reader is one ReadAll under way.
type reader struct {
	provider Provider
	wants    []Want
	options  ReadOptions
	giveUp   context.CancelCauseFunc
	readings []spec.Reading

	able   spec.Capabilities
	listed map[int]spec.Reading // of wants that a list told, to be completed

	done atomic.Int64

	mu        sync.Mutex
	next      int // the first of wants that nobody has taken
	succeeded bool
	failures  int   // unavailable answers in a row
	failure   error // the last of them
	spent     int   // calls, where there is a limit
	asked     int   // cards that were asked for by calls of their own
	answers   alike // what came of those
	found     bool  // a card was told that is there
	gone      int   // how many of the first cards aren't
	lostAll   bool  // none of the first is there, and none was told
}

func (r *reader) work(ctx context.Context) {
	for ctx.Err() == nil {
		i, turn, left := r.take()
		switch {
		case i < 0:
			return
		case left:
			r.readings[i] = spec.Reading{Provider: r.options.Provider, ICCID: r.wants[i].ICCID, Unread: spec.LeftForLater}
			continue
		}
		r.readings[i] = r.read(ctx, i, turn)
		if r.readings[i].ICCID == "" {
			return // cut short: it doesn't count as done
		}
		r.progress()
	}
}

// progress tells of one more card that is done.
func (r *reader) progress() {
	done := int(r.done.Add(1))
	if r.options.Progress != nil {
		r.options.Progress(done, len(r.wants))
	}
}

// take is the next card to be read, -1 for none, how many were taken before it,
// and whether there is no call left for it. Then there is none for those after it
// either.
func (r *reader) take() (i, turn int, left bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.next < len(r.wants) && r.readings[r.next].ICCID != "" {
		r.next++ // the list told it
	}
	if r.next >= len(r.wants) {
		return -1, 0, false
	}
	i = r.next
	r.next++
	if r.options.MostCalls > 0 && r.spends(i) {
		return i, 0, true
	}
	r.asked++
	return i, r.asked - 1, false
}

// spends takes the calls that a card costs from those that are left, and reports
// whether they don't suffice.
func (r *reader) spends(i int) (short bool) {
	calls := r.able.CallsToRead(r.wants[i].Attrs)
	if _, listed := r.listed[i]; listed {
		calls, _ = callsAfterList(r.able, r.wants[i].Attrs)
	}
	if r.spent+calls > r.options.MostCalls {
		r.spent = r.options.MostCalls
		return true
	}
	r.spent += calls
	return false
}

func (r *reader) read(ctx context.Context, i, turn int) spec.Reading {
	want := r.wants[i]
	reading, err := r.ask(ctx, i)
	if err != nil {
		// A call cut short says nothing of its card: finish gives it the reason.
		if ctx.Err() != nil {
			return spec.Reading{}
		}
		reading = spec.Reading{Unread: err.Error()}
	}
	reading.Provider, reading.ICCID = r.options.Provider, want.ICCID
	r.judge(err)
	r.compare(turn, err)
	r.missing(turn, &reading)
	return reading
}

func (r *reader) ask(ctx context.Context, i int) (spec.Reading, error) {
	want := r.wants[i]
	if listed, ok := r.listed[i]; ok {
		return r.provider.(Completer).Complete(ctx, listed, want.Attrs)
	}
	return ReadSpelled(ctx, r.provider, want.ICCID, want.Other, want.Attrs)
}

// judge notices when it is the carrier that can't be read, not one card.
func (r *reader) judge(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cause, known := CauseOf(err)
	switch {
	case err == nil:
		r.succeeded, r.failures = true, 0
	case known && cause == Stopped: // it was never sent
	case known && cause == Denied:
		r.lose(err)
	case known && (cause == Unavailable || cause == Throttled):
		r.failures, r.failure = r.failures+1, err
		if r.failures >= deadMidway || !r.succeeded && r.failures >= deadFromStart {
			r.lose(err)
		}
	case known: // the carrier answered, of this card
		r.succeeded, r.failures = true, 0
	}
}

// compare notices that the carrier says one and the same thing of each card.
func (r *reader) compare(turn int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answers.hear(turn, err); r.answers.ofNone() {
		r.lose(r.answers.error())
	}
}

// missing notices that none of the first cards is there, at a carrier whose word on
// that a definition reads: a wrong address answers so to everything.
func (r *reader) missing(turn int, reading *spec.Reading) {
	described, ok := r.provider.(Described)
	if !ok || !described.Described() || !reading.Known() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if reading.Lifecycle != spec.NotFound {
		r.found = true
		return
	}
	if turn < firstAlike {
		r.gone++
	}
	if r.lostAll = !r.found && r.gone >= firstAlike; r.lostAll {
		r.lose(errNoneFound)
	}
}

// errNoneFound is a carrier that has none of the cards.
var errNoneFound = fmt.Errorf("the carrier says of each of the first %d cards that it has none such, and told of none: "+
	"endpoint, path or account are likely wrong; try one card with cardfleet carriers try", firstAlike)

// lose ends the reading of a carrier that can't be read.
func (r *reader) lose(err error) { r.giveUp(&CarrierError{r.options.Provider, err}) }

// finish gives the cards that were not read their reason, and returns it:
// that the carrier was lost (the cause of the end), or that the run ended.
func (r *reader) finish(ended, cause error) error {
	reason := interrupted
	var carrier *CarrierError
	if errors.As(cause, &carrier) {
		reason, ended = carrier.Err.Error(), carrier
	}
	if carrier == nil && ended == nil && !r.succeeded && r.failure != nil {
		carrier = &CarrierError{r.options.Provider, r.failure} // too few cards to notice on the way
		ended = carrier
	}
	if carrier == nil && ended == nil && r.answers.unread() {
		carrier = &CarrierError{r.options.Provider, r.answers.error()}
		ended = carrier
	}
	unread := 0
	for i, want := range r.wants {
		if reading := &r.readings[i]; reading.ICCID == "" || r.lostAll && reading.Lifecycle == spec.NotFound {
			*reading = spec.Reading{Provider: r.options.Provider, ICCID: want.ICCID, Unread: reason}
			unread++
		}
	}
	if carrier == nil && unread == 0 {
		return nil // ctx ended after the last card, if at all
	}
	return ended
}
