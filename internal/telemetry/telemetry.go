// Package telemetry counts and times what runs do, and follows it, in
// OpenTelemetry's terms: calls by carrier and function, actions by outcome, and a
// span for each command, action and request.
//
// It decides nothing: where it all goes is for the providers of
// meters and tracers to say that [New] is handed. [Start] makes these of the
// environment's OTEL_ variables; without one, nothing is made and nothing leaves.
// Start reading at [Telemetry]; export.go is where it goes, page.go who
// asks for it, counts.go what is counted between two questions, worker.go what a
// worker tells besides.
package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
)

// scope names the instruments' and spans' library.
const scope = "github.com/cardfleet/cardfleet"

// Telemetry is an observer of the requests to carriers, and of actions. A nil one
// counts nothing, and all but its methods of [providers.Observer] may be called.
type Telemetry struct {
	// Redact takes secrets out of an error's text; nil leaves it as it is.
	Redact func(string) string

	tracer trace.Tracer // nil follows nothing
	counts counts
	meter  metric.Meter
	took   metric.Float64Histogram
	waited metric.Float64Histogram

	throttles metric.Int64Counter
	stuck     metric.Int64Counter

	stop func(context.Context) error // nil where New made it
}

// New makes the instruments, and the tracer; nil providers give none.
func New(meters metric.MeterProvider, tracers trace.TracerProvider) (*Telemetry, error) {
	if meters == nil {
		meters = metricnoop.NewMeterProvider()
	}
	t := &Telemetry{}
	if tracers != nil {
		t.tracer = tracers.Tracer(scope)
	}
	m := meters.Meter(scope)
	t.meter = m
	seconds := metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
	errs := make([]error, 9)
	var to told
	to.calls, errs[0] = m.Int64ObservableCounter("cardfleet.calls", metric.WithUnit("{call}"),
		metric.WithDescription("Requests to carriers, repeated ones included, by what came of them."))
	t.took, errs[1] = m.Float64Histogram("cardfleet.call.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("From a request's leaving to the end of its answer."))
	t.waited, errs[2] = m.Float64Histogram("cardfleet.call.wait", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long a request waited for its turn, within the account's limits."))
	t.throttles, errs[3] = m.Int64Counter("cardfleet.throttles", metric.WithUnit("{call}"),
		metric.WithDescription("Requests that a carrier refused because there were too many."))
	to.waiting, errs[4] = m.Int64ObservableUpDownCounter("cardfleet.calls.waiting", metric.WithUnit("{call}"),
		metric.WithDescription("The queue: requests that wait for their turn now."))
	to.underWay, errs[5] = m.Int64ObservableUpDownCounter("cardfleet.calls.under_way", metric.WithUnit("{call}"),
		metric.WithDescription("Requests that have left and have no answer yet."))
	to.actions, errs[6] = m.Int64ObservableCounter("cardfleet.actions", metric.WithUnit("{action}"),
		metric.WithDescription("Actions of applies by what became of them."))
	t.stuck, errs[7] = m.Int64Counter("cardfleet.worker.stuck", metric.WithUnit("{run}"),
		metric.WithDescription("Runs that can't go on in an account, which refuses this worker."))
	_, errs[8] = m.RegisterCallback(t.counts.tell(to), to.calls, to.actions, to.waiting, to.underWay)
	return t, errors.Join(errs...)
}

// Observer is the telemetry as the providers' observer; nil for a nil one.
func (t *Telemetry) Observer() providers.Observer {
	if t == nil {
		return nil
	}
	return t
}

// Command follows a command. ended is called with its exit code.
func (t *Telemetry) Command(ctx context.Context, name string) (_ context.Context, ended func(code int)) {
	if t == nil || t.tracer == nil {
		return ctx, func(int) {}
	}
	ctx, span := t.tracer.Start(ctx, "cardfleet "+name)
	return ctx, func(code int) {
		span.SetAttributes(attribute.Int("process.exit.code", code))
		if code == 1 {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Action follows an action that is carried out at its carrier, as
// [apply.Options].Trace has it. It counts nothing: see [Telemetry.Finished].
func (t *Telemetry) Action(ctx context.Context, c *plan.Card, a *plan.Action) (_ context.Context, ended func(apply.Result)) {
	if t == nil || t.tracer == nil {
		return ctx, func(apply.Result) {}
	}
	ctx, span := t.tracer.Start(ctx, string(a.Kind), trace.WithAttributes(
		attribute.String("provider", string(c.Provider)), attribute.String("iccid", string(c.ICCID)),
		attribute.String("address", c.Address), attribute.String("action", string(a.Kind)), attribute.String("action_id", a.ID),
	))
	return ctx, func(r apply.Result) {
		span.SetAttributes(attribute.String("outcome", string(r.Outcome)), attribute.String("request_id", r.RequestID))
		if r.Outcome != apply.Done {
			span.SetStatus(codes.Error, t.redact(r.Reason))
		}
		span.End()
	}
}

// Finished counts what became of an action, also of one that never started.
func (t *Telemetry) Finished(r apply.Result) {
	if t == nil {
		return
	}
	t.counts.finished(actionOf{string(r.Card.Provider), string(r.Action.Kind), string(r.Outcome)})
}

// Waiting implements [providers.Observer].
func (t *Telemetry) Waiting(ctx context.Context, x *providers.Exchange) context.Context {
	t.counts.of(x).waiting.Add(1)
	if t.tracer == nil {
		return ctx
	}
	ctx, span := t.tracer.Start(ctx, x.Call, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		provider(x), callName(x), attribute.Bool("changing", x.Changing), attribute.Int("attempt", x.Attempt),
	))
	if x.Card != "" {
		span.SetAttributes(attribute.String("iccid", string(x.Card)))
	}
	return ctx
}

// Leaving implements [providers.Observer].
func (t *Telemetry) Leaving(ctx context.Context, x *providers.Exchange) {
	c := t.counts.of(x)
	c.waiting.Add(-1)
	c.underWay.Add(1)
	trace.SpanFromContext(ctx).AddEvent("leaves")
}

// Ended implements [providers.Observer].
func (t *Telemetry) Ended(ctx context.Context, x *providers.Exchange) {
	c := t.counts.of(x)
	if x.Left() {
		c.underWay.Add(-1)
		t.took.Record(ctx, x.Took.Seconds(), c.with)
	} else {
		c.waiting.Add(-1)
	}
	t.waited.Record(ctx, x.Waited.Seconds(), c.with)
	c.ended(x)
	if x.Failed != nil && x.Failed.Cause == providers.Throttled {
		t.throttles.Add(ctx, 1, c.with)
	}
	if t.tracer != nil {
		t.endSpan(trace.SpanFromContext(ctx), x)
	}
}

func (t *Telemetry) endSpan(span trace.Span, x *providers.Exchange) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.Float64("waited_seconds", x.Waited.Seconds()), attribute.String("outcome", outcome(x)))
	if x.Status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", x.Status))
	}
	for _, id := range [][2]string{{"sent_id", x.CallsItself()}, {"request_id", x.RequestID}} {
		if id[1] != "" {
			span.SetAttributes(attribute.String(id[0], id[1]))
		}
	}
	if x.Failed != nil {
		span.SetStatus(codes.Error, t.redact(x.Failed.Error()))
	}
}

// Repeats implements [providers.Observer].
func (t *Telemetry) Repeats(ctx context.Context, x *providers.Exchange, after time.Duration) {
	trace.SpanFromContext(ctx).AddEvent("repeats", trace.WithAttributes(
		provider(x), callName(x), attribute.Int("attempt", x.Attempt), attribute.Float64("after_seconds", after.Seconds()),
	))
}

func (t *Telemetry) redact(text string) string {
	if t.Redact == nil {
		return text
	}
	return t.Redact(text)
}

func provider(x *providers.Exchange) attribute.KeyValue {
	return attribute.String("provider", string(x.Provider))
}

func callName(x *providers.Exchange) attribute.KeyValue { return attribute.String("call", x.Call) }

// outcome is what came of a request, in a word or two.
func outcome(x *providers.Exchange) string {
	switch {
	case x.Failed == nil:
		return "done"
	case x.Changing && x.Failed.Proof == providers.ProvesNothing:
		return "in doubt"
	}
	return x.Failed.Cause.Word()
}
