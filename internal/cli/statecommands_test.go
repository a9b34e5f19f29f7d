package cli_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
)

// pulled prints the state into a file.
func (r *rig) pulled(file string, args ...string) string {
	r.t.Helper()
	got := r.want(0, r.run(append([]string{"state", "pull"}, args...)...))
	r.write(file, got.out)
	return got.out
}

// flat is text without its line breaks.
func flat(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", "", "╷", "", "╵", "").Replace(text)), " ")
}

func applied(t *testing.T) *rig {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	return r
}

func TestStatePushTakesWhatPullGaveAndNothingOlder(t *testing.T) {
	r := applied(t)
	text := r.pulled("state.json")
	r.write("state.json", strings.Replace(text, `"address": "card.kiosk"`, `"address": "card.renamed"`, 1))
	require.Contains(t, r.want(0, r.run("state", "push", "state.json")).out, "Pushed: 1 card.")
	require.Contains(t, r.want(0, r.run("state", "list")).out, "card.renamed")

	got := r.want(1, r.run("state", "push", "state.json"))
	require.Contains(t, flat(got.errors), "The file was made from serial 1, and the state has serial 2 by now")
	r.want(0, r.run("state", "push", "-force", "state.json"))

	r.write("other.json", strings.Replace(r.pulled("now.json"), `"lineage": "`, `"lineage": "x`, 1))
	got = r.want(1, r.run("state", "push", "other.json"))
	require.Contains(t, flat(got.errors), "State of another lineage")

	r.write("changed.json", strings.Replace(r.pulled("now.json"), `"digest": "sha256:`, `"digest": "sha256:0`, 1))
	got = r.want(1, r.run("state", "push", "changed.json"))
	require.Contains(t, flat(got.errors), "a run has recorded changes in the journal")

	r.in = r.pulled("now.json")
	r.want(0, r.run("state", "push", "-"))
}

func TestStatePushRefusesWhatItDoesNotUnderstand(t *testing.T) {
	r := applied(t)
	for text, want := range map[string]string{
		"{\n\"format_version\": \"9\"}":          `format_version "9"`,
		"{\n\"cards\": [{\"colour\": \"red\"}]}": `unknown field "colour"`,
		"{\n\"format_version\": \"1.0\"} {}":     "something follows it",
		"hello":                                  "this is not a state of cardfleet",
		"":                                       "the file is empty",
	} {
		r.write("state.json", text)
		require.Contains(t, flat(r.want(1, r.run("state", "push", "state.json")).errors), want)
	}
	r.write("state.json", "{\n\"format_version\": \"1.0\", \"serial\": 9, \"lineage\": \"\", \"cards\": [{\"provider\": \"aliyun\", \"iccid\": \"12\"}]}")
	r.want(1, r.run("state", "push", "-force", "state.json"))
	require.Contains(t, r.want(0, r.run("state", "list")).out, "card.kiosk", "the state is as it was")
	r.want(1, r.run("state", "push", "absent.json"))
	r.want(1, r.run("state", "push"))
}

func TestStatePushRestoresAStateFileIntoAnEmptyState(t *testing.T) {
	r := applied(t)
	before := r.pulled("before.json")
	require.NoError(t, os.Rename(filepath.Join(r.dir, "fleet.state"), filepath.Join(r.dir, "saved")))
	require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "fleet.state.history")))
	r.want(0, r.run("state", "push", "saved"))
	require.Equal(t, before, r.pulled("after.json"))
}

func TestStateHistoryListsVersionsThatPullPrints(t *testing.T) {
	r := applied(t)
	first := r.pulled("state.json")
	for range 3 {
		r.want(0, r.run("state", "push", "-force", "state.json"))
	}
	lines := strings.Split(strings.TrimSpace(r.want(0, r.run("state", "history")).out), "\n")
	require.Len(t, lines, 3)
	require.Regexp(t, `^3  \S+Z  1 card  lineage \S+$`, lines[0])
	require.Len(t, strings.Split(strings.TrimSpace(r.want(0, r.run("state", "history", "-n=2")).out), "\n"), 2)
	require.Equal(t, first, r.pulled("old.json", "-version=1"))
	require.Contains(t, flat(r.want(1, r.run("state", "pull", "-version=77")).errors), "The history has no version 77")
}

func TestStateVerifySaysWhereTheDamageIs(t *testing.T) {
	r := applied(t)
	require.Regexp(t, `^Sound: 1 card, serial 1, lineage \S+; 0 in doubt; 0 older versions\.\n$`, r.want(0, r.run("state", "verify")).out)
	r.pulled("state.json")
	r.encrypted("") // so that the next commit writes another snapshot
	r.want(0, r.run("state", "push", "state.json"))
	version := filepath.Join(r.dir, "fleet.state.history", "1")
	whole, err := os.ReadFile(version)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(version, append(whole, "more"...), 0o600))
	got := r.want(1, r.run("state", "verify"))
	require.Contains(t, flat(got.errors), "A version of the history is damaged")
	require.Contains(t, got.errors, version)
	require.NoError(t, os.WriteFile(version, whole, 0o600))

	state := filepath.Join(r.dir, "fleet.state")
	data, err := os.ReadFile(state)
	require.NoError(t, err)
	require.NoError(t, os.Remove(state)) // not through the history's link
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(state, data, 0o600))
	require.Contains(t, r.want(1, r.run("state", "verify")).errors, state)
}

