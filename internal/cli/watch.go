package cli

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/telemetry"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// watcher shows what a run does: progress, actions as they end, warnings.
type watcher struct {
	out      *output
	progress *progress // of the phase; nil between two
	bars     map[spec.ProviderName]*carrierProgress

	throttling throttling // of the phase
	telemetry  *telemetry.Telemetry
}

// Begin implements [run.Watcher].
func (w *watcher) Begin(phase run.Phase, shares []run.Share) {
	if phase == run.Reading {
		w.progress = w.out.progress("refresh", "reading")
	} else {
		w.progress = w.out.progress("apply", "changing")
	}
	w.throttling.of = map[spec.ProviderName]*throttled{}
	w.bars = make(map[spec.ProviderName]*carrierProgress, len(shares))
	for _, s := range shares {
		bar := w.progress.carrier(string(s.Provider), s.Count)
		if s.Calls > 0 {
			bar.calls.Store(&calls{all: s.Calls})
		}
		w.bars[s.Provider] = bar
	}
}

// Read implements [run.Watcher].
func (w *watcher) Read(provider spec.ProviderName, done int) { w.bars[provider].set(done) }

// Costs says what reading takes at an account, where that is worth a line.
func (w *watcher) Costs(reads []plan.Reads) {
	names := make([]spec.ProviderName, 0, len(reads))
	for _, r := range reads {
		names = append(names, r.Provider)
		w.bars[r.Provider].calls.Store(&calls{r.Calls, r.ListCalls, r.ListCards})
		text := fmt.Sprintf("%s %s: %s", w.progress.verb, r.Provider, render.ReadingText([]plan.Reads{r}))
		w.out.event("info", "reading_cost", text, map[string]any{"reading": render.ReadsOf(r)})
	}
	if all := render.TogetherOf(reads); all.ListCalls > 0 || all.Time() >= between {
		w.say(fmt.Sprintf("%s %s: %s", w.progress.verb, render.OneAccount(names), render.ReadingText(reads)))
	}
}

// say writes a line for people, above the bars where some are shown.
func (w *watcher) say(text string) {
	if p := w.progress; p != nil && p.bars != nil {
		_, _ = p.bars.Write([]byte(safe.Screen(w.out.redact(w.out.errors.Lang.Text(text)), false) + "\n")) // as with everything that is said: nobody is left to be told
		return
	}
	w.out.say("%s\n", text)
}

// mostWaits is how many calls are named that a run waits for.
const mostWaits = 5

// Waits implements [run.Watcher].
func (w *watcher) Waits(calls []run.Call) {
	names := make([]string, 0, mostWaits)
	for _, c := range calls[:min(len(calls), mostWaits)] {
		names = append(names, fmt.Sprintf("%s of %s", c.Action.Kind, cardOf(c.Card)))
	}
	text := "Waiting for the answer to 1 call that had left: "
	if len(calls) != 1 {
		text = fmt.Sprintf("Waiting for the answers to %s calls that had left: ", render.Thousands(len(calls)))
	}
	text += strings.Join(names, ", ")
	if more := len(calls) - len(names); more > 0 {
		text += fmt.Sprintf(", and %s more", render.Thousands(more))
	}
	text += "."
	w.out.event("info", "waiting", text, map[string]any{"for": "calls", "calls": len(calls)})
	w.say(text)
}

// away says that the state's store can't be reached while a run goes on, and
// why; nil says that it can again.
func (w *watcher) away(err error) {
	level, text := "info", "The state's store answers again: the run goes on."
	if err != nil {
		level = "warn"
		text = fmt.Sprintf("The state's store can't be reached, so nothing more is started until it answers: %v", err)
	}
	w.out.event(level, "waiting", text, map[string]any{"for": "store", "over": err == nil})
	w.say(text)
}

// Started implements [run.Watcher].
func (w *watcher) Started(c *plan.Card, a *plan.Action) {
	if !w.out.told() {
		return
	}
	h := hook(c, a)
	h["elapsed_seconds"], h["request_id"] = 0.0, ""
	w.out.event("info", "apply_start", fmt.Sprintf("%s: %s starts", c.Address, a.Kind), map[string]any{"hook": h})
}

// Finished tells of one action: at once where lines can be written, and with
// the summary where bars are shown.
func (w *watcher) Finished(r apply.Result) {
	w.telemetry.Finished(r)
	if bar := w.bars[r.Card.Provider]; bar != nil && r.Action.Kind.CallsCarrier() {
		bar.add()
	}
	if !w.out.live {
		w.out.result("%s\n", resultLine(r))
	}
	if !w.out.told() {
		return
	}
	h := hook(r.Card, r.Action)
	h["elapsed_seconds"], h["request_id"], h["outcome"] = r.Elapsed.Seconds(), r.RequestID, r.Outcome
	if r.AsFarAsTold {
		h["as_far_as_told"] = true
	}
	level, kind := "info", "apply_complete"
	switch {
	case r.Outcome == apply.NotStarted: // which is no failure: it may be held by a window
		kind = "apply_not_started"
	case r.Outcome != apply.Done:
		level, kind = "error", "apply_errored"
	}
	if r.Outcome != apply.Done {
		h["reason"] = r.Reason
	}
	w.out.event(level, kind, resultLine(r), map[string]any{"hook": h})
}

// End implements [run.Watcher].
func (w *watcher) End(run.Phase) {
	w.restOfThrottling()
	w.progress.end()
	w.progress, w.bars = nil, nil
}

// Warn implements [run.Watcher].
func (w *watcher) Warn(diags spec.Diagnostics) { w.out.diagnostics(diags) }

// Kept implements [run.Watcher].
func (w *watcher) Kept(readings int) {
	w.out.say("Interrupted while reading. %s kept in the state; with -max-age another run goes on from there.\n", readingsAre(readings))
}

func readingsAre(n int) string {
	if n == 1 {
		return "1 reading is"
	}
	return render.Thousands(n) + " readings are"
}

func hook(c *plan.Card, a *plan.Action) map[string]any {
	return map[string]any{"address": c.Address, "iccid": c.ICCID, "provider": c.Provider, "action": a.Kind, "id": a.ID}
}
