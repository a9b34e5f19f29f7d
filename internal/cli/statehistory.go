package cli

import (
	"context"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec/safe"
)

func (prog *program) stateHistoryCommand() *cli.Command {
	in := &inputOptions{}
	n := 0
	return &cli.Command{
		Name: "history", Usage: "list the snapshots before the present one, the newest first",
		UsageText: "cardfleet state history -n=3",
		Flags:     append([]cli.Flag{&cli.IntFlag{Name: "n", Usage: "at most `N` of them", Destination: &n}}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			prog.open(viewOptions{})
			store, err := prog.store(ctx, *in)
			if err != nil {
				return err
			}
			historian, err := store.Historian()
			if err != nil {
				return err
			}
			list, err := historian.History(ctx)
			if err != nil {
				return err
			}
			if n > 0 {
				list = list[:min(n, len(list))]
			}
			for _, v := range list {
				prog.out.result("%s  %s  %s  lineage %s\n", safe.Text(v.Name), v.Written.UTC().Format(time.RFC3339), countCards(v.Cards), safe.Text(v.Lineage))
			}
			return nil
		},
	}
}
