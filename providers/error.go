package providers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec/safe"
)

// Effect says what a failed call did to the card.
type Effect int

// The effects. The zero value is the careful one.
const (
	// EffectUnknown: the call may have had its effect.
	EffectUnknown Effect = iota
	// EffectNone: the card is certainly as it was.
	EffectNone
)

// Proof is what the answer to a call that changes a card proves, or that none
// came. A call may be sent once more after the answer to an earlier sending was
// lost. The earlier one may then have had its effect, whatever becomes of this one.
type Proof int

// The proofs. The zero value is the careful one.
const (
	// ProvesNothing: the call may have had its effect.
	ProvesNothing Proof = iota
	// NeverSeen: the carrier's product never saw the call, which was not sent, was
	// refused in front of the product, or only reads. It had no effect, and says
	// nothing of an earlier sending.
	NeverSeen
	// Declined: the product looked at the call and didn't do it. It had no effect.
	// What refused it may be the effect of an earlier sending.
	Declined
	// AlreadySo: the product says that the card is already as the call would make
	// it, by an earlier sending or by somebody else.
	AlreadySo
)

// Effect is what a change that ended with this proof did to its card. Where it
// was sent again, after the answer to an earlier sending was lost, no refusal
// proves that the card is as it was before the first.
func (p Proof) Effect(again bool) Effect {
	if p == ProvesNothing || again {
		return EffectUnknown
	}
	return EffectNone
}

// Cause says what kind of failure it was, for those who decide what to do next.
type Cause int

// The causes.
const (
	// Refused: the carrier looked at the call and said no.
	Refused Cause = iota
	// Throttled: too many calls; the same one can pass later.
	Throttled
	// Unavailable: the carrier could not be reached, or failed within.
	Unavailable
	// Denied: the credentials or the account don't allow it; no call will pass.
	Denied
	// PriorMismatch: the call names a value to be replaced that isn't the card's.
	PriorMismatch
	// Stopped: it was not sent, because whoever asked for it was interrupted, or
	// may change nothing any more. It had no effect.
	Stopped
)

// Word is the cause as counts and logs have it.
func (c Cause) Word() string {
	switch c {
	case Throttled:
		return "throttled"
	case Unavailable:
		return "unavailable"
	case Denied:
		return "denied"
	case PriorMismatch:
		return "prior mismatch"
	case Stopped:
		return "stopped"
	}
	return "refused"
}

// Error is a call that failed.
type Error struct {
	Call      string // the carrier's name for the call: "DoIotChgBindOrUnBind"
	Code      string // the carrier's code; "" where none came
	Message   string // what it means, in plain English, with the carrier's words
	RequestID string
	Proof     Proof // what it proves of this one sending
	Cause     Cause
	// Waits: what was asked for waits for a person outside, such as an order for its
	// payment. It may have its effect at any time until that person decides.
	Waits bool
	// Accepted: the carrier took the change and is at it. It is never sent again.
	Accepted   bool
	RetryAfter time.Duration // how long the carrier asks to wait; 0 where it doesn't
	Err        error         // the cause below it; nil for a carrier's answer
}

// Error reads like "DoIotChgBindOrUnBind: isv.ERROR_BIND_NOT_EXIST: … (request 8906582E)".
// What the carrier says in it is shown as [safe.Text] has it.
func (e *Error) Error() string {
	var parts []string
	for _, p := range []string{e.Call, e.Code, e.Message} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	s := strings.Join(parts, ": ")
	if e.RequestID != "" {
		s = fmt.Sprintf("%s (request %s)", s, e.RequestID)
	}
	return safe.Text(s)
}

// Unwrap returns the cause below it.
func (e *Error) Unwrap() error { return e.Err }

// EffectOf says what a failed change, sent for the first time, did to its card:
// unknown for any error that doesn't say.
func EffectOf(err error) Effect {
	var e *Error
	if errors.As(err, &e) {
		return e.Proof.Effect(false)
	}
	return EffectUnknown
}

// ProofOf says what a failed change proves: nothing for any error that doesn't say.
func ProofOf(err error) Proof {
	var e *Error
	if errors.As(err, &e) {
		return e.Proof
	}
	return ProvesNothing
}

// Waits reports whether what was asked for waits for a person outside.
func Waits(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Waits
}

// Accepted reports whether the carrier took the change, and is at it.
func Accepted(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Accepted
}

// IsCode reports whether the carrier answered with one of the codes.
func IsCode(err error, codes ...string) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// Refuse is a change that is refused here, before any request.
func Refuse(call, why string) error {
	return &Error{Call: call, Message: why, Proof: NeverSeen, Cause: Refused}
}

// CauseOf says why it failed; ok is false for an error that doesn't say.
func CauseOf(err error) (cause Cause, ok bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Cause, true
	}
	return Refused, false
}

// RequestIDOf is the carrier's name for the failed request; "" where none came.
func RequestIDOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.RequestID
	}
	return ""
}
