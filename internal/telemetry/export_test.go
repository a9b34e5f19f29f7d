package telemetry

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestOnlyWhatTheEnvironmentAsksForIsSent(t *testing.T) {
	for _, row := range []struct {
		env  map[string]string
		want wanted
	}{
		{nil, wanted{}},
		{map[string]string{"OTEL_SERVICE_NAME": "kiosks"}, wanted{}},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, wanted{true, true}},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318"}, wanted{traces: true}},
		{map[string]string{"OTEL_METRICS_EXPORTER": "prometheus"}, wanted{metrics: true}},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, wanted{traces: true}},
		{map[string]string{"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, wanted{}},
	} {
		assert.Equal(t, row.want, wantedBy(lookup(row.env)), "%v", row.env)
	}
	got, err := Start(t.Context(), lookup(nil), "1", func(error) { t.Error("nothing was to be sent") }, nil)
	require.NoError(t, err)
	assert.Nil(t, got)
}

// TestADeadCollectorDelaysNoEnd has a collector that takes a connection and never
// answers: the end waits for it as long as it says, and no longer.
func TestADeadCollectorDelaysNoEnd(t *testing.T) {
	release := make(chan struct{})
	dead := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer dead.Close()
	defer close(release)
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": dead.URL}
	for name, value := range env {
		t.Setenv(name, value)
	}
	var mu sync.Mutex
	var problems []error
	tel, err := Start(t.Context(), lookup(env), "1", func(err error) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, err)
	}, nil)
	require.NoError(t, err)
	x := &providers.Exchange{Provider: "aliyun", Call: "Stop"}
	tel.Ended(tel.Waiting(t.Context(), x), x)
	gone, cancel := context.WithCancel(t.Context())
	cancel() // an interrupted run sends what it has all the same
	began := time.Now()
	err = tel.Stop(gone)
	took := time.Since(began)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.GreaterOrEqual(t, took, flushing, "it was tried")
	assert.Less(t, took, flushing+20*time.Second)
	mu.Lock()
	defer mu.Unlock()
	t.Log(problems)
}

func TestAnUnknownExporterIsAMistake(t *testing.T) {
	env := map[string]string{"OTEL_TRACES_EXPORTER": "pigeon"}
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon")
	_, err := Start(t.Context(), lookup(env), "1", func(error) {}, nil)
	require.ErrorContains(t, err, "pigeon")
	assert.ErrorContains(t, err, "OTEL_TRACES_EXPORTER")
}
