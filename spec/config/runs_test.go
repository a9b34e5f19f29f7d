package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

const inPostgres = "  backend \"postgres\" {}\n"

func TestAFleetSaysWhoCarriesOutItsRunsAndWhen(t *testing.T) {
	f := mustLoad(t, map[string]string{"main.fleet.hcl": `
provider "aliyun" { alias = "hangzhou" }
fleet {
  executor "workers" { accounts = "aliyun.*" }
  window "night" {
    kinds  = ["stop", "change-bind", "stop"]
    cron   = " 0 1 * *   * "
    length = "4h"
    zone   = "Asia/Shanghai"
  }
  window "weekend" {
    kinds  = ["unbind"]
    cron   = "0 0 * * sat"
    length = "2d"
  }
  schedule "drift" { cron = "30 */6 * * *" }
}
fleet {
  zone = "Europe/Berlin"
` + inPostgres + `}
`}).Fleet
	require.Equal(t, "workers", f.Executor.Type)
	require.Equal(t, "aliyun.*", f.Executor.Accounts)
	require.Equal(t, 4, f.Executor.Source.Start.Line)
	require.Len(t, f.Windows, 2)
	night, weekend := f.Windows[0], f.Windows[1]
	assert.Equal(t, "night", night.Name)
	assert.Equal(t, []spec.Kind{spec.ChangeBind, spec.Stop}, night.Kinds)
	assert.Equal(t, 4*time.Hour, night.Length)
	assert.Equal(t, "0 1 * * * Asia/Shanghai", night.Opens.Cron()+" "+night.Opens.Zone())
	assert.Equal(t, "0 0 * * sat Europe/Berlin", weekend.Opens.Cron()+" "+weekend.Opens.Zone(), "the fleet's zone, though it stands behind")
	assert.Equal(t, 48*time.Hour, weekend.Length)
	require.Len(t, f.Schedules, 1)
	assert.Equal(t, "drift 30 */6 * * * Europe/Berlin", f.Schedules[0].Name+" "+f.Schedules[0].At.Cron()+" "+f.Schedules[0].At.Zone())
}

func TestAFleetThatSaysNothingOfItsRunsHasNoWindowsAndCarriesThemOutItself(t *testing.T) {
	f := mustLoad(t, map[string]string{"main.fleet.hcl": "fleet {\n" + inPostgres + "  window \"night\" {\n    kinds = [\"stop\"]\n    cron = \"0 1 * * *\"\n    length = \"1h\"\n  }\n  executor \"workers\" {}\n}"}).Fleet
	require.Equal(t, "*", f.Executor.Accounts)
	require.Equal(t, "UTC", f.Windows[0].Opens.Zone())
	f = mustLoad(t, map[string]string{"main.fleet.hcl": "fleet {}"}).Fleet
	require.Nil(t, f.Executor)
	require.Empty(t, f.Windows)
	require.Empty(t, f.Schedules)
}

