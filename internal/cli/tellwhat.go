package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	// placesTold is how many values of a label a message names for one kind of change.
	placesTold = 5
	// placesMost is how many values a label may have to say where cards are: one with
	// more is a name of each card rather than a place of many.
	placesMost = 200
)

// tally counts a message's cards by what happens to them and by their labels.
type tally struct {
	kinds map[string]int
	// by has for each label's key how many cards of a kind have which value; nil for a
	// key with too many values.
	by map[string]map[placed]int
}

// placed is a kind of change at cards with a label's value.
type placed struct{ kind, value string }

// add counts one card.
func (t *tally) add(kind string, labels map[string]string) {
	if t.kinds == nil {
		t.kinds, t.by = map[string]int{}, map[string]map[placed]int{}
	}
	t.kinds[kind]++
	for key, value := range labels {
		counts, known := t.by[key]
		if !known {
			counts = map[placed]int{}
			t.by[key] = counts
		}
		if counts == nil {
			continue
		}
		if counts[placed{kind, value}]++; len(counts) > placesMost {
			t.by[key] = nil
		}
	}
}

// lines say what kind of change on how many cards of which place, in the order of the
// kinds: "change-bind: 12 cards (city: hangzhou 9, shanghai 3)".
func (t *tally) lines() []string {
	order := make([]string, 0, len(t.kinds))
	for _, kind := range spec.Kinds() {
		order = append(order, string(kind))
	}
	key := t.place()
	var out []string
	for _, kind := range append(order, changedOutside) {
		n := t.kinds[kind]
		if n == 0 {
			continue
		}
		line := fmt.Sprintf("%s: %s", kind, countCards(n))
		if where := t.where(key, kind); where != "" {
			line += fmt.Sprintf(" (%s: %s)", key, where)
		}
		out = append(out, line)
	}
	return out
}

// changedOutside stands in a kind's place for cards that somebody else changed.
const changedOutside = "changed outside"

// place is the label that says where cards are: city where there is one, else the one
// that most cards have.
func (t *tally) place() string {
	best, most := "", 0
	for _, key := range slices.Sorted(maps.Keys(t.by)) {
		n := 0
		for _, k := range t.by[key] {
			n += k
		}
		if key == "city" && n > 0 {
			return key
		}
		if n > most {
			best, most = key, n
		}
	}
	return best
}

// where is how many cards of a kind have which value of a label, the most first.
func (t *tally) where(key, kind string) string {
	type share struct {
		value string
		n     int
	}
	var shares []share
	for at, n := range t.by[key] {
		if at.kind == kind {
			shares = append(shares, share{at.value, n})
		}
	}
	slices.SortFunc(shares, func(a, b share) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.value, b.value)) })
	var parts []string
	for _, s := range shares[:min(len(shares), placesTold)] {
		parts = append(parts, fmt.Sprintf("%s %s", cmp.Or(s.value, "-"), render.Thousands(s.n)))
	}
	if len(shares) > placesTold {
		parts = append(parts, "…")
	}
	return strings.Join(parts, ", ")
}

// nextAfter is what to do after a run: "" where nothing is left. doubt is the first
// of what is in doubt, and atWorkers what to do for what workers have.
func (c *configuration) nextAfter(doubt *apply.Result, atWorkers string, asWanted bool) string {
	settle := ""
	if doubt != nil {
		settle = c.command() + " resolve " + string(doubt.Card.ICCID)
		if doubt.Action.Kind == spec.ChangeBind || doubt.Action.Kind == spec.Unbind {
			settle += " -bound-to=IMEI"
		}
	}
	switch {
	case settle != "":
		looks := fmt.Sprintf("%s plan looks what became of it; to settle a card by hand: %s", c.command(), settle)
		return strings.Join(slices.DeleteFunc([]string{atWorkers, looks}, func(s string) bool { return s == "" }), "; ")
	case atWorkers != "":
		return atWorkers
	case asWanted:
		return ""
	default:
		return c.command() + " plan shows what is left to do"
	}
}

// whoRuns is the person that a CI system names, else the user of the machine.
func whoRuns(env *Env) string {
	return cmp.Or(env.getenv("GITLAB_USER_NAME"), env.getenv("GITHUB_ACTOR"), env.User+"@"+env.Host)
}
