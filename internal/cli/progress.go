package cli

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/cardfleet/cardfleet/plan/render"
)

// progress shows how far a phase is: a live bar for each carrier on a
// terminal, a line now and then elsewhere, progress objects with -json.
type progress struct {
	out   *output
	phase string // "refresh", "apply"
	verb  string // "reading"
	bars  *mpb.Progress

	mu       sync.Mutex
	carriers []*carrierProgress
	shown    time.Time
	began    time.Time
}

// between is the time between two lines where there is no terminal.
const between = 10 * time.Second

func (o *output) progress(phase, verb string) *progress {
	p := &progress{out: o, phase: phase, verb: verb, began: o.env.Now(), shown: o.env.Now()}
	if o.live {
		p.bars = mpb.New(mpb.WithOutput(o.env.Err), mpb.WithWidth(36))
	}
	return p
}

// carrierProgress is one carrier's part of it.
type carrierProgress struct {
	p     *progress
	name  string
	done  atomic.Int64 // of total; only set has it grow
	total int
	bar   *mpb.Bar
	calls atomic.Pointer[calls] // that it takes; nil while nobody has said
}

// calls are what a carrier's part takes: all, and of these the ones of a list
// that tells so many cards.
type calls struct{ all, listing, listed int }

// made is about how many calls were made once so many of total are done: first
// those of the list, then as many for each of the others.
func (c *calls) made(done, total int) float64 {
	switch {
	case done < c.listed:
		return float64(c.listing) * float64(done) / float64(c.listed)
	case done >= total:
		return float64(c.all)
	}
	return float64(c.listing) + float64(c.all-c.listing)*float64(done-c.listed)/float64(total-c.listed)
}

// pace is "20/s, about 4 s left", in calls; "" while nothing is done. The bars
// ask for it while somebody holds the progress, so it takes no lock.
func (c *carrierProgress) pace(now time.Time) string {
	all := c.calls.Load()
	if all == nil {
		all = &calls{all: c.total} // one each, as far as anybody knows
	}
	made, elapsed := all.made(int(c.done.Load()), c.total), now.Sub(c.p.began).Seconds()
	if made <= 0 || elapsed <= 0 {
		return ""
	}
	perSecond := made / elapsed
	if made >= float64(all.all) {
		return fmt.Sprintf("%.0f/s", perSecond)
	}
	left := time.Duration((float64(all.all) - made) / perSecond * float64(time.Second))
	return fmt.Sprintf("%.0f/s, about %s left", perSecond, render.Duration(left))
}

// carrier adds a carrier; total is the number of its cards or actions.
func (p *progress) carrier(name string, total int) *carrierProgress {
	c := &carrierProgress{p: p, name: name, total: total}
	if p.bars != nil && total > 0 {
		c.bar = p.bars.AddBar(int64(total),
			mpb.PrependDecorators(decor.Name(p.out.errors.Lang.Text(p.verb+" "+name)+" ", decor.WCSyncSpaceR), decor.CountersNoUnit("%d / %d", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.out.errors.Lang.Word(c.pace(p.out.env.Now())) }, decor.WCSyncSpace)),
		)
	}
	p.mu.Lock()
	p.carriers = append(p.carriers, c)
	p.mu.Unlock()
	return c
}

// set says how many are done. Numbers may come out of order.
func (c *carrierProgress) set(done int) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.reach(done)
}

// reach is set, with mu held.
func (c *carrierProgress) reach(done int) {
	if done <= int(c.done.Load()) {
		return
	}
	c.done.Store(int64(done))
	if c.bar != nil {
		c.bar.SetCurrent(int64(done))
	}
	if now := c.p.out.env.Now(); now.Sub(c.p.shown) >= between {
		c.p.shown = now
		if c.bar == nil {
			c.p.show(now)
		}
		c.p.event()
	}
}

// add is one more done.
func (c *carrierProgress) add() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.reach(int(c.done.Load()) + 1)
}

// show writes how far each carrier is, with mu held.
func (p *progress) show(now time.Time) {
	for _, c := range p.carriers {
		done := int(c.done.Load())
		if done == c.total {
			continue
		}
		pace := c.pace(now)
		if pace != "" {
			pace = ", " + pace
		}
		p.out.say("%s %s: %s of %s%s\n", p.verb, c.name, render.Thousands(done), render.Thousands(c.total), pace)
	}
}

func (p *progress) event() {
	done, total := 0, 0
	for _, c := range p.carriers {
		done, total = done+int(c.done.Load()), total+c.total
	}
	p.out.event("info", "progress", fmt.Sprintf("%s: %d of %d", p.verb, done, total),
		map[string]any{"phase": p.phase, "done": done, "total": total})
}

// end takes the bars away.
func (p *progress) end() {
	p.mu.Lock()
	for _, c := range p.carriers {
		if c.bar != nil && int(c.done.Load()) < c.total {
			c.bar.Abort(false)
		}
	}
	if len(p.carriers) > 0 {
		p.event()
	}
	p.mu.Unlock()
	if p.bars != nil {
		p.bars.Wait()
	}
}
