package logs

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// mostServed is how many bytes of a body are shown of what is served.
const mostServed = 16 << 10

// Served has what a handler is asked in a log, for simulated carriers: each request
// at debug, and at trace what was on the wire too, without the secrets and without
// what its name says to be secret.
func Served(log *slog.Logger, hide spec.Concealer, now func() time.Time, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !log.Enabled(r.Context(), slog.LevelDebug) {
			next.ServeHTTP(rw, r)
			return
		}
		s := &served{ResponseWriter: rw, log: log, hide: hide, began: now()}
		s.asked(r)
		defer func() { s.answered(r, now().Sub(s.began)) }() // also where the answer is cut off
		next.ServeHTTP(s, r)
	})
}

// served is one request, and the answer as it is written.
type served struct {
	http.ResponseWriter
	log    *slog.Logger
	hide   spec.Concealer
	began  time.Time
	status int // 0 while nothing was answered
	body   bytes.Buffer
}

// Unwrap is for [http.ResponseController].
func (s *served) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (s *served) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (s *served) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	s.body.Write(p)
	return s.ResponseWriter.Write(p)
}

// asked has the request in the log.
func (s *served) asked(r *http.Request) {
	if !s.log.Enabled(r.Context(), Trace) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request", r.Method+" "+s.hide.URL(r.URL)), slog.Any("headers", s.hide.Headers(r.Header)),
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), broken{err}))
	if len(body) > 0 {
		attrs = append(attrs, slog.String("body", s.shown(body)))
	}
	s.log.LogAttrs(r.Context(), Trace, "simulated request", attrs...)
}

// broken is how a body ended that was read.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err == nil {
		return 0, io.EOF
	}
	return 0, b.err
}

// answered has the answer in the log.
func (s *served) answered(r *http.Request, took time.Duration) {
	attrs := []slog.Attr{slog.String("path", s.hide.Text(r.URL.Path)), slog.Float64("took_seconds", seconds(took))}
	if s.status == 0 {
		attrs = append(attrs, slog.String("lost", "no answer was given"))
	} else {
		attrs = append(attrs, slog.Int("status", s.status))
	}
	if !s.log.Enabled(r.Context(), Trace) {
		s.log.LogAttrs(r.Context(), slog.LevelDebug, "simulated call", append([]slog.Attr{slog.String("method", r.Method)}, attrs...)...)
		return
	}
	attrs = append(attrs, slog.Any("headers", s.hide.Headers(s.Header())))
	if s.body.Len() > 0 {
		attrs = append(attrs, slog.String("body", s.shown(s.body.Bytes())))
	}
	s.log.LogAttrs(r.Context(), Trace, "simulated answer", attrs...)
}

func (s *served) shown(body []byte) string {
	text := s.hide.Text(string(body))
	if len(text) <= mostServed {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:mostServed], len(body))
}
