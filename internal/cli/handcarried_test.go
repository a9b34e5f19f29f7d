package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// variedBy has the fleet's cards be active as its variable of that name says, which is
// true unless it is given.
func (r *rig) variedBy(name string) {
	text := strings.ReplaceAll(r.read("main.fleet.hcl"), "active = false", "active = var."+name)
	text = strings.Replace(text, "  policy {\n", "  policy {\n    limit \"resume\" { count = 100 }\n", 1)
	r.write("main.fleet.hcl", text+"variable \""+name+"\" { default = true }\n")
}

func TestASavedPlanThatWorkersCarriedOutIsCarriedOutOnce(t *testing.T) {
	r := handing(t, 3)
	r.variedBy("on")
	r.want(0, r.run("plan", "-var=on=false", "-out=p.fleetplan"))
	r.want(0, r.run("apply", "-detach", "-var=on=false", "p.fleetplan"))
	r.works()
	require.Len(t, r.stopped(), 3)
	r.want(0, r.run("apply", "-auto-approve", "-detach"))
	r.works()
	r.want(0, r.run("plan", "-detailed-exitcode"))
	for _, again := range [][]string{{"apply"}, {"apply", "-detach"}, {"plan"}} {
		name := "p.fleetplan"
		if again[0] == "plan" {
			name = "-check=p.fleetplan"
		}
		got := r.want(0, r.run(append(again, "-var=on=false", name)...))
		assert.Contains(t, got.errors, "This plan was applied at ")
	}
	r.works()
	assert.Len(t, r.stopped(), 6, "three stops and three resumes, and nothing is sent again")
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

func TestASavedPlanOfWhichWorkersDidSomeIsCarriedOutOnceTheRestIsDone(t *testing.T) {
	r := handing(t, 3, carriersim.Fault{Action: "DoIotUserStopResume", ICCID: cardNo(1), Kind: carriersim.CodeFault("isv.QUERY_ASSETS_ERROR"), Times: 1})
	r.variedBy("on")
	r.want(0, r.run("plan", "-var=on=false", "-out=p.fleetplan"))
	r.want(0, r.run("apply", "-detach", "-var=on=false", "p.fleetplan"))
	r.works()
	require.Len(t, r.stopped(), 2)
	got := r.want(0, r.run("apply", "-detach", "-var=on=false", "p.fleetplan"))
	assert.NotContains(t, got.errors, "This plan was applied at ", "one of its actions failed")
	r.works()
	require.Len(t, r.stopped(), 3)
	got = r.want(0, r.run("apply", "-var=on=false", "p.fleetplan"))
	assert.Contains(t, got.errors, "This plan was applied at ")
}
