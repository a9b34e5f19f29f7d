package cli

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func stateCommand(env *Env, root *rootOptions) *cli.Command {
	return &cli.Command{
		Name:      "state",
		Usage:     "look into and mend the state",
		UsageText: "cardfleet state list",
		Commands: []*cli.Command{
			stateListCommand(env, root),
			stateShowCommand(env, root),
			statePullCommand(env, root),
			statePushCommand(env, root),
			stateRemoveCommand(env, root),
			stateHistoryCommand(env, root),
			stateVerifyCommand(env, root),
			stateMigrateCommand(env, root),
		},
	}
}

// configuredBackend opens the backend that the configuration names, without
// opening its providers.
func configuredBackend(env *Env, out *output, root *rootOptions, in inputOptions) (state.Backend, error) {
	dir := root.dir(env)
	fleet, err := configuredFleet(env, out, dir, in)
	if err != nil {
		return nil, err
	}
	return backendOf(env, dir, fleet)
}

func stateListCommand(env *Env, root *rootOptions) *cli.Command {
	in := &inputOptions{}
	return &cli.Command{
		Name: "list", Usage: "list the managed cards: address, provider, ICCID", ArgsUsage: "[ADDR|ICCID…]",
		UsageText: "cardfleet state list 'card.bike*'",
		Flags:     in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			out := root.open(env, viewOptions{})
			snap, err := readState(ctx, env, out, root, *in)
			if err != nil {
				return err
			}
			cards := byAddress(snap)
			for i := range cards {
				c := &cards[i]
				if matchesAny(cmd.Args().Slice(), c) {
					out.result("%s  %s  %s\n", c.Address, c.Provider, c.ICCID)
				}
			}
			return nil
		},
	}
}

// byAddress is the state's cards in the order in which people look for them.
func byAddress(snap *state.Snapshot) []state.Card {
	cards := slices.Clone(snap.Cards)
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

func stateShowCommand(env *Env, root *rootOptions) *cli.Command {
	in := &inputOptions{}
	return &cli.Command{
		Name: "show", Usage: "show what the state remembers of a card", ArgsUsage: "ADDR|ICCID",
		UsageText: "cardfleet state show card.kiosk",
		Flags:     in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			out := root.open(env, viewOptions{})
			name, err := oneArgument(cmd, "address or ICCID")
			if err != nil {
				return err
			}
			snap, err := readState(ctx, env, out, root, *in)
			if err != nil {
				return err
			}
			found := false
			for i := range snap.Cards {
				if c := &snap.Cards[i]; name == c.Address || name == string(c.ICCID) {
					found = true
					out.result("%s", stateText(c))
				}
			}
			if !found {
				return notInState(name)
			}
			return nil
		},
	}
}

func notInState(name string) error {
	return refuse("Card is not in the state", "The state has no card %s. cardfleet state list shows those it has.", name)
}

func statePullCommand(env *Env, root *rootOptions) *cli.Command {
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
				return showState(ctx, env, root, viewOptions{json: true}, *in)
			}
			snap, err := readVersion(ctx, env, root.open(env, viewOptions{}), root, *in, version)
			if err != nil {
				return err
			}
			return stateJSON(env, snap)
		},
	}
}

func stateRemoveCommand(env *Env, root *rootOptions) *cli.Command {
	in := &inputOptions{}
	return &cli.Command{
		Name: "rm", Usage: "forget cards, without touching them", ArgsUsage: "ICCID…",
		UsageText: "cardfleet state rm 89860617030017300390",
		Flags:     in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			wanted, err := iccids(cmd.Args().Slice())
			if err != nil {
				return err
			}
			if len(wanted) == 0 {
				return refuse("Nothing to forget", "state rm takes one or more ICCIDs.")
			}
			out := root.open(env, viewOptions{})
			return changeState(ctx, env, out, root, *in, "state rm", func(snap *state.Snapshot) error {
				for _, iccid := range wanted {
					if !slices.ContainsFunc(snap.Cards, func(c state.Card) bool { return c.ICCID == iccid }) {
						return notInState(string(iccid))
					}
				}
				snap.Cards = slices.DeleteFunc(slices.Clone(snap.Cards), func(c state.Card) bool { return slices.Contains(wanted, c.ICCID) })
				out.result("Forgotten: %d. The cards themselves are as they were.\n", len(wanted))
				return nil
			})
		},
	}
}