func TestStateVerifyFindsWhatNoRunWrites(t *testing.T) {
	r := applied(t)
	text := r.pulled("state.json")
	r.write("state.json", strings.Replace(text, `"imei": "861536030196019"`, `"imei": "12"`, 1))
	r.want(0, r.run("state", "push", "state.json"))
	require.Contains(t, flat(r.want(1, r.run("state", "verify")).errors), `its binding "12" is none`)
}

func TestForceUnlockOfALocalStateSaysThatNobodyNeedsIt(t *testing.T) {
	r := applied(t)
	require.Contains(t, flat(r.want(1, r.run("force-unlock", "1")).errors), "The system drops this backend's lock with the process that holds it")
}

// bucket is a fleet block with its state in a bucket.
func bucket(t *testing.T) string {
	t.Helper()
	store := s3mem.New()
	require.NoError(t, store.CreateBucket("states"))
	server := httptest.NewServer(gofakes3.New(store, gofakes3.WithTimeSkewLimit(0)).Server())
	t.Cleanup(server.Close)
	return fmt.Sprintf(`
fleet {
  backend "s3" {
    bucket         = "states"
    key            = "hangzhou.state"
    region         = "us-east-1"
    endpoint       = %q
    use_path_style = true
    access_key     = "tester"
    secret_key     = "a secret of tests"
  }
}
`, server.URL)
}

func TestAFleetWithItsStateInABucket(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.write("fleet.fleet.hcl", bucket(t))
	r.want(0, r.run("apply", "-auto-approve"))
	require.NoFileExists(t, filepath.Join(r.dir, "fleet.state"))
	require.Contains(t, r.want(0, r.run("plan")).out, "No changes.")
	r.want(0, r.run("state", "rm", kiosk))
	require.Contains(t, r.want(0, r.run("state", "history")).out, "1 card")
	r.want(0, r.run("state", "verify"))
	require.Contains(t, flat(r.want(1, r.run("force-unlock", "x")).errors), "The state is not locked")
}

func TestAWrongBackendSettingHasItsPlace(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	for settings, want := range map[string]struct {
		says string
		line int
	}{
		`bucket = "b"`:                         {"Key is missing", 2},
		"bucket = \"b\"\nkey = \"k\"\nkee = 1": {`named "kee" is not expected here. Did you mean "key"?`, 5},
		"key = \"k\"\nbucket = true":           {"bucket must be a text", 4},
		"bucket = \"b\"\nkey = \"k\"\nregion = \"r\"\naccess_key = \"a\"": {"Access_key and secret_key come together", 6},
	} {
		r.write("fleet.fleet.hcl", "fleet {\n  backend \"s3\" {\n"+settings+"\n  }\n}\n")
		got := r.want(1, r.run("plan"))
		require.Contains(t, flat(got.errors), want.says)
		require.Contains(t, got.errors, fmt.Sprintf("fleet.fleet.hcl line %d", want.line))
	}
}

func TestStateMigrateCopiesAndChecks(t *testing.T) {
	r := applied(t)
	old := t.TempDir()
	files, err := filepath.Glob(filepath.Join(r.dir, "fleet.state*"))
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, os.Rename(f, filepath.Join(old, filepath.Base(f))))
	}
	require.NoError(t, os.WriteFile(filepath.Join(old, "main.fleet.hcl"), []byte("fleet {\n  backend \"local\" {}\n}\n"), 0o600))
	r.write("fleet.fleet.hcl", bucket(t))

	got := r.want(0, r.run("state", "migrate", old))
	require.Contains(t, got.out, "Migrated: 1 card")
	require.Contains(t, r.want(0, r.run("plan")).out, "No changes.")
	require.FileExists(t, filepath.Join(old, "fleet.state"))

	got = r.want(1, r.run("state", "migrate", old))
	require.Contains(t, flat(got.errors), "The backend has a state already: 1 card, serial 1")
	r.want(0, r.run("state", "migrate", "-force", old))
	require.Contains(t, r.want(0, r.run("state", "history")).out, "1  ")

	empty := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(empty, "main.fleet.hcl"), []byte("fleet {}\n"), 0o600))
	require.Contains(t, flat(r.want(1, r.run("state", "migrate", empty)).errors), "The old state is empty")
}

