package cli

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// outputOptions say in which form outputs are shown.
type outputOptions struct {
	viewOptions
	inputOptions
	raw bool
}

func (prog *program) outputCommand() *cli.Command {
	o := &outputOptions{}
	return &cli.Command{
		Name:      "output",
		Usage:     "show the outputs, from the configuration, its tables and the state",
		ArgsUsage: "[NAME]",
		Description: `What live says of a card is what the state remembers of its last reading; no carrier is asked, and
no credential is needed. Sensitive outputs are hidden, but for one that is named and with -json.`,
		UsageText: `cardfleet output
cardfleet output -raw x_number
cardfleet output -json`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "as JSON: the named output's value, or of each output value, type and sensitive", Destination: &o.json},
			&cli.BoolFlag{Name: "raw", Usage: "with NAME: a text, number, true or false as it is, without quotes and line end", Destination: &o.raw},
			&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor},
		}, o.inputOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			name := cmd.Args().First()
			switch {
			case cmd.Args().Len() > 1:
				return refuse("Too many arguments", "output takes one name at most.")
			case o.raw && o.json:
				return refuse("Options don't go together", "output takes one of -raw and -json, not both.")
			case o.raw && name == "":
				return refuse("Wrong number of arguments", "output -raw takes the name of one output.")
			}
			return prog.runOutput(ctx, *o, name)
		},
	}
}

func (prog *program) runOutput(ctx context.Context, o outputOptions, name string) error {
	prog.open(viewOptions{noColor: o.noColor})
	c, live, err := prog.remembered(ctx, o.inputOptions, loadOptions{})
	if err != nil {
		return err
	}
	if name != "" {
		return prog.showOutput(c, live, o, name)
	}
	outputs, diags := c.Outputs(live)
	if o.json {
		for i := range outputs {
			diags = append(diags, outputs[i].Unset...)
		}
	}
	if diags.HasErrors() {
		return mistakes(diags)
	}
	if o.json {
		return prog.env.writeJSON(func(w io.Writer) error { return writeOutputs(w, outputs) })
	}
	prog.out.diagnostics(diags)
	if len(outputs) == 0 {
		prog.out.say("The configuration has no output block.\n")
	}
	for _, v := range outputs {
		prog.out.result("%s = %s\n", v.Name, outputText(v))
	}
	return nil
}

// remembered reads the configuration, and what the state remembers of its cards.
// Providers are not opened: that takes no credentials.
func (prog *program) remembered(ctx context.Context, in inputOptions, how loadOptions) (*config.Config, spec.Live, error) {
	c, err := prog.loadFor(ctx, prog.dir(), in, how)
	if err != nil {
		return nil, spec.Live{}, err
	}
	store, err := prog.storeFor(prog.dir(), c.Fleet)
	if err != nil {
		return nil, spec.Live{}, err
	}
	snap, err := store.Read(ctx, c.Fleet)
	if err != nil {
		return nil, spec.Live{}, err
	}
	return c, liveOf(snap), nil
}

// liveOf is what the state remembers of readings.
func liveOf(snap *state.Snapshot) spec.Live {
	live := spec.Live{Cards: make([]spec.Reading, len(snap.Cards))}
	for i := range snap.Cards {
		live.Cards[i] = snap.Cards[i].Reading()
	}
	return live
}

// showOutput shows one output, whose value is shown also where it is sensitive.
func (prog *program) showOutput(c *config.Config, live spec.Live, o outputOptions, name string) error {
	v, diags := c.Output(live, name)
	switch {
	case diags.HasErrors():
		return mistakes(diags)
	case v == nil:
		return noSuchOutput(name, c.OutputNames())
	case v.Unset.HasErrors():
		return mistakes(v.Unset)
	case o.json:
		return prog.env.writeJSON(func(w io.Writer) error { return encode(w, json.RawMessage(v.Value)) })
	case o.raw:
		text, err := rawText(v)
		if err == nil {
			prog.out.put(prog.env.Out, prog.screened(text))
		}
		return err
	}
	v.Sensitive = false // who names it wants to see it
	prog.out.put(prog.env.Out, prog.screened(outputText(*v))+"\n")
	return nil
}

// screened is a text that may go to a terminal or a CI's log, and is left as it is
// elsewhere. Unlike what [output.write] writes, it may be a secret.
func (prog *program) screened(text string) string {
	if prog.env.OutTTY || prog.env.getenv("CI") != "" {
		return safe.Screen(text, false)
	}
	return text
}

func noSuchOutput(name string, names []string) error {
	if len(names) == 0 {
		return refuse("Unknown output", "There is no output %q: the configuration has no output block.", safe.Text(name))
	}
	return refuse("Unknown output", "There is no output %q.%s There are: %s.", safe.Text(name), didYouMean(name, names, ""), strings.Join(names, ", "))
}

// rawText is a value that a script takes as it is.
func rawText(v *spec.Output) (string, error) {
	var value any
	if err := json.Unmarshal(v.Value, &value); err != nil {
		return "", err
	}
	switch value := value.(type) {
	case string:
		return value, nil
	case bool, float64:
		return string(v.Value), nil
	case nil:
		return "", refuse("No value", "output.%s has no value: it is null, or nothing was read yet that it is made from.", v.Name)
	default:
		return "", refuse("Not a plain value", "output.%s is no text, number, true or false, so it can't be written as it is. -json writes it.", v.Name)
	}
}

// writtenOutput is an output as output -json writes it, in Terraform's form.
type writtenOutput struct {
	Sensitive bool            `json:"sensitive"`
	Type      json.RawMessage `json:"type"`
	Value     json.RawMessage `json:"value"`
}

func writeOutputs(w io.Writer, outputs []spec.Output) error {
	all := make(map[string]writtenOutput, len(outputs))
	for _, v := range outputs {
		all[v.Name] = writtenOutput{v.Sensitive, v.Type, v.Value}
	}
	return encode(w, all)
}

// encode writes indented JSON, with a line end.
func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
