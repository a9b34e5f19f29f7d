package cli

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// summary ends a run: what wasn't done, one by one, and the counts of all. Its error
// is that the plan could not be read again.
func (s *session) summary(done *run.Applied) (unread error) {
	r := done.Report
	counts := map[string]any{"operation": "apply"}
	parts := make([]string, 0, 5)
	for _, o := range apply.Outcomes() {
		n := r.Count(o)
		if o == apply.NotStarted {
			n += done.Left
		}
		counts[o.Word()] = n
		parts = append(parts, fmt.Sprintf("%d %s", n, o))
	}
	for _, kind := range spec.Kinds() {
		counts[kind.Field()] = done.Done(kind)
	}
	line := "Apply incomplete: " + strings.Join(parts, ", ") + "."
	if done.Complete() {
		line = "Apply complete! " + strings.Join(parts, ", ") + "."
	}
	if n := done.Unrecorded(); n > 0 {
		counts["unrecorded"] = n
		line += fmt.Sprintf(" %s could not be recorded.", counted(n, "outcome"))
	}
	s.out.event("info", "change_summary", line, map[string]any{"changes": counts})
	if s.out.live {
		unread = r.Each(func(result *apply.Result) error {
			s.out.result("%s\n", resultLine(*result))
			return nil
		})
	}
	if r.AsWanted() {
		s.out.result("\n%s\n", wantedWords(done.Planned, r.Len()))
	}
	if r.Count(apply.InDoubt) > 0 {
		s.out.result("\nWhat is in doubt may have been done or not. The next plan looks again, and says how to settle it.\n")
	}
	if done.Unrecorded() > 0 {
		s.out.result("\nWhat could not be recorded was done as the lines above say. The state doesn't know that: the next plan looks what became of those calls, and says what stays in doubt.\n")
	}
	s.out.result("\n%s\n", s.out.style.Bold(line))
	return unread
}

// resultLine is what became of an action:
// "card.x: change-bind 8615… -> 8615…: done (request 8906…)".
func resultLine(r apply.Result) string {
	line := fmt.Sprintf("%s: %s: %s", cardOf(r.Card), safe.Text(r.Action.Change.String()), r.Outcome)
	if r.Reason != "" {
		line += ": " + safe.Text(r.Reason)
	}
	if id := safe.Text(r.RequestID); id != "" && !strings.Contains(line, id) {
		line += " (request " + id + ")"
	}
	return line
}

// cardOf names a card: its address, and its ICCID where that isn't in it.
func cardOf(c *plan.Card) string {
	if strings.Contains(c.Address, string(c.ICCID)) {
		return safe.Text(c.Address)
	}
	return safe.Text(c.Address) + " (" + safe.Text(string(c.ICCID)) + ")"
}
