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

// shownLabels is how many values of a label a mistake lists.
const shownLabels = 10

// unlabelled is the mistake of labels that select no card, which is most likely a
// misspelling: a plan of nothing would look like a fleet that is as wanted. A retry
// may come to nothing by right.
func (d *Draft) unlabelled() (spec.Diagnostics, error) {
	if len(d.in.Select.Labels) == 0 || d.in.Select.Retry != "" || d.head.Total > 0 {
		return nil, nil
	}
	known, err := d.in.labels()
	if err != nil {
		return nil, err
	}
	var detail strings.Builder
	detail.WriteString("No card that is declared or managed fits -select, together with the other options that select.")
	for _, key := range slices.Sorted(maps.Keys(d.in.Select.Labels)) {
		detail.WriteString(known.why(key, d.in.Select.Labels[key]))
	}
	return spec.Diagnostics{{Summary: "No card is selected", Detail: detail.String()}}, nil
}

// knownLabels are the values of each label that cards have.
type knownLabels map[string]map[string]bool

func (k knownLabels) add(labels map[string]string) {
	for key, value := range labels {
		if k[key] == nil {
			k[key] = map[string]bool{}
		}
		k[key][value] = true
	}
}

// labels are those of the declared cards and of the managed ones.
func (in *Input) labels() (knownLabels, error) {
	known := knownLabels{}
	for i := range in.Fleet.Cards {
		known.add(in.Fleet.Cards[i].Labels)
	}
	err := in.prior(func(_ int, c *state.Card) error {
		known.add(c.Labels)
		return nil
	})
	return known, err
}

// why says why no card has the label; "" where some card has it.
func (k knownLabels) why(key, glob string) string {
	if len(k) == 0 {
		return " No card has labels."
	}
	if k[key] == nil {
		keys := slices.Sorted(maps.Keys(k))
		return fmt.Sprintf(" No card has a label %q.%s The labels are: %s.", key, spec.DidYouMean(key, keys), listed(keys))
	}
	values := slices.Sorted(maps.Keys(k[key]))
	if slices.ContainsFunc(values, func(v string) bool { return signers.Matches(glob, v) }) {
		return ""
	}
	return fmt.Sprintf(" No card has %q = %q.%s Its values are: %s.", key, glob, spec.DidYouMean(glob, values), listed(values))
}

// listed is names, of which only the first are written out.
func listed(names []string) string {
	if len(names) > shownLabels {
		return fmt.Sprintf("%s and %d more", strings.Join(quoted(names[:shownLabels]), ", "), len(names)-shownLabels)
	}
	return strings.Join(quoted(names), ", ")
}

// quoted writes names so that no character in them is more than that.
func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return out
}
