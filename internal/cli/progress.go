package cli

import (
	"fmt"
	"sync"
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
	p           *progress
	name        string
	done, total int
	bar         *mpb.Bar
}

// carrier adds a carrier; total is the number of its cards or actions.
func (p *progress) carrier(name string, total int) *carrierProgress {
	c := &carrierProgress{p: p, name: name, total: total}
	if p.bars != nil && total > 0 {
		c.bar = p.bars.AddBar(int64(total),
			mpb.PrependDecorators(decor.Name(p.verb+" "+name+" ", decor.WCSyncSpaceR), decor.CountersNoUnit("%d / %d", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s", decor.WCSyncSpace), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)),
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
	if done <= c.done {
		return
	}
	c.done = done
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
	next := c.done + 1
	c.p.mu.Unlock()
	c.set(next)
}

// show writes how far each carrier is, with mu held.
func (p *progress) show(now time.Time) {
	for _, c := range p.carriers {
		if c.done == c.total {
			continue
		}
		rate := float64(c.done) / now.Sub(p.began).Seconds()
		left := ""
		if rate > 0 {
			left = fmt.Sprintf(", %.0f/s, about %s left", rate, render.Duration(time.Duration(float64(c.total-c.done)/rate*float64(time.Second))))
		}
		p.out.say("%s %s: %s of %s%s\n", p.verb, c.name, render.Thousands(c.done), render.Thousands(c.total), left)
	}
}

func (p *progress) event() {
	done, total := 0, 0
	for _, c := range p.carriers {
		done, total = done+c.done, total+c.total
	}
	p.out.event("info", "progress", fmt.Sprintf("%s: %d of %d", p.verb, done, total),
		map[string]any{"phase": p.phase, "done": done, "total": total})
}

// end takes the bars away.
func (p *progress) end() {
	p.mu.Lock()
	for _, c := range p.carriers {
		if c.bar != nil && c.done < c.total {
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
