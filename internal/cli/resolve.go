package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

type resolveOptions struct {
	boundTo     string
	unbound     bool
	likely      bool
	autoApprove bool
}

func (prog *program) resolveCommand() *cli.Command {
	o := &resolveOptions{}
	in := &inputOptions{}
	return &cli.Command{
		Name: "resolve", Usage: "settle by hand a card whose last call's outcome is unknown", ArgsUsage: "ICCID|PROVIDER/ICCID|ADDR|GLOB",
		Description: `A change of binding or an unbind whose answer was lost, at a carrier that can't report bindings,
is settled by saying which device the card is bound to now. Any other doubt is settled by the
next readings; without an option, resolve takes what the carrier shows for true at once.
With -likely, it takes for done each change of binding that the carrier refused to repeat, and
that is in doubt only because the device before it was never confirmed. It lists them and asks.`,
		UsageText: `cardfleet resolve 89860617030017300390 -bound-to=861536030196001
cardfleet resolve 89860617030017300390 -unbound
cardfleet resolve -likely`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "bound-to", Usage: "the card is bound to device `IMEI`", Destination: &o.boundTo},
			&cli.BoolFlag{Name: "unbound", Usage: "the card is bound to no device", Destination: &o.unbound},
			&cli.BoolFlag{Name: "likely", Usage: "take for done, on all cards, the changes of binding that were likely done; never an unbind", Destination: &o.likely},
			&cli.BoolFlag{Name: "auto-approve", Usage: "with -likely: don't ask", Destination: &o.autoApprove},
		}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if o.likely {
				return prog.resolveLikely(ctx, *o, *in, cmd.Args().Slice())
			}
			return prog.resolveCard(ctx, *o, *in, cmd)
		},
	}
}

// resolveCard settles one card.
func (prog *program) resolveCard(ctx context.Context, o resolveOptions, in inputOptions, cmd *cli.Command) error {
	if o.autoApprove {
		return refuse("Nothing to approve", "resolve asks only with -likely; -auto-approve goes with that.")
	}
	name, err := oneArgument(cmd, "card")
	if err != nil {
		return err
	}
	binding, err := o.binding()
	if err != nil {
		return err
	}
	prog.open(viewOptions{})
	store, err := prog.store(ctx, in)
	if err != nil {
		return err
	}
	settled, err := store.Resolve(ctx, name, binding)
	prog.saySettled(settled)
	return err
}

// saySettled says of each card what it is settled as.
func (prog *program) saySettled(cards []state.Card) {
	for i := range cards {
		device := "what the carrier shows is taken for true"
		switch b := cards[i].Binding; {
		case b.Known && b.IMEI == "":
			device = "bound to no device"
		case b.Known:
			device = "bound to " + string(b.IMEI)
		}
		prog.out.result("%s: settled. The next plan starts from there: %s (%s).\n", safe.Text(cards[i].Address), safe.Text(device), safe.Text(rowName(cards[i].ID())))
	}
}

// resolveLikely settles what was likely done, of the cards that are named or of
// all, after a list of them and a question.
func (prog *program) resolveLikely(ctx context.Context, o resolveOptions, in inputOptions, args []string) error {
	if o.boundTo != "" || o.unbound {
		return refuse("What is true?", "-likely takes changes of binding for done as they were sent; -bound-to=IMEI and -unbound say it of one card. Use one of them.")
	}
	if !o.autoApprove && !prog.env.InTTY {
		return refuse("Nobody to ask", "resolve -likely asks before it settles anything, and there is no terminal to ask on. Look at the plan's list, then give -auto-approve.")
	}
	prog.open(viewOptions{})
	store, err := prog.store(ctx, in)
	if err != nil {
		return err
	}
	listed, err := store.Likely(ctx)
	if err != nil {
		return err
	}
	if listed, err = among(listed, args); err != nil {
		return err
	}
	return prog.settleLikely(ctx, store, o, listed)
}

// among is those of the listed cards that are named; all where none is.
func among(listed []state.Card, names []string) ([]state.Card, error) {
	if len(names) == 0 {
		return listed, nil
	}
	return run.NamesOf(listed).All(names, func(name string) error {
		return refuse("Not likely done", "Card %s has no change of binding that the carrier refused to repeat. Nothing was settled.", safe.Text(name))
	})
}

func (prog *program) settleLikely(ctx context.Context, store run.Store, o resolveOptions, listed []state.Card) error {
	if len(listed) == 0 {
		prog.out.result("No change of binding is in doubt that was likely done.\n")
		return nil
	}
	for i := range listed {
		prog.out.result("%s", likelyText(&listed[i]))
	}
	if !o.autoApprove {
		if err := askWhether(ctx, prog.env, prog.out, "Do you want to take these changes for done?", refuse("Cancelled", "Nothing was changed.")); err != nil {
			return err
		}
	}
	settled, err := store.ResolveLikely(ctx, listed)
	prog.saySettled(settled)
	if err == nil && len(settled) < len(listed) {
		return refuse("Not all are settled", "%s changed meanwhile, and stays as it is. Run resolve -likely again.", countCards(len(listed)-len(settled)))
	}
	return err
}

// likelyText is a card with both of its devices.
func likelyText(c *state.Card) string {
	d := &c.Doubts[0]
	return fmt.Sprintf("%s (%s): %s, sent at %s.\n  The carrier refused a second one: the card isn't bound to %s, which was %s. So it is likely bound to %s.\n",
		safe.Text(c.Address), safe.Text(string(c.ICCID)), safe.Text(d.Change.String()), d.Since.UTC().Format("2006-01-02 15:04:05 UTC"), safe.Text(d.From), c.Binding.Belief(), safe.Text(d.To))
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
