package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rivo/uniseg"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// output is where a command says things: results to standard output,
// diagnostics and progress to standard error; with -json everything to
// standard output, an object a line; with -json-into these lines to a file besides.
type output struct {
	env     *Env
	dir     string // of the configuration, for the source that diagnostics show
	json    bool
	into    *linesFile   // of -json-into; nil: none
	style   render.Style // of results
	errors  render.Style // of diagnostics
	live    bool         // progress bars
	mu      sync.Mutex
	secrets *strings.Replacer // nil: none
	hidden  []string          // what secrets replaces, the longest first
	version bool              // the version line is written
	log     *slog.Logger      // of all that happens
	collect *spec.Diagnostics // takes the diagnostics instead of showing them; nil shows them
}

func newOutput(env *Env, v viewOptions) *output {
	o := &output{env: env, json: v.json, log: slog.New(slog.DiscardHandler)}
	o.style.Color = !v.noColor && !v.json && colorWanted(env, env.OutTTY)
	o.errors.Color = !v.noColor && !v.json && colorWanted(env, env.ErrTTY)
	o.style.Width, o.style.Terminal = env.OutWidth, env.OutTTY
	o.style.Lang, o.errors.Lang = env.lang, env.lang
	o.live = !v.json && env.ErrTTY && env.getenv("CI") == "" && env.getenv("NO_COLOR") == ""
	return o
}

// colorWanted goes by NO_COLOR, CI and the terminal; CLICOLOR_FORCE overrules
// the latter two.
func colorWanted(env *Env, tty bool) bool {
	switch {
	case env.getenv("NO_COLOR") != "":
		return false
	case env.getenv("CLICOLOR_FORCE") != "" && env.getenv("CLICOLOR_FORCE") != "0":
		return true
	default:
		return tty && env.getenv("CI") == "" && env.getenv("TERM") != "dumb"
	}
}

// shortestHidden is the length in bytes from which a secret is hidden: hiding "1"
// would only make everything else unreadable.
const shortestHidden = 6

// hide keeps the values out of everything that is written from here on, in
// whichever spelling.
func (o *output) hide(secrets []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range secrets {
		for _, part := range append(spec.SecretParts(s), s) {
			if len(part) >= shortestHidden {
				o.hidden = append(o.hidden, spec.SecretForms(part)...)
			}
		}
	}
	o.hidden = slices.DeleteFunc(o.hidden, func(form string) bool { return len(form) < shortestHidden })
	if len(o.hidden) == 0 {
		return
	}
	slices.SortFunc(o.hidden, spec.LongestFirst)
	o.hidden = slices.Compact(o.hidden)
	pairs := make([]string, 0, 2*len(o.hidden))
	for _, form := range o.hidden {
		pairs = append(pairs, form, hiddenValue)
	}
	o.secrets = strings.NewReplacer(pairs...)
}

// hiddenValue stands in the place of a secret.
const hiddenValue = "(sensitive value)"

// write writes a text for people: with no secret in it, with nothing that a
// terminal obeys but our own colours, and no line that a CI's log takes as a
// command.
func (o *output) write(w io.Writer, text string) {
	colour := o.errors.Color
	if w == o.env.Out {
		colour = o.style.Color
	}
	o.put(w, safe.Screen(o.redact(text), colour))
}

// writeData writes what is made to be read by programs, such as a table. It is
// left as it is unless it goes to a terminal or, for all that can be known, into
// a CI's log.
func (o *output) writeData(text string) {
	if o.env.OutTTY || o.env.getenv("CI") != "" {
		o.write(o.env.Out, text)
		return
	}
	o.put(o.env.Out, o.redact(text))
}

// writeText writes what write makes as one text.
func (o *output) writeText(w io.Writer, write func(w io.Writer) error) error {
	var b strings.Builder
	err := write(&b)
	o.write(w, b.String())
	return err
}

// writeJSON writes JSON to standard output while write makes it: a plan of a
// million cards doesn't fit into memory twice.
func (e *Env) writeJSON(write func(w io.Writer) error) error {
	w := safe.JSON(e.Out)
	return errors.Join(write(w), w.Close())
}

// put writes to a standard stream. One that can't be written to (a closed pipe)
// has nobody left to be told so.
func (o *output) put(w io.Writer, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = io.WriteString(w, text)
}

// redact is the text with no secret in it.
func (o *output) redact(text string) string {
	o.mu.Lock()
	secrets := o.secrets
	o.mu.Unlock()
	if secrets == nil {
		return text
	}
	return secrets.Replace(text)
}

// result writes to standard output; with -json it is silent.
func (o *output) result(format string, args ...any) {
	if !o.json {
		o.write(o.env.Out, o.style.Lang.Lines(fmt.Sprintf(format, args...)))
	}
}

// padded is a text with blanks behind it, to so many columns of a terminal.
func padded(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-uniseg.StringWidth(s)))
}

// say writes to standard error, for people; with -json it is silent.
func (o *output) say(format string, args ...any) {
	if !o.json {
		o.write(o.env.Err, o.errors.Lang.Lines(fmt.Sprintf(format, args...)))
	}
}

// event writes one line of the machine-readable run.
func (o *output) event(level, kind, message string, fields map[string]any) {
	o.logEvent(level, kind, message, fields)
	if !o.lines() {
		return
	}
	o.mu.Lock()
	first := !o.version
	o.version = true
	o.mu.Unlock()
	if first && kind != "version" {
		o.event("info", "version", "cardfleet "+Version, map[string]any{"cardfleet": Version, "ui": "1.1"})
	}
	line := map[string]any{
		"@level": level, "@message": message, "@module": "cardfleet.ui",
		"@timestamp": o.env.Now().UTC().Format(time.RFC3339Nano), "type": kind,
	}
	for k, v := range fields {
		line[k] = v
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		panic(err) // our own fields can always be encoded
	}
	text := safe.JSONText(o.redact(b.String()))
	if o.json {
		o.put(o.env.Out, text)
	}
	if o.into != nil {
		o.put(o.into, text)
	}
}

// told reports whether anybody is told of each thing that happens.
func (o *output) told() bool {
	return o.lines() || o.log.Enabled(context.Background(), slog.LevelInfo)
}

// lines reports whether anybody gets the machine-readable run.
func (o *output) lines() bool { return o.json || o.into != nil }
