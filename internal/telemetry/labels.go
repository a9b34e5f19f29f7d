package telemetry

import (
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/cardfleet/cardfleet/providers"
)

// labels are what requests are counted by. They are made once for each call of a
// provider block: a request is counted seven times, and to make its labels takes longer
// than to count it.
type labels struct{ made sync.Map } // by callOf: *label

type callOf struct{ provider, call string }

// label are the labels of a call: by its provider block alone, by its name too, and by
// what came of it besides.
type label struct {
	provider, call metric.MeasurementOption
	outcomes       sync.Map // by the outcome's word: [metric.MeasurementOption]
}

func (l *labels) of(x *providers.Exchange) *label {
	key := callOf{string(x.Provider), x.Call}
	made, ok := l.made.Load(key)
	if !ok {
		made, _ = l.made.LoadOrStore(key, &label{provider: with(provider(x)), call: with(provider(x), call(x))})
	}
	return made.(*label) //nolint:forcetypeassert // nothing else is in it
}

// outcome are the labels of a request that has ended.
func (l *label) outcome(x *providers.Exchange) metric.MeasurementOption {
	word := outcome(x)
	made, ok := l.outcomes.Load(word)
	if !ok {
		made, _ = l.outcomes.LoadOrStore(word, with(provider(x), call(x), attribute.String("outcome", word)))
	}
	return made.(metric.MeasurementOption) //nolint:forcetypeassert // nothing else is in it
}

func with(attrs ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attrs...))
}