func TestCardsOfTheStateAreNamedInEveryWay(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+"card \"scale\" {\n  iccid = \""+scale+"\"\n  active = true\n}\n")
	r.want(0, r.run("apply", "-auto-approve"))
	line := "card.scale  aliyun  " + scale + "\n"
	names := []string{scale, strings.ToLower(scale), scale[:19], "aliyun/" + scale, "aliyun/" + scale[:19], "card.scale", "card.s*", "*4146", strings.ToLower(scale[:8]) + "*", "aliyun/8986*4146", "ali*/*4?46"}
	for _, name := range names {
		require.Equal(t, line, r.want(0, r.run("state", "list", name)).out, name)
		require.Contains(t, r.want(0, r.run("state", "show", name)).out, "# card.scale\n", name)
		require.Contains(t, r.want(1, r.run("resolve", name)).errors, "No outcome of card", name)
	}
	before := r.pulled("state.json")
	for _, name := range names {
		got := r.want(0, r.run("state", "rm", name))
		require.Equal(t, "card.scale  aliyun  "+scale+": forgotten\nForgotten: 1. The cards themselves are as they were.\n", got.out, name)
		r.want(0, r.run("state", "push", "-force", "state.json"))
	}
	require.Equal(t, cardsOf(before), cardsOf(r.pulled("now.json")))

	for _, name := range []string{"card.none", "card.n*", "xuyu/" + scale, "xuyu/*", "aliyun.hangzhou/*"} {
		require.Empty(t, r.want(0, r.run("state", "list", name)).out, name)
		for _, command := range [][]string{{"state", "show"}, {"state", "rm"}, {"resolve"}} {
			require.Contains(t, flat(r.want(1, r.run(append(command, name)...)).errors), "The state has no card "+name, name)
		}
	}
	for _, command := range [][]string{{"state", "list"}, {"state", "show"}, {"state", "rm"}, {"resolve"}} {
		require.Contains(t, r.want(1, r.run(append(command, "kiosk")...)).errors, "Invalid ICCID")
	}
	require.Contains(t, flat(r.want(1, r.run("state", "rm", scale, "card.none")).errors), "The state has no card card.none")
	require.Contains(t, r.want(0, r.run("state", "list")).out, scale, "all of them or none")

	got := r.want(0, r.run("state", "rm", "aliyun/*", scale, "card.kiosk"))
	require.Equal(t, "card.kiosk  aliyun  "+kiosk+": forgotten\n"+strings.TrimSuffix(line, "\n")+": forgotten\nForgotten: 2. The cards themselves are as they were.\n", got.out)
}

// cardsOf is a pulled state without what each push changes.
func cardsOf(pulled string) string {
	cards, _, _ := strings.Cut(pulled, `"digest"`)
	return cards
}

func TestAnICCIDWithoutItsCheckDigitThatMayBeTwoCardsIsNoPick(t *testing.T) {
	r := applied(t)
	other := kiosk[:19] + "7"
	r.write("state.json", strings.Replace(r.pulled("state.json"), `"cards": [`, `"cards": [{"provider": "aliyun", "iccid": "`+scale+`", "address": "card.x"}, `, 1))
	r.write("state.json", strings.ReplaceAll(r.read("state.json"), scale, other))
	r.want(0, r.run("state", "push", "state.json"))
	for _, command := range [][]string{{"state", "rm"}, {"resolve"}} {
		got := flat(r.want(1, r.run(append(command, kiosk[:19])...)).errors)
		require.Contains(t, got, "Which card is meant?")
		require.Contains(t, got, kiosk[:19]+" may be each of aliyun/"+kiosk+", aliyun/"+other)
	}
	require.Len(t, strings.Split(strings.TrimSpace(r.want(0, r.run("state", "list", kiosk[:19])).out), "\n"), 2, "who only looks sees both")
	require.Contains(t, r.want(0, r.run("state", "rm", other)).out, "Forgotten: 1.")
	require.Contains(t, r.want(0, r.run("state", "rm", kiosk[:19])).out, kiosk+": forgotten\nForgotten: 1.")
}

func TestABlockThatStandsForAnotherAccountLeavesItsDevicesUnconfirmed(t *testing.T) {
	r := newRig(t, describe())
	fleet := func(client string) string {
		return "provider \"xuyu\" {\n  endpoint = \"simulator\"\n  client_id = \"" + client + "\"\n}\ncard \"terminal\" {\n  iccid = \"89860446030017300020\"\n  active = true\n}\n"
	}
	r.write("main.fleet.hcl", fleet("one"))
	r.want(0, r.run("apply", "-auto-approve"))
	pulled := r.pulled("state.json")
	r.write("state.json", strings.Replace(pulled, `"last": {`, `"binding": {"known": true, "imei": "861536030196001"}, "last": {`, 1))
	r.want(0, r.run("state", "push", "state.json"))
	r.want(0, r.run("apply", "-auto-approve"))
	require.NotContains(t, r.pulled("same.json"), `"unconfirmed"`, "it is the same account")
	r.write("main.fleet.hcl", fleet("two"))
	r.want(0, r.run("apply", "-auto-approve"))
	require.Contains(t, r.pulled("other.json"), `"unconfirmed": "move"`)
}
