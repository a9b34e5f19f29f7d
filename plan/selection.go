package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Selection narrows a plan to some cards. Its zero value is all of them.
type Selection struct {
	// Targets and Excludes are globs over addresses and ICCIDs; card.bike also
	// stands for each card of its block.
	Targets, Excludes []string
	// Labels have to be the card's, each; their values may be globs.
	Labels map[string]string
	// Retry is the report of a run, whose cards that were not done are in
	// Cards; "" is none. No other card is selected then, and no privacy number.
	Retry string
	// Cards, where it isn't nil, are the only cards that are selected.
	Cards map[spec.ICCID]bool
}

// Partial reports whether the selection leaves anything out at all.
func (s Selection) Partial() bool {
	return len(s.Targets)+len(s.Excludes)+len(s.Labels) > 0 || s.Retry != "" || s.Cards != nil
}

func named(glob, address string, iccid spec.ICCID) bool {
	return glob == address || iccid.SameCard(spec.ICCID(glob)) ||
		signers.Matches(glob, address) || signers.Matches(glob, string(iccid)) || signers.Matches(glob+"[*", address)
}

// GlobMatches reports whether a glob, as options and commands take them, matches
// all of s: * stands for any characters, ? for one; brackets are themselves.
func GlobMatches(glob, s string) bool { return signers.Matches(glob, s) }

// String is the selection as options.
func (s Selection) String() string {
	var text strings.Builder
	add := func(format string, args ...any) {
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		fmt.Fprintf(&text, format, args...)
	}
	for _, t := range s.Targets {
		add("-target=%s", t)
	}
	for _, e := range s.Excludes {
		add("-exclude=%s", e)
	}
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		add("-select=%s=%s", k, s.Labels[k])
	}
	if s.Retry != "" {
		add("-retry=%s", s.Retry)
	}
	return text.String()
}

// unmatched finds targets that name nothing, which is most likely a mistake.
func (s *selector) unmatched(fleet *spec.Fleet, prior *state.Snapshot) spec.Diagnostics {
	if s.targets.count == 0 {
		return nil
	}
	found := s.found(fleet, prior)
	var diags spec.Diagnostics
	for _, target := range s.Targets {
		if !found[target] {
			diags = append(diags, spec.Diagnostic{
				Summary: "Target names no card",
				Detail:  fmt.Sprintf("-target=%s names no card that is declared or managed. cardfleet state list shows those that are managed; * stands for any characters.%s", target, shellHint(target)),
			})
		}
	}
	return diags
}

// shellHint tells of quotes that a shell took away, as in card.bike[8986…].
func shellHint(target string) string {
	block, key, ok := strings.Cut(target, "[")
	key, closed := strings.CutSuffix(key, "]")
	if !ok || !closed || key == "" || strings.HasPrefix(key, `"`) {
		return ""
	}
	whole := fmt.Sprintf(`'%s["%s"]'`, block, strings.Trim(key, `\"`))
	if _, err := spec.ParseICCID(key); err == nil {
		return fmt.Sprintf(" A shell took the quotes around %s away: write the ICCID alone, -target=%s, or -target=%s.", key, key, whole)
	}
	return fmt.Sprintf(" A shell took the quotes around %s away: write -target=%s.", key, whole)
}
