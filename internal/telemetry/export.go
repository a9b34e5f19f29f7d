package telemetry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// flushing is how long a command waits at its end for what was not sent yet.
const flushing = 3 * time.Second

// wanted are the signals that the environment says where to send.
type wanted struct{ traces, metrics bool }

// wantedBy reads which signals are wanted. OpenTelemetry's own default, to send
// all to this machine, is none here: nothing leaves that nobody asked for.
func wantedBy(lookup func(string) (string, bool)) wanted {
	get := func(name string) string {
		value, _ := lookup(name)
		return strings.TrimSpace(value)
	}
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return wanted{}
	}
	signal := func(name string) bool {
		exporter := get("OTEL_" + name + "_EXPORTER")
		if exporter == "" {
			return get("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || get("OTEL_EXPORTER_OTLP_"+name+"_ENDPOINT") != ""
		}
		return exporter != "none"
	}
	return wanted{traces: signal("TRACES"), metrics: signal("METRICS")}
}

// Start makes a telemetry that sends what the environment's OTEL_ variables ask
// for to where they say; nil where they ask for nothing. The exporters read their
// settings from the process's environment themselves, as OpenTelemetry specifies
// them; lookup alone decides whether there are any. What goes wrong later, a collector
// that isn't there, is given to problem, by any goroutine: that is one of
// OpenTelemetry's own for the whole process. What is counted is on the page too; nil
// is no page.
func Start(ctx context.Context, lookup func(string) (string, bool), version string, problem func(error), page *Page) (*Telemetry, error) {
	w := wantedBy(lookup)
	if page != nil && page.isAskedFor(lookup) {
		w.metrics = false
	}
	if !w.traces && !w.metrics && page == nil {
		return nil, nil //nolint:nilnil // nothing is wanted, and a nil telemetry is one
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(problem))
	otel.SetLogger(logr.Discard()) // whose default writes to standard error
	about, err := aboutUs(ctx, version)
	if err != nil {
		return nil, err
	}
	var meters metric.MeterProvider
	var tracers trace.TracerProvider
	var stops []func(context.Context) error
	if w.traces {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, unsendable("traces", "OTEL_TRACES_EXPORTER", lookup, err)
		}
		p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
		tracers, stops = p, append(stops, p.Shutdown)
	}
	readers, err := readersOf(ctx, w, lookup, page)
	if err != nil {
		return nil, errors.Join(err, stopAll(ctx, stops))
	}
	if len(readers) > 0 {
		p := sdkmetric.NewMeterProvider(append(readers, sdkmetric.WithResource(about))...)
		meters, stops = p, append(stops, p.Shutdown)
	}
	t, err := New(meters, tracers)
	if err != nil {
		return nil, errors.Join(err, stopAll(ctx, stops))
	}
	t.stop = func(ctx context.Context) error { return stopAll(ctx, stops) }
	return t, nil
}

// readersOf are those who ask for what was counted.
func readersOf(ctx context.Context, w wanted, lookup func(string) (string, bool), page *Page) ([]sdkmetric.Option, error) {
	var readers []sdkmetric.Option
	if w.metrics {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return nil, unsendable("metrics", "OTEL_METRICS_EXPORTER", lookup, err)
		}
		readers = append(readers, sdkmetric.WithReader(reader))
	}
	if page != nil {
		reader, err := page.reader()
		if err != nil {
			return nil, fmt.Errorf("serve metrics: %w", err)
		}
		readers = append(readers, sdkmetric.WithReader(reader))
	}
	return readers, nil
}

// unsendable says that no exporter could be made, and of which value of the
// environment.
func unsendable(what, variable string, lookup func(string) (string, bool), err error) error {
	if value, _ := lookup(variable); value != "" {
		return fmt.Errorf("send %s as %s=%s says: %w", what, variable, value, err)
	}
	return fmt.Errorf("send %s as the OTEL_EXPORTER_OTLP_ variables say: %w", what, err)
}

// aboutUs is what is said of this process beside all that is sent: its name, its
// version, and what the environment adds. Its machine is not.
func aboutUs(ctx context.Context, version string) (*resource.Resource, error) {
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "cardfleet"), attribute.String("service.version", version)),
		resource.WithFromEnv()) // the last counts
	if err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return about, nil
}

// Stop sends what was not sent yet, within three seconds in all, also where ctx
// has ended. Its error is for a warning: nothing else depends on it.
func (t *Telemetry) Stop(ctx context.Context) error {
	if t == nil || t.stop == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushing)
	defer cancel()
	return t.stop(ctx)
}

// stopAll stops all at once, so that one that is stuck takes no time from another.
func stopAll(ctx context.Context, stops []func(context.Context) error) error {
	ended := make(chan error, len(stops))
	for _, stop := range stops {
		go func() { ended <- stop(ctx) }()
	}
	var errs []error
	for range stops {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}
