package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/spec/table"
	"github.com/cardfleet/cardfleet/spec/table/xlsx"
)

type tableOptions struct {
	viewOptions
	out, sheet  string
	columns     []string
	autoApprove bool
}

func (prog *program) tableCommand() *cli.Command {
	o := &tableOptions{}
	return &cli.Command{
		Name:      "table",
		Usage:     "make the canonical table of what people hand over",
		ArgsUsage: "FILE…",
		Description: `Reads xlsx, GBK and UTF-16, any separator, titles above the header and Chinese names of columns,
and writes UTF-8 with commas, a row a card, sorted by ICCID. Several files of one fleet are joined
by ICCID. It says what it did to which rows, and refuses what can't be known, such as numbers that
lost digits. A table that is there keeps its other columns; what changes is shown and asked about.`,
		UsageText: `cardfleet table export.xlsx -out=cards.csv
cardfleet table cards.csv devices.xlsx -columns=iccid=卡号,imei=设备IMEI -out=cards.csv`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write to `FILE`; else to standard output", Destination: &o.out},
			&cli.StringFlag{Name: "sheet", Usage: "read sheet `NAME` of a workbook; unless said, the one with ICCIDs", Destination: &o.sheet},
			&cli.StringSliceFlag{Name: "columns", Usage: "names of ours for names of the files', such as iccid=卡号,city=城市: `NAME=THEIRS,…`; may be repeated", Destination: &o.columns},
			&cli.BoolFlag{Name: "auto-approve", Usage: "write over a table that is there without asking", Destination: &o.autoApprove},
			&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return prog.runTable(ctx, *o, cmd.Args().Slice())
		},
	}
}

func (prog *program) runTable(ctx context.Context, o tableOptions, files []string) error {
	prog.open(o.viewOptions)
	env, out := prog.env, prog.out
	if len(files) == 0 {
		return refuse("No file", "table takes the files of one fleet. See cardfleet table -h.")
	}
	if slices.Contains([]string{".xlsx", ".xls", ".ods", ".xlsb"}, strings.ToLower(filepath.Ext(o.out))) {
		return refuse("Not a table", "-out=%s: what is written is CSV: name a file that ends with .csv.", o.out)
	}
	columns, err := parseColumns("columns", o.columns)
	if err != nil {
		return err
	}
	t, err := readTable(out, prog.dir(), files, o.sheet, table.Options{Columns: columns})
	if err != nil {
		return err
	}
	notesOf(out, t)
	if o.out == "" {
		var b bytes.Buffer
		if err := t.Write(&b); err != nil {
			return err
		}
		out.writeData(b.String())
		out.say("%s.\n", countCards(len(t.Rows)))
		return nil
	}
	return writeTable(ctx, env, out, o, within(prog.dir(), o.out), t)
}

// parseColumns reads NAME=THEIRS,….
func parseColumns(option string, given []string) (map[string]string, error) {
	columns := map[string]string{}
	for _, pair := range strings.Split(strings.Join(given, ","), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, theirs, ok := strings.Cut(pair, "=")
		name, theirs = strings.TrimSpace(name), strings.TrimSpace(theirs)
		if !ok || name == "" || theirs == "" {
			return nil, refuse("Invalid option", "-%s wants NAME=THEIRS, such as city=城市, and got %q.", option, pair)
		}
		if _, twice := columns[name]; twice {
			return nil, refuse("Invalid option", "-%s names %s twice.", option, name)
		}
		columns[name] = theirs
	}
	return columns, nil
}

// readTable reads the files of one fleet, and warns of what is doubtful.
func readTable(out *output, dir string, files []string, sheet string, o table.Options) (*table.Table, error) {
	var grids []*table.Grid
	var diags spec.Diagnostics
	for _, file := range files {
		g, wrong, err := readGrid(out, within(dir, file), file, xlsx.Options{Sheet: sheet, Table: o})
		if err != nil {
			return nil, err
		}
		diags = append(diags, wrong...)
		grids = append(grids, g)
	}
	if diags.HasErrors() {
		return nil, mistakes(diags)
	}
	t, found := table.New(grids, o)
	if found.HasErrors() {
		return nil, mistakes(found)
	}
	out.diagnostics(found)
	return t, nil
}

// readGrid reads the cells of a file, whatever it is.
func readGrid(out *output, path, name string, o xlsx.Options) (*table.Grid, spec.Diagnostics, error) {
	data, err := file.Read(path)
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	if table.Recognise(data).Kind != table.Xlsx {
		if o.Sheet != "" {
			return nil, nil, refuse("No sheet", "-sheet=%s: %s is no workbook.", o.Sheet, name)
		}
		g, diags := table.FromText(name, data)
		return g, diags, nil
	}
	progress := out.progress("table", "reading")
	defer progress.end()
	var bar *carrierProgress
	o.Progress = func(done, total int) {
		if bar == nil {
			bar = progress.carrier(name, total)
		}
		bar.set(done)
	}
	g, diags := xlsx.Read(name, data, o)
	return g, diags, nil
}

