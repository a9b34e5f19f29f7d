package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/generate"
	"github.com/cardfleet/cardfleet/spec/table"
)

type importOptions struct {
	viewOptions
	inputOptions
	provider, iccids, sheet, out string
	columns, labels              []string
}

// The ends of the names of files that are configuration, and of tables.
const (
	configurationEnding = ".fleet.hcl"
	tableEnding         = ".csv"
)

func (prog *program) importCommand() *cli.Command {
	o := &importOptions{}
	return &cli.Command{
		Name:  "import",
		Usage: "write configuration for cards that exist at the carrier and aren't declared",
		Description: `Reads the cards and writes what they are, so that the next plan adopts them and changes none.
Up to 100 cards are a block each; more are rows of a table beside FILE, and all are rows of FILE
where that is a table which is there. Calls nothing that changes a card, and writes over no file.`,
		UsageText: `cardfleet import -provider=aliyun_linkcard -out=imported.fleet.hcl
cardfleet import -provider=aliyun -iccids=cards.txt
cardfleet import -iccids=export.xlsx -labels=city=城市 -out=bikes.csv`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "provider", Usage: "the provider block `P`, such as aliyun.hangzhou; may be left out where there is one", Destination: &o.provider},
			&cli.StringFlag{Name: "iccids", Usage: "only the cards in `FILE`: an ICCID a line, or a table as the command table takes it; unless said, all that the carrier lists", Destination: &o.iccids},
			&cli.StringFlag{Name: "sheet", Usage: "with -iccids: sheet `NAME` of a workbook; unless said, the one with ICCIDs", Destination: &o.sheet},
			&cli.StringSliceFlag{Name: "columns", Usage: "with -iccids: the column of ICCIDs, iccid=卡号: `NAME=THEIRS`", Destination: &o.columns},
			&cli.StringSliceFlag{Name: "labels", Usage: "with -iccids: columns that become labels, such as city=城市: `NAME=THEIRS,…`; may be repeated", Destination: &o.labels},
			&cli.StringFlag{Name: "out", Usage: "write to `FILE`, whose name ends with .fleet.hcl, or add to the table FILE.csv; else to standard output", Destination: &o.out},
			&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor},
		}, o.inputOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return prog.runImport(ctx, *o)
		},
	}
}

func (prog *program) runImport(ctx context.Context, o importOptions) (err error) {
	prog.open(o.viewOptions)
	dir := prog.dir()
	target, err := importTarget(dir, o.out)
	if err != nil {
		return err
	}
	c, err := prog.openConfig(ctx, o.inputOptions, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	name, err := c.importFrom(o.provider)
	if err != nil {
		return err
	}
	found, err := c.candidates(ctx, name, o)
	if err != nil {
		return err
	}
	cards := c.undeclared(found.cards)
	if err := target.fits(len(cards)); err != nil {
		return err
	}
	readings, err := c.carriers.ReadCards(ctx, name, cards, found.form.MSISDNs, &watcher{out: prog.out})
	if err != nil {
		return err
	}
	if target.existing {
		return c.addToTable(target, name, readings, found.form, len(found.cards)-len(cards))
	}
	found.form.Table = target.table
	generated := generate.Cards(c.config, name, readings, found.form)
	if err := target.write(prog.out, generated); err != nil {
		return err
	}
	return prog.imported(target, generated, len(found.cards)-len(cards))
}

// importFiles is where an import goes. Its zero value is standard output.
type importFiles struct {
	shown       string // the file as it was typed
	path        string
	table       string // the name of the table beside it
	pathOfTable string
	existing    bool // it is a table that is there, which rows are added to
}

// importTarget checks where an import would go, before anything is called.
func importTarget(dir, out string) (importFiles, error) {
	if out == "" {
		return importFiles{}, nil
	}
	if strings.HasSuffix(out, tableEnding) {
		if _, err := os.Stat(within(dir, out)); err != nil {
			return importFiles{}, refuse("No such table", "-out=%s: rows are added to a table that is there, and it isn't. For a new one name the configuration that reads it, such as -out=imported%s.", out, configurationEnding)
		}
		if err := canReplace(within(dir, out)); err != nil {
			return importFiles{}, fmt.Errorf("add to the table: %w; nothing was called", err)
		}
		return importFiles{shown: out, path: within(dir, out), existing: true}, nil
	}
	base, ok := strings.CutSuffix(filepath.Base(out), configurationEnding)
	if !ok || base == "" {
		return importFiles{}, refuse("Not a configuration file", "-out=%s: only files whose names end with %s are read, such as imported%s.", out, configurationEnding, configurationEnding)
	}
	path := within(dir, out)
	f := importFiles{shown: out, path: path, table: base + ".csv", pathOfTable: filepath.Join(filepath.Dir(path), base+".csv")}
	if err := absent(path); err != nil {
		return f, err
	}
	if err := canReplace(path); err != nil {
		return f, fmt.Errorf("write the configuration: %w; nothing was called", err)
	}
	return f, nil
}

// absent refuses a file that is there already.
func absent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("write the configuration: %w", err)
	}
	return refuse("File exists", "%s is there already, and import writes over nothing. Choose another name with -out.", path)
}

