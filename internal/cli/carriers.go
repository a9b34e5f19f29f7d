package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/lang"
)

func (prog *program) carriersCommand() *cli.Command {
	return &cli.Command{
		Name:  "carriers",
		Usage: "carriers that a definition describes: list, show, test, try",
		Commands: []*cli.Command{
			prog.carriersListCommand(), prog.carriersShowCommand(), prog.carriersTestCommand(), prog.carriersTryCommand(),
		},
	}
}

func (prog *program) carriersListCommand() *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "list the carriers that a definition describes",
		UsageText: "cardfleet carriers list",
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			prog.open(viewOptions{})
			definitions, err := prog.definitions(true)
			if err != nil {
				return err
			}
			prog.out.result("%s\n", carrierTable(definitions, prog.out.style.Lang))
			return nil
		},
	}
}

// carrierTable is a table of the definitions that there are.
func carrierTable(definitions []*described.Definition, l lang.Language) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(toldRow(l, "carrier", "title", "defined in", "reads", "changes", "samples"))
	for _, d := range definitions {
		able := d.Capabilities()
		t.AppendRow(table.Row{d.Name, d.Title, l.Word(placeOfDefinition(d)), l.Word(attributes(able)), l.Word(kinds(able.Changes)), d.Samples()})
	}
	return t.Render()
}

func placeOfDefinition(d *described.Definition) string {
	if d.Embedded {
		return "the program"
	}
	return d.File
}

func (prog *program) carriersShowCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print a carrier's definition, to copy",
		ArgsUsage: "NAME",
		UsageText: "cardfleet carriers show soracom > soracom.carrier.hcl",
		Action: func(_ context.Context, cmd *cli.Command) error {
			name, err := oneArgument(cmd, "name of a carrier")
			if err != nil {
				return err
			}
			prog.open(viewOptions{})
			o := prog.configOptions(prog.dir())
			o.PassOverEmpty = true // > ctwing.carrier.hcl: the shell has made the file by now
			definitions, err := prog.definitionsBy(o, true)
			if err != nil {
				return err
			}
			d, err := definitionOf(definitions, name)
			if err != nil {
				return err
			}
			prog.out.writeData(strings.TrimSuffix(d.Source, "\n") + "\n")
			return nil
		},
	}
}

func (prog *program) carriersTestCommand() *cli.Command {
	return &cli.Command{
		Name:  "test",
		Usage: "hold definitions to their samples, without network",
		Description: `Makes each sample's request and reads its reply, and compares both with what the sample says.
Then it changes the reply as carriers and proxies change replies: a name left out, an HTML page,
numbers as texts. None of these may read as a card that is bound to none, as done, or as not
found. Exit code 1 where something is wrong.`,
		ArgsUsage: "[NAME]",
		UsageText: "cardfleet carriers test qianyun",
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.Args().Len() > 1 {
				return refuse("Wrong number of arguments", "test takes the name of a carrier, or none for all. See cardfleet carriers test -h.")
			}
			prog.open(viewOptions{})
			return prog.testCarriers(cmd.Args().First())
		},
	}
}

func (prog *program) testCarriers(name string) error {
	definitions, err := prog.definitions(false)
	if err != nil {
		return err
	}
	if name != "" {
		d, err := definitionOf(definitions, name)
		if err != nil {
			return err
		}
		definitions = []*described.Definition{d}
	}
	failed := false
	for _, d := range definitions {
		failures := d.Test()
		failed = failed || len(failures) > 0
		prog.out.result("%s\n", testResult(d, failures))
	}
	if failed {
		return exit(exitFailed)
	}
	return nil
}

