// Package cli is the command line's glue: a file for each command, its options
// in a struct, and a run that ends with an exit code. What a command does is
// elsewhere; here the layers are put together and their results shown.
//
// Start reading at [Run], then plan.go and apply.go.
package cli

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/spec/lang"
)

// Version of the program; it is in plan files, the state and -h.
const Version = "0.1.0"

// Env is what the program takes from the world around it. main fills it in
// from the process; tests from what they like.
type Env struct {
	Dir           string // the working folder, absolute
	In            io.Reader
	Out, Err      io.Writer
	InTTY, OutTTY bool // whether they are terminals
	ErrTTY        bool
	OutWidth      int // of the terminal that Out is, in columns; 0: not known
	LookupEnv     func(name string) (string, bool)
	Now           func() time.Time
	Sleep         func(ctx context.Context, d time.Duration) error
	Random        func(p []byte)
	Transport     http.RoundTripper
	User, Host    string
	// Step is called before each step of a write to the state's files that a
	// crash can part from the next. Tests stop the program there; nil is nobody.
	Step func(name string)
	// Beat is how often a lease is renewed; 0 is as often as its backend does.
	// Tests make it shorter.
	Beat time.Duration
	// Follows is told when a run at workers begins to be followed, and when no longer:
	// an interrupt ends nothing else meanwhile. nil is nobody.
	Follows func(following bool)

	lang lang.Language // of what people read; Run finds it out
}

func (e *Env) getenv(name string) string {
	v, _ := e.LookupEnv(name)
	return v
}

// Run runs the program with the arguments after its name, and returns its exit
// code. A cancelled context is an interrupt: nothing new is started, and what
// is under way comes to its end.
func Run(ctx context.Context, args []string, env *Env) int {
	own := *env
	env = &own
	env.Out = &leftPipe{env.Out}
	prog := &program{env: env, seen: &seen{log: slog.New(slog.DiscardHandler)}}
	wanted, mistaken := languageOf(args, env.getenv)
	if env.lang = wanted; mistaken != nil {
		return prog.report(ctx, mistaken)
	}
	unseen := prog.openLog(args)
	root := prog.rootCommand()
	if c, path, err := aside(root, args); c != nil || err != nil {
		if err == nil {
			err = printHelp(env.Out, c, path, env.lang)
		}
		return prog.report(ctx, err)
	}
	if unseen != nil {
		return prog.report(ctx, unseen)
	}
	ctx, err := prog.look(ctx, commandNamed(root, args))
	if err != nil {
		return prog.report(ctx, err)
	}
	err = root.Run(ctx, append([]string{"cardfleet"}, args...))
	code := prog.report(ctx, err)
	prog.seen.end(ctx, code)
	if prog.out != nil {
		prog.out.closeLines()
	}
	return code
}

// program is one run of the program. Its methods are the commands and what
// they share.
type program struct {
	env     *Env
	chdir   string             // the option before the command
	out     *output            // nil until the command opens it
	definer *described.Definer // of the configuration that was read last; nil before
	seen    *seen              // how what happens is seen
	unsaved map[string][]byte  // what an editor has open in place of files, by absolute path
	loads   sync.WaitGroup     // those that are under way, the ones that were given up among them
	bed     *testbed           // of a test file whose runs these are; nil but for those
}

// open makes the command's output, which says also why the command ended.
func (prog *program) open(v viewOptions) {
	prog.out = prog.newOutput(v)
	prog.out.dir = prog.dir()
}

// newOutput is an output whose log is the program's. Bars would be torn by a log on
// the same terminal.
func (prog *program) newOutput(v viewOptions) *output {
	o := newOutput(prog.env, v)
	o.log, o.live = prog.seen.log, o.live && !prog.seen.onScreen
	return o
}

// dir is the folder that the command works in.
func (prog *program) dir() string {
	if prog.chdir == "" {
		return prog.env.Dir
	}
	return within(prog.env.Dir, prog.chdir)
}

// within resolves a path as it was typed, from the folder dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func (prog *program) rootCommand() *cli.Command {
	root := &cli.Command{
		Name:  "cardfleet",
		Usage: "declare a fleet of IoT SIM cards, plan what differs, apply it",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "chdir", Usage: "work in folder `DIR`", Destination: &prog.chdir},
			&cli.StringFlag{Name: langOption, Usage: langUsage},
		},
		Commands: []*cli.Command{
			prog.initCommand(),
			prog.validateCommand(),
			prog.fmtCommand(),
			prog.planCommand(),
			prog.applyCommand(),
			prog.showCommand(),
			prog.approveCommand(),
			prog.historyCommand(),
			prog.workerCommand(),
			prog.runsCommand(),
			prog.importCommand(),
			prog.tableCommand(),
			prog.outputCommand(),
			prog.consoleCommand(),
			prog.testCommand(),
			prog.stateCommand(),
			prog.resolveCommand(),
			prog.forceUnlockCommand(),
			prog.providersCommand(),
			prog.carriersCommand(),
			prog.simulatorCommand(),
			prog.lspCommand(),
			prog.versionCommand(),
			prog.completionCommand(),
			prog.hiddenCompleteCommand(),
		},
	}
	dress(root, prog.env, nil)
	return root
}
