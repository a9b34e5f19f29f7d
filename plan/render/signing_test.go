package render_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

// What can't be undone stands first and whole, wherever it is in the plan; of the
// rest the first are shown and the others counted.
func TestTheSignerIsShownAllThatCantBeUndoneFirst(t *testing.T) {
	p := &plan.Plan{}
	for i := range 25 {
		c := plan.Card{Address: fmt.Sprintf("card.c%02d", i), Provider: "aliyun", ICCID: spec.ICCID(fmt.Sprintf("8986061703001730%04d", i))}
		c.Actions = []plan.Action{{Change: spec.Change{Kind: spec.Resume}}, {Change: spec.Change{Kind: spec.Stop}, Guarded: true}}
		if i >= 22 {
			c.Actions = append(c.Actions, plan.Action{Change: spec.Change{Kind: spec.Unbind, From: "861536030196001"}, Guarded: true})
		}
		p.Cards = append(p.Cards, c)
	}
	var b bytes.Buffer
	require.NoError(t, render.Sign(&b, p, render.Signing{}, render.Style{}))
	var got []string
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "# card.") || strings.HasPrefix(line, "~ ") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "… ") {
			got = append(got, line)
		}
	}
	var want []string
	for i := 22; i < 25; i++ {
		want = append(want, fmt.Sprintf("# card.c%02d (8986061703001730%04d)", i, i), "- unbind from 861536030196001  (this closes the card's account; it can't be undone)")
	}
	for i := range 20 {
		want = append(want, fmt.Sprintf("# card.c%02d (8986061703001730%04d)", i, i), "~ stop")
	}
	want = append(want, "… and 5 more that can be undone; cardfleet show lists them")
	require.Equal(t, want, got)
}
