package cli

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

func (prog *program) stateCommand() *cli.Command {
	return &cli.Command{
		Name:      "state",
		Usage:     "look into and mend the state",
		UsageText: "cardfleet state list",
		Commands: []*cli.Command{
			prog.stateListCommand(),
			prog.stateShowCommand(),
			prog.statePullCommand(),
			prog.statePushCommand(),
			prog.stateRemoveCommand(),
			prog.stateHistoryCommand(),
			prog.stateVerifyCommand(),
			prog.stateMigrateCommand(),
		},
	}
}

// store is the state that the configuration names, opened without opening its
// providers.
func (prog *program) store(in inputOptions) (run.Store, error) {
	return prog.storeOf(prog.dir(), in)
}

// storeOf is the state that the configuration in dir names.
func (prog *program) storeOf(dir string, in inputOptions) (run.Store, error) {
	fleet, err := prog.configuredFleet(dir, in)
	if err != nil {
		return run.Store{}, err
	}
	b, err := backendOf(prog.env, dir, fleet, (&watcher{out: prog.out}).away)
	return run.Store{Backend: b, Env: prog.runEnv()}, err
}

// runEnv is what a run takes from the program's surroundings.
func (prog *program) runEnv() run.Env {
	env := prog.env
	return run.Env{
		Now: env.Now, Sleep: env.Sleep, Random: env.Random, Version: Version,
		Who: env.User + "@" + env.Host, Info: runURL(env),
	}
}

func (prog *program) stateListCommand() *cli.Command {
	in := &inputOptions{}
	return &cli.Command{
		Name: "list", Usage: "list the managed cards: address, provider, ICCID", ArgsUsage: "[ADDR|ICCID…]",
		UsageText: "cardfleet state list 'card.bike*'",
		Flags:     in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			prog.open(viewOptions{})
			snap, err := prog.readState(ctx, *in)
			if err != nil {
				return err
			}
			cards := byAddress(snap)
			for i := range cards {
				c := &cards[i]
				if matchesAny(cmd.Args().Slice(), c) {
					prog.out.result("%s  %s  %s\n", safe.Text(c.Address), safe.Text(string(c.Provider)), safe.Text(string(c.ICCID)))
				}
			}
			return nil
		},
	}
}

// byAddress is the state's cards in the order in which people look for them.
func byAddress(snap *state.Snapshot) []state.Card {
	cards := slices.Clone(snap.Rows())
	slices.SortStableFunc(cards, func(a, b state.Card) int { return strings.Compare(a.Address, b.Address) })
	return cards
}

// matchesAny reports whether one of the globs names the card; none names all.
func matchesAny(globs []string, c *state.Card) bool {
	if len(globs) == 0 {
		return true
	}
	return slices.ContainsFunc(globs, func(glob string) bool {
		if glob == c.Address || glob == string(c.ICCID) {
			return true
		}
		byAddress, _ := path.Match(glob, c.Address) // a glob that is none names no card
		byICCID, _ := path.Match(glob, string(c.ICCID))
		return byAddress || byICCID
	})
}

func (prog *program) stateShowCommand() *cli.Command {
	in := &inputOptions{}
	return &cli.Command{
		Name: "show", Usage: "show what the state remembers of a card", ArgsUsage: "ADDR|ICCID",
		UsageText: "cardfleet state show card.kiosk",
		Flags:     in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			prog.open(viewOptions{})
			name, err := oneArgument(cmd, "address or ICCID")
			if err != nil {
				return err
			}
			snap, err := prog.readState(ctx, *in)
			if err != nil {
				return err
			}
			found := false
			rows := snap.Rows()
			for i := range rows {
				if c := &rows[i]; name == c.Address || name == string(c.ICCID) {
					found = true
					prog.out.result("%s", stateText(c))
				}
			}
			if !found {
				return refuse("Card is not in the state", "%s", notInState(name))
			}
			return nil
		},
	}
}

func (prog *program) statePullCommand() *cli.Command {
	in := &inputOptions{}
	version := ""
	return &cli.Command{
		Name: "pull", Usage: "print the whole state as JSON",
		UsageText: `cardfleet state pull > state.json
cardfleet state pull -version=7 > state.json`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "version", Usage: "print version `SERIAL` of the history instead", Destination: &version},
		}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			if version == "" {
				return prog.showState(ctx, viewOptions{json: true}, *in)
			}
			prog.open(viewOptions{})
			store, err := prog.store(*in)
			if err != nil {
				return err
			}
			snap, err := store.ReadVersion(ctx, version)
			if err != nil {
				return err
			}
			return prog.env.writeJSON(func(w io.Writer) error { return run.WritePulled(w, snap) })
		},
	}
}

func (prog *program) stateRemoveCommand() *cli.Command {
	in := &inputOptions{}
	return &cli.Command{
		Name: "rm", Usage: "forget cards, without touching them", ArgsUsage: "ICCID|PROVIDER/ICCID…",
		UsageText: "cardfleet state rm 89860617030017300390",
		Flags:     in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			wanted, err := cardIDs(cmd.Args().Slice())
			if err != nil {
				return err
			}
			if len(wanted) == 0 {
				return refuse("Nothing to forget", "state rm takes one or more ICCIDs; PROVIDER/ICCID is a card only if it stands there.")
			}
			prog.open(viewOptions{})
			store, err := prog.store(*in)
			if err != nil {
				return err
			}
			forgotten, err := store.Forget(ctx, wanted)
			if len(forgotten) > 0 {
				prog.out.result("Forgotten: %d. The cards themselves are as they were.\n", len(forgotten))
			}
			return err
		},
	}
}

// cardIDs are cards as arguments name them: ICCID, or PROVIDER/ICCID.
func cardIDs(args []string) ([]spec.CardID, error) {
	ids := make([]spec.CardID, 0, len(args))
	for _, arg := range args {
		provider, text, found := strings.Cut(arg, "/")
		if !found {
			provider, text = "", arg
		}
		iccid, err := iccidArgument(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, spec.CardID{Provider: spec.ProviderName(provider), ICCID: iccid})
	}
	return ids, nil
}
