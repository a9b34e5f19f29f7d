package cli

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state/postgres"
)

func (prog *program) stateMigrateCommand() *cli.Command {
	in := &inputOptions{}
	force, ddl := false, false
	return &cli.Command{
		Name: "migrate", Usage: "copy the state from another configuration's backend into this one's", ArgsUsage: "OLDCONFIGDIR",
		Description: `OLDCONFIGDIR is a folder with the configuration as it was, or only a fleet block with the old
backend and its encryption. The copy keeps the lineage and takes the journal over; its serial
starts anew. It is read back and compared. Both states are locked meanwhile, and the old
one is left as it is.`,
		UsageText: "cardfleet state migrate ../fleet-before\ncardfleet state migrate -print > tables.sql",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "replace a state that isn't empty", Destination: &force},
			&cli.BoolFlag{Name: "print", Usage: "without OLDCONFIGDIR: print the DDL of the tables that the backend postgres needs, for whoever may run it", Destination: &ddl},
		}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if ddl {
				return prog.printSchema(ctx, cmd, *in)
			}
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

// printSchema prints the DDL of the backend's tables, those of workers included.
func (prog *program) printSchema(ctx context.Context, cmd *cli.Command, in inputOptions) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	prog.open(viewOptions{})
	store, err := prog.store(ctx, in)
	if err != nil {
		return err
	}
	b, ok := store.Backend.(*postgres.Backend)
	if !ok {
		return refuse("Nothing to print", "Only the backend postgres has tables, and this fleet's state is elsewhere.")
	}
	river, err := workers.PrintMigrations(b.Schema())
	if err != nil {
		return err
	}
	prog.out.writeData("-- The tables of cardfleet.\n" + b.PrintSchema(0) + "\n-- Those of River, which starts workers: only fleets with an executor block need them.\n" + river)
	return nil
}
