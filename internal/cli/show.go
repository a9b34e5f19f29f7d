package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// showOptions say in which form a plan or the state is shown.
type showOptions struct {
	viewOptions
	inputOptions
	approvalOptions
	graph    bool
	markdown bool
	html     bool
	comment  render.MarkdownOptions
}

func (prog *program) showCommand() *cli.Command {
	o := &showOptions{}
	return &cli.Command{
		Name:      "show",
		Usage:     "show a saved plan, or the state",
		ArgsUsage: "[PLANFILE|REPORT]",
		UsageText: `cardfleet show
cardfleet show fleet.fleetplan
cardfleet show -json fleet.fleetplan
cardfleet show -markdown fleet.fleetplan > comment.md
cardfleet show -html fleet.fleetplan > plan.html
cardfleet show -html > fleet.html
cardfleet show -html report.jsonl > run.html`,
		Flags: append(slices.Concat(o.inputOptions.flags(), o.approvalOptions.flags()),
			&cli.BoolFlag{Name: "json", Usage: "as JSON, with every card", Destination: &o.json},
			&cli.BoolFlag{Name: "markdown", Usage: "a saved plan, or the fleet, as Markdown that fits one comment of a pull request", Destination: &o.markdown},
			&cli.IntFlag{Name: "limit", Usage: "with -markdown: at most `N` characters; unless said 65536, as many as GitHub takes", Destination: &o.comment.Limit},
			&cli.StringFlag{Name: "marker", Usage: "with -markdown: put `NAME` into the title and the hidden marker, to tell several fleets' comments apart", Destination: &o.comment.Marker},
			&cli.BoolFlag{Name: "html", Usage: "a saved plan, the report of an apply, or the fleet, as one page for a browser, with every card; it needs no network", Destination: &o.html},
			&cli.BoolFlag{Name: "graph", Usage: "the order of a saved plan's actions, as a Mermaid flowchart", Destination: &o.graph},
			&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor},
		),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			switch {
			case cmd.Args().Present() && isReport(within(prog.dir(), cmd.Args().First())):
				return prog.showRun(*o, cmd.Args().First())
			case cmd.Args().Present():
			case o.markdown || o.html:
				return prog.showFleet(ctx, *o)
			default:
				return prog.showState(ctx, o.viewOptions, o.inputOptions)
			}
			return prog.showPlan(ctx, *o, cmd.Args().First())
		},
	}
}

// check refuses options that don't go together, or not with the arguments.
func (o *showOptions) check(cmd *cli.Command) error {
	var forms []string
	for _, form := range []string{"json", "markdown", "html", "graph"} {
		if cmd.Bool(form) {
			forms = append(forms, "-"+form)
		}
	}
	n := cmd.Args().Len()
	switch {
	case len(forms) > 1:
		return refuse("Options don't go together", "show takes one of %s, not both.", strings.Join(forms, " and "))
	case !o.markdown && (cmd.IsSet("limit") || cmd.IsSet("marker")):
		return refuse("Options don't go together", "-limit and -marker are for show -markdown.")
	case cmd.IsSet("limit") && o.comment.Limit < render.LeastLimit:
		return refuse("Invalid limit", "-limit=%d is too low: a plan's beginning and end take up to %d characters.", o.comment.Limit, render.LeastLimit)
	case o.comment.Check() != nil:
		return refuse("Invalid marker", "-marker=%q can't be used: %s.", o.comment.Marker, o.comment.Check())
	case n > 1:
		return refuse("Too many arguments", "show takes one saved plan at most.")
	case n == 0 && o.graph:
		return refuse("Wrong number of arguments", "show -graph takes one saved plan, which plan -out=PLANFILE writes. The state is shown as text, or with -json, -markdown or -html.")
	default:
		return nil
	}
}

func (prog *program) showPlan(ctx context.Context, o showOptions, file string) error {
	prog.open(viewOptions{noColor: o.noColor})
	p, err := openPlan(within(prog.dir(), file), prog.keysIn(ctx, o.inputOptions))
	if err != nil {
		return err
	}
	if err := prog.review(o.approvalOptions, p, file); err != nil {
		return err
	}
	switch {
	case o.json:
		return prog.env.writeJSON(func(w io.Writer) error { return render.JSON(w, p, p.Digest()) })
	case o.markdown:
		o.comment.Lang = prog.env.lang
		return prog.out.writeText(prog.env.Out, func(w io.Writer) error { return render.Markdown(w, p, o.comment) })
	case o.html:
		return render.HTML(prog.env.Out, p, render.HTMLOptions{Digest: p.Digest(), Lang: prog.env.lang})
	case o.graph:
		return render.Graph(prog.env.Out, p)
	default:
		return prog.out.plan(render.LookAt(p))
	}
}

