package cli

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec/safe"
)

func (prog *program) stateMigrateCommand() *cli.Command {
	in := &inputOptions{}
	force := false
	return &cli.Command{
		Name: "migrate", Usage: "copy the state from another configuration's backend into this one's", ArgsUsage: "OLDCONFIGDIR",
		Description: `OLDCONFIGDIR is a folder with the configuration as it was, or only a fleet block with the old
backend and its encryption. The copy keeps the lineage and takes the journal over; its serial
starts anew. It is read back and compared. Both states are locked meanwhile, and the old
one is left as it is.`,
		UsageText: "cardfleet state migrate ../fleet-before",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "replace a state that isn't empty", Destination: &force},
		}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			dir, err := oneArgument(cmd, "folder")
			if err != nil {
				return err
			}
			prog.open(viewOptions{})
			to, err := prog.store(ctx, *in)
			if err != nil {
				return err
			}
			from, err := prog.storeOf(ctx, within(prog.env.Dir, dir), *in)
			if err != nil {
				return err
			}
			copied, err := to.Migrate(ctx, from, force)
			if copied != nil {
				prog.out.result("Migrated: %s, lineage %s. The copy was read back and is the same; the old state is as it was.\n", countCards(len(copied.Cards)), safe.Text(copied.Lineage))
			}
			return err
		},
	}
}
