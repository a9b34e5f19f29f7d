package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// logged is a fleet of one card that is to be stopped, whose runs have a log.
func logged(t *testing.T, level string) *rig {
	t.Helper()
	r := newRig(t, &carriersim.World{Cards: []carriersim.Card{{ICCID: "89860617030017300008"}}})
	r.write("main.fleet.hcl", provider+"card \"lobby\" {\n  iccid  = \"89860617030017300008\"\n  active = false\n}\n")
	r.env["CARDFLEET_LOG"], r.env["CARDFLEET_LOG_FILE"] = level, "run.log"
	return r
}

// logOf are the lines of the log's file.
func (r *rig) logOf() (lines []map[string]any) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "run.log"))
	require.NoError(r.t, err)
	for line := range strings.Lines(string(text)) {
		var l map[string]any
		require.NoError(r.t, json.Unmarshal([]byte(line), &l), line)
		lines = append(lines, l)
	}
	return lines
}

func TestTheLogHasWhatWasOnTheWireWithCardAttemptAndIDs(t *testing.T) {
	r := logged(t, "trace")
	r.world.Faults = []carriersim.Fault{{Action: "DoIotUserStopResume", Times: 1, Kind: carriersim.Throttle}}
	r.want(0, r.run("apply", "-auto-approve"))
	lines := r.logOf()
	assert.Equal(t, "cardfleet begins", lines[0]["msg"])
	assert.Equal(t, "apply", lines[0]["command"])
	last := lines[len(lines)-1]
	assert.Equal(t, "cardfleet ends", last["msg"])
	assert.InDelta(t, 0, last["exit_code"], 0)
	var attempts []any
	for _, l := range lines {
		if l["msg"] == "answer" && l["changing"] == true {
			attempts = append(attempts, l["attempt"])
			assert.Equal(t, "89860617030017300008", l["card"])
			assert.Len(t, l["sent_id"], 32, "the nonce")
			assert.NotEmpty(t, l["request_id"], "%v", l)
			assert.Contains(t, l, "pace_seconds")
			assert.Contains(t, l["body"], `"RequestId":`)
		}
		if l["msg"] == "request" {
			assert.Contains(t, l["request"], "&Signature=[hidden]")
			assert.Contains(t, l["request"], "AccessKeyId=[hidden]&Action=")
		}
	}
	assert.Equal(t, []any{1.0, 2.0}, attempts)
	var done []string
	for _, l := range lines {
		if l["type"] == "apply_complete" {
			done = append(done, l["card"].(string), l["action"].(string), l["outcome"].(string))
		}
	}
	assert.Equal(t, []string{"89860617030017300008", "adopt", "done", "89860617030017300008", "stop", "done"}, done)
	text, err := os.ReadFile(filepath.Join(r.dir, "run.log"))
	require.NoError(t, err)
	assert.NotContains(t, string(text), testSecret)
	assert.NotContains(t, string(text), testKeyID)
}

func TestAMistakeIsInTheLogToo(t *testing.T) {
	r := logged(t, "info")
	r.write("main.fleet.hcl", "card \"lobby\" {\n  iccid = \"8986\"\n}\n")
	r.want(1, r.run("validate"))
	lines := r.logOf()
	var said []map[string]any
	for _, l := range lines {
		if l["type"] == "diagnostic" && l["summary"] == "Invalid ICCID" {
			said = append(said, l)
		}
	}
	require.Len(t, said, 1)
	assert.Equal(t, "ERROR", said[0]["level"])
	assert.Contains(t, said[0]["detail"], "8986")
	assert.Equal(t, "card.lobby", said[0]["address"])
	assert.InDelta(t, 1, lines[len(lines)-1]["exit_code"], 0)
}

func TestTheLogsFileIsItsOwnersAndIsAppendedTo(t *testing.T) {
	r := logged(t, "info")
	r.want(0, r.run("validate"))
	n := len(r.logOf())
	r.want(0, r.run("validate"))
	assert.Len(t, r.logOf(), 2*n)
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(r.dir, "run.log"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestALogOnTheScreenIsText(t *testing.T) {
	r := logged(t, "debug")
	delete(r.env, "CARDFLEET_LOG_FILE")
	got := r.want(0, r.run("plan"))
	assert.Contains(t, got.errors, `level=INFO msg="cardfleet begins" version=0.1.0 command=plan folder=`)
	assert.Contains(t, got.errors, " level=DEBUG msg=call provider=aliyun call=QueryCardStatus card=89860617030017300008 attempt=1 changing=false pace_seconds=")
	assert.NotContains(t, got.errors, "TRACE")
	assert.NotContains(t, got.out, "level=")
}

func TestWhatTheLogsVariablesSayWronglyIsSaidBeforeAnythingIsDone(t *testing.T) {
	r := logged(t, "loud")
	got := r.want(1, r.run("apply", "-auto-approve"))
	assert.Contains(t, flat(got.errors), `Error: Invalid CARDFLEET_LOG CARDFLEET_LOG=loud: there is no level "loud"; it is info, debug or trace. Unset it for no log.`)
	r.env["CARDFLEET_LOG"] = "info"
	for path, why := range map[string]string{".": "it is no file", filepath.Join("no", "such", "run.log"): "no such file or directory"} {
		r.env["CARDFLEET_LOG_FILE"] = path
		got := r.want(1, r.run("apply", "-auto-approve"))
		assert.Contains(t, flat(got.errors), "Error: The log can't be written CARDFLEET_LOG_FILE="+path+": ")
		if runtime.GOOS != "windows" {
			assert.Contains(t, flat(got.errors), why+". Nothing was read or called.")
		}
	}
	assert.Empty(t, r.world.Requests())
	got = r.want(0, r.run("-h"))
	assert.Contains(t, got.out, "CARDFLEET_LOG", "help is there all the same, and says what it should be")
}

func TestASecretOfTheConfigurationReachesNoLog(t *testing.T) {
	r := logged(t, "trace")
	const secret = "hush-hush-hush"
	r.env["CARDFLEET_VAR_note"] = secret
	r.write("note.fleet.hcl", "variable \"note\" {\n  type      = string\n  sensitive = true\n}\n\ncard \"other\" {\n  iccid = var.note\n}\n")
	r.want(1, r.run("plan"))
	text, err := os.ReadFile(filepath.Join(r.dir, "run.log"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "level")
	assert.NotContains(t, string(text), secret)
}

// TestAFullDiskForTheLogIsToldOnceAndStopsNothing has the log of a run grow beyond
// what the disk takes, while the state fits.
func TestAFullDiskForTheLogIsToldOnceAndStopsNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("this system has no limit on files to stand for a full disk")
		return
	}
	bin, err := program()
	require.NoError(t, err)
	r := stops(t, 20)
	r.env["CARDFLEET_LOG"], r.env["CARDFLEET_LOG_FILE"] = "trace", "run.log"
	got := r.want(0, r.limited(bin, 100, "apply", "-auto-approve"))
	assert.Equal(t, 1, strings.Count(got.errors, "Warning: The log can't be written any more, and the run goes on without it: file too large"), got.errors)
	assert.Contains(t, got.out, "20 done")
	r.want(0, r.run("plan", "-detailed-exitcode"))
}
