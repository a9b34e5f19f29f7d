package described

import (
	"errors"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// stretch is a span of time that a list is asked for. The zero value is that of a
// list which isn't parted by time.
type stretch struct {
	from, to time.Time
	last     bool // none follows
}

// value is the stretch as expressions see it; nothing for the zero value.
func (s stretch) value() cty.Value {
	if s == (stretch{}) {
		return cty.NilVal
	}
	return cty.ObjectVal(map[string]cty.Value{
		"from": cty.StringVal(timeText(s.from)), "to": cty.StringVal(timeText(s.to)), "last": cty.BoolVal(s.last),
	})
}

// shortest is what no stretch is halved below: carriers have seconds.
const shortest = time.Second

// halves are the stretch's, parted at a whole second; ok is false where it is too
// short for that.
func (s stretch) halves() (early, late stretch, ok bool) {
	middle := s.from.Add(s.to.Sub(s.from) / 2).Truncate(shortest)
	if !middle.After(s.from) || !s.to.After(middle) {
		return early, late, false
	}
	return stretch{from: s.from, to: middle}, stretch{middle, s.to, s.last}, true
}

// windows are the stretches that the list is read by, the earliest first; the zero
// one where the definition says none. There is always one, if for no time at all.
func (p lister) windows(since cty.Value) ([]stretch, error) {
	w := p.def.list.window
	if w == nil {
		return []stretch{{}}, nil
	}
	ctx := p.scope(map[string]cty.Value{rootSince: since})
	if err := p.def.letValues(ctx); err != nil {
		return nil, err
	}
	from, err := timeOf(w.from.text(ctx))
	if err != nil {
		return nil, errors.New("the window's from is no time")
	}
	to := p.clock()
	if w.to != nil {
		if to, err = timeOf(w.to.text(ctx)); err != nil {
			return nil, errors.New("the window's to is no time")
		}
	}
	return stretches(from, to, w.span)
}

// clock is the time by the carrier's clock, which its list goes by; by ours where
// nobody knows that yet.
func (p lister) clock() time.Time {
	now := p.Now()
	if at := p.CarrierTime(now); !at.IsZero() {
		return at
	}
	return now
}

// mostWindows bounds what a mistaken span would make of years.
const mostWindows = 10_000

func stretches(from, to time.Time, span time.Duration) ([]stretch, error) {
	if span <= 0 || to.Sub(from)/span > mostWindows {
		return nil, errors.New("the window's span makes too many windows of its time")
	}
	list := []stretch{}
	for ; from.Add(span).Before(to); from = from.Add(span) {
		list = append(list, stretch{from: from, to: from.Add(span)})
	}
	if to.Before(from) { // by a clock that is slow
		to = from
	}
	return append(list, stretch{from, to, true}), nil
}