// fits checks that so many cards can go there, before they are read.
func (f importFiles) fits(cards int) error {
	switch {
	case cards <= generate.LiteralCards, f.existing:
		return nil
	case f.path == "":
		return refuse("Too many cards for standard output", "%d cards are to be imported, and more than %d need a table beside the configuration. Say where both go with -out=imported%s.", cards, generate.LiteralCards, configurationEnding)
	default:
		return absent(f.pathOfTable)
	}
}

// write writes the table first, so that a configuration never names one that
// isn't there.
func (f importFiles) write(out *output, g generate.Result) error {
	switch {
	case g.Cards == 0:
		return nil
	case f.path == "":
		out.writeData(string(g.HCL))
		return nil
	}
	if g.CSV != nil {
		if err := writeNew(f.pathOfTable, g.CSV); err != nil {
			return err
		}
	}
	return writeNew(f.path, g.HCL)
}

// writeNew writes a file that isn't there yet. Where that fails, none is left.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return absent(path)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path) // what can't be written may not be removed either; the error names it
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// importFrom finds the provider block that an import is from.
func (c *configuration) importFrom(name string) (spec.ProviderName, error) {
	names := make([]string, 0, len(c.fleet.Providers))
	for i := range c.fleet.Providers {
		names = append(names, string(c.fleet.Providers[i].Name))
	}
	switch {
	case slices.Contains(names, name):
		return spec.ProviderName(name), nil
	case len(names) == 0:
		return "", refuse("No provider", "The configuration has no provider block, so no carrier can be asked. Write one first, such as provider \"aliyun\" {}.")
	case name == "" && len(names) == 1:
		return spec.ProviderName(names[0]), nil
	case name == "":
		return "", refuse("Which provider?", "Say with -provider which one to import from: %s.", strings.Join(names, ", "))
	}
	return "", refuse("Unknown provider", "There is no provider block for %s.%s There are: %s.", name, didYouMean(name, names, ""), strings.Join(names, ", "))
}

// candidates are cards that may be imported, each once, with what a list says of them.
type candidates struct {
	cards []spec.ICCID
	form  generate.Form
}

// candidates are the cards of the file, or all that the carrier lists.
func (c *configuration) candidates(ctx context.Context, name spec.ProviderName, o importOptions) (candidates, error) {
	if o.iccids != "" {
		return c.cardsOfFile(o)
	}
	if len(o.columns)+len(o.labels) > 0 || o.sheet != "" {
		return candidates{}, refuse("No file", "-columns, -labels and -sheet are about the file of -iccids. Name it.")
	}
	cards, err := c.carriers.List(ctx, name)
	slices.Sort(cards)
	return candidates{cards: slices.Compact(cards)}, err
}

