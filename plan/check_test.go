package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

func TestAnAttributeThatTheCarrierCannotServeIsAnErrorAtItsLine(t *testing.T) {
	block := &spec.Block{Name: "bike", Keyed: true, Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 3}, End: spec.Pos{Line: 3}}, Attrs: []spec.AttrPlace{
		{Name: "imei", Start: spec.RelPos{Line: 2}},
	}}
	fleet := &spec.Fleet{}
	for _, key := range []string{"1", "2", "3"} {
		fleet.Cards = append(fleet.Cards, spec.Card{Provider: "cmiot", ICCID: spec.ICCID("8986000000000000000" + key), Block: block, Key: key, IMEI: deviceA, Active: spec.On})
	}
	readsOnly := spec.Capabilities{Reads: spec.AttrActive | spec.AttrPackages}
	diags := plan.CheckCapabilities(fleet, map[spec.ProviderName]spec.Capabilities{"cmiot": readsOnly})
	require.Len(t, diags, 1, "said once for the block; what can be read is watched")
	assert.Equal(t, "Attribute is not available at this carrier", diags[0].Summary)
	assert.Equal(t, 5, diags[0].Subject.Start.Line)
	assert.Contains(t, diags[0].Detail, "Provider cmiot can neither read nor change imei")

	writesOnly := spec.Capabilities{Reads: spec.AttrActive, Changes: []spec.Kind{spec.ChangeBind}}
	assert.Empty(t, plan.CheckCapabilities(fleet, map[spec.ProviderName]spec.Capabilities{"cmiot": writesOnly}), "what can be changed but not read is remembered")

	fleet.Cards[0].Ignore = spec.AttrBinding
	assert.Len(t, plan.CheckCapabilities(&spec.Fleet{Cards: fleet.Cards[:1]}, map[spec.ProviderName]spec.Capabilities{"cmiot": readsOnly}), 0, "an ignored attribute is not asked for")
}

func TestAPrivacyNumberNeedsAProviderThatHasThem(t *testing.T) {
	fleet := &spec.Fleet{Numbers: []spec.PrivacyNumber{{Name: "courier", Provider: "xuyu", Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 9}}}}}
	diags := plan.CheckCapabilities(fleet, map[spec.ProviderName]spec.Capabilities{"xuyu": {}})
	require.Len(t, diags, 1)
	assert.Equal(t, 9, diags[0].Subject.Start.Line)
	assert.Empty(t, plan.CheckCapabilities(fleet, map[spec.ProviderName]spec.Capabilities{"xuyu": {Numbers: true}}))
}
