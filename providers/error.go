package providers

import (
	"errors"
	"fmt"
	"strings"
	"time"
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
)

// Error is a call that failed.
type Error struct {
	Call       string // the carrier's name for the call: "DoIotChgBindOrUnBind"
	Code       string // the carrier's code; "" where none came
	Message    string // what it means, in plain English, with the carrier's words
	RequestID  string
	Effect     Effect
	Cause      Cause
	RetryAfter time.Duration // how long the carrier asks to wait; 0 where it doesn't
	Err        error         // the cause below it; nil for a carrier's answer
}

// Error reads like "DoIotChgBindOrUnBind: isv.ERROR_BIND_NOT_EXIST: … (request 8906582E)".
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
	return s
}

// Unwrap returns the cause below it.
func (e *Error) Unwrap() error { return e.Err }

// EffectOf says what a failed change did to its card: unknown for any error
// that doesn't say.
func EffectOf(err error) Effect {
	var e *Error
	if errors.As(err, &e) {
		return e.Effect
	}
	return EffectUnknown
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
