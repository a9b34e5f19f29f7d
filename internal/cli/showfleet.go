package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/state"
)

// showFleet shows the fleet, as the state and its history have it, as a page or
// as Markdown.
func (prog *program) showFleet(ctx context.Context, o showOptions) error {
	prog.open(viewOptions{noColor: o.noColor})
	view, whole, err := prog.overview(ctx, o.inputOptions)
	if err != nil {
		return err
	}
	err = prog.writeFleet(o, view)
	if !errors.Is(err, state.ErrTangled) {
		return err
	}
	// Nothing is written by then: the cards are counted first. Read whole, a damaged
	// state says where it is damaged.
	rows, err := whole()
	if err != nil {
		return err
	}
	view.State, view.Each = rows.Head, rows.Each
	return prog.writeFleet(o, view)
}

func (prog *program) writeFleet(o showOptions, view render.Overview) error {
	if o.html {
		return render.FleetHTML(prog.env.Out, view)
	}
	o.comment.Lang = prog.env.lang
	return prog.out.writeText(prog.env.Out, func(w io.Writer) error { return render.FleetMarkdown(w, view, o.comment) })
}

// overview is the fleet as its page shows it; whole reads its state so. Providers
// are not opened: that takes no credentials.
func (prog *program) overview(ctx context.Context, in inputOptions) (view render.Overview, whole func() (*state.Rows, error), err error) {
	fleet, err := prog.configuredFleet(ctx, prog.dir(), in)
	if err != nil {
		return view, nil, err
	}
	store, err := prog.storeFor(prog.dir(), fleet)
	if err != nil {
		return view, nil, err
	}
	whole = func() (*state.Rows, error) { return wholeRows(ctx, store.Backend) }
	view = render.Overview{Now: prog.env.Now().UTC(), Version: Version, Lang: prog.env.lang}
	if fleet.Zone != "" {
		if view.Zone, err = time.LoadLocation(fleet.Zone); err != nil {
			return view, nil, err
		}
	}
	rows, err := stateRows(ctx, store.Backend)
	if err != nil {
		return view, nil, err
	}
	view.State, view.Each = rows.Head, rows.Each
	view.Past, err = pastOf(ctx, store, view.Now, view.Zone)
	return view, whole, err
}

// pastOf is what the history has of the time that the page shows; nil where the
// backend keeps none.
func pastOf(ctx context.Context, store run.Store, now time.Time, zone *time.Location) (*render.Past, error) {
	if _, keeps := store.Backend.(state.Chronicler); !keeps {
		return nil, nil //nolint:nilnil // as the comment says
	}
	past := render.NewPast(now, zone)
	err := store.Events(ctx, run.Wanted{Since: past.Since()}, func(e *state.Entry) error {
		past.Add(e.Run, e.Event)
		return nil
	})
	return past, err
}

// stateRows is the state card by card, from a backend that can read it so, or whole.
func stateRows(ctx context.Context, b state.Backend) (*state.Rows, error) {
	if reader, ok := b.(state.RowReader); ok {
		rows, err := reader.Rows(ctx)
		if err == nil || !errors.Is(err, state.ErrTangled) {
			return rows, err
		}
	}
	return wholeRows(ctx, b)
}

// wholeRows is the state, read whole.
func wholeRows(ctx context.Context, b state.Backend) (*state.Rows, error) {
	snap, err := b.Read(ctx)
	if err != nil {
		return nil, err
	}
	cards := snap.Rows()
	return &state.Rows{Head: snap, Each: func(visit func(*state.Card) error) error {
		for i := range cards {
			if err := visit(&cards[i]); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}