// changeState changes the state by hand, under its lock.
func changeState(ctx context.Context, env *Env, out *output, root *rootOptions, in inputOptions, operation string, change func(*state.Snapshot) error) (err error) {
	b, err := configuredBackend(env, out, root, in)
	if err != nil {
		return err
	}
	s := &session{env: env, out: out, backend: b}
	unlock, err := s.lock(ctx, operation, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	snap, err := b.Read(ctx)
	if err != nil {
		return err
	}
	next := *snap
	next.Cards = slices.Clone(snap.Cards)
	if err := change(&next); err != nil {
		return err
	}
	return state.CommitAll(ctx, b, snap, &next)
}

type resolveOptions struct {
	boundTo string
	unbound bool
}

func resolveCommand(env *Env, root *rootOptions) *cli.Command {
	o := &resolveOptions{}
	in := &inputOptions{}
	return &cli.Command{
		Name: "resolve", Usage: "settle by hand a card whose last call's outcome is unknown", ArgsUsage: "ICCID",
		Description: `A change of binding or an unbind whose answer was lost, at a carrier that can't report bindings,
is settled by saying which device the card is bound to now. Any other doubt is settled by the
next readings; without an option, resolve takes what the carrier shows for true at once.`,
		UsageText: `cardfleet resolve 89860617030017300390 -bound-to=861536030196001
cardfleet resolve 89860617030017300390 -unbound`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "bound-to", Usage: "the card is bound to device `IMEI`", Destination: &o.boundTo},
			&cli.BoolFlag{Name: "unbound", Usage: "the card is bound to no device", Destination: &o.unbound},
		}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			arg, err := oneArgument(cmd, "ICCID")
			if err != nil {
				return err
			}
			iccid, err := iccidArgument(arg)
			if err != nil {
				return err
			}
			binding, err := o.binding()
			if err != nil {
				return err
			}
			out := root.open(env, viewOptions{})
			return changeState(ctx, env, out, root, *in, "resolve", func(snap *state.Snapshot) error {
				return resolve(out, snap, iccid, binding)
			})
		},
	}
}

// binding is what the options say; none is the zero Binding.
func (o *resolveOptions) binding() (state.Binding, error) {
	switch {
	case o.boundTo != "" && o.unbound:
		return state.Binding{}, refuse("What is true?", "resolve takes either -bound-to=IMEI or -unbound, not both.")
	case o.unbound:
		return state.BoundTo(""), nil
	case o.boundTo == "":
		return state.Binding{}, nil
	}
	imei, err := spec.ParseIMEI(o.boundTo)
	if err != nil {
		return state.Binding{}, refuse("Invalid IMEI", "%s.", err)
	}
	return state.BoundTo(imei), nil
}

// resolve takes a person's word for a card's binding, and ends its doubts. A
// doubt that isn't about the device needs no word: readings tell what became of it.
func resolve(out *output, snap *state.Snapshot, iccid spec.ICCID, binding state.Binding) error {
	found := false
	for i := range snap.Cards {
		c := &snap.Cards[i]
		if c.ICCID != iccid {
			continue
		}
		found = true
		device := slices.ContainsFunc(c.Doubts, func(d state.Doubt) bool { return d.Kind.Attr() == spec.AttrBinding })
		switch {
		case len(c.Doubts) == 0:
			return refuse("Nothing is in doubt", "No outcome of card %s is in doubt.", iccid)
		case device && !binding.Known:
			return refuse("What is true?", "The device of card %s is in doubt: say either -bound-to=IMEI or -unbound.", iccid)
		case !device && binding.Known:
			return refuse("The device is not in doubt", "What is in doubt of card %s is not its device. Run resolve without -bound-to and -unbound: from then on, what the carrier shows is taken for true.", iccid)
		case device:
			c.Binding = binding
		}
		c.Doubts = nil
		out.result("%s: settled. The next plan starts from there.\n", c.Address)
	}
	if !found {
		return notInState(string(iccid))
	}
	return nil
}
