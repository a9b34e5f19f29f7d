// Package logs is the program's log: what a run does and says (info), each call to
// a carrier with what came of it (debug), and each request and answer as they were
// on the wire, without secrets (trace).
//
// It is written in lines of log/slog: text for people, JSON for programs. It opens
// no file, knows no clock, and is nothing that a run depends on: a log that can't
// be written is told once, and the run goes on. Start reading at [New].
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Trace is the level of what was on the wire.
const Trace = slog.LevelDebug - 4

// ParseLevel reads a level's name.
func ParseLevel(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "info":
		return slog.LevelInfo, nil
	case "debug":
		return slog.LevelDebug, nil
	case "trace":
		return Trace, nil
	}
	return 0, fmt.Errorf("there is no level %q; it is info, debug or trace", name)
}

// Options say what a log has, and where it goes.
type Options struct {
	Level slog.Level // the least that is written
	// To takes a line with each call. It is called by one goroutine at a time.
	To   io.Writer
	JSON bool // an object a line, in place of text
	Now  func() time.Time
	// Clean makes a line harmless, secrets that a run learns of among them.
	Clean func(line string) string
	// Lost is told, once, that the log can't be written.
	Lost func(error)
}

// New makes a log.
func New(o Options) *slog.Logger {
	w := &writer{o: o}
	options := &slog.HandlerOptions{Level: o.Level, ReplaceAttr: named}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if o.JSON {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(stamped{h, o.Now})
}

// named gives the level of the wire its name, and times to the millisecond in UTC.
func named(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch v := a.Value.Any().(type) {
	case slog.Level:
		if v == Trace {
			return slog.String(a.Key, "TRACE")
		}
	case time.Time:
		if a.Key == slog.TimeKey {
			return slog.String(a.Key, v.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	return a
}

// stamped has lines say the time by a clock that is handed in.
type stamped struct {
	slog.Handler
	now func() time.Time
}

// Handle implements [slog.Handler].
func (s stamped) Handle(ctx context.Context, r slog.Record) error {
	r.Time = s.now()
	return s.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (s stamped) WithAttrs(attrs []slog.Attr) slog.Handler {
	return stamped{s.Handler.WithAttrs(attrs), s.now}
}

// WithGroup implements [slog.Handler].
func (s stamped) WithGroup(name string) slog.Handler {
	return stamped{s.Handler.WithGroup(name), s.now}
}

// writer writes clean lines. One that was cut off by a full disk is ended before
// the next.
type writer struct {
	mu   sync.Mutex
	o    Options
	lost bool // a line, by now
	cut  bool // the last line has no end
}

// Write implements [io.Writer]. Its error would be nobody's: Lost has it.
func (w *writer) Write(p []byte) (int, error) {
	line := w.o.Clean(string(p))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		line = "\n" + line
	}
	n, err := io.WriteString(w.o.To, line)
	if n > 0 {
		w.cut = n < len(line)
	}
	if err != nil && !w.lost {
		w.lost = true
		w.o.Lost(err)
	}
	return len(p), nil
}