// cardsOfFile reads a list as the command table does: ICCIDs, numbers and labels.
func (c *configuration) cardsOfFile(o importOptions) (candidates, error) {
	columns, err := parseColumns("columns", o.columns)
	if err != nil {
		return candidates{}, err
	}
	labels, err := parseColumns("labels", o.labels)
	if err != nil {
		return candidates{}, err
	}
	names := slices.Sorted(maps.Keys(labels))
	for _, label := range names {
		if _, twice := columns[label]; twice || label == table.ICCIDColumn {
			return candidates{}, refuse("Invalid option", "-labels=%s: that name is a column of ours.", label)
		}
	}
	maps.Copy(columns, labels)
	t, err := readTable(c.out, c.dir(), []string{o.iccids}, o.sheet, table.Options{Columns: columns, Only: append(slices.Clone(names), table.MSISDNColumn)})
	if err != nil {
		return candidates{}, err
	}
	return candidatesOf(t, names), nil
}

// candidatesOf are the rows of a table, with the columns that are labels.
func candidatesOf(t *table.Table, labels []string) candidates {
	found := candidates{cards: make([]spec.ICCID, len(t.Rows)), form: generate.Form{
		Labels: map[spec.ICCID]map[string]string{}, MSISDNs: map[spec.ICCID]string{},
	}}
	number := slices.Index(t.Columns, table.MSISDNColumn)
	for i, row := range t.Rows {
		found.cards[i] = row.ICCID
		if number >= 0 {
			found.form.MSISDNs[row.ICCID] = row.Cells[number]
		}
		values := make(map[string]string, len(labels))
		for _, label := range labels {
			values[label] = row.Cells[slices.Index(t.Columns, label)]
		}
		found.form.Labels[row.ICCID] = values
	}
	return found
}

// undeclared leaves out the cards that the configuration speaks of, whatever the
// provider and the spelling: 19 digits, or 20 with the check digit.
func (c *configuration) undeclared(cards []spec.ICCID) []spec.ICCID {
	known, stems := map[spec.ICCID]bool{}, map[spec.ICCID]bool{}
	speaks := func(iccid spec.ICCID) {
		known[iccid] = true
		stems[iccid.Stem()] = true
	}
	for i := range c.fleet.Cards {
		speaks(c.fleet.Cards[i].ICCID)
	}
	for _, r := range c.fleet.Removed {
		speaks(r.ICCID)
	}
	return slices.DeleteFunc(slices.Clone(cards), func(card spec.ICCID) bool {
		return known[card] || known[card.Stem()] || len(card) == 19 && stems[card]
	})
}

// imported says what was written, and what wasn't and why.
func (prog *program) imported(f importFiles, g generate.Result, known int) error {
	if known > 0 {
		prog.out.say("%s declared or removed already.\n", render.AreCards(known))
	}
	unread := prog.leftOut(g.Left)
	switch {
	case g.Cards == 0:
		prog.out.say("Nothing to import.\n")
	case g.CSV != nil:
		prog.out.say("Wrote %s to %s, with the table %s. The next plan adopts them, and changes none.\n", countCards(g.Cards), f.shown, f.table)
	case f.path != "":
		prog.out.say("Wrote %s to %s. The next plan adopts them, and changes none.\n", countCards(g.Cards), f.shown)
	}
	if unread {
		return exit(exitPartial)
	}
	return nil
}

// leftOut warns of the cards that were not written, and reports whether one of
// them could not be read.
func (prog *program) leftOut(cards []generate.LeftOut) (unread bool) {
	const shown = 20
	lines := make([]string, 0, min(len(cards), shown)+1)
	for i, c := range cards {
		unread = unread || c.Unread
		if i < shown {
			lines = append(lines, fmt.Sprintf("  %s %s", c.ICCID, c.Why))
		}
	}
	if len(cards) > shown {
		lines = append(lines, fmt.Sprintf("  … and %d more", len(cards)-shown))
	}
	if len(cards) > 0 {
		prog.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "Cards are left out",
			Detail: "A plan would have something to say of them, so they are not written:\n" + strings.Join(lines, "\n"),
		}})
	}
	return unread
}