// notesOf says what was done to which rows.
func notesOf(out *output, t *table.Table) {
	for _, n := range t.Notes {
		rows := ""
		if n.Count > 0 {
			rows = fmt.Sprintf(" (%s: %s)", render.Thousands(n.Count), rowList(n.Rows, n.Count))
		}
		out.say("%s: %s%s\n", n.Source, n.What, rows)
	}
}

// rowList is "row 3", "rows 2, 3, 5" or "rows 2, 3, …".
func rowList(rows []int, count int) string {
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = strconv.Itoa(r)
	}
	texts = slices.Compact(texts)
	if count > len(rows) {
		texts = append(texts, "…")
	}
	if len(texts) == 1 {
		return "row " + texts[0]
	}
	return "rows " + strings.Join(texts, ", ")
}

// writeTable writes a new table, or one over another once that is agreed to.
func writeTable(ctx context.Context, env *Env, out *output, o tableOptions, path string, t *table.Table) error {
	old, err := file.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return putTable(out, o.out, path, 0o644, t)
	case err != nil:
		return fmt.Errorf("read %s: %w", o.out, err)
	}
	merged, difference, err := onto(o.out, old, t)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := merged.Write(&b); err != nil {
		return err
	}
	if bytes.Equal(b.Bytes(), old) {
		out.say("%s is as it should be: %s.\n", o.out, countCards(len(merged.Rows)))
		return nil
	}
	showDifference(out, o.out, difference)
	if err := agreed(ctx, env, out, o); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", o.out, err)
	}
	return putTable(out, o.out, path, info.Mode().Perm(), merged)
}

// onto joins a table with the one that is there.
func onto(name string, old []byte, t *table.Table) (*table.Table, *table.Difference, error) {
	if table.Recognise(old).Kind != table.Text {
		return nil, nil, refuse("Not a table", "-out=%s is there, and is no table: name another file, which ends with .csv.", name)
	}
	g, diags := table.FromText(name, old)
	if diags.HasErrors() {
		return nil, nil, mistakes(diags)
	}
	before, diags := table.New([]*table.Grid{g}, table.Options{})
	if diags.HasErrors() {
		return nil, nil, mistakes(diags)
	}
	merged, difference := t.Onto(before)
	return merged, difference, nil
}

// shownChanges is how many cards of each kind a difference shows.
const shownChanges = 20

func showDifference(out *output, name string, d *table.Difference) {
	if !d.Any() {
		out.result("%s is rewritten in its canonical form; no card and no cell changes.\n", name)
		return
	}
	out.result("%s changes:\n", name)
	list := func(n int, line func(i int) string) {
		for i := range min(n, shownChanges) {
			out.result("  %s\n", line(i))
		}
		if n > shownChanges {
			out.result("  … and %s more\n", render.Thousands(n-shownChanges))
		}
	}
	list(len(d.Added), func(i int) string { return "+ " + string(d.Added[i]) })
	list(len(d.Changed), func(i int) string {
		c := d.Changed[i]
		return fmt.Sprintf("~ %s  %s: %q -> %q", c.ICCID, c.Column, c.From, c.To)
	})
	list(len(d.Gone), func(i int) string { return "- " + string(d.Gone[i]) })
	list(len(d.NewColumns), func(i int) string { return fmt.Sprintf("+ column %q", d.NewColumns[i]) })
	out.result("%s to add, %s to change, %s to leave the table.\n", countCards(len(d.Added)), countCells(len(d.Changed)), countCards(len(d.Gone)))
	if len(d.Gone) > 0 {
		out.result("Cards that leave a table that is read leave the fleet. To keep them, name %s among the files too.\n", name)
	}
	if d.Kept > 0 {
		out.result("%s that the files leave blank keep what %s says.\n", countCells(d.Kept), name)
	}
}

func countCells(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return render.Thousands(n) + " cells"
}

// agreed asks whether the table may be written.
func agreed(ctx context.Context, env *Env, out *output, o tableOptions) error {
	switch {
	case o.autoApprove:
		return nil
	case !env.InTTY:
		return refuse("Not written", "%s is there already, and there is no terminal to ask on. -auto-approve writes it.", o.out)
	}
	question := fmt.Sprintf("Do you want to write %s?", filepath.Base(o.out))
	return askWhether(ctx, env, out, question, refuse("Not written", "%s is as it was.", o.out))
}

func putTable(out *output, name, path string, mode fs.FileMode, t *table.Table) error {
	var b bytes.Buffer
	if err := t.Write(&b); err != nil {
		return err
	}
	if err := maybe.WriteFile(path, b.Bytes(), mode); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	out.say("Wrote %s to %s.\n", countCards(len(t.Rows)), name)
	return nil
}
