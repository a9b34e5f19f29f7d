package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// completable is a folder with what completion knows of.
func completable(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, describe())
	r.write("main.fleet.hcl", provider+`
card "kiosk" {
  iccid  = "`+kiosk+`"
  labels = { city = "ningbo" }
}
card "bike" {
  for_each = toset(["89860617030017300016", "89860617030017300024"])
  iccid    = each.key
  labels   = { city = "wuhan", shelf = "B2" }
}
output "status" { value = card.kiosk.live.status }
`)
	r.write("a.fleetplan", "")
	r.write("run.jsonl", "")
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "fleets"), 0o700))
	return r
}

func TestCompletionKnowsCommandsOptionsAndWhatStandsBehindThem(t *testing.T) {
	r := completable(t)
	for typed, want := range map[string]string{
		"pl":                                "plan",
		"plan -re":                          "-refresh-budget= -refresh-only -refresh= -retry=",
		"plan --re":                         "--refresh-budget= --refresh-only --refresh= --retry=",
		"plan -refresh=":                    "-refresh=changed -refresh=false -refresh=true",
		"plan -target=card.":                "-target=card.bike -target=card.bike[ -target=card.kiosk",
		"plan -target card.k":               "card.kiosk",
		"plan --exclude=card.k":             "--exclude=card.kiosk",
		"plan -target=card.bike[":           `-target=card.bike["89860617030017300016"] -target=card.bike["89860617030017300024"]`,
		"plan -target=8986061703001730002":  "-target=89860617030017300024",
		"plan -select=":                     "-select=city= -select=shelf=",
		"plan -select=city=":                "-select=city=ningbo -select=city=wuhan",
		"plan -select city=w":               "city=wuhan",
		"plan -accept-count=st":             "-accept-count=stop:",
		"plan -out=a":                       "-out=a.fleetplan",
		"plan -var-file=m":                  "-var-file=main.fleet.hcl",
		"apply ":                            "a.fleetplan fleets/",
		"apply -parallelism 4 a":            "a.fleetplan",
		"apply a.fleetplan ":                "",
		"apply -- a":                        "a.fleetplan",
		"show ":                             "a.fleetplan fleets/ run.jsonl",
		"state ":                            "history list migrate pull push rm show verify",
		"state rm card.kiosk card.k":        "card.kiosk",
		"resolve card.":                     "card.bike card.bike[ card.kiosk",
		"output ":                           "status",
		"import -provider=":                 "-provider=aliyun",
		"carriers show tel":                 "telnyx",
		"carriers try ":                     "aliyun",
		"carriers try aliyun card.k":        "card.kiosk",
		"completion ":                       "bash fish zsh",
		"-chdir=":                           "-chdir=fleets/",
		"-chdir=fleets plan -target=card.k": "",
		"nowhere ":                          "",
		"plan -nothing=":                    "",
	} {
		words := strings.Split(typed, " ")
		got := r.want(0, r.run(append([]string{"__complete"}, words...)...))
		assert.Equal(t, want, strings.Join(firstWords(got.out), " "), typed)
		assert.Empty(t, got.errors, typed)
	}
	all := firstWords(r.run("__complete", "").out)
	assert.Equal(t, commandsOf(r), sortedAs(all, commandsOf(r)), "each command of the help, and none that is hidden")
	assert.NotContains(t, all, "__complete")
	assert.Contains(t, r.run("__complete", "plan", "-re").out, "-refresh-only\tchange no card:")
}

// firstWords are the candidates without what they are.
func firstWords(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		out = append(out, word)
	}
	return out
}

// sortedAs are those of a list that another has, in its order, and then the rest.
func sortedAs(list, order []string) []string {
	var out, rest []string
	for _, o := range order {
		for _, l := range list {
			if l == o {
				out = append(out, l)
			}
		}
	}
	for _, l := range list {
		if !strings.Contains(" "+strings.Join(order, " ")+" ", " "+l+" ") {
			rest = append(rest, l)
		}
	}
	return append(out, rest...)
}

func TestACompletionSaysNothingOfAConfigurationWithMistakes(t *testing.T) {
	r := completable(t)
	r.write("broken.fleet.hcl", "card {")
	got := r.want(0, r.run("__complete", "plan", "-target=card."))
	assert.Empty(t, got.out+got.errors)
	assert.Contains(t, r.run("__complete", "plan", "-ou").out, "-out=")
}

func TestCompletionScripts(t *testing.T) {
	r := newRig(t, describe())
	for _, shell := range []string{"bash", "zsh", "fish"} {
		assert.Contains(t, r.want(0, r.run("completion", shell)).out, "__complete", shell)
	}
	assert.Contains(t, r.want(1, r.run("completion", "tcsh")).errors, "There is one for bash, zsh and fish.")
	assert.Contains(t, r.want(1, r.run("completion")).errors, "Wrong number of arguments")
	assert.Contains(t, r.want(0, r.run("completion", "-h")).out, "cardfleet completion: ")
}

