package plan_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

func TestASavedPlanKeepsItsChecks(t *testing.T) {
	p := &plan.Plan{Version: "1.2.3", Timestamp: now, Checks: []spec.Check{
		{Name: "a", Severity: spec.CheckRefuses, Status: spec.CheckFails, Message: "no", File: "main.fleet.hcl", Line: 3},
		{Name: "b", Severity: spec.CheckWarns, Status: spec.CheckUnknown, File: "main.fleet.hcl", Line: 9},
	}}
	var file bytes.Buffer
	_, err := plan.Write(&file, p)
	require.NoError(t, err)
	got, _, err := plan.Read(&file)
	require.NoError(t, err)
	assert.Equal(t, p.Checks, got.Checks)
}

func TestASavedPlanWithACheckThatIsNoneIsRefused(t *testing.T) {
	for _, c := range []spec.Check{
		{Name: "a", Severity: "fatal", Status: spec.CheckFails}, {Name: "a", Severity: spec.CheckWarns, Status: "maybe"}, {Name: "a"},
	} {
		var file bytes.Buffer
		_, err := plan.Write(&file, &plan.Plan{Version: "1.2.3", Timestamp: now, Checks: []spec.Check{c}})
		require.NoError(t, err)
		_, _, err = plan.Read(&file)
		require.ErrorContains(t, err, `line 1 of the plan: check "a" has`)
	}
}
