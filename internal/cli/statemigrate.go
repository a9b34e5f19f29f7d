package cli

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

func stateMigrateCommand(env *Env, root *rootOptions) *cli.Command {
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
			out := root.open(env, viewOptions{})
			to, err := configuredBackend(env, out, root, *in)
			if err != nil {
				return err
			}
			old, err := configuredFleet(env, out, within(env.Dir, dir), *in)
			if err != nil {
				return err
			}
			from, err := backendOf(env, within(env.Dir, dir), old)
			if err != nil {
				return err
			}
			return migrate(ctx, env, out, from, to, force)
		},
	}
}

// migrate copies a state, and checks the copy.
func migrate(ctx context.Context, env *Env, out *output, from, to state.Backend, force bool) (err error) {
	for _, b := range []state.Backend{from, to} {
		s := &session{env: env, out: out, backend: b}
		unlock, lockErr := s.lock(ctx, "state migrate", 0)
		if lockErr != nil {
			return lockErr
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	source, err := from.Read(ctx)
	if err != nil {
		return err
	}
	target, err := to.Read(ctx)
	if err != nil {
		return err
	}
	if source.Lineage == "" && len(source.Cards) == 0 {
		return refuse("Nothing to migrate", "The old state is empty. Look whether the folder and its backend block are the right ones.")
	}
	if (target.Serial > 0 || len(target.Cards) > 0) && !force {
		return refuse("The state is not empty", "The backend has a state already: %s, serial %d, lineage %s. -force replaces it by the copy, which then has its lineage; what it was is in the history.",
			countCards(len(target.Cards)), target.Serial, orNone(target.Lineage))
	}
	copied := &state.Snapshot{Lineage: source.Lineage, Cards: source.Cards}
	if err := state.CommitAll(ctx, to, target, copied); err != nil {
		return err
	}
	if err := sameState(ctx, to, copied); err != nil {
		return err
	}
	out.result("Migrated: %s, lineage %s. The copy was read back and is the same; the old state is as it was.\n", countCards(len(copied.Cards)), copied.Lineage)
	return nil
}

// sameState reads the state back, and compares it byte for byte by its digest.
func sameState(ctx context.Context, b state.Backend, want *state.Snapshot) error {
	got, err := b.Read(ctx)
	if err != nil {
		return err
	}
	gotDigest, err := stored.Digest(got)
	if err != nil {
		return err
	}
	wantDigest, err := stored.Digest(want)
	if err != nil {
		return err
	}
	if gotDigest != wantDigest {
		return refuse("The copy is not the same", "What was read back has digest %s, and what was written has %s. Go on with the old state, which is as it was.", gotDigest, wantDigest)
	}
	return nil
}
