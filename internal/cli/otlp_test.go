package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// receiver is the OpenTelemetry collector's own OTLP receiver, in a process.
type receiver struct {
	grpc, http string
	end        func() []byte // ends it, and returns what it printed
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	cmd := exec.Command(goClient(t, "otlp"))
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	first, err := lines.ReadBytes('\n')
	require.NoError(t, err)
	var at struct{ GRPC, HTTP string }
	require.NoError(t, json.Unmarshal(first, &at))
	rest := make(chan []byte, 1)
	go func() {
		var b bytes.Buffer
		_, _ = b.ReadFrom(lines) // what is missing is missed by the test
		rest <- b.Bytes()
	}()
	ended := false
	end := func() []byte {
		ended = true
		require.NoError(t, in.Close())
		text := <-rest
		require.NoError(t, cmd.Wait())
		return text
	}
	t.Cleanup(func() {
		if !ended {
			end()
		}
	})
	return &receiver{at.GRPC, at.HTTP, end}
}

// values are attributes as OTLP's JSON has them.
type values []struct {
	Key   string
	Value struct{ StringValue, IntValue string }
}

func (v values) of(key string) string {
	for _, a := range v {
		if a.Key == key {
			return a.Value.StringValue + a.Value.IntValue
		}
	}
	return ""
}

// gotSpan is one of the spans that a receiver got.
type gotSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	Attributes                          values
	resource                            values
}

// received are the spans and the names of the metrics that a receiver got.
func received(t *testing.T, text []byte) (spans []gotSpan, metrics []string) {
	t.Helper()
	for line := range bytes.Lines(text) {
		var batch struct {
			Traces struct {
				ResourceSpans []struct {
					Resource   struct{ Attributes values }
					ScopeSpans []struct{ Spans []gotSpan }
				}
			}
			Metrics struct {
				ResourceMetrics []struct {
					ScopeMetrics []struct{ Metrics []struct{ Name string } }
				}
			}
		}
		require.NoError(t, json.Unmarshal(line, &batch), "%s", line)
		for _, r := range batch.Traces.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, sp := range s.Spans {
					sp.resource = r.Resource.Attributes
					spans = append(spans, sp)
				}
			}
		}
		for _, r := range batch.Metrics.ResourceMetrics {
			for _, s := range r.ScopeMetrics {
				for _, m := range s.Metrics {
					metrics = append(metrics, m.Name)
				}
			}
		}
	}
	slices.Sort(metrics)
	return spans, slices.Compact(metrics)
}

// process runs the real program with the rig's environment.
func (r *rig) process(bin string, args ...string) ran {
	r.t.Helper()
	cmd := exec.Command(bin, args...)
	var out, errors bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = r.dir, &out, &errors, []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	for k, v := range r.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	_ = cmd.Run() // its exit code is looked at
	return ran{cmd.ProcessState.ExitCode(), out.String(), errors.String()}
}

func TestAnOTLPReceiverGetsTheSpansOfAnApplyWithItsCardsAndCalls(t *testing.T) {
	bin, err := program()
	require.NoError(t, err)
	collector := startReceiver(t)
	r := stops(t, 3)
	r.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://" + collector.http
	r.want(0, r.process(bin, "apply", "-auto-approve"))
	r.env["OTEL_EXPORTER_OTLP_ENDPOINT"], r.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http://"+collector.grpc, "grpc"
	r.env["OTEL_SERVICE_NAME"] = "kiosks"
	r.want(0, r.process(bin, "plan"))
	text := collector.end()
	spans, metrics := received(t, text)

	byID := map[string]gotSpan{}
	for _, s := range spans {
		byID[s.SpanID] = s
	}
	var calls []string
	for _, s := range spans {
		action := byID[s.ParentSpanID]
		if s.Name != "DoIotUserStopResume" {
			continue
		}
		calls = append(calls, s.Attributes.of("iccid"))
		assert.Equal(t, "stop", action.Name)
		assert.Equal(t, s.Attributes.of("iccid"), action.Attributes.of("iccid"))
		assert.Equal(t, "done", action.Attributes.of("outcome"))
		assert.Equal(t, "cardfleet apply", byID[action.ParentSpanID].Name)
		assert.Equal(t, "0", byID[action.ParentSpanID].Attributes.of("process.exit.code"))
		assert.Equal(t, "200", s.Attributes.of("http.response.status_code"))
		assert.NotEmpty(t, s.Attributes.of("request_id"))
		assert.Len(t, s.Attributes.of("sent_id"), 32)
		assert.Equal(t, "cardfleet", s.resource.of("service.name"))
	}
	slices.Sort(calls)
	var cards []string
	for _, c := range r.world.Cards {
		cards = append(cards, string(c.ICCID))
	}
	slices.Sort(cards)
	assert.Equal(t, cards, calls)
	assert.Equal(t, []string{
		"cardfleet.actions", "cardfleet.call.duration", "cardfleet.call.wait", "cardfleet.calls", "cardfleet.calls.under_way", "cardfleet.calls.waiting",
	}, metrics)
	plans := slices.DeleteFunc(slices.Clone(spans), func(s gotSpan) bool { return s.Name != "cardfleet plan" })
	require.Len(t, plans, 1, "by gRPC too")
	assert.Equal(t, "kiosks", plans[0].resource.of("service.name"))
	for _, secret := range []string{testSecret, testKeyID} {
		assert.NotContains(t, string(text), secret)
	}
}

func TestACollectorThatIsNotThereChangesNothingOfARun(t *testing.T) {
	bin, err := program()
	require.NoError(t, err)
	r := newRig(t, &carriersim.World{Open: true})
	r.world.Now = nil
	r.clock.now = time.Now()
	r.write("main.fleet.hcl", provider+"card \"lobby\" {\n  iccid = \"89860617030017300008\"\n}\n")
	r.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
	began := time.Now()
	got := r.want(0, r.process(bin, "apply", "-auto-approve"))
	assert.Contains(t, got.out, "Apply complete! 1 done")
	assert.Equal(t, 1, strings.Count(got.errors, "Warning: Traces or metrics could not be sent, which changes nothing of the run: "), got.errors)
	assert.Less(t, time.Since(began), time.Minute)
}
