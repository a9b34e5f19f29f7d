// Otlp is the OTLP receiver of the OpenTelemetry collector, of which a test asks what
// it got: one line of JSON for each batch of spans or metrics. It prints first where
// it listens, and ends when its standard input does.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// printer prints what it consumes.
type printer struct{ mu sync.Mutex }

func (p *printer) print(kind string, text []byte, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		_, err = fmt.Fprintf(os.Stdout, "{\"%s\":%s}\n", kind, text)
	}
	return err
}

func (p *printer) traces(_ context.Context, td ptrace.Traces) error {
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
	return p.print("traces", text, err)
}

func (p *printer) metrics(_ context.Context, md pmetric.Metrics) error {
	text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	return p.print("metrics", text, err)
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	grpc, http, err := free()
	if err != nil {
		return err
	}
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	settings := confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": grpc}, "http": map[string]any{"endpoint": http},
	}})
	if err := settings.Unmarshal(config); err != nil {
		return err
	}
	p := &printer{}
	traces, err := consumer.NewTraces(p.traces)
	if err != nil {
		return err
	}
	metrics, err := consumer.NewMetrics(p.metrics)
	if err != nil {
		return err
	}
	set := receivertest.NewNopSettings(factory.Type())
	t, err := factory.CreateTraces(ctx, set, config, traces)
	if err != nil {
		return err
	}
	m, err := factory.CreateMetrics(ctx, set, config, metrics)
	if err != nil {
		return err
	}
	for _, r := range []receiver.Traces{t, m} {
		if err := r.Start(ctx, componenttest.NewNopHost()); err != nil {
			return err
		}
	}
	fmt.Printf("{\"grpc\":%q,\"http\":%q}\n", grpc, http)
	_, _ = io.Copy(io.Discard, os.Stdin) // its end is the signal
	for _, c := range []component.Component{t, m} {
		if err := c.Shutdown(ctx); err != nil {
			return err
		}
	}
	return nil
}

// free are two addresses on which nobody listens.
func free() (a, b string, err error) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	a, b = first.Addr().String(), second.Addr().String()
	if err := first.Close(); err != nil {
		return "", "", err
	}
	return a, b, second.Close()
}