// testResult says what became of a definition's samples.
func testResult(d *described.Definition, failures []described.Failure) string {
	if len(failures) == 0 && d.Samples() == 0 {
		return d.Name + ": no samples. Write sample blocks, so that a mistake shows before a carrier sees it."
	}
	if len(failures) == 0 {
		return fmt.Sprintf("%s: ok, %s", d.Name, spec.Count(d.Samples(), "sample")) + unsampled(d)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", d.Name, spec.Count(len(failures), "failure"))
	for _, f := range failures {
		fmt.Fprintf(&b, "\n  sample %q (%s line %d): %s", f.Sample, f.At.File, f.At.Start.Line, f.Problem)
	}
	return b.String()
}

// unsampled says which changes no sample holds to anything.
func unsampled(d *described.Definition) string {
	kinds := d.Unsampled()
	if len(kinds) == 0 {
		return ""
	}
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	return "\n  no sample of " + spec.QuoteList(names, "or") + ": nothing was looked at of what is sent there, and what counts as done"
}

// definitions are the carriers that are described, by name: the program's, and
// those of the configuration. checked holds these to their samples.
func (prog *program) definitions(checked bool) ([]*described.Definition, error) {
	return prog.definitionsBy(prog.configOptions(prog.dir()), checked)
}

// definitionsBy are the definitions where the configuration is read as o says.
func (prog *program) definitionsBy(o config.Options, checked bool) ([]*described.Definition, error) {
	prog.definer.Unchecked = !checked
	_, diags := config.LoadCarriers(o)
	if diags.HasErrors() {
		return nil, mistakes(diags)
	}
	prog.out.diagnostics(diags)
	list := slices.Clone(prog.defined())
	for _, d := range all.Definitions() {
		if !slices.ContainsFunc(list, func(o *described.Definition) bool { return o.Name == d.Name }) {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *described.Definition) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

func definitionOf(definitions []*described.Definition, name string) (*described.Definition, error) {
	names := make([]string, 0, len(definitions))
	for _, d := range definitions {
		if d.Name == name {
			return d, nil
		}
		names = append(names, d.Name)
	}
	for _, t := range all.Types() {
		if t.Schema.Type == name {
			return nil, refuse("No definition", "%s is a carrier of the program that is written in Go: there is no definition of it.", name)
		}
	}
	return nil, refuse("Unknown carrier", "There is no definition of a carrier %q.%s There are: %s.", name, didYouMean(name, names, ""), strings.Join(names, ", "))
}

func (prog *program) carriersTryCommand() *cli.Command {
	o := &inputOptions{}
	return &cli.Command{
		Name:  "try",
		Usage: "read one card at the real carrier, and show how the definition reads it",
		Description: `Makes the requests of one read, and shows them without secrets, what the expressions took of
each answer with the names of the rest, each expression with its value, and what was understood.
NAME is a provider block of the configuration, such as soracom or soracom.japan; a carrier of the
program needs no block where the environment has its credentials. A block with
endpoint = "simulator" is tried at its simulated carrier. Nothing is changed.`,
		ArgsUsage: "NAME ICCID",
		UsageText: "cardfleet carriers try qianyun 89860617030017300390",
		Flags:     o.flags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Len() != 2 {
				return refuse("Wrong number of arguments", "try takes the name of a provider block and an ICCID. See cardfleet carriers try -h.")
			}
			iccid, err := iccidArgument(cmd.Args().Get(1))
			if err != nil {
				return err
			}
			prog.open(viewOptions{})
			return prog.tryCarrier(ctx, *o, spec.ProviderName(cmd.Args().First()), iccid)
		},
	}
}

func (prog *program) tryCarrier(ctx context.Context, in inputOptions, name spec.ProviderName, iccid spec.ICCID) (err error) {
	c := &configuration{program: prog, fleet: &spec.Fleet{}}
	block, key, err := c.blockToTry(ctx, in, name, iccid)
	defer func() { err = errors.Join(err, c.close()) }()
	if err != nil {
		return err
	}
	definitions := slices.Clone(prog.defined())
	for _, d := range all.Definitions() {
		if !slices.ContainsFunc(definitions, func(o *described.Definition) bool { return o.Name == d.Name }) {
			definitions = append(definitions, d)
		}
	}
	d, err := definitionOf(definitions, name.Type())
	if err != nil {
		return err
	}
	tried, diags := d.Try(ctx, block, prog.providerEnv(), key, iccid)
	if tried == nil {
		return mistakes(diags)
	}
	prog.out.diagnostics(diags)
	prog.out.result("%s", triedText(tried, prog.out.style.Lang))
	if tried.Err != nil {
		return exit(exitFailed)
	}
	return nil
}

// blockToTry is the provider block of that name, and what the configuration says of
// the card. Without a fleet a carrier of the program is tried by the environment.
func (c *configuration) blockToTry(ctx context.Context, in inputOptions, name spec.ProviderName, iccid spec.ICCID) (spec.ProviderConfig, providers.Key, error) {
	files, err := config.Files(c.dir())
	hasFleet := slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, ".fleet.hcl") || strings.HasSuffix(f, ".fleet.json") })
	if err != nil || !hasFleet {
		_, err := c.definitions(true)
		return spec.ProviderConfig{Name: name}, providers.Key{}, err
	}
	if c.fleet, err = c.configuredFleet(ctx, c.dir(), in); err != nil {
		return spec.ProviderConfig{}, providers.Key{}, err
	}
	var key providers.Key
	for i := range c.fleet.Cards {
		if card := &c.fleet.Cards[i]; card.ICCID == iccid {
			key = providers.Key{MSISDN: card.MSISDN, IMEI: cmp.Or(card.CurrentIMEI, card.IMEI), Labels: card.Labels}
		}
	}
	block := c.fleet.Provider(name)
	if block == nil {
		return spec.ProviderConfig{Name: name}, key, nil
	}
	for i := range c.fleet.Unset {
		if u := &c.fleet.Unset[i]; u.Provider == name {
			return *block, key, mistakes(spec.Diagnostics{u.Diagnostic})
		}
	}
	if block.Settings["endpoint"] != carriersim.Simulator {
		return *block, key, nil
	}
	blocks, err := c.simulate(true)
	if i := slices.IndexFunc(blocks, func(b spec.ProviderConfig) bool { return b.Name == name }); i >= 0 {
		return blocks[i], key, nil
	}
	return *block, key, err
}

