package carrierhttp

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Accounts are the accounts of a run, by name, and the connections that it
// holds. The zero value has none yet. A nil one shares nothing: each Transport
// has an account of its own.
type Accounts struct {
	mu     sync.Mutex
	byName map[string]*account
	held   map[*http.Transport]*direct
}

// account returns the account of that name; one of its own for "" and for nil.
func (a *Accounts) account(name string) *account {
	if a == nil || name == "" {
		return newAccount()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byName == nil {
		a.byName = map[string]*account{}
	}
	if a.byName[name] == nil {
		a.byName[name] = newAccount()
	}
	return a.byName[name]
}

// direct returns the connections that are held in place of a transport's; ones of
// their own for nil.
func (a *Accounts) direct(base *http.Transport, now func() time.Time) *direct {
	if a == nil {
		return newDirect(base, now)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held == nil {
		a.held = map[*http.Transport]*direct{}
	}
	if a.held[base] == nil {
		a.held[base] = newDirect(base, now)
	}
	return a.held[base]
}

// account lets requests go, one after the other, each as soon as there is a
// free slot and a token. Of those that wait, changes go before reads; of the
// transports that share the account, and of the functions that have a rate of
// their own, each has its turn.
//
// At most one request at a time waits at the door, for its token's time. A more
// urgent request that comes later waits for the request at the door, and then
// goes before all others.
type account struct {
	mu        sync.Mutex
	pace      *pace
	functions map[string]*pace // of those with a rate of their own
	quota     quota
	most      int // requests under way at once; 0 for no limit
	underWay  int
	atDoor    *waiter
	lanes     []*lane
	turn      int // the lane that was served last

	leaving chan struct{} // full while a request is about to leave
}

func newAccount() *account {
	return &account{functions: map[string]*pace{}, leaving: make(chan struct{}, 1)}
}

// join adds a transport to the account. Where its limits are the stricter ones,
// they are the account's from now on.
func (a *account) join(o *Options) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.pace == nil:
		a.pace = newPace(o.RequestsPerSecond)
	case o.RequestsPerSecond > 0:
		a.pace.lower(o.Now(), o.RequestsPerSecond)
	}
	a.most = stricter(a.most, o.InFlight)
	a.quota.perDay = stricter(a.quota.perDay, o.PerDay)
	a.quota.perMonth = stricter(a.quota.perMonth, o.PerMonth)
}

// stricter is the lower of two limits, of which 0 is none.
func stricter(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// lane is the queue of one transport's requests of one function.
type lane struct {
	of       *Transport
	function string
	first    bool // before those that only read
	waiting  []*waiter
}

// waiter is one request that waits for its turn.
type waiter struct {
	lane  *lane
	given chan struct{} // closed when the request has its turn; nil for one that has it at once

	turn   bool // it has its turn, and the fields below are set
	err    error
	delay  time.Duration // until the tick at which it has its token
	tokens [2]*rate.Reservation
}

// acquire waits for a turn. The request is under way until release.
func (a *account) acquire(ctx context.Context, t *Transport, c Call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := a.enter(t, c)
	if w.given != nil {
		select {
		case <-w.given:
		case <-ctx.Done():
			return a.leave(ctx, t, w)
		}
	}
	if w.err != nil || w.delay <= 0 {
		return w.err
	}
	err := t.options.Sleep(ctx, w.delay)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := t.options.Now()
	a.atDoor = nil
	if err != nil {
		a.giveBack(w, now)
	}
	a.admit(now)
	return err
}

// enter puts a request into its lane, behind those that wait there.
func (a *account) enter(t *Transport, c Call) *waiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := &waiter{lane: a.laneOf(t, c)}
	w.lane.waiting = append(w.lane.waiting, w)
	a.admit(t.options.Now())
	if !w.turn {
		w.given = make(chan struct{})
	}
	return w
}

// leave takes a request back that doesn't want to wait any longer.
func (a *account) leave(ctx context.Context, t *Transport, w *waiter) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := t.options.Now()
	if w.turn { // in the same moment
		if w.err == nil {
			a.giveBack(w, now)
		}
		if a.atDoor == w {
			a.atDoor = nil
		}
	} else {
		w.lane.waiting = slices.DeleteFunc(w.lane.waiting, func(other *waiter) bool { return other == w })
	}
	a.admit(now)
	return ctx.Err()
}

