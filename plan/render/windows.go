package render

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// TimingJSON is when actions may start that a window holds.
type TimingJSON struct {
	Window string `json:"window"`
	// Open reports that they may start; otherwise they wait until Opens.
	Open   bool      `json:"open"`
	Opens  time.Time `json:"opens"`
	Closes time.Time `json:"closes,omitzero"`
	// Kinds is how many actions there are, by the field's name of their kind.
	Kinds map[string]int `json:"kinds"`
}

// TimingsOf is when actions may start that windows hold, as programs read it.
func TimingsOf(list []plan.Timing) []TimingJSON {
	var out []TimingJSON
	for _, t := range list {
		j := TimingJSON{Window: t.Window, Open: t.Open, Opens: t.Opens, Closes: t.Closes, Kinds: map[string]int{}}
		for _, k := range t.Kinds {
			j.Kinds[k.Kind.Field()] = k.Planned
		}
		out = append(out, j)
	}
	return out
}

// timingTexts are a plan's timings in sentences. Times are told in the window's zone
// too, where the fleet has none that all of the plan is told in.
func timingTexts(p *plan.Plan) []string {
	var out []string
	for i := range p.Windows {
		t := &p.Windows[i]
		text := timingText(t)
		if zone := cmp.Or(p.Zone, t.Zone); zone != "UTC" {
			text = ClockOf(zone).Both(text)
		}
		out = append(out, text)
	}
	return out
}

// timingText is "2 to stop wait until 2026-11-29 17:00 UTC, when the window night opens."
func timingText(t *plan.Timing) string {
	parts := make([]string, 0, len(t.Kinds))
	n := 0
	for _, k := range t.Kinds {
		parts = append(parts, fmt.Sprintf("%s to %s", Thousands(k.Planned), k.Kind))
		n += k.Planned
	}
	what, window := strings.Join(parts, ", "), safe.Text(t.Window)
	if t.Open {
		return fmt.Sprintf("%s may start until %s, when the window %s closes; what has not started by then waits until it opens again.",
			what, t.Closes.UTC().Format("2006-01-02 15:04 UTC"), window)
	}
	return fmt.Sprintf("%s %s until %s, when the window %s opens.", what, plural(n, "waits", "wait"), t.Opens.UTC().Format("2006-01-02 15:04 UTC"), window)
}

// timingList says in a comment what waits for a window.
func timingList(p *plan.Plan) *section {
	list := timingTexts(p)
	return &section{
		one: "window", many: "windows", weight: 5, items: len(list), stands: len(list), shut: "\n",
		item: func(i int) (string, int) { return "- " + prose(list[i]) + "\n", 1 },
		more: func(left string) string { return "- … and " + left + " more windows\n" },
	}
}