func TestMistakesInWhoCarriesOutRunsAndWhen(t *testing.T) {
	window := func(lines string) string { return "fleet {\n  window \"night\" {\n" + lines + "\n  }\n}" }
	const kinds, cron, length = "    kinds = [\"stop\"]\n", "    cron = \"0 1 * * *\"\n", "    length = \"4h\"\n"
	for _, row := range []struct {
		name, config string
		summary      string
		line         int
		underlined   string
		detail       string
	}{
		{"no kinds", window(cron + length), "Missing required argument", 2, `{`, `"kinds" is required`},
		{"null kinds", window(cron + length + "    kinds = null"), "Missing value", 5, `null`, `kinds is null`},
		{"empty kinds", window(cron + length + "    kinds = []"), "Empty list", 5, `[]`, `would hold nothing`},
		{"unknown kind", window(cron + length + "    kinds = [\"change-bnd\"]"), "Unknown kind of action", 5, `["change-bnd"]`, `Did you mean "change-bind"?`},
		{"kind without a call", window(cron + length + "    kinds = [\"adopt\"]"), "Unknown kind of action", 5, `["adopt"]`, `"adopt" is not known for a window`},
		{"no cron", window(kinds + length), "Missing required argument", 2, `{`, `"cron" is required`},
		{"null cron", window(kinds + length + "    cron = null"), "Missing value", 5, `null`, `cron is null`},
		{"four fields", window(kinds + length + "    cron = \"0 1 * *\""), "Invalid cron line", 5, `"0 1 * *"`, `it has 4 fields, and a cron line has five`},
		{"six fields", window(kinds + length + "    cron = \"0 0 1 * * *\""), "Invalid cron line", 5, `"0 0 1 * * *"`, `it has 6 fields`},
		{"a word", window(kinds + length + "    cron = \"@daily\""), "Invalid cron line", 5, `"@daily"`, `Write five fields, such as "0 1 * * *"`},
		{"a zone in the line", window(kinds + length + "    cron = \"TZ=UTC\\t0 1 * *\""), "Invalid cron line", 5, `"TZ=UTC\t0 1 * *"`, `Write five fields`},
		{"hour 24", window(kinds + length + "    cron = \"0 24 * * *\""), "Invalid cron line", 5, `"0 24 * * *"`, `end of range (24) above maximum (23)`},
		{"no such day", window(kinds + length + "    cron = \"0 1 30 2 *\""), "Invalid cron line", 5, `"0 1 30 2 *"`, `never comes round`},
		{"a field of nothing", window(kinds + length + "    cron = \"0 , * * *\""), "Invalid cron line", 5, `"0 , * * *"`, `never comes round`},
		{"zero length", window(kinds + cron + "    length = \"0s\""), "Invalid duration", 5, `"0s"`, `"0s" is no duration that a window may be open for`},
		{"a number as length", window(kinds + cron + "    length = 4"), "Invalid duration", 5, `4`, `such as "4h"`},
		{"negative length", window(kinds + cron + "    length = \"-4h\""), "Invalid duration", 5, `"-4h"`, `such as "4h"`},
		{"years of length", window(kinds + cron + "    length = \"1000d\""), "Invalid duration", 5, `"1000d"`, `to "366d"`},
		{"null length", window(kinds + cron + "    length = null"), "Missing value", 5, `null`, `length is null`},
		{"unknown zone", window(kinds + cron + length + "    zone = \"Asia/Shangai\""), "Invalid time zone", 6, `"Asia/Shangai"`, `"Asia/Shangai" is no time zone`},
		{"the machine's zone", window(kinds + cron + length + "    zone = \"Local\""), "Invalid time zone", 6, `"Local"`, `"Local" is no time zone`},
		{"misspelt attribute", window(kinds + cron + length + "    zones = \"UTC\""), "Unsupported argument", 6, `zones`, `Did you mean "zone"?`},
		{"two of a name", window(kinds+cron+length) + "\n" + window(kinds+cron+length), "Duplicate name", 10, `window "night"`, `window "night" is declared twice: here and at main.fleet.hcl line 2`},
		{"a sensitive zone", "variable \"z\" {\n  sensitive = true\n  default = \"UTC\"\n}\n" + window(kinds+cron+length+"    zone = var.z"), "Sensitive value", 10, `var.z`, `can't be sensitive`},
		{"unknown executor", "fleet {\n" + inPostgres + "  executor \"worker\" {}\n}", "Unknown type of executor", 3, `"worker"`, `Did you mean "workers"?`},
		{"two executors", "fleet {\n" + inPostgres + "  executor \"workers\" {}\n  executor \"workers\" {}\n}", "Duplicate name", 4, `executor "workers"`, `The executor block`},
		{"executor without a database", "fleet {\n  executor \"workers\" {}\n}", "Workers without a database", 2, `executor "workers"`, `backend "postgres"`},
		{"executor with the state in a bucket", "fleet {\n  backend \"s3\" {}\n  executor \"workers\" {}\n}", "Workers without a database", 3, `executor "workers"`, `backend "postgres"`},
		{"no pattern", "fleet {\n" + inPostgres + "  executor \"workers\" { accounts = \"[\" }\n}", "Invalid pattern", 3, `"["`, `"[" is no pattern`},
		{"pattern of nothing", "fleet {\n" + inPostgres + "  executor \"workers\" { accounts = \"aliyun.hangzou\" }\n}", "Pattern that matches nothing", 3, `"aliyun.hangzou"`, `Did you mean "aliyun.hangzhou"?`},
		{"unknown schedule", "fleet {\n" + inPostgres + "  schedule \"drfit\" { cron = \"0 1 * * *\" }\n}", "Unknown schedule", 3, `"drfit"`, `Did you mean "drift"?`},
		{"two schedules", "fleet {\n" + inPostgres + "  schedule \"drift\" { cron = \"0 1 * * *\" }\n  schedule \"drift\" { cron = \"0 1 * * *\" }\n}", "Duplicate name", 4, `schedule "drift"`, `is declared twice`},
		{"schedule without a cron line", "fleet {\n" + inPostgres + "  schedule \"drift\" {}\n}", "Missing required argument", 3, `{`, `"cron" is required`},
		{"bad cron line of a schedule", "fleet {\n" + inPostgres + "  schedule \"drift\" { cron = \"hourly\" }\n}", "Invalid cron line", 3, `"hourly"`, `it has 1 field,`},
		{"schedule without a database", "fleet {\n  schedule \"drift\" { cron = \"0 1 * * *\" }\n}", "Workers without a database", 2, `schedule "drift"`, `plan -refresh-only`},
	} {
		t.Run(row.name, func(t *testing.T) {
			diags := mistakes(t, map[string]string{"main.fleet.hcl": row.config, "p.fleet.hcl": "provider \"aliyun\" { alias = \"hangzhou\" }"})
			require.Len(t, diags, 1, "%v", texts(diags))
			d := diags[0]
			assert.Equal(t, row.summary, d.Summary)
			assert.Contains(t, d.Detail, row.detail)
			require.NotNil(t, d.Subject)
			assert.Equal(t, row.line, d.Subject.Start.Line)
			assert.Equal(t, row.underlined, underlined(d))
		})
	}
}

