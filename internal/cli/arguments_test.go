package cli_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever gives a command too few or too many arguments is sent to its help by
// a command line that shows it.
func TestHintsNameTheWholeCommand(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	for _, command := range []string{
		"runs pause", "runs resume", "runs cancel", "runs retry", "runs show", "runs list", "state show", "carriers show", "carriers list", "plan",
	} {
		hinted := 0
		for _, arguments := range []string{"", " a b c"} {
			got := r.run(strings.Fields(command + arguments)...)
			for _, hint := range regexp.MustCompile(`See cardfleet ([a-z -]*) -h`).FindAllStringSubmatch(got.errors, -1) {
				hinted++
				assert.Equal(t, command, hint[1], got.errors)
				help := r.want(0, r.run(append(strings.Fields(hint[1]), "-h")...))
				assert.Contains(t, help.out, "cardfleet "+command)
			}
		}
		require.NotZero(t, hinted, command)
	}
}

func TestEachLengthOfTimeMayBeInDays(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve", "-lock-timeout=1d", "-parallelism=1"))
	got := r.want(0, r.run("plan", "-max-age=1d", "-out=p.fleetplan"))
	assert.Contains(t, got.out, "by readings", "a card that was read a moment ago is not read again")
	got = r.want(1, r.run("approve", "-print", "-valid-for=31d", "p.fleetplan"))
	assert.NotContains(t, got.errors, "Invalid option")
	r.want(0, r.run("history", "-since=1d"))
}
