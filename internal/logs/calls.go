package logs

import (
	"context"
	"log/slog"
	"time"

	"github.com/cardfleet/cardfleet/providers"
)

// Calls has the calls to carriers in a log: each with what came of it at debug,
// and at trace what was on the wire too. It is nil for a log that has neither.
func Calls(log *slog.Logger) providers.Observer {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return calls{log}
}

type calls struct{ log *slog.Logger }

// Waiting implements [providers.Observer].
func (c calls) Waiting(ctx context.Context, _ *providers.Exchange) context.Context { return ctx }

// Leaving has the request in the log before it leaves: a program that is killed
// while it waits for the answer has said what it sent.
func (c calls) Leaving(ctx context.Context, x *providers.Exchange) {
	if c.log.Enabled(ctx, Trace) {
		c.log.LogAttrs(ctx, Trace, "request", append(about(x), wire("request", x.Request())...)...)
	}
}

// Ended implements [providers.Observer].
func (c calls) Ended(ctx context.Context, x *providers.Exchange) {
	attrs := append(about(x), slog.Float64("took_seconds", seconds(x.Took)))
	if x.Status != 0 {
		attrs = append(attrs, slog.Int("status", x.Status))
	}
	if x.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", x.RequestID))
	}
	if x.Failed != nil {
		attrs = append(attrs, slog.String("cause", x.Failed.Cause.Word()), slog.String("error", x.Failed.Error()))
	}
	switch {
	case x.Answer != nil && c.log.Enabled(ctx, Trace):
		c.log.LogAttrs(ctx, Trace, "answer", append(attrs, wire("answer", x.Answer())...)...)
	case !x.Left():
		c.log.LogAttrs(ctx, slog.LevelDebug, "call not sent", attrs...)
	default:
		c.log.LogAttrs(ctx, slog.LevelDebug, "call", append(attrs, strange(x)...)...)
	}
}

// strange is the beginning of an answer to a failed call that is no JSON: a proxy's
// page, most likely.
func strange(x *providers.Exchange) []slog.Attr {
	if x.Failed == nil || x.Answer == nil {
		return nil
	}
	if shown := x.Answer(); !shown.JSON && shown.Body != "" {
		return []slog.Attr{slog.String("answer", shown.Body)}
	}
	return nil
}

// Repeats implements [providers.Observer].
func (c calls) Repeats(ctx context.Context, x *providers.Exchange, after time.Duration) {
	attrs := append(attempt(x), slog.Float64("after_seconds", seconds(after)))
	if x.Failed != nil {
		attrs = append(attrs, slog.String("cause", x.Failed.Cause.Word()))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "the call is made again", attrs...)
}

// about is which request it is.
func about(x *providers.Exchange) []slog.Attr {
	attrs := append(attempt(x), slog.Float64("pace_seconds", seconds(x.Waited)))
	if id := x.CallsItself(); id != "" {
		attrs = append(attrs, slog.String("sent_id", id))
	}
	return attrs
}

// attempt is which attempt of which call it is.
func attempt(x *providers.Exchange) []slog.Attr {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs, slog.String("provider", string(x.Provider)), slog.String("call", x.Call))
	if x.Card != "" {
		attrs = append(attrs, slog.String("card", string(x.Card)))
	}
	return append(attrs, slog.Int("attempt", x.Attempt), slog.Bool("changing", x.Changing))
}

func wire(what string, w providers.Wire) []slog.Attr {
	attrs := []slog.Attr{slog.String(what, w.Line), slog.Any("headers", w.Headers)}
	if w.Body != "" {
		attrs = append(attrs, slog.String("body", w.Body))
	}
	return attrs
}

// seconds are to a tenth of a millisecond.
func seconds(d time.Duration) float64 { return d.Round(100 * time.Microsecond).Seconds() }
