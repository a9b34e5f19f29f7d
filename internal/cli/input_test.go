package cli_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// silent is a person who interrupts the program in place of an answer: a read of a
// terminal goes on all the same.
type silent struct {
	interrupt func()
	left      chan struct{}
}

func (s *silent) Read([]byte) (int, error) {
	s.interrupt()
	<-s.left
	return 0, io.EOF
}

// unanswered runs the program, and interrupts it where it reads what is typed.
func (r *rig) unanswered(args ...string) ran {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &silent{cancel, make(chan struct{})}
	defer close(s.left)
	r.tty, r.typed = true, s
	defer func() { r.tty, r.typed = false, nil }()
	got := r.want(130, r.runIn(ctx, args...))
	require.Error(r.t, ctx.Err(), "it reads what is typed")
	return got
}

func TestAnInterruptEndsTheWaitingForWhatIsTyped(t *testing.T) {
	r := newRig(t, &carriersim.World{Record: true, Cards: []carriersim.Card{{ICCID: kiosk}}})
	for _, args := range [][]string{{"init"}, {"fmt", "-"}, {"table", "export.csv", "-out=cards.csv"}} {
		r.write("export.csv", "iccid,city\n"+kiosk+",hangzhou\n")
		r.write("cards.csv", "iccid,city\n"+kiosk+",beijing\n")
		got := r.unanswered(args...)
		assert.Contains(t, got.errors, "Error: Interrupted", args)
		assert.NoFileExists(t, r.dir+"/main.fleet.hcl")
	}
	r.write("main.fleet.hcl", provider+"card \"kiosk\" {\n  iccid = \""+kiosk+"\"\n  active = false\n}\n")
	for _, args := range [][]string{{"apply"}, {"console"}, {"state", "push", "-"}} {
		got := r.unanswered(args...)
		assert.Contains(t, got.errors, "Error: Interrupted", args)
		assert.Zero(t, changing(r.world), args)
	}
	got := r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "Apply complete!", "the lock is free")
}

// What is typed is read as it comes, and to its end.
func TestWhatIsTypedIsReadToItsEnd(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	r.in = "card \"kiosk\" {\niccid=\"" + kiosk + "\"\n}\n"
	assert.Equal(t, "card \"kiosk\" {\n  iccid = \""+kiosk+"\"\n}\n", r.want(0, r.run("fmt", "-")).out)
}
