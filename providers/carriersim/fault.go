package carriersim

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/cardfleet/cardfleet/spec"
)

// Fault is something that goes wrong with some requests. Faults are looked
// through in order, and the first that fits a request happens to it.
type Fault struct {
	Action string     `json:"action,omitempty"` // the carrier's name of the call; "" means any
	ICCID  spec.ICCID `json:"iccid,omitempty"`  // "" means any card's
	// Times is how often it happens; 0 means always. Used is how often it has.
	Times int       `json:"times,omitempty"`
	Used  int       `json:"used,omitempty"`
	Kind  FaultKind `json:"kind"`
	// RetryAfter is what a throttle asks for; 0 asks for nothing.
	RetryAfter Duration `json:"retry_after,omitzero"`
}

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of fault. "code:X" answers with the carrier's code X instead of
// doing what was asked.
const (
	LostAfter  FaultKind = "lost-after"  // it is done, and the connection is cut before the answer
	LostBefore FaultKind = "lost-before" // the connection is cut, and nothing is done
	HTML5xx    FaultKind = "html-5xx"    // it is done, and a page of HTML with status 502 answers
	Truncated  FaultKind = "truncated"   // it is done, and half of the answer comes
	Throttle   FaultKind = "throttle"    // it is refused as one too many, and nothing is done
)

// CodeFault is the fault that answers with a carrier's code.
func CodeFault(code string) FaultKind { return FaultKind("code:" + code) }

// Code is the code that the fault answers with; "" for other kinds.
func (k FaultKind) Code() string {
	code, ok := strings.CutPrefix(string(k), "code:")
	if !ok {
		return ""
	}
	return code
}

// Done reports whether the carrier does what was asked in spite of the fault.
// The zero kind is no fault.
func (k FaultKind) Done() bool {
	return k == "" || k == LostAfter || k == HTML5xx || k == Truncated
}

func (k FaultKind) known() bool {
	return k != "" && k.Done() || k == LostBefore || k == Throttle || k.Code() != ""
}

// Visit is a request that a carrier let in, and what is to go wrong with it.
type Visit struct {
	Fault Fault // the zero Fault where nothing does
	index int   // in World.requests
}

// Arrive is how a carrier tells the world of a request. It counts it, decides
// what is to go wrong with it, and waits for the latency.
func (w *World) Arrive(ctx context.Context, r Request) (Visit, error) {
	visit := w.arrive(r)
	if w.Latency > 0 && w.Sleep != nil {
		if err := w.Sleep(ctx, time.Duration(w.Latency)); err != nil {
			return Visit{}, err
		}
	}
	return visit, nil
}

// Effect tells that the request of a visit changed something.
func (w *World) Effect(v Visit) {
	defer w.lock()()
	if w.Record {
		w.requests[v.index].Effect = true
	}
}

func (w *World) arrive(r Request) Visit {
	defer w.lock()()
	w.counts[r.Action]++
	visit := Visit{index: len(w.requests)}
	if w.Record {
		w.requests = append(w.requests, r)
	}
	if w.admits(r.Carrier) {
		visit.Fault = w.strike(r)
	} else {
		visit.Fault = Fault{Kind: Throttle, RetryAfter: w.ThrottleAfter}
	}
	return visit
}

// strike is the first fault that fits the request; with mu held.
func (w *World) strike(r Request) Fault {
	for i := range w.Faults {
		f := &w.Faults[i]
		if !f.fits(r) || f.Times != 0 && f.Used >= f.Times {
			continue
		}
		if f.Times != 0 {
			f.Used++
			_ = w.log.append(record{Fault: &faultUse{i, f.Used}}) // a fault that happens once more harms nobody
		}
		return *f
	}
	return Fault{}
}

func (f *Fault) fits(r Request) bool {
	return (f.Action == "" || f.Action == r.Action) && (f.ICCID == "" || f.ICCID == r.ICCID)
}

// admits takes a token of the carrier's limit; with mu held.
func (w *World) admits(carrier string) bool {
	if w.RequestsPerSecond <= 0 {
		return true
	}
	limiter := w.limiters[carrier]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(w.RequestsPerSecond), int(math.Ceil(w.RequestsPerSecond)))
		w.limiters[carrier] = limiter
	}
	return limiter.AllowN(w.Clock(), 1)
}

// Duration is a time.Duration that is written "250ms" in JSON.
type Duration time.Duration

// MarshalJSON writes it as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads "250ms".
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf(`%s is no duration such as "250ms"`, data)
	}
	v, err := time.ParseDuration(text)
	*d = Duration(v)
	return err
}
