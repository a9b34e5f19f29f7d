package telemetry

import (
	"context"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/cardfleet/cardfleet/providers"
)

// counts are what is counted as it happens, and told to the meter when somebody asks it:
// that takes a request a fifth of what it takes to tell the meter each time.
type counts struct {
	queues  sync.Map // by the provider block's name: *queue
	calls   sync.Map // by callOf: *call
	actions sync.Map // by actionOf: *count
}

type (
	callOf   struct{ provider, call string }
	actionOf struct{ provider, action, outcome string }
)

// count is a number, with the labels that it has.
type count struct {
	n    atomic.Int64
	with metric.MeasurementOption
}

// queue is how many requests of a provider block wait for their turn now, and how many
// have left and have no answer yet.
type queue struct {
	waiting, underWay atomic.Int64
	with              metric.MeasurementOption
}

// call is a call of a provider block.
type call struct {
	*queue
	with     metric.MeasurementOption
	outcomes sync.Map // by the outcome's word: *count
}

func (c *counts) of(x *providers.Exchange) *call {
	return kept(&c.calls, callOf{string(x.Provider), x.Call}, func() *call {
		q := kept(&c.queues, string(x.Provider), func() *queue { return &queue{with: with(provider(x))} })
		return &call{queue: q, with: with(provider(x), callName(x))}
	})
}

// ended counts a request that has ended.
func (c *call) ended(x *providers.Exchange) {
	word := outcome(x)
	kept(&c.outcomes, word, func() *count {
		return &count{with: with(provider(x), callName(x), attribute.String("outcome", word))}
	}).n.Add(1)
}

// finished counts what became of an action.
func (c *counts) finished(a actionOf) {
	kept(&c.actions, a, func() *count {
		return &count{with: with(attribute.String("provider", a.provider), attribute.String("action", a.action), attribute.String("outcome", a.outcome))}
	}).n.Add(1)
}

// kept is what a map has by that key, made where it has nothing yet.
func kept[K comparable, V any](m *sync.Map, key K, make func() *V) *V {
	there, ok := m.Load(key)
	if !ok {
		there, _ = m.LoadOrStore(key, make())
	}
	return there.(*V) //nolint:forcetypeassert // nothing else is in it
}

// told are the instruments that the counts are told to.
type told struct {
	calls, actions    metric.Int64ObservableCounter
	waiting, underWay metric.Int64ObservableUpDownCounter
}

// tell tells the counts to whoever asks.
func (c *counts) tell(to told) metric.Callback {
	return func(_ context.Context, o metric.Observer) error {
		each(&c.queues, func(q *queue) {
			o.ObserveInt64(to.waiting, q.waiting.Load(), q.with)
			o.ObserveInt64(to.underWay, q.underWay.Load(), q.with)
		})
		each(&c.calls, func(made *call) {
			each(&made.outcomes, func(n *count) { o.ObserveInt64(to.calls, n.n.Load(), n.with) })
		})
		each(&c.actions, func(n *count) { o.ObserveInt64(to.actions, n.n.Load(), n.with) })
		return nil
	}
}

func each[V any](m *sync.Map, visit func(*V)) {
	m.Range(func(_, v any) bool {
		visit(v.(*V)) //nolint:forcetypeassert // nothing else is in it
		return true
	})
}

func with(attrs ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attrs...))
}
