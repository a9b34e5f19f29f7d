package config

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func testSchemas() []spec.Schema {
	return []spec.Schema{
		{Type: "aliyun", Settings: []spec.Setting{
			{Name: "access_key_id", Env: "ALIBABA_CLOUD_ACCESS_KEY_ID"},
			{Name: "access_key_secret", Secret: true},
			{Name: "region_id"},
			{Name: "register_imei", Type: spec.SettingBool},
		}},
		{Type: "cmiot", Settings: []spec.Setting{
			{Name: "password", Secret: true},
			{Name: "ebid", Type: spec.SettingAny},
			{Name: "write_cooldown", Type: spec.SettingDuration},
		}},
	}
}

func testOptions(dir string) Options {
	return Options{
		Dir:     dir,
		Cwd:     "/work",
		Schemas: testSchemas(),
		Backends: []spec.Schema{
			{Type: "http"}, {Type: "local", Exact: true, Settings: []spec.Setting{{Name: "path"}}}, {Type: "postgres"},
			{Type: "s3", Exact: true, Settings: []spec.Setting{{Name: "bucket"}, {Name: "access_key"}, {Name: "secret_key", Secret: true}}},
		},
		Version: "0.3.1",
		Now:     func() time.Time { return time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC) },
	}
}

// environment is a lookup that knows these names only.
func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

// mustLoad loads a configuration that has no mistakes.
func mustLoad(t testing.TB, files map[string]string) *Config {
	t.Helper()
	c, diags := Load(testOptions(writeFiles(t, files)))
	require.Empty(t, diags.HasErrors(), "%v", texts(diags))
	require.NotNil(t, c)
	return c
}

// mistakes loads a configuration that has some.
func mistakes(t testing.TB, files map[string]string) spec.Diagnostics {
	t.Helper()
	c, diags := Load(testOptions(writeFiles(t, files)))
	require.True(t, diags.HasErrors(), "no mistake was found")
	require.Nil(t, c)
	return diags
}

func texts(diags spec.Diagnostics) []string {
	var list []string
	for _, d := range diags {
		list = append(list, d.Summary+": "+d.Detail)
	}
	return list
}

func numberedICCID(i int) string { return "898600D6" + fmt.Sprintf("%012d", i) }

func numberedIMEI(i int) string { return "86" + fmt.Sprintf("%012d", i) }

func writeFiles(t testing.TB, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}
