package providers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func settings(values map[string]any, env map[string]string) *Settings {
	schema := spec.Schema{Type: "acme", Settings: []spec.Setting{
		{Name: "key", Env: "ACME_KEY", Secret: true}, {Name: "region"}, {Name: "strict", Type: spec.SettingBool},
	}}
	config := spec.ProviderConfig{
		Name: "acme.a", Settings: values,
		Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 3}},
		Ranges: map[string]spec.Range{"endpoint": {File: "main.fleet.hcl", Start: spec.Pos{Line: 5}}},
	}
	return NewSettings(config, schema, func(name string) string { return env[name] })
}

func TestBlockComesBeforeEnvironmentBeforeDefault(t *testing.T) {
	env := map[string]string{"ACME_KEY": "from env"}
	assert.Equal(t, "from block", settings(map[string]any{"key": "from block"}, env).String("key", "default"))
	assert.Equal(t, "from env", settings(map[string]any{"key": ""}, env).String("key", "default"))
	assert.Equal(t, "default", settings(nil, nil).String("key", "default"))
	assert.Equal(t, "default", settings(nil, env).String("region", "default"))
	assert.True(t, settings(nil, nil).Bool("strict", true))
	assert.False(t, settings(map[string]any{"strict": false}, nil).Bool("strict", true))
}

func TestMissingCredentialNamesSettingAndVariable(t *testing.T) {
	s := settings(nil, nil)
	s.Credential("key")
	require.Len(t, s.Diagnostics(), 1)
	d := s.Diagnostics()[0]
	assert.Equal(t, "Missing credentials", d.Summary)
	assert.Equal(t, `The provider "acme.a" has no key. Set key in its block, or the environment variable ACME_KEY. To try it without a carrier, set endpoint = "simulator".`, d.Detail)
	assert.Equal(t, 3, d.Subject.Start.Line, "the block's header")
}

func TestURLs(t *testing.T) {
	for text, good := range map[string]bool{
		"https://dyiotapi.aliyuncs.com": true, "http://127.0.0.1:1234/aliyun": true,
		"simulator": false, "ftp://a.test": false, "https://": false, "https://u:p@a.test": false, "https://a.test/?q=1": false, "https://a.test/#x": false, "http://a b": false,
	} {
		s := settings(map[string]any{"endpoint": text}, nil)
		u := s.URL("endpoint", "https://acme.test")
		assert.Equal(t, good, u != nil, text)
		assert.Equal(t, !good, s.Diagnostics().HasErrors(), text)
		if !good {
			assert.Equal(t, 5, s.Diagnostics()[0].Subject.Start.Line)
			assert.NotContains(t, s.Diagnostics()[0].Detail, "u:p", "a password")
		}
	}
}

func TestLimits(t *testing.T) {
	defaults := Limits{RequestsPerSecond: 20, MaxInFlight: 16, Timeout: time.Second, Retries: 4}
	s := settings(map[string]any{"requests_per_second": 5.5, "retries": 0}, nil)
	assert.Equal(t, Limits{RequestsPerSecond: 5.5, MaxInFlight: 16, Timeout: time.Second}, s.Limits(defaults))
	assert.Empty(t, s.Diagnostics())
}

func TestTheSchemaRefusesLimitsThatNobodyCouldKeepTo(t *testing.T) {
	schema := spec.Schema{Settings: spec.CommonSettings()}
	for name, row := range map[string]struct {
		value any
		rule  string
	}{
		"requests_per_second": {0.0, "requests_per_second must be more than 0."},
		"max_in_flight":       {0.0, "max_in_flight must be a whole number of at least 1."},
		"timeout":             {"-1s", "timeout must be more than 0."},
		"retries":             {-1.0, "retries must be a whole number of at least 0."},
		"calls_per_day":       {-1.0, "calls_per_day must be a whole number of at least 0."},
		"calls_per_month":     {1.5, "calls_per_month must be a whole number of at least 0."},
	} {
		x, ok := schema.Setting(name)
		require.True(t, ok, name)
		_, wrong := x.Take(row.value)
		assert.Equal(t, []spec.Mistake{{Summary: "Value out of range", Detail: row.rule}}, wrong)
	}
}

func TestSettingOfAnotherTypeIsOurBug(t *testing.T) {
	assert.Panics(t, func() { settings(map[string]any{"retries": "four"}, nil).Limits(Limits{}) })
}
