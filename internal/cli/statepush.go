package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

func statePushCommand(env *Env, root *rootOptions) *cli.Command {
	in := &inputOptions{}
	force := false
	return &cli.Command{
		Name: "push", Usage: "replace the state by what a file holds", ArgsUsage: "FILE",
		Description: `FILE is what state pull printed, or a state file; - reads standard input. It has to be of the
same lineage, and made from the state as it is now: nothing that was recorded since is lost.
With -force it replaces any state, which keeps its own lineage. The state before is in the history.`,
		UsageText: `cardfleet state pull > state.json
cardfleet state push state.json`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "replace the state whatever it is", Destination: &force},
		}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			file, err := oneArgument(cmd, "file")
			if err != nil {
				return err
			}
			out := root.open(env, viewOptions{})
			pushed, err := readPushed(env, root, file, keysIn(env, out, root, *in))
			if err != nil {
				return err
			}
			return changeState(ctx, env, out, root, *in, "state push", func(snap *state.Snapshot) error {
				if err := pushed.fits(snap, force); err != nil {
					return err
				}
				if snap.Lineage == "" {
					snap.Lineage = pushed.Lineage
				}
				snap.Cards = pushed.Cards
				out.result("Pushed: %s.\n", countCards(len(snap.Cards)))
				return nil
			})
		},
	}
}

// pushedState is a state file, or what state pull prints.
type pushedState struct {
	FormatVersion string       `json:"format_version"`
	Lineage       string       `json:"lineage"`
	Serial        uint64       `json:"serial"`
	Digest        string       `json:"digest"` // of the state that was pulled; "" for a state file
	Cards         []state.Card `json:"cards"`
}

func readPushed(env *Env, root *rootOptions, file string, keys func() (state.Sealer, error)) (*pushedState, error) {
	r := env.In
	if file != "-" {
		f, err := os.Open(within(root.dir(env), file))
		if err != nil {
			return nil, fmt.Errorf("open the state to push: %w", err)
		}
		defer f.Close() // it was only read
		r = f
	}
	buf := bufio.NewReader(r)
	if start, _ := buf.Peek(2); bytes.Equal(start, []byte("{\n")) { // a state file's first line is longer
		return decodePulled(buf, file)
	}
	var codec stored.Codec
	if state.IsSealed(buf) {
		sealer, err := keys()
		if err != nil {
			return nil, err
		}
		codec.Sealer = sealer
	}
	snap, err := codec.Decode(buf, file)
	if err != nil {
		return nil, err
	}
	return &pushedState{Lineage: snap.Lineage, Serial: snap.Serial, Cards: snap.Cards}, nil
}

func decodePulled(r io.Reader, file string) (*pushedState, error) {
	p := &pushedState{}
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields() // what isn't understood would be lost
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("read the state %s: %w", file, err)
	}
	if p.FormatVersion != "1.0" {
		return nil, refuse("Unknown state format", "%s has format_version %q, and this program reads 1.0.", file, p.FormatVersion)
	}
	if dec.More() {
		return nil, fmt.Errorf("read the state %s: something follows it", file)
	}
	slices.SortFunc(p.Cards, func(a, b state.Card) int { return a.ID().Compare(b.ID()) })
	return p, nil
}

// fits refuses a state that would undo what it doesn't know of.
func (p *pushedState) fits(now *state.Snapshot, force bool) error {
	if force || now.Lineage == "" && len(now.Cards) == 0 {
		return nil
	}
	if p.Lineage != now.Lineage {
		return refuse("State of another lineage", "The file is of lineage %s, but this state's lineage is %s: it belongs to another fleet, or one of them was made anew. -force pushes it anyway.", orNone(p.Lineage), orNone(now.Lineage))
	}
	if p.Serial < now.Serial {
		return refuse("The state is newer", "The file was made from serial %d, and the state has serial %d by now: pull it again, and make your change to that. -force pushes the file anyway.", p.Serial, now.Serial)
	}
	digest, err := stored.Digest(now)
	if err != nil {
		return err
	}
	if p.Serial == now.Serial && p.Digest != digest {
		return refuse("The state is newer", "Since the file was made, a run has recorded changes in the journal (or the file is no output of state pull, and can't say what it was made from). Pull the state again, and make your change to that. -force pushes the file anyway.")
	}
	return nil
}
