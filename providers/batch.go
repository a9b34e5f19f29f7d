package providers

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/spec"
)

// Batcher is a provider that can read many cards with one call.
type Batcher interface {
	// BatchSize is the most cards of one call; 0 where it can't.
	BatchSize() int
	// ReadBatch reads cards, in their order. One that the carrier didn't tell of has
	// Unread set, and one that it wasn't asked for is the zero value, and is read by
	// itself. An error leaves all of them to be read so.
	ReadBatch(ctx context.Context, cards []spec.ICCID) ([]spec.Reading, error)
}

// batches reads the cards that no list told by batches, where the provider can. What
// a batch leaves is read by itself afterwards; so is all of it where calls are rationed.
func (r *reader) batches(ctx context.Context, parallel int) {
	batcher, ok := r.provider.(Batcher)
	if !ok || batcher.BatchSize() < 2 || r.options.MostCalls > 0 {
		return
	}
	var left []int
	for i := range r.wants {
		if _, listed := r.listed[i]; !listed && r.readings[i].ICCID == "" && r.wants[i].Other == "" {
			left = append(left, i)
		}
	}
	if len(left) < 2 {
		return
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for len(left) > 0 {
		n := min(batcher.BatchSize(), len(left))
		part := left[:n]
		left = left[n:]
		group.Go(func() error { r.batch(ctx, batcher, part); return nil })
	}
	_ = group.Wait() // workers report through readings
}

// said reports whether a batch says anything of a card.
func said(r spec.Reading) bool { return r.Unread != "" || r.Known() }

// batch reads some of the wants.
func (r *reader) batch(ctx context.Context, batcher Batcher, part []int) {
	if ctx.Err() != nil {
		return
	}
	cards := make([]spec.ICCID, len(part))
	for k, i := range part {
		cards[k] = r.wants[i].ICCID
	}
	readings, err := batcher.ReadBatch(ctx, cards)
	if ctx.Err() == nil && (err != nil || slices.ContainsFunc(readings, said)) {
		r.judge(err) // a call cut short, or that was not made, says nothing of the carrier
	}
	if err != nil || len(readings) != len(part) {
		return
	}
	for k, i := range part {
		reading := readings[k]
		told := reading.Unread != "" || reading.Lifecycle == spec.NotFound || reading.Known() && reading.Tells(r.wants[i].Attrs&r.able.Reads)
		if !told {
			continue
		}
		reading.Provider, reading.ICCID = r.options.Provider, cards[k]
		r.readings[i] = reading
		r.missing(i, &reading)
		r.progress()
	}
}
