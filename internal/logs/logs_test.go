package logs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/logs"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func options(level slog.Level, to io.Writer) logs.Options {
	return logs.Options{Level: level, To: to, Now: func() time.Time { return noon }, Clean: func(line string) string { return line }, Lost: func(error) {}}
}

func TestEachLevelHasWhatItSays(t *testing.T) {
	for level, want := range map[slog.Level][]string{
		slog.LevelInfo:  nil,
		slog.LevelDebug: {"call"},
		logs.Trace:      {"request", "answer"},
	} {
		var out bytes.Buffer
		o := options(level, &out)
		o.JSON = true
		if calls := logs.Calls(logs.New(o)); calls != nil {
			exchange(calls, nil)
		}
		var got []string
		for _, line := range linesOf(t, out.String()) {
			got = append(got, line["msg"].(string))
			assert.Equal(t, "2026-11-29T12:00:00.000Z", line["time"], "by the clock that was handed in")
			assert.Equal(t, "aliyun Stop 89860617030017300008 2 n1", strings.Join([]string{
				line["provider"].(string), line["call"].(string), line["card"].(string), "2", line["sent_id"].(string)}, " "))
			assert.InDelta(t, 0.25, line["pace_seconds"], 0)
			assert.InDelta(t, 2.0, line["attempt"], 0)
		}
		assert.Equal(t, want, got)
	}
}

func linesOf(t *testing.T, text string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var l map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		lines = append(lines, l)
	}
	return lines
}

// exchange has an observer look on at a call.
func exchange(o providers.Observer, failed *providers.Error) {
	ctx := context.Background()
	x := &providers.Exchange{Provider: "aliyun", Call: "Stop", Card: "89860617030017300008", Changing: true, Attempt: 2}
	ctx = o.Waiting(ctx, x)
	x.Waited, x.SentID = 250*time.Millisecond, func() string { return "n1" }
	x.Request = func() providers.Wire {
		return providers.Wire{Line: "POST https://carrier.test/", Headers: []string{"A: b"}, Body: "ask"}
	}
	o.Leaving(ctx, x)
	x.Took, x.Status, x.RequestID, x.Failed = time.Second, 502, "R1", failed
	x.Answer = func() providers.Wire { return providers.Wire{Line: "HTTP 502", Body: "<html>"} }
	o.Ended(ctx, x)
}

func TestAnAnswerThatIsNoJSONIsShownAtDebug(t *testing.T) {
	var out bytes.Buffer
	exchange(logs.Calls(logs.New(options(slog.LevelDebug, &out))), &providers.Error{Call: "Stop", Cause: providers.Unavailable, Err: errors.New("no JSON")})
	assert.Contains(t, out.String(), ` status=502 request_id=R1 cause=unavailable error="Stop: no JSON" answer=<html>`)
}

func TestALevelHasItsName(t *testing.T) {
	for _, name := range []string{"info", "debug", "trace", "TRACE"} {
		level, err := logs.ParseLevel(name)
		require.NoError(t, err)
		var out bytes.Buffer
		logs.New(options(level, &out)).Log(context.Background(), level, "x")
		assert.Equal(t, "time=2026-11-29T12:00:00.000Z level="+strings.ToUpper(name)+" msg=x\n", out.String())
	}
	_, err := logs.ParseLevel("loud")
	assert.EqualError(t, err, `there is no level "loud"; it is info, debug or trace`)
}

// full is a disk with room for so many bytes, and then for more once there is some.
type full struct {
	text []byte
	room int
}

func (f *full) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	f.text = append(f.text, p[:n]...)
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func TestAFullDiskIsToldOnceAndTheNextLineIsWhole(t *testing.T) {
	disk := &full{room: 70}
	o := options(slog.LevelInfo, disk)
	told := 0
	o.Lost = func(err error) {
		told++
		assert.EqualError(t, err, "no space left on device")
	}
	log := logs.New(o)
	for range 3 {
		log.Info("something happens")
	}
	disk.room = 1000
	log.Info("there is room again")
	assert.Equal(t, 1, told)
	lines := strings.Split(strings.TrimSpace(string(disk.text)), "\n")
	assert.Equal(t, `time=2026-11-29T12:00:00.000Z level=INFO msg="there is room again"`, lines[len(lines)-1])
}

func TestWhatASimulatedCarrierIsAskedIsInTheLog(t *testing.T) {
	var out bytes.Buffer
	log := logs.New(options(logs.Trace, &out))
	carrier := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path == "/lost" {
			panic(http.ErrAbortHandler)
		}
		rw.WriteHeader(http.StatusTeapot)
		_, _ = rw.Write(append([]byte("I got "), body...)) // into memory
	})
	server := httptest.NewServer(logs.Served(log, spec.Conceal("testsecret"), time.Now, carrier))
	defer server.Close()
	resp, err := http.Post(server.URL+"/acme?token=t0k3n", "text/plain", strings.NewReader("testsecret please"))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "I got testsecret please", string(body), "the caller gets what it would without a log")
	_, err = http.Get(server.URL + "/lost") //nolint:bodyclose // there is none
	require.Error(t, err)
	server.Close() // and every line is written
	text := out.String()
	assert.Contains(t, text, `level=TRACE msg="simulated request" request="POST /acme?token=[hidden]"`)
	assert.Contains(t, text, `msg="simulated answer" path=/acme`)
	assert.Contains(t, text, `status=418`)
	assert.Contains(t, text, `body="I got [hidden] please"`)
	assert.Contains(t, text, `path=/lost`)
	assert.Contains(t, text, `lost="no answer was given"`)
	assert.NotContains(t, text, "testsecret")
}
