package spec

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testSchema() Schema {
	return Schema{Type: "acme", Settings: []Setting{
		{Name: "name", Env: "ACME_NAME", TerraformEnv: "TF_NAME"},
		{Name: "times", Type: SettingInt, Env: "ACME_TIMES", Most: 10},
		{Name: "rate", Type: SettingNumber, Env: "ACME_RATE"},
		{Name: "strict", Type: SettingBool, Env: "ACME_STRICT"},
		{Name: "wait", Type: SettingDuration, Env: "ACME_WAIT"},
		{Name: "list", Type: SettingStrings},
	}}
}

func read(values map[string]any, env map[string]string) *Settings {
	block := Written{
		Title: `backend "acme"`, Values: values, Header: &Range{File: "main.fleet.hcl", Start: Pos{Line: 3}},
		Ranges: map[string]Range{"times": {File: "main.fleet.hcl", Start: Pos{Line: 5}}},
	}
	return NewSettings(block, testSchema(), func(name string) string { return env[name] })
}

func TestTheBlockCountsBeforeOurVariableBeforeTerraformsBeforeTheDefault(t *testing.T) {
	env := map[string]string{"ACME_NAME": "ours", "TF_NAME": "theirs"}
	assert.Equal(t, "the block's", read(map[string]any{"name": "the block's"}, env).String("name", "default"))
	assert.Equal(t, "ours", read(nil, env).String("name", "default"))
	delete(env, "ACME_NAME")
	assert.Equal(t, "theirs", read(nil, env).String("name", "default"))
	assert.Equal(t, "default", read(nil, nil).String("name", "default"))
}

func TestAVariableIsReadByTheTypeOfItsSetting(t *testing.T) {
	s := read(nil, map[string]string{"ACME_TIMES": "7", "ACME_RATE": "0.5", "ACME_STRICT": "true", "ACME_WAIT": "1m30s"})
	assert.Equal(t, 7, s.Int("times", 1))
	assert.InDelta(t, 0.5, s.Number("rate", 1), 0)
	assert.True(t, s.Bool("strict", false))
	assert.Equal(t, 90*time.Second, s.Duration("wait", 0))
	assert.Nil(t, s.Strings("list"))
	assert.Empty(t, s.Diagnostics())
}

func TestAVariableThatDoesNotFitIsNamedOnceAndNeverQuoted(t *testing.T) {
	for variable, rule := range map[string]string{
		"ACME_TIMES": "times must be a number.", "ACME_RATE": "rate must be a number.", "ACME_STRICT": "strict must be true or false.",
		"ACME_WAIT": `wait is a number with its unit, such as "25s", "1m30s" or "500ms".`,
	} {
		s := read(nil, map[string]string{variable: "sEcReT"})
		for range 2 {
			assert.Equal(t, 1, s.Int("times", 1))
			assert.InDelta(t, 2, s.Number("rate", 2), 0)
			assert.True(t, s.Bool("strict", true))
			assert.Equal(t, time.Second, s.Duration("wait", time.Second))
		}
		require.Len(t, s.Diagnostics(), 1, variable)
		assert.Equal(t, "The variable "+variable+" of the environment says it, and "+rule, s.Diagnostics()[0].Detail)
		assert.Equal(t, "main.fleet.hcl", s.Diagnostics()[0].Subject.File)
	}
}

func TestBoundsOfSettings(t *testing.T) {
	for _, row := range []struct {
		setting Setting
		value   any
		rule    string // "" where it fits
	}{
		{Setting{Name: "n", Type: SettingInt, Most: 10}, 10.0, ""},
		{Setting{Name: "n", Type: SettingInt, Most: 10}, 11.0, "n must be a whole number of at most 10."},
		{Setting{Name: "n", Type: SettingInt}, 1e300, "n must be a whole number of at least 0."},
		{Setting{Name: "n", Type: SettingInt, Least: 1}, 0.0, "n must be a whole number of at least 1."},
		{Setting{Name: "d", Type: SettingDuration}, "0s", ""},
		{Setting{Name: "d", Type: SettingDuration}, "-1s", "d must be 0 or more."},
		{Setting{Name: "d", Type: SettingDuration, Positive: true}, "0s", "d must be more than 0."},
		{Setting{Name: "s"}, " ", "s is blank. Write a value, or leave the attribute out."},
		{Setting{Name: "s", MayBeBlank: true}, " ", ""},
		{Setting{Name: "i", Type: SettingIMEIs}, []string{"861536030196001", "8615360301960010"}, `"861536030196001" and "8615360301960010" are one device: their first 14 digits are the same.`},
	} {
		_, wrong := row.setting.Take(row.value)
		if row.rule == "" {
			assert.Empty(t, wrong, "%v", row.value)
			continue
		}
		require.NotEmpty(t, wrong, "%v", row.value)
		assert.Equal(t, row.rule, wrong[0].Detail)
	}
}

func TestAMissingSettingNamesItsVariable(t *testing.T) {
	s := read(nil, nil)
	s.Missing("name", "it says whose it is")
	s.Mistake("times", "Wrong", "At its own line.")
	require.Len(t, s.Diagnostics(), 2)
	assert.Equal(t, `Backend "acme" needs name: it says whose it is. The variable ACME_NAME says it too.`, s.Diagnostics()[0].Detail)
	assert.Equal(t, 3, s.Diagnostics()[0].Subject.Start.Line)
	assert.Equal(t, 5, s.Diagnostics()[1].Subject.Start.Line)
}
