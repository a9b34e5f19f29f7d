package cli

import (
	"context"
	"fmt"
	"io"
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
func (prog *program) store(ctx context.Context, in inputOptions) (run.Store, error) {
	return prog.storeOf(ctx, prog.dir(), in)
}

// storeOf is the state that the configuration in dir names.
func (prog *program) storeOf(ctx context.Context, dir string, in inputOptions) (run.Store, error) {
	fleet, err := prog.configuredFleet(ctx, dir, in)
	if err != nil {
		return run.Store{}, err
	}
	return prog.storeFor(dir, fleet)
}

// storeFor is the state of the fleet that the configuration in dir declares.
func (prog *program) storeFor(dir string, fleet *spec.Fleet) (run.Store, error) {
	b, err := backendOf(prog.env, dir, fleet, (&watcher{out: prog.out}).away)
	return run.Store{Backend: b, Env: prog.runEnv()}, err
}

// runEnv is what a run takes from the program's surroundings.
func (prog *program) runEnv() run.Env {
	env := prog.env
	return run.Env{
		Now: env.Now, Sleep: env.Sleep, Random: env.Random, Version: Version,
		Who: env.User + "@" + env.Host, Info: runURL(env), Origin: originOf(env),
	}
}

// named are the rows of the state that the arguments name, each once. An ICCID
// without its check digit names all that it may be: they are only looked at.
func (prog *program) named(snap *state.Snapshot, args []string) ([]state.Card, error) {
	names := run.NamesOf(snap.Rows())
	var picked []state.Card
	for _, arg := range args {
		rows, err := names.Look(arg)
		if err != nil {
			return nil, err
		}
		picked = append(picked, rows...)
	}
	slices.SortFunc(picked, func(a, b state.Card) int { return a.ID().Compare(b.ID()) })
	return slices.CompactFunc(picked, func(a, b state.Card) bool { return a.ID() == b.ID() }), nil
}

// byAddress is cards of the state in the order in which people look for them.
func byAddress(cards []state.Card) []state.Card {
	cards = slices.Clone(cards)
	slices.SortStableFunc(cards, func(a, b state.Card) int { return strings.Compare(a.Address, b.Address) })
	return cards
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
			store, err := prog.store(ctx, *in)
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
		Name: "rm", Usage: "forget cards, without touching them", ArgsUsage: "ICCID|PROVIDER/ICCID|ADDR|GLOB…",
		UsageText: `cardfleet state rm 89860617030017300390
cardfleet state rm 'card.bike["89860617030017300390"]'
cardfleet state rm 'aliyun.old/*'`,
		Flags: in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if !cmd.Args().Present() {
				return refuse("Nothing to forget", "state rm takes one or more cards: ICCIDs, addresses, or globs over these; PROVIDER/ICCID is a card only if it stands there.")
			}
			prog.open(viewOptions{})
			store, err := prog.store(ctx, *in)
			if err != nil {
				return err
			}
			forgotten, err := store.Forget(ctx, cmd.Args().Slice())
			prog.sayForgotten(forgotten)
			return err
		},
	}
}

// sayForgotten names each row that is gone, and counts the cards that are.
func (prog *program) sayForgotten(rows []state.Card) {
	if len(rows) == 0 {
		return
	}
	cards := map[spec.ICCID]bool{}
	for i := range rows {
		cards[rows[i].ICCID] = true
	}
	for _, c := range byAddress(rows) {
		prog.out.result("%s  %s  %s: forgotten\n", safe.Text(c.Address), safe.Text(string(c.Provider)), safe.Text(string(c.ICCID)))
	}
	of := ""
	if len(cards) < len(rows) {
		of = fmt.Sprintf(" rows, of %s", countCards(len(cards)))
	}
	prog.out.result("Forgotten: %d%s. The cards themselves are as they were.\n", len(rows), of)
}
