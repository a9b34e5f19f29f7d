package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec/file"
)

func (prog *program) statePushCommand() *cli.Command {
	in := &inputOptions{}
	force := false
	return &cli.Command{
		Name: "push", Usage: "replace the state by what a file holds", ArgsUsage: "FILE",
		Description: `FILE is what state pull printed, or a state file; - reads standard input. It has to be of the
same lineage, and made from the state as it is now: nothing that was recorded since is lost.
With -force it replaces any state, which keeps its own lineage. The state before is in the history.`,
		UsageText: `cardfleet state pull > state.json
cardfleet state push state.json`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "replace the state whatever it is", Destination: &force},
		}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			file, err := oneArgument(cmd, "file")
			if err != nil {
				return err
			}
			prog.open(viewOptions{})
			pulled, err := prog.readPulled(ctx, file, *in)
			if err != nil {
				return err
			}
			store, err := prog.store(ctx, *in)
			if err != nil {
				return err
			}
			pushed, err := store.Push(ctx, pulled, force)
			if pushed != nil {
				prog.out.result("Pushed: %s.\n", countCards(len(pushed.Cards)))
			}
			return err
		},
	}
}

// readPulled reads the file that is to be pushed.
func (prog *program) readPulled(ctx context.Context, name string, in inputOptions) (*run.Pulled, error) {
	r := io.Reader(interruptible{ctx, prog.env.In})
	if name != "-" {
		f, err := file.Open(within(prog.dir(), name))
		if err != nil {
			return nil, fmt.Errorf("open the state to push: %w", err)
		}
		defer f.Close() // it was only read
		r = f
	}
	return run.ReadPulled(r, name, prog.keysIn(ctx, in))
}
