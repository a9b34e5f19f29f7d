package cli

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// stateVersion is the version of the JSON forms of state list, show and verify.
// docs/schema/state.schema.json has them.
const stateVersion = "1.0"

func (prog *program) stateListCommand() *cli.Command {
	in := &inputOptions{}
	asJSON, labels := false, map[string]string{}
	return &cli.Command{
		Name: "list", Usage: "list the managed cards: address, provider, ICCID", ArgsUsage: "[ICCID|PROVIDER/ICCID|ADDR|GLOB…]",
		UsageText: `cardfleet state list 'card.bike*'
cardfleet state list 'aliyun.old/*'
cardfleet state list -select=city=hangzhou -json`,
		Flags: append([]cli.Flag{
			&cli.GenericFlag{Name: "select", Usage: "only cards with the label `KEY=VALUE`, as the state remembers it, with * and ?; may be repeated, and all have to fit", Value: labelFlag(labels)},
			&cli.BoolFlag{Name: "json", Usage: "as JSON", Destination: &asJSON},
		}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			prog.open(viewOptions{})
			snap, err := prog.readState(ctx, *in)
			if err != nil {
				return err
			}
			cards := snap.Rows()
			if cmd.Args().Present() {
				if cards, err = prog.named(snap, cmd.Args().Slice()); err != nil {
					return err
				}
			}
			cards = slices.DeleteFunc(byAddress(cards), func(c state.Card) bool { return !plan.LabelsMatch(labels, c.Labels) })
			if asJSON {
				return prog.env.writeJSON(func(w io.Writer) error { return writeCardList(w, cards) })
			}
			for _, c := range cards {
				prog.out.result("%s  %s  %s\n", safe.Text(c.Address), safe.Text(string(c.Provider)), safe.Text(string(c.ICCID)))
			}
			return nil
		},
	}
}

// listedJSON is a card of state list.
type listedJSON struct {
	Address   string            `json:"address"`
	Provider  spec.ProviderName `json:"provider"`
	ICCID     spec.ICCID        `json:"iccid"`
	MSISDN    string            `json:"msisdn,omitempty"`
	IMEI      *spec.IMEI        `json:"imei,omitempty"` // "" for a card that is known to have no device
	Lifecycle spec.Lifecycle    `json:"lifecycle,omitempty"`
	Status    string            `json:"status,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	InDoubt   bool              `json:"in_doubt,omitempty"`
}

func writeCardList(w io.Writer, cards []state.Card) error {
	list := make([]listedJSON, 0, len(cards))
	for i := range cards {
		c := &cards[i]
		l := listedJSON{Address: c.Address, Provider: c.Provider, ICCID: c.ICCID, MSISDN: c.MSISDN, Lifecycle: c.Last.Lifecycle, Status: c.Last.Status, Labels: c.Labels, InDoubt: len(c.Doubts) > 0}
		if c.Binding.Known {
			l.IMEI = &c.Binding.IMEI
		}
		list = append(list, l)
	}
	return writeStateJSON(w, map[string]any{"cards": list})
}

// writeStateJSON writes an object with its format's version.
func writeStateJSON(w io.Writer, fields map[string]any) error {
	fields["format_version"] = stateVersion
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(fields)
}

func (prog *program) stateShowCommand() *cli.Command {
	in := &inputOptions{}
	asJSON := false
	return &cli.Command{
		Name: "show", Usage: "show all that the state remembers of a card, and what was done to it last", ArgsUsage: "ICCID|PROVIDER/ICCID|ADDR|GLOB",
		UsageText: `cardfleet state show card.kiosk
cardfleet state show 89860617030017300390 -json`,
		Flags: append([]cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON", Destination: &asJSON}}, in.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			prog.open(viewOptions{})
			name, err := oneArgument(cmd, "card: its ICCID, PROVIDER/ICCID or address, or a glob")
			if err != nil {
				return err
			}
			store, err := prog.store(ctx, *in)
			if err != nil {
				return err
			}
			return prog.showCards(ctx, store, name, asJSON)
		},
	}
}

func (prog *program) showCards(ctx context.Context, store run.Store, name string, asJSON bool) error {
	snap, err := store.Backend.Read(ctx)
	if err != nil {
		return err
	}
	rows, err := prog.named(snap, []string{name})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return refuse("Card is not in the state", "%s", notInState(safe.Text(name)))
	}
	rows = byAddress(rows)
	last, err := store.LastEvents(ctx, rows, shownEvents)
	if err != nil {
		return err
	}
	if asJSON {
		return prog.env.writeJSON(func(w io.Writer) error { return writeCards(w, rows, last) })
	}
	for i := range rows {
		prog.out.result("%s", stateText(&rows[i], prog.out.style.Lang)+lastText(last[rows[i].ICCID]))
	}
	return nil
}

// shownEvents is how many of a card's last events are shown with it.
const shownEvents = 5

// lastText is what was done to a card last.
func lastText(events []state.Entry) string {
	if len(events) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("  # what was done to it last; cardfleet history has all\n")
	for i := range events {
		b.WriteString(eventText(events[i].Event))
		if r := events[i].Run; r != nil {
			b.WriteString("    by " + safe.Text(r.Who) + ", run " + safe.Text(r.ID) + "\n")
		}
	}
	return b.String()
}

// shownJSON is a card of state show.
type shownJSON struct {
	state.Card
	History []eventJSON `json:"history"`
}

func writeCards(w io.Writer, rows []state.Card, last map[spec.ICCID][]state.Entry) error {
	cards := make([]shownJSON, 0, len(rows))
	for i := range rows {
		events := []eventJSON{}
		for k := range last[rows[i].ICCID] {
			events = append(events, eventOf(&last[rows[i].ICCID][k]))
		}
		cards = append(cards, shownJSON{rows[i], events})
	}
	return writeStateJSON(w, map[string]any{"cards": cards})
}

// labelsText is labels as people write them.
func labelsText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ", ")
}
