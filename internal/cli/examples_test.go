package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
)

// TestExamples runs each examples/NAME/script.txtar in a copy of its folder,
// with the program built as a user builds it.
func TestExamples(t *testing.T) {
	bin, err := program()
	require.NoError(t, err)
	scripts, err := filepath.Glob("../../examples/*/script.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	for _, script := range scripts {
		folder, err := filepath.Abs(filepath.Dir(script))
		require.NoError(t, err)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel() // they wait for the carriers' rates, not for the machine
			if filepath.Base(folder) == "signed-approval" {
				needs(t, "ssh-keygen")
			}
			testscript.Run(t, testscript.Params{
				Files: []string{script},
				Setup: func(env *testscript.Env) error {
					if filepath.Base(folder) == "on-call" {
						server := stateServer(t)
						env.Setenv("CARDFLEET_HTTP_ADDRESS", server)
						env.Setenv("CARDFLEET_HTTP_LOCK_ADDRESS", server)
					}
					env.Setenv("PATH", filepath.Dir(bin)+string(filepath.ListSeparator)+env.Getenv("PATH"))
					if filepath.Base(folder) == "workers" {
						env.Setenv("CARDFLEET_PG_CONN_STR", pgtest.Database(t))
					}
					return copyExample(folder, env.WorkDir)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"shows": shows, "exits": exits, "replace": replace, "without": without, "append": appendTo, "signers": signers, "waits": waits, "unlock": unlock},
			})
		})
	}
}

// The one fleet over all of them has a card at each carrier that the program knows,
// so its script plans, applies and plans empty at each.
func TestTheFleetOverAllCarriersHasACardAtEach(t *testing.T) {
	text, err := os.ReadFile("../../examples/all-carriers/fleet.fleet.hcl")
	require.NoError(t, err)
	for _, p := range all.Types() {
		assert.Regexp(t, `(?m)^provider "`+p.Schema.Type+`" \{$`, string(text))
		assert.Regexp(t, `(?m)^  provider += `+p.Schema.Type+`$`, string(text))
	}
	script, err := os.ReadFile("../../examples/all-carriers/script.txtar")
	require.NoError(t, err)
	assert.Regexp(t, `(?s)exec cardfleet apply -auto-approve\n.*Apply complete! \d+ done'\nexits 0 cardfleet plan -detailed-exitcode\n`, string(script))
}

// copyExample copies an example's files, but for what a run left behind.
func copyExample(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), "fleet.state") || e.Name() == "script.txtar" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// replace puts NEW in the place of each OLD in a file: replace OLD NEW FILE.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace OLD NEW FILE")
	}
	text := ts.ReadFile(args[2])
	if !strings.Contains(text, args[0]) {
		ts.Fatalf("%s doesn't hold %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.ReplaceAll(text, args[0], args[1])), 0o600))
}

// without takes the lines that hold TEXT out of a file: without TEXT FILE.
func without(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: without TEXT FILE")
	}
	var kept strings.Builder
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if !strings.Contains(line, args[0]) {
			kept.WriteString(line)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(kept.String()), 0o600))
}

// appendTo adds a file's text to another: append FILE MORE.
func appendTo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append FILE MORE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+ts.ReadFile(args[1])), 0o600))
}

// signers writes an allowed_signers file for keys of these names: signers FILE NAME….
func signers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: signers FILE NAME…")
	}
	var lines strings.Builder
	for _, name := range args[1:] {
		lines.WriteString(name + "@example.com " + ts.ReadFile(name+".pub"))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(lines.String()), 0o600))
}

// shows compares what the last command printed ("stdout" or "stderr") with a
// file, in which … stands for anything within a line.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: shows stdout|stderr FILE")
	}
	want, got := ts.ReadFile(args[1]), ts.ReadFile(args[0])
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*")
	if !regexp.MustCompile(`\A` + pattern + `\z`).MatchString(got) {
		ts.Fatalf("%s is\n%s\nwant\n%s", args[0], got, want)
	}
}

// stateServer is a server that keeps a state and its lock, in Terraform's protocol.
func stateServer(t *testing.T) (address string) { return (&terraformServer{}).serve(t) + "/state" }

// waits waits until another process has written what a pattern describes into a file:
// waits FILE REGEXP.
func waits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waits FILE REGEXP")
	}
	pattern := regexp.MustCompile(args[1])
	for range 6000 {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && pattern.Match(text) {
			return
		}
		time.Sleep(10 * time.Millisecond) // there is no clock but the machine's between two processes
	}
	ts.Fatalf("%s never held %q", args[0], args[1])
}

// unlock removes the lock by the command that the last one's stderr shows: unlock stderr.
func unlock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unlock stderr")
	}
	found := regexp.MustCompile(`(?m)^ *cardfleet force-unlock (\S+)$`).FindStringSubmatch(strings.ReplaceAll(ts.ReadFile(args[0]), "│", ""))
	if found == nil {
		ts.Fatalf("%s shows no command that unlocks", args[0])
	}
	ts.Check(ts.Exec("cardfleet", "force-unlock", found[1]))
}

// exits runs a command that has to end with a code: exits 3 cardfleet apply.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = "no exit code"
		var exit *exec.ExitError
		if asExit(err, &exit) {
			code = strings.TrimPrefix(exit.ProcessState.String(), "exit status ")
		}
	}
	if code != args[0] {
		ts.Fatalf("%s ended with %s, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

func asExit(err error, to **exec.ExitError) bool {
	exit, ok := err.(*exec.ExitError) //nolint:errorlint // testscript hands it over unwrapped
	*to = exit
	return ok
}
