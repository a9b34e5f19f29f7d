package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func stateVerifyCommand(env *Env, root *rootOptions) *cli.Command {
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
			out := root.open(env, viewOptions{})
			b, err := configuredBackend(env, out, root, *in)
			if err != nil {
				return err
			}
			return verifyState(ctx, out, b)
		},
	}
}

func verifyState(ctx context.Context, out *output, b state.Backend) error {
	snap, err := b.Read(ctx) // checks sums, order and numbers
	if err != nil {
		return err
	}
	diags := suspicious(snap)
	versions := 0
	if h, ok := b.(state.Historian); ok {
		list, err := h.History(ctx)
		if err != nil {
			return err
		}
		for _, v := range list {
			if _, err := h.ReadVersion(ctx, v.Name); err != nil {
				diags = append(diags, spec.Diagnostic{Summary: "A version of the history is damaged", Detail: spec.Capital(err.Error()) + "."})
			}
		}
		versions = len(list)
	}
	if len(diags) > 0 {
		return &exitError{code: exitFailed, diags: diags}
	}
	doubts := sayDoubts(out, snap)
	out.result("Sound: %s, serial %d, lineage %s; %d in doubt; %s.\n",
		countCards(len(snap.Cards)), snap.Serial, orNone(snap.Lineage), doubts, counted(versions, "older version"))
	return nil
}

// suspicious is what can be read, and no run of this program writes.
func suspicious(snap *state.Snapshot) spec.Diagnostics {
	var diags spec.Diagnostics
	for i := range snap.Cards {
		c := &snap.Cards[i]
		wrong := func(format string, args ...any) {
			diags = append(diags, spec.Diagnostic{
				Summary: "The state says what can't be", Address: c.Address,
				Detail: fmt.Sprintf("Card %s of %s: ", c.ICCID, c.Provider) + fmt.Sprintf(format, args...) + ".",
			})
		}
		if imei := c.Binding.IMEI; imei != "" {
			if _, err := spec.ParseIMEI(string(imei)); err != nil || !c.Binding.Known {
				wrong("its binding %q is none", imei)
			}
		}
		for n, d := range c.Doubts {
			if !d.Kind.CallsCarrier() || d.Since.IsZero() {
				wrong("its doubt %d is about no call: kind %q, since %s", n+1, d.Kind, d.Since)
			}
		}
	}
	return diags
}

// sayDoubts lists the cards in doubt.
func sayDoubts(out *output, snap *state.Snapshot) int {
	n := 0
	for i := range snap.Cards {
		if c := &snap.Cards[i]; len(c.Doubts) > 0 {
			n++
			out.result("%s", stateText(c))
		}
	}
	return n
}
