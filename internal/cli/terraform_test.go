package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTerraformsWordsAreAnsweredWithWhatThereIsHere(t *testing.T) {
	r := newRig(t, describe())
	for args, want := range map[string]string{
		"destroy": "on_remove", "destroy -auto-approve": "on_remove", "taint card.kiosk": "never made anew", "untaint x": "never made anew",
		"workspace list": "-chdir=DIR", "moved": "a card is its ICCID", "graph": "show -graph PLANFILE", "refresh": "plan -refresh-only",
		"get": "no modules", "login": "nothing to log in to", "logout": "nothing to log in to", "state mv a b": "a card is its ICCID",
		"state replace-provider a b": "as moved", "metadata functions": "docs/schema", "pull": "cardfleet state pull", "mv a b": "cardfleet state list",
		"plan -destroy": "on_remove", "apply -destroy": "on_remove", "plan -replace=card.x": "never made anew", "plan -input=false": "Leave -input out",
		"apply -input=false": "nothing is asked", "init -upgrade": "Carriers come with the program", "init -backend-config=x": "-var-file", "init -migrate-state": "state migrate", "plan -generate-config-out=x": "cardfleet import", "apply -backup=x": "history", "fmt -recursive": "-chdir=DIR",
	} {
		got := r.want(1, r.run(strings.Fields(args)...))
		assert.Contains(t, got.errors, want, args)
		assert.Contains(t, got.errors, "here\n", args)
		assert.Empty(t, got.out, args)
	}
}

func TestHelpOfACommandThatThereIsNotIsAnError(t *testing.T) {
	r := newRig(t, describe())
	for args, want := range map[string]string{
		"xyz -h": `There is no command "xyz".`, "help xyz": `There is no command "xyz".`, "-h xyz": `There is no command "xyz".`, "pln --help": "Did you mean plan?",
		"state xyz -h": `There is no command "xyz".`, "-chdir=. xyz -h": `There is no command "xyz".`, "destroy -h": "on_remove", "state mv -h": "a card is its ICCID",
		"xyz plan -h": `There is no command "xyz".`,
	} {
		got := r.want(1, r.run(strings.Fields(args)...))
		assert.Contains(t, got.errors, want, args)
		assert.Empty(t, got.out, args)
	}
	for args, want := range map[string]string{
		"-h": "cardfleet: ", "help": "cardfleet: ", "-chdir xyz -h": "cardfleet: ", "-chdir xyz plan -h": "cardfleet plan: ", "plan -out x -h": "cardfleet plan: ",
		"state -h": "cardfleet state: ", "state rm xyz -h": "cardfleet state rm: ", "show xyz -h": "cardfleet show: ",
	} {
		assert.True(t, strings.HasPrefix(r.want(0, r.run(strings.Fields(args)...)).out, want), args)
	}
}
