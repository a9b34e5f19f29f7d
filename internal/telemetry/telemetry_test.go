package telemetry_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/telemetry"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// kept is a telemetry whose measurements and spans a test reads.
type kept struct {
	*telemetry.Telemetry
	metrics *sdkmetric.ManualReader
	spans   *tracetest.SpanRecorder
}

func keep(t *testing.T) kept {
	t.Helper()
	k := kept{metrics: sdkmetric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
	var err error
	k.Telemetry, err = telemetry.New(
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(k.metrics)), sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(k.spans)))
	require.NoError(t, err)
	return k
}

// sums are the values of a counter, by their attributes in the order of their names.
func (k kept) sums(t *testing.T, name string) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, k.metrics.Collect(t.Context(), &all))
	out := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
				for _, p := range sum.DataPoints {
					out[p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
				}
			}
			if h, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == name {
				for _, p := range h.DataPoints {
					out[p.Attributes.Encoded(attribute.DefaultEncoder())] = int64(p.Count)
				}
			}
		}
	}
	return out
}

func exchange(failed *providers.Error) *providers.Exchange {
	return &providers.Exchange{Provider: "aliyun", Call: "Stop", Card: "89860617030017300008", Changing: true, Attempt: 2, SentID: func() string { return "nonce" }, Failed: failed}
}

// sent has an exchange go through to its end.
func (k kept) sent(ctx context.Context, x *providers.Exchange) {
	ctx = k.Waiting(ctx, x)
	x.Request = func() providers.Wire { return providers.Wire{} }
	k.Leaving(ctx, x)
	x.Took, x.Status, x.RequestID = time.Second, 200, "R1"
	k.Ended(ctx, x)
}

func TestCallsAreCountedByWhatCameOfThem(t *testing.T) {
	k := keep(t)
	k.sent(t.Context(), exchange(nil))
	k.sent(t.Context(), exchange(&providers.Error{Cause: providers.Throttled, Proof: providers.NeverSeen}))
	k.sent(t.Context(), exchange(&providers.Error{Cause: providers.Unavailable}))
	k.sent(t.Context(), exchange(&providers.Error{Cause: providers.Denied, Proof: providers.NeverSeen}))
	assert.Equal(t, map[string]int64{
		"call=Stop,outcome=done,provider=aliyun": 1, "call=Stop,outcome=throttled,provider=aliyun": 1,
		"call=Stop,outcome=in doubt,provider=aliyun": 1, "call=Stop,outcome=denied,provider=aliyun": 1,
	}, k.sums(t, "cardfleet.calls"))
	assert.Equal(t, map[string]int64{"call=Stop,provider=aliyun": 1}, k.sums(t, "cardfleet.throttles"))
	assert.Equal(t, map[string]int64{"call=Stop,provider=aliyun": 4}, k.sums(t, "cardfleet.call.duration"))
}

func TestTheQueueIsWhatWaitsAndHasNotLeft(t *testing.T) {
	k := keep(t)
	waits, left, gone := exchange(nil), exchange(nil), exchange(&providers.Error{Cause: providers.Stopped, Proof: providers.NeverSeen})
	k.Waiting(t.Context(), waits)
	ctx := k.Waiting(t.Context(), left)
	left.Request = func() providers.Wire { return providers.Wire{} }
	k.Leaving(ctx, left)
	k.Ended(k.Waiting(t.Context(), gone), gone) // it was interrupted before its turn
	assert.Equal(t, map[string]int64{"provider=aliyun": 1}, k.sums(t, "cardfleet.calls.waiting"))
	assert.Equal(t, map[string]int64{"provider=aliyun": 1}, k.sums(t, "cardfleet.calls.under_way"))
	assert.Empty(t, k.sums(t, "cardfleet.call.duration"), "one that never left took no time at the carrier")
	k.Ended(ctx, left)
	assert.Equal(t, map[string]int64{"provider=aliyun": 0}, k.sums(t, "cardfleet.calls.under_way"))
}

func TestActionsAreCountedByOutcome(t *testing.T) {
	k := keep(t)
	card := &plan.Card{Provider: "aliyun"}
	for _, outcome := range []apply.Outcome{apply.Done, apply.Done, apply.InDoubt} {
		k.Finished(apply.Result{Card: card, Action: &plan.Action{Change: spec.Change{Kind: spec.Stop}}, Outcome: outcome})
	}
	assert.Equal(t, map[string]int64{
		"action=stop,outcome=done,provider=aliyun": 2, "action=stop,outcome=in doubt,provider=aliyun": 1,
	}, k.sums(t, "cardfleet.actions"))
}

func TestSpansAreNestedAsTheWorkIs(t *testing.T) {
	k := keep(t)
	k.Redact = func(string) string { return "redacted" }
	ctx, commandEnded := k.Command(t.Context(), "apply")
	inner, ended := k.Action(ctx, &plan.Card{Provider: "aliyun", ICCID: "89860617030017300008", Address: "card.lobby"}, &plan.Action{Change: spec.Change{Kind: spec.Stop}})
	k.sent(inner, exchange(&providers.Error{Err: errors.New("hush")}))
	ended(apply.Result{Outcome: apply.InDoubt, Reason: "hush"})
	commandEnded(5)

	spans := k.spans.Ended()
	require.Len(t, spans, 3)
	call, action, command := spans[0], spans[1], spans[2]
	assert.Equal(t, []string{"Stop", "stop", "cardfleet apply"}, []string{call.Name(), action.Name(), command.Name()})
	assert.Equal(t, action.SpanContext().SpanID(), call.Parent().SpanID())
	assert.Equal(t, command.SpanContext().SpanID(), action.Parent().SpanID())
	for _, want := range []attribute.KeyValue{
		attribute.String("iccid", "89860617030017300008"), attribute.Int("attempt", 2), attribute.String("sent_id", "nonce"),
		attribute.String("request_id", "R1"), attribute.Int("http.response.status_code", 200), attribute.String("outcome", "in doubt"),
	} {
		assert.True(t, slices.Contains(call.Attributes(), want), "%v", want)
	}
	for _, s := range []sdktrace.ReadOnlySpan{call, action} {
		assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: "redacted"}, s.Status())
	}
}

func TestANilTelemetryIsNone(t *testing.T) {
	var none *telemetry.Telemetry
	assert.Nil(t, none.Observer(), "so that the providers don't even ask")
	ctx, ended := none.Command(t.Context(), "plan")
	ended(0)
	_, done := none.Action(ctx, nil, nil)
	done(apply.Result{})
	none.Finished(apply.Result{})
	assert.NoError(t, none.Stop(ctx))
}
