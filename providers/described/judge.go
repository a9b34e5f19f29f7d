package described

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// What an outcome may say of a reply.
const (
	labelThrottled   = "throttled"
	labelDenied      = "denied"
	labelNotFound    = "not-found"
	labelMismatch    = "mismatch"
	labelAlready     = "already"
	labelRefused     = "refused"
	labelUnavailable = "unavailable"
	labelDone        = "done"
	// labelDoubt is that of a reply of which no outcome holds: nothing is known.
	labelDoubt = "in doubt"
)

// longestMessage is how many characters of a carrier's message are shown.
const longestMessage = 200

// judgement is what a reply means.
type judgement struct {
	label         string
	code, message string
	retryAfter    time.Duration
	status        int
	known         bool // an outcome of the definition holds
	waits         bool // for a person outside
}

// judge says what a reply means: the first outcome that holds. ctx has the reply,
// and the change where there is one; now is the time, where
// the reply doesn't tell the carrier's.
func (d *Definition) judge(ctx *hcl.EvalContext, r *reply, now time.Time, ch *change) judgement {
	status := r.status
	j := judgement{label: labelDoubt, status: status}
	if d.code != nil {
		v, err := d.code.value(ctx)
		if err == nil {
			j.code, _ = textOf(v)
			ctx.Variables[rootCode] = v
		}
	}
	for i := range d.outcomes {
		o := &d.outcomes[i]
		if o.holds(ctx, status) {
			j.label, j.known, j.waits = o.label, true, o.waits
			if o.retryAfter != nil {
				j.retryAfter = pause(o.retryAfter.text(ctx), r.time(now))
			}
			break
		}
	}
	if j.label == labelDoubt && d.isDone(ctx, status, ch) {
		j.label = labelDone
	}
	if j.label != labelDone {
		j.message = tidy(d.message.text(ctx))
	}
	return j
}

// isDone says what a reply is of which no outcome holds.
func (d *Definition) isDone(ctx *hcl.EvalContext, status int, ch *change) bool {
	success := status >= 200 && status < 300
	switch {
	case ch == nil: // what is read of it decides
		return success
	case ch.done != nil:
		return ch.done.holds(ctx)
	default:
		return success && !d.bodies
	}
}

// longestPause is the most that is believed of a carrier that asks to wait.
const longestPause = 24 * time.Hour

// firstUnix is the least number of seconds that is a time since 1970, and no
// length of a pause: March 1973, or three years.
const firstUnix = 1e8

// pause is how long a carrier asks to wait: a number of seconds, a length like
// "30s", or a time, also as HTTP has it. 0 is what makes no sense, and what is past.
func pause(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	var wait time.Duration
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || seconds >= firstUnix:
		wait = pauseUntil(text, now)
	case seconds > 0: // no number isn't
		wait = time.Duration(min(seconds, longestPause.Seconds()) * float64(time.Second))
	}
	return min(max(wait, 0), longestPause)
}

func pauseUntil(text string, now time.Time) time.Duration {
	if length, err := time.ParseDuration(text); err == nil {
		return length
	}
	if at, err := timeOf(text); err == nil {
		return at.Sub(now)
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now)
	}
	return 0
}

// tidy is a carrier's text as a message may show it.
func tidy(text string) string {
	text = strings.TrimSpace(safe.Text(strings.Join(strings.Fields(text), " ")))
	if r := []rune(text); len(r) > longestMessage {
		return string(r[:longestMessage]) + "…"
	}
	return text
}

// proof says what the reply proves of a change. A definition can't make it more
// than HTTP allows: 408, 409, 425 and 5xx prove nothing of a refusal.
func (j *judgement) proof() providers.Proof {
	if j.status >= http.StatusInternalServerError && !(j.status == http.StatusServiceUnavailable && j.label == labelThrottled) {
		return providers.ProvesNothing
	}
	unsure := slices.Contains([]int{http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly}, j.status)
	switch j.label {
	case labelThrottled:
		if j.status == http.StatusTooManyRequests || j.status == http.StatusServiceUnavailable {
			return providers.NeverSeen
		}
		return providers.ProvesNothing
	case labelDenied:
		if unsure {
			return providers.ProvesNothing
		}
		return providers.NeverSeen
	case labelRefused, labelNotFound:
		if unsure {
			return providers.ProvesNothing
		}
		return providers.Declined
	case labelMismatch:
		return providers.Declined
	case labelAlready:
		return providers.AlreadySo
	default:
		return providers.ProvesNothing
	}
}

// cause says what kind of failure it is.
func (j *judgement) cause() providers.Cause {
	switch j.label {
	case labelThrottled:
		return providers.Throttled
	case labelDenied:
		return providers.Denied
	case labelMismatch:
		return providers.PriorMismatch
	case labelUnavailable:
		return providers.Unavailable
	}
	if j.status >= http.StatusInternalServerError {
		return providers.Unavailable
	}
	return providers.Refused
}

// readCause is cause for a request that only reads: an answer that no outcome
// knows is judged by HTTP.
func (j *judgement) readCause() providers.Cause {
	if j.label == labelDoubt {
		switch j.status {
		case http.StatusTooManyRequests:
			return providers.Throttled
		case http.StatusUnauthorized:
			return providers.Denied
		}
	}
	return j.cause()
}

// err is a reply that is no success. Texts were cleaned of secrets before.
func (j *judgement) err(changing bool) *providers.Error {
	e := &providers.Error{Code: j.code, Message: j.message, RetryAfter: j.retryAfter, Cause: j.readCause(), Proof: providers.NeverSeen}
	if changing {
		e.Cause, e.Proof, e.Waits = j.cause(), j.proof(), j.waits
	}
	what := fmt.Sprintf("HTTP %d", j.status)
	switch {
	case j.label == labelDoubt && j.status >= 300 && j.status < 400:
		what += ", a redirect, which isn't followed: the endpoint or a path may be another"
	case j.label == labelDoubt:
		what += ", of which the definition says nothing"
	}
	if e.Message == "" {
		e.Message = what
	} else {
		e.Message += " (" + what + ")"
	}
	if j.code != "" && strings.HasPrefix(e.Message, j.code+": ") {
		e.Message = strings.TrimPrefix(e.Message, j.code+": ") // the error says the code by itself
	}
	return e
}
