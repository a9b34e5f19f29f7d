package cli

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
)

func (prog *program) forceUnlockCommand() *cli.Command {
	in := &inputOptions{}
	return &cli.Command{
		Name: "force-unlock", Usage: "remove a lock that a dead run left", ArgsUsage: "LOCKID",
		Description: `Be sure that the run is dead: one that lives would go on beside the next. Its id is in the
message that says that the state is locked. A local state needs no unlocking, and a lease
in a remote store runs out by itself a minute after its run's last sign of life.`,
		UsageText: "cardfleet force-unlock 5f1c0c3f9a2b7d10",
		Flags:     in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			id, err := oneArgument(cmd, "lock id")
			if err != nil {
				return err
			}
			prog.open(viewOptions{})
			store, err := prog.store(ctx, *in)
			if err != nil {
				return err
			}
			untold, err := store.ForceUnlock(ctx, id)
			if err != nil {
				return err
			}
			if untold != nil {
				prog.out.diagnostics(spec.Diagnostics{{
					Severity: spec.Warning, Summary: "The history doesn't say that a lock was removed",
					Detail: spec.Capital(untold.Error()) + ".\nThe lock is gone all the same.",
				}})
			}
			prog.out.result("Unlocked. What the dead run had under way is taken over by the next one.\n")
			return nil
		},
	}
}