// review says of a saved plan who approved it by now.
func (prog *program) review(o approvalOptions, p *plan.File, file string) error {
	list, err := o.listIn(prog.env, prog.dir(), p.Head().Policy.Required())
	if err != nil {
		return err
	}
	signed, err := signatures(prog.dir(), o.approvals, file)
	if err != nil {
		return err
	}
	return p.Review(plan.Approvals{Signatures: signed, Signers: list}, prog.env.Now().UTC())
}

func (prog *program) showState(ctx context.Context, o viewOptions, in inputOptions) error {
	prog.open(viewOptions{noColor: o.noColor})
	snap, err := prog.readState(ctx, in)
	if err != nil {
		return err
	}
	if o.json {
		return prog.env.writeJSON(func(w io.Writer) error { return run.WritePulled(w, snap) })
	}
	if len(snap.Cards) == 0 {
		prog.out.result("The state is empty: nothing was applied yet.\n")
		return nil
	}
	cards := byAddress(snap.Rows())
	for i := range cards {
		prog.out.result("%s\n", stateText(&cards[i], prog.out.style.Lang))
	}
	prog.out.result("%s, serial %d, lineage %s\n", countCards(len(snap.Cards)), snap.Serial, safe.Text(snap.Lineage))
	return nil
}

func countCards(n int) string { return counted(n, "card") }

// counted is "1 card" or "2 cards".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// readState reads the state that the configuration names. The providers are
// not opened: looking into the state needs no credentials.
func (prog *program) readState(ctx context.Context, in inputOptions) (*state.Snapshot, error) {
	store, err := prog.store(ctx, in)
	if err != nil {
		return nil, err
	}
	return store.Backend.Read(ctx)
}

// stateText is one card of the state as a person reads it.
func stateText(c *state.Card, l lang.Language) string {
	var b strings.Builder
	b.WriteString("# " + safe.Text(c.Address) + "\n")
	theirs := func(name, value string) {
		if value != "" {
			b.WriteString("  " + padded(name+" ", 10) + safe.Text(value) + "\n")
		}
	}
	line := func(name, value string) { theirs(l.Word(name), value) }
	line("iccid", string(c.ICCID))
	line("provider", string(c.Provider))
	line("msisdn", c.MSISDN)
	line("labels", labelsText(c.Labels))
	for _, name := range slices.Sorted(maps.Keys(c.CarrierIDs)) {
		theirs(name, c.CarrierIDs[name])
	}
	switch {
	case c.Binding.Known && c.Binding.IMEI == "":
		line("imei", l.Word("none"))
	case c.Binding.Known:
		line("imei", l.Text(string(c.Binding.IMEI)+believed(c.Binding)))
	}
	line("lifecycle", string(c.Last.Lifecycle))
	line("carrier", c.Last.Status) // its own words, as they were read last
	if c.Last.Tells(spec.AttrPackages) {
		ids := make([]string, 0, len(c.Last.Packages))
		for _, p := range c.Last.Packages {
			ids = append(ids, p.ID)
		}
		line("packages", "["+strings.Join(ids, ", ")+"]")
	}
	at := func(name string, when time.Time) {
		if !when.IsZero() {
			line(name, when.UTC().Format(time.RFC3339))
		}
	}
	line("why", l.Text(c.Last.Reason))
	at("read", c.Last.At)
	at("changed", c.Changed) // by a call of ours, last
	at("since", c.Since)     // as a signature for the card names it
	if c.PreventUnbind {
		line("protected", "prevent_unbind")
	}
	for _, ch := range c.Recent {
		line("recent", l.Text(ch.Change.String()+" at "+ch.At.UTC().Format(time.RFC3339)+", which the carrier may not show yet"))
	}
	for _, d := range c.Doubts {
		line("in doubt", l.Text(doubtText(&d)))
	}
	return b.String()
}

// doubtText is a doubt with what there is to ask the carrier by.
func doubtText(d *state.Doubt) string {
	text := d.Change.String() + " since " + d.Since.UTC().Format(time.RFC3339) + ": " + d.Reason
	for _, id := range []struct{ word, value string }{{"request", d.RequestID}, {"ticket", d.Ticket}} {
		if id.value != "" {
			text += " (" + id.word + " " + id.value + ")"
		}
	}
	return text
}

// believed says in brackets why the device isn't certain; "" for one that is.
func believed(b state.Binding) string {
	if b.Certain() {
		return ""
	}
	return " (" + b.Belief() + ")"
}
