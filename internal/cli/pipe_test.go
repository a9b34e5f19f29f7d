package cli_test

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// failing is a standard stream that fails so at each write.
type failing struct{ cause error }

func (f failing) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: f.cause}
}

// Whoever pipes to head has seen enough, and is told of no error; the exit code
// stays the command's own. A full disk is an error still.
func TestACommandWhoseOutputNobodyReadsEndsAsItWould(t *testing.T) {
	for command, code := range map[string]int{
		"plan -json -detailed-exitcode": 2, "plan -detailed-exitcode": 2, "show -json p.fleetplan": 0, "show -html p.fleetplan": 0, "show -graph p.fleetplan": 0,
		"show -json": 0, "history -json": 0, "version -json": 0, "state list": 0, "plan -json -var=x": 1, "apply -json -auto-approve": 0,
	} {
		r := newRig(t, describe())
		r.write("main.fleet.hcl", rebind)
		r.want(0, r.run("plan", "-out=p.fleetplan"))
		r.told = failing{syscall.EPIPE}
		got := r.want(code, r.run(strings.Fields(command)...))
		assert.NotContains(t, got.errors, "broken pipe", command)
		if strings.HasPrefix(command, "apply") {
			assert.Equal(t, 1, binds(r.world), "the work goes on")
		}
		if strings.HasPrefix(command, "show -json") {
			r.told = failing{syscall.ENOSPC}
			assert.Contains(t, r.want(1, r.run(strings.Fields(command)...)).errors, "no space left", command)
		}
	}
}