// giveBack undoes a turn that wasn't used.
func (a *account) giveBack(w *waiter, now time.Time) {
	a.underWay--
	a.quota.giveBack()
	for _, token := range w.tokens {
		if token != nil {
			token.CancelAt(now)
		}
	}
}

// release ends a request.
func (a *account) release(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.underWay--
	a.admit(now)
}

// depart waits until a request may leave, and notes that it does. What was given a
// turn may have become late since, and others with it: they don't leave all at once.
// One waits at a time, and those that came later behind it.
func (a *account) depart(ctx context.Context, t *Transport, c Call) error {
	select {
	case a.leaving <- struct{}{}:
	default:
		select {
		case a.leaving <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { <-a.leaving }()
	for wait := a.leaveNow(t, c); wait > 0; wait = a.leaveNow(t, c) {
		if err := t.options.Sleep(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// leaveNow notes that a request leaves, or says how long it has to wait.
func (a *account) leaveNow(t *Transport, c Call) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := t.options.Now()
	name, _ := c.pace(t.options.PerFunction)
	own := a.functions[name]
	if wait := max(a.pace.wait(now), own.wait(now)); wait > 0 {
		return napIfNear(now, wait, a.pace, own)
	}
	a.pace.left(now)
	own.left(now)
	return 0
}

// unsent takes a request that had its turn, and never left, out of the quota.
func (a *account) unsent() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.quota.giveBack()
}

// slowDown halves the account's rate, and the function's where it has one. It
// returns the lower of the two, and what that recovers to; 0 for none.
func (a *account) slowDown(c Call, o Options) (current, full float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := o.Now()
	name, _ := c.pace(o.PerFunction)
	for _, p := range []*pace{a.pace, a.functions[name]} {
		if p == nil {
			continue
		}
		p.slowDown(now)
		if rate := float64(p.limiter.Limit()); current == 0 || rate < current {
			current, full = rate, float64(p.configured)
		}
	}
	return current, full
}

func (a *account) laneOf(t *Transport, c Call) *lane {
	function := ""
	if name, rate := c.pace(t.options.PerFunction); rate > 0 {
		function = name
		if a.functions[function] == nil {
			a.functions[function] = newPace(rate)
		}
		a.functions[function].lower(t.options.Now(), rate)
	}
	for _, l := range a.lanes {
		if l.of == t && l.function == function && l.first == c.first() {
			return l
		}
	}
	l := &lane{of: t, function: function, first: c.first()}
	a.lanes = append(a.lanes, l)
	return l
}

// admit gives turns to as many requests as may go.
func (a *account) admit(now time.Time) {
	for a.atDoor == nil && (a.most == 0 || a.underWay < a.most) {
		i, delay := a.next(now)
		if i < 0 {
			return
		}
		a.give(i, delay, now)
	}
}

// next is the lane whose first request goes next, -1 for none, and how long its
// token takes: the one that can go first, of those a change before a read, of
// those the one whose lane has waited the longest for its turn.
func (a *account) next(now time.Time) (best int, delay time.Duration) {
	best = -1
	shared := a.pace.until(now)
	for k := range a.lanes {
		i := (a.turn + 1 + k) % len(a.lanes)
		l := a.lanes[i]
		if len(l.waiting) == 0 {
			continue
		}
		d := max(shared, a.functions[l.function].until(now))
		if best < 0 || d < delay || d == delay && l.first && !a.lanes[best].first {
			best, delay = i, d
		}
	}
	return best, delay
}

// give gives the lane's first request its turn.
func (a *account) give(i int, delay time.Duration, now time.Time) {
	l := a.lanes[i]
	w := l.waiting[0]
	l.waiting[0] = nil
	l.waiting, a.turn = l.waiting[1:], i
	if w.err = a.quota.take(now); w.err == nil {
		a.underWay++
		own := a.functions[l.function]
		w.tokens = [2]*rate.Reservation{a.pace.reserve(now), own.reserve(now)}
		if delay > 0 {
			a.atDoor, w.delay = w, nap(now, delay, a.pace, own)
		}
	}
	if w.turn = true; w.given != nil {
		close(w.given)
	}
}
