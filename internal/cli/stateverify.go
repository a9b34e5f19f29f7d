package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

func (prog *program) stateVerifyCommand() *cli.Command {
	in := &inputOptions{}
	asJSON := false
	return &cli.Command{
		Name: "verify", Usage: "read state, journal and history whole, and say what is wrong",
		Description: `Checks checksums, order, duplicates, numbers of records, identifiers and doubts. Exits with 1
where something is damaged, and says where. Cards in doubt are listed; they are no damage.`,
		UsageText: "cardfleet state verify",
		Flags:     append([]cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON", Destination: &asJSON}}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			prog.open(viewOptions{})
			store, err := prog.store(ctx, *in)
			if err != nil {
				return err
			}
			if asJSON {
				return prog.verifyStateAsJSON(ctx, store)
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

// problemJSON is what is wrong with a state.
type problemJSON struct {
	Address string `json:"address,omitempty"`
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
}

// verifyStateAsJSON is verifyState, as one JSON object. The exit code is the same.
func (prog *program) verifyStateAsJSON(ctx context.Context, store run.Store) error {
	v, err := store.Verify(ctx)
	if err != nil {
		return err
	}
	problems, doubts := []problemJSON{}, []spec.ICCID{}
	for _, d := range unsound(v) {
		problems = append(problems, problemJSON{d.Address, d.Summary, d.Detail})
	}
	for i := range v.State.Cards {
		if len(v.State.Cards[i].Doubts) > 0 {
			doubts = append(doubts, v.State.Cards[i].ICCID)
		}
	}
	err = prog.env.writeJSON(func(w io.Writer) error {
		return writeStateJSON(w, map[string]any{
			"sound": v.Sound(), "cards": len(v.State.Cards), "serial": v.State.Serial, "lineage": v.State.Lineage,
			"in_doubt": doubts, "versions": v.Versions, "actions": v.Actions, "problems": problems,
		})
	})
	if err == nil && !v.Sound() {
		return exit(exitFailed)
	}
	return err
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
	if v.Unread != nil {
		diags = append(diags, spec.Diagnostic{Summary: "What was done to cards can't be read", Detail: spec.Capital(v.Unread.Error()) + "."})
	}
	return diags
}

// sayDoubts lists the cards in doubt.
func (prog *program) sayDoubts(snap *state.Snapshot) int {
	n := 0
	for i := range snap.Cards {
		if c := &snap.Cards[i]; len(c.Doubts) > 0 {
			n++
			prog.out.result("%s", stateText(c, prog.out.style.Lang))
		}
	}
	return n
}
