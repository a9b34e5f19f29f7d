package cli

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/generate"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/spec/table"
)

// addToTable adds the cards to a table that is there. What stands in it stays as
// it is, to the byte.
func (c *configuration) addToTable(f importFiles, name spec.ProviderName, readings []spec.Reading, form generate.Form, known int) error {
	if err := c.readsTable(f, name); err != nil {
		return err
	}
	there, err := readExisting(f)
	if err != nil {
		return err
	}
	for _, values := range form.Labels {
		for label := range values {
			if !slices.Contains(there.Header, label) {
				return refuse("Missing column", "%s has no column %s for that label. Its columns are %s.", f.shown, label, strings.Join(there.Header, ", "))
			}
		}
	}
	rows, generated := generate.Rows(c.config, name, readings, form, there.Existing)
	if len(rows) > 0 {
		if err := there.add(f, rows); err != nil {
			return err
		}
		c.out.say("Added %s to %s. See what the next plan makes of them.\n", countCards(len(rows)), f.shown)
	}
	return c.imported(importFiles{}, generated, known)
}

// readsTable checks that the table is read by a block of that provider.
func (c *configuration) readsTable(f importFiles, name spec.ProviderName) error {
	for i := range c.fleet.Cards {
		card := &c.fleet.Cards[i]
		if card.Block.CSV() == "" || within(c.dir(), filepath.FromSlash(card.Block.CSV())) != filepath.Clean(f.path) {
			continue
		}
		if card.Provider != name {
			return refuse("Other provider", "%s is read by card.%s of provider %s, and the import is from %s.", f.shown, card.Block.Name, card.Provider, name)
		}
		return nil
	}
	return nil // a block without cards, or one that takes the table by csvdecode
}

// existingTable is a table that rows are added to.
type existingTable struct {
	generate.Existing
	text   []byte
	starts []int // where each row begins, and where the last one ends
	iccids []spec.ICCID
}

// readExisting reads a canonical table, and where its rows stand.
func readExisting(f importFiles) (*existingTable, error) {
	text, err := file.Read(f.path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.shown, err)
	}
	form := table.Recognise(text)
	if cause := form.Cause(); cause != "" {
		return nil, refuse("Not a canonical table", "%s: %s %s", f.shown, cause, form.Mend(f.shown))
	}
	t := &existingTable{text: text}
	mark := len(text) - len(bytes.TrimPrefix(text, []byte("\uFEFF")))
	r := csv.NewReader(bytes.NewReader(text[mark:]))
	for {
		begins := mark + int(r.InputOffset())
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			t.starts = append(t.starts, begins)
			break
		}
		if err != nil {
			return nil, refuse("Not a canonical table", "%s: %s. %s", f.shown, err, form.Mend(f.shown))
		}
		if t.Header == nil {
			t.Header = record
			continue
		}
		t.starts, t.Rows = append(t.starts, begins), append(t.Rows, record)
	}
	at := slices.Index(t.Header, table.ICCIDColumn)
	if at < 0 {
		return nil, refuse("Missing column", "%s has no column %s. Its columns are %s.", f.shown, table.ICCIDColumn, strings.Join(t.Header, ", "))
	}
	for _, row := range t.Rows {
		t.iccids = append(t.iccids, spec.ICCID(strings.ToUpper(row[at])))
	}
	return t, nil
}

// add writes the table with the rows: each in its place where the table is in
// order, and at the end where it isn't.
func (t *existingTable) add(f importFiles, rows []generate.Row) error {
	end := "\n"
	if header, _, ok := bytes.Cut(t.text, []byte("\n")); ok && bytes.HasSuffix(header, []byte("\r")) {
		end = "\r\n"
	}
	ordered := slices.IsSorted(t.iccids)
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = end == "\r\n"
	out.Write(t.text[:t.starts[0]])
	put := func(below func(spec.ICCID) bool) {
		for len(rows) > 0 && below(rows[0].ICCID) {
			if n := out.Len(); n > 0 && out.Bytes()[n-1] != '\n' {
				out.WriteString(end)
			}
			_ = w.Write(rows[0].Cells) // a buffer takes everything
			w.Flush()
			rows = rows[1:]
		}
	}
	for i := range t.Rows {
		if ordered {
			put(func(iccid spec.ICCID) bool { return iccid < t.iccids[i] })
		}
		out.Write(t.text[t.starts[i]:t.starts[i+1]])
	}
	put(func(spec.ICCID) bool { return true })
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.shown, err)
	}
	if err := maybe.WriteFile(f.path, out.Bytes(), info.Mode().Perm()); err != nil {
		return fmt.Errorf("write %s: %w", f.shown, err)
	}
	return nil
}