// triedText is what a read at the real carrier came to.
func triedText(t *described.Tried, l lang.Language) string {
	var b strings.Builder
	for i := range t.Exchanges {
		writeExchange(&b, &t.Exchanges[i])
	}
	if len(t.Values) > 0 {
		b.WriteString("The expressions of the read:\n\n")
		for _, v := range t.Values {
			text := v.Text
			if v.Failed {
				text = l.Word("no value (" + v.Text + ")")
			}
			fmt.Fprintf(&b, "  %-14s = %s\n", v.Name, text)
		}
		b.WriteString("\n")
	}
	writeUnderstood(&b, t)
	return b.String()
}

func writeExchange(b *strings.Builder, x *described.Exchange) {
	fmt.Fprintf(b, "%s:\n\n", x.Call)
	for i, line := range x.Request {
		if i > 0 {
			b.WriteString("  ")
		}
		fmt.Fprintf(b, "  %s\n", line)
	}
	switch {
	case x.Status == 0:
		b.WriteString("  -> no answer\n")
	case x.Secret:
		fmt.Fprintf(b, "  -> HTTP %d; all of this answer is secret\n", x.Status)
	default:
		fmt.Fprintf(b, "  -> HTTP %d\n", x.Status)
	}
	for _, v := range x.Taken {
		fmt.Fprintf(b, "     %s = %s\n", v.Name, v.Text)
	}
	if len(x.Rest) > 0 {
		fmt.Fprintf(b, "     not shown: %s\n", strings.Join(x.Rest, ", "))
	}
	b.WriteString("\n")
}

func writeUnderstood(b *strings.Builder, t *described.Tried) {
	if t.Err != nil {
		fmt.Fprintf(b, "The card is unread: %s\n", t.Err)
		return
	}
	r := &t.Reading
	b.WriteString("Understood:\n\n")
	fmt.Fprintf(b, "  lifecycle      %s", r.Lifecycle)
	if r.Status != "" {
		fmt.Fprintf(b, " (%s)", r.Status)
	}
	b.WriteString("\n")
	switch {
	case !r.Tells(spec.AttrBinding):
		b.WriteString("  imei           not told\n")
	case r.IMEI == "":
		b.WriteString("  imei           bound to no device\n")
	default:
		fmt.Fprintf(b, "  imei           %s\n", r.IMEI)
	}
	if r.Observed != "" {
		fmt.Fprintf(b, "  imei in use    %s\n", r.Observed)
	}
	ids := make([]string, 0, len(r.Packages))
	for i := range r.Packages {
		ids = append(ids, r.Packages[i].ID)
	}
	switch {
	case !r.Tells(spec.AttrPackages):
		b.WriteString("  packages       not told\n")
	case len(ids) == 0:
		b.WriteString("  packages       none\n")
	default:
		fmt.Fprintf(b, "  packages       %s\n", strings.Join(ids, ", "))
	}
	if r.Reason != "" {
		fmt.Fprintf(b, "  reason         %s\n", r.Reason)
	}
}