// All that is wrong with a window or a schedule is told at once: correcting one mistake
// uncovers no other.
func TestNoMistakeOfAWindowOrAScheduleHidesAnother(t *testing.T) {
	for name, row := range map[string]struct {
		lines string
		want  []string
	}{
		"a window with an unknown zone": {
			"  window \"night\" {\n    kinds = [\"stopp\"]\n    cron = \"0 25 * * *\"\n    zone = \"Asia/Shangai\"\n    length = \"400d\"\n  }\n",
			[]string{"Unknown kind of action", "Invalid cron line", "Invalid time zone", "Invalid duration"},
		},
		"a window whose zone is blank": {
			"  window \"night\" {\n    kinds = [\"stop\"]\n    cron = \"0 1 * *\"\n    zone = \"\"\n    length = \"4h\"\n  }\n",
			[]string{"Invalid cron line", "Blank value"},
		},
		"a schedule that nobody carries out": {
			"  schedule \"drift\" {\n    cron = \"0 1 * *\"\n    zone = \"Asia/Shangai\"\n  }\n",
			[]string{"Workers without a database", "Invalid cron line", "Invalid time zone"},
		},
		"a fleet with an unknown zone": {
			"  zone = \"Asia/Shangai\"\n  window \"night\" {\n    kinds = [\"stop\"]\n    cron = \"hourly\"\n    length = \"4h\"\n  }\n",
			[]string{"Invalid time zone", "Invalid cron line"},
		},
	} {
		var got []string
		for _, d := range mistakes(t, map[string]string{"main.fleet.hcl": "fleet {\n" + row.lines + "}"}) {
			got = append(got, d.Summary)
		}
		assert.Equal(t, row.want, got, name)
	}
}