// inShell runs a script in a shell that has no settings of anybody's, in the
// completable folder, with the program as cardfleet.
func inShell(t *testing.T, script string, shell ...string) []string {
	t.Helper()
	needs(t, shell[0])
	bin, err := program()
	require.NoError(t, err)
	r := completable(t)
	cmd := exec.Command(shell[0], append(shell[1:], "-c", script)...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + filepath.Dir(bin) + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TERM=dumb", "LC_ALL=C.UTF-8"}
	for k, v := range r.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// The words are broken as bash breaks them before it calls a completion.
func TestBashCompletesWithoutItsCompletionPackage(t *testing.T) {
	got := inShell(t, `
source <(cardfleet completion bash)
completes() {
	COMP_LINE=$1 COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
	_cardfleet
	echo "$1: ${COMPREPLY[*]}"
}
completes 'cardfleet pl' cardfleet pl
completes 'cardfleet plan -re' cardfleet plan -re
completes 'cardfleet plan -target=' cardfleet plan -target =
completes 'cardfleet plan -target=card.k' cardfleet plan -target = card.k
completes 'cardfleet plan -target card.bike\[' cardfleet plan -target 'card.bike\['
completes 'cardfleet plan -target='\''card.bike[' cardfleet plan -target = "'card.bike["
completes 'cardfleet plan -select=city=' cardfleet plan -select = city =
completes 'cardfleet plan -select=city=w' cardfleet plan -select = city = w
completes 'cardfleet plan -select=city=wuhan -accept-count=st' cardfleet plan -select = city = wuhan -accept-count = st
completes 'cardfleet apply ' cardfleet apply ''
`, "bash", "--norc", "--noprofile")
	assert.Equal(t, []string{
		`cardfleet pl: plan`,
		`cardfleet plan -re: -refresh-budget= -refresh-only -refresh= -retry=`,
		`cardfleet plan -target=: card.bike card.bike\[ card.kiosk`,
		`cardfleet plan -target=card.k: card.kiosk`,
		`cardfleet plan -target card.bike\[: card.bike\[\"89860617030017300016\"\] card.bike\[\"89860617030017300024\"\]`,
		`cardfleet plan -target='card.bike[: card.bike["89860617030017300016"] card.bike["89860617030017300024"]`,
		`cardfleet plan -select=city=: ningbo wuhan`,
		`cardfleet plan -select=city=w: wuhan`,
		`cardfleet plan -select=city=wuhan -accept-count=st: stop:`,
		`cardfleet apply : a.fleetplan fleets/`,
	}, got)
}

func TestFishCompletes(t *testing.T) {
	got := inShell(t, `
cardfleet completion fish | source
for line in 'cardfleet pl' 'cardfleet plan -re' 'cardfleet plan -target=card.k' 'cardfleet plan -target card.k' 'cardfleet plan -select=city=w' 'cardfleet apply '
	echo "$line: "(complete -C "$line" | string split -f1 \t | string join ' ')
end
`, "fish", "--no-config")
	assert.Equal(t, []string{
		`cardfleet pl: plan`,
		`cardfleet plan -re: -refresh= -refresh-budget= -refresh-only -retry=`,
		`cardfleet plan -target=card.k: -target=card.kiosk`,
		`cardfleet plan -target card.k: card.kiosk`,
		`cardfleet plan -select=city=w: -select=city=wuhan`,
		`cardfleet apply : a.fleetplan fleets/`,
	}, got)
}

// zsh's own compadd works only beneath its line editor, so what it would be told is
// looked at.
func TestZshCompletes(t *testing.T) {
	got := inShell(t, `
compdef() { : }
source <(cardfleet completion zsh)
compadd() {
	local -A o
	zparseopts -D -A o l S: d: a:
	print -rn -- " ${(j: :)${(P)o[-a]:-${(P)@[-1]}}}${o[-S]+ (no space)}"
}
completes() {
	words=("$@") CURRENT=$#
	print -rn -- "$*:"
	_cardfleet
	print
}
completes cardfleet pl
completes cardfleet plan -re
completes cardfleet plan -target=card.k
completes cardfleet plan "'card.k"
completes cardfleet plan -target "'card.k"
completes cardfleet plan -select=city=
completes cardfleet apply ''
`, "zsh", "-f")
	assert.Equal(t, []string{
		`cardfleet pl: plan`,
		`cardfleet plan -re: -refresh-budget= -refresh= -retry= (no space) -refresh-only`,
		`cardfleet plan -target=card.k: -target=card.kiosk`,
		`cardfleet plan 'card.k:`,
		`cardfleet plan -target 'card.k: card.kiosk`,
		`cardfleet plan -select=city=: -select=city=ningbo -select=city=wuhan`,
		`cardfleet apply : fleets/ (no space) a.fleetplan`,
	}, got)
}
