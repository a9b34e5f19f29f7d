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

func (prog *program) stateVerifyCommand() *cli.Command {
	in := &inputOptions{}
	return &cli.Command{
		Name: "verify", Usage: "read state, journal and history whole, and say what is wrong",
		Description: `Checks checksums, order, duplicates, numbers of records, identifiers and doubts. Exits with 1
where something is damaged, and says where. Cards in doubt are listed; they are no damage.`,
		UsageText: "cardfleet state verify",
		Flags:     in.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			prog.open(viewOptions{})
			store, err := prog.store(ctx, *in)
			if err != nil {
				return err
			}
			return prog.verifyState(ctx, store)
		},
	}
}

func (prog *program) verifyState(ctx context.Context, store run.Store) error {
	v, err := store.Verify(ctx)
	if err != nil {
		return err
	}
	if !v.Sound() {
		return mistakes(unsound(v))
	}
	doubts := prog.sayDoubts(v.State)
	prog.out.result("Sound: %s, serial %d, lineage %s; %d in doubt; %s.\n",
		countCards(len(v.State.Cards)), v.State.Serial, orNone(v.State.Lineage), doubts, counted(v.Versions, "older version"))
	return nil
}

// unsound is what is wrong with a state.
func unsound(v *run.Verified) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, odd := range v.Odd {
		diags = append(diags, spec.Diagnostic{
			Summary: "The state says what can't be", Address: odd.Card.Address,
			Detail: fmt.Sprintf("Card %s of %s: %s.", safe.Text(string(odd.Card.ICCID)), safe.Text(string(odd.Card.Provider)), safe.Text(odd.What)),
		})
	}
	for _, err := range v.Damaged {
		diags = append(diags, spec.Diagnostic{Summary: "A version of the history is damaged", Detail: spec.Capital(err.Error()) + "."})
	}
	return diags
}

// sayDoubts lists the cards in doubt.
func (prog *program) sayDoubts(snap *state.Snapshot) int {
	n := 0
	for i := range snap.Cards {
		if c := &snap.Cards[i]; len(c.Doubts) > 0 {
			n++
			prog.out.result("%s", stateText(c))
		}
	}
	return n
}
