package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/logs"
	"github.com/cardfleet/cardfleet/internal/telemetry"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// The variables of the log.
const (
	logVariable     = "CARDFLEET_LOG"
	logFileVariable = "CARDFLEET_LOG_FILE"
)

// seen is how what the program does is seen from outside, besides what it prints:
// its log and its telemetry, where the environment asks for them.
type seen struct {
	log       *slog.Logger // never nil
	onScreen  bool         // the log goes to standard error
	file      *os.File     // of the log; nil: none
	telemetry *telemetry.Telemetry
	page      *telemetry.Page // of metrics; nil where the command serves none
	command   func(code int)  // ends the command's span

	mu      sync.Mutex
	problem error             // the first of the telemetry's
	warn    func(text string) // says something to people
}

// observer looks on at the calls to carriers; nil where nobody does.
func (s *seen) observer() providers.Observer {
	return providers.Observers(logs.Calls(s.log), s.telemetry.Observer())
}

// look begins the command's log, and opens the telemetry that the environment asks
// for.
func (prog *program) look(ctx context.Context, name string) (context.Context, error) {
	s := prog.seen
	if name == workerName {
		s.page = telemetry.NewPage()
	}
	t, err := telemetry.Start(ctx, prog.env.LookupEnv, Version, s.troubled, s.page)
	if err != nil {
		return ctx, refuse("Invalid telemetry", "%s. Unset the OTEL_ variables to go without.", strings.TrimSuffix(err.Error(), "."))
	}
	if t != nil {
		t.Redact = prog.cleaned
	}
	s.telemetry = t
	ctx, s.command = t.Command(ctx, name)
	s.log.Info("cardfleet begins", "version", Version, "command", name, "folder", prog.env.Dir)
	return ctx, nil
}

// commandNamed is the command that the arguments ask for, without their values,
// which may be secrets.
func commandNamed(c *cli.Command, args []string) string {
	var path []string
	for _, arg := range args {
		if sub := c.Command(arg); sub != nil {
			c, path = sub, append(path, sub.Name)
		}
	}
	return strings.Join(path, " ")
}

// openLog opens the log that the environment asks for. What completes a command line
// while it is typed has none.
func (prog *program) openLog(args []string) error {
	prog.seen = &seen{log: slog.New(slog.DiscardHandler), warn: prog.warn}
	name, path := prog.env.getenv(logVariable), prog.env.getenv(logFileVariable)
	if name == "" && path == "" || slices.Contains(args, completeCommand) {
		return nil
	}
	level := slog.LevelInfo
	if name != "" {
		var err error
		if level, err = logs.ParseLevel(name); err != nil {
			return refuse("Invalid "+logVariable, "%s=%s: %s. Unset it for no log.", logVariable, safe.Text(name), err)
		}
	}
	o := logs.Options{Level: level, Now: prog.env.Now, Clean: prog.logLine, Lost: prog.logLost}
	if path == "" {
		prog.shareScreen()
		o.To, prog.seen.onScreen = prog.env.Err, true
	} else {
		f, err := openLogFile(within(prog.env.Dir, path))
		if err != nil {
			return refuse("The log can't be written", "%s=%s: %s. Nothing was read or called.", logFileVariable, safe.Text(path), err)
		}
		o.To, o.JSON, prog.seen.file = f, true, f
	}
	prog.seen.log = logs.New(o)
	return nil
}

// openLogFile opens the log's file, to which lines are appended.
func openLogFile(path string) (*os.File, error) {
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return nil, errors.New("it is no file")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, bare(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, bare(err)
	}
	return f, nil
}

// bare is an error of a file without its path, which is said already.
func bare(err error) error {
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		return of.Err
	}
	return err
}

// shareScreen keeps the lines of the log apart from what else is written there.
func (prog *program) shareScreen() {
	env := *prog.env
	env.Err = &shared{to: env.Err}
	prog.env = &env
}

// shared is a writer for many goroutines.
type shared struct {
	mu sync.Mutex
	to io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(p)
}

// logLine is a line of the log with no secret in it, and nothing that a terminal or
// a CI's log obeys.
func (prog *program) logLine(line string) string {
	line = prog.cleaned(line)
	if prog.seen.onScreen {
		return safe.Screen(line, false)
	}
	return safe.JSONText(line)
}

// cleaned is a text without the secrets that the configuration told.
func (prog *program) cleaned(text string) string {
	if prog.out == nil {
		return text
	}
	return prog.out.redact(text)
}

// logLost says that the log can't be written.
func (prog *program) logLost(err error) {
	if !prog.seen.onScreen { // else there is nowhere to say it
		prog.seen.warn(fmt.Sprintf("The log can't be written any more, and the run goes on without it: %v", bare(err)))
	}
}

// warn says something that is no reason to stop.
func (prog *program) warn(text string) {
	out := prog.out
	if out == nil {
		out = prog.newOutput(viewOptions{})
	}
	out.say("Warning: %s\n", text)
}

// troubled keeps what went wrong first with the telemetry.
func (s *seen) troubled(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem == nil {
		s.problem = err
	}
}

// end ends what is seen of a command.
func (s *seen) end(ctx context.Context, code int) {
	s.command(code)
	if err := s.telemetry.Stop(ctx); err != nil {
		s.troubled(err)
	}
	s.mu.Lock()
	problem := s.problem
	s.mu.Unlock()
	if problem != nil {
		s.log.Warn("the telemetry could not be sent", "error", problem.Error())
		s.warn(fmt.Sprintf("Traces or metrics could not be sent, which changes nothing of the run: %v", problem))
	}
	s.log.Info("cardfleet ends", "exit_code", code)
	if s.file != nil {
		if err := s.file.Close(); err != nil {
			s.warn(fmt.Sprintf("The log may lack its end: %v", bare(err)))
		}
	}
}

// logEvent has in the log what happens, with what is plain of its fields.
func (o *output) logEvent(level, kind, message string, fields map[string]any) {
	at := slog.LevelInfo
	switch level {
	case "warn":
		at = slog.LevelWarn
	case "error":
		at = slog.LevelError
	}
	if !o.log.Enabled(context.Background(), at) {
		return
	}
	o.log.LogAttrs(context.Background(), at, message, append([]slog.Attr{slog.String("type", kind)}, plainFields(fields)...)...)
}

// plainFields are the fields that a line can hold, in the order of their names, and
// those of an action.
func plainFields(fields map[string]any) []slog.Attr {
	var attrs []slog.Attr
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := reflect.ValueOf(fields[name])
		switch value.Kind() {
		case reflect.String:
			if name == "iccid" {
				name = "card" // as in the lines of its calls
			}
			attrs = append(attrs, slog.String(name, value.String()))
		case reflect.Bool, reflect.Int, reflect.Float64:
			attrs = append(attrs, slog.Any(name, value.Interface()))
		case reflect.Map:
			if nested, ok := fields[name].(map[string]any); ok && (name == "hook" || name == "diagnostic" || name == "lock") {
				attrs = append(attrs, plainFields(nested)...)
			}
		}
	}
	return attrs
}
