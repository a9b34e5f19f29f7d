package cli

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/state"
)

func forceUnlockCommand(env *Env, root *rootOptions) *cli.Command {
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
			out := root.open(env, viewOptions{})
			b, err := configuredBackend(env, out, root, *in)
			if err != nil {
				return err
			}
			return forceUnlock(ctx, out, b, id)
		},
	}
}

func forceUnlock(ctx context.Context, out *output, b state.Backend, id string) error {
	unlocker, ok := b.(state.ForceUnlocker)
	if !ok {
		return refuse("Nothing to unlock", "The system drops this backend's lock with the process that holds it: where the state is locked, that run is alive. Wait for it, or end it.")
	}
	err := unlocker.ForceUnlock(ctx, id)
	var other *state.LockedError
	switch {
	case errors.Is(err, state.ErrNotLocked):
		return refuse("The state is not locked", "There is no lock to remove.")
	case errors.As(err, &other):
		return refuse("Another lock", "The state's lock is not %s but %s, which %s holds (%s). Nothing was unlocked.",
			id, other.Holder.ID, other.Holder.Who, other.Holder.Operation)
	case err != nil:
		return err
	}
	out.result("Unlocked. What the dead run had under way is taken over by the next one.\n")
	return nil
}
