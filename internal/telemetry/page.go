package telemetry

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// Page is what was counted, in the form of Prometheus, for whoever asks for it by
// HTTP. [Start] fills it.
type Page struct {
	registry *prometheus.Registry
}

// NewPage makes a page without anything on it.
func NewPage() *Page { return &Page{registry: prometheus.NewRegistry()} }

// ServeHTTP implements [http.Handler].
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

func (p *Page) reader() (sdkmetric.Reader, error) {
	return promexporter.New(promexporter.WithRegisterer(p.registry), promexporter.WithoutScopeInfo())
}

// isAskedFor reports whether the environment asks for just such a page, which another
// server would serve: by default at the address of this one.
func (p *Page) isAskedFor(lookup func(string) (string, bool)) bool {
	exporter, _ := lookup("OTEL_METRICS_EXPORTER")
	return strings.TrimSpace(exporter) == "prometheus"
}
