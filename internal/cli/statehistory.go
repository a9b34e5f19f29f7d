package cli

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/state"
)

func stateHistoryCommand(env *Env, root *rootOptions) *cli.Command {
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
			out := root.open(env, viewOptions{})
			b, err := historian(env, out, root, *in)
			if err != nil {
				return err
			}
			list, err := b.History(ctx)
			if err != nil {
				return err
			}
			if n > 0 {
				list = list[:min(n, len(list))]
			}
			for _, v := range list {
				out.result("%s  %s  %s  lineage %s\n", v.Name, v.Written.UTC().Format(time.RFC3339), countCards(v.Cards), v.Lineage)
			}
			return nil
		},
	}
}

func historian(env *Env, out *output, root *rootOptions, in inputOptions) (state.Historian, error) {
	b, err := configuredBackend(env, out, root, in)
	if err != nil {
		return nil, err
	}
	h, ok := b.(state.Historian)
	if !ok {
		return nil, refuse("No history", "This backend keeps no older snapshots of its own.")
	}
	return h, nil
}

// readVersion reads a version of the history.
func readVersion(ctx context.Context, env *Env, out *output, root *rootOptions, in inputOptions, name string) (*state.Snapshot, error) {
	b, err := historian(env, out, root, in)
	if err != nil {
		return nil, err
	}
	snap, err := b.ReadVersion(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse("No such version", "The history has no version %s. cardfleet state history lists those it has.", name)
	}
	return snap, err
}
