package config

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/table"
)

// foreign reports a file that is another kind of table than the canonical one,
// with its cause and the command that makes one of it.
func (c *cardBlock) foreign(r *csvReader) bool {
	head, _ := r.buf.Peek(table.HeadBytes) // a shorter file is looked at whole
	form := table.Recognise(head)
	cause := form.Cause()
	if cause == "" || form.Kind == table.Empty || form.Kind == table.Text && form.Encoding == table.Unknown {
		return false // what is wrong with bytes of no encoding is said at their field
	}
	detail := cause + " " + form.Mend(c.csv.name)
	switch {
	case form.Kind != table.Text:
		c.foreignMistake("Not a CSV file", detail)
	case form.Encoding != table.UTF8:
		c.foreignMistake("Not UTF-8", detail)
	case form.LineEnd != table.LF:
		c.foreignMistake("Other line ends", detail)
	case form.SepLine || form.Header > 1:
		c.csvMistake(1, -1, "", "First line is no header", detail)
	case form.Separator != ',':
		c.csvMistake(1, -1, "", "Other separator", detail)
	default:
		c.csvMistake(1, -1, "", "Guarded numbers", detail)
	}
	return true
}

// foreignMistake is a mistake whose source can't be shown.
func (c *cardBlock) foreignMistake(summary, detail string) {
	c.report.ErrorAt(c.attrs["from_csv"].Expr.Range(), summary, "%s: %s", c.csv.name, detail)
}

// columnHint says which column was most likely meant by a name of ours.
func (f *csvFile) columnHint(want string) string {
	for _, h := range f.header {
		if strings.EqualFold(strings.TrimSpace(h), want) {
			return fmt.Sprintf(" Did you mean %q? Names are compared to the letter.", h)
		}
	}
	if near := spec.DidYouMean(want, f.header); near != "" {
		return near
	}
	for _, h := range f.header {
		if table.Meaning(h) == want {
			return fmt.Sprintf(" Column %q seems to be it: rename it to %s.", h, want)
		}
	}
	return ""
}

// mendHint ends a mistake about a cell that table makes right.
func (f *csvFile) mendHint(cell string) string {
	if !table.Mends(cell) {
		return ""
	}
	return " " + f.makesTable()
}

func (f *csvFile) makesTable() string { return "This makes a table of it: " + table.Command(f.name) }

// blankRow reports whether a row is commas alone, as spreadsheets leave them at the end.
func blankRow(fields []string) bool {
	for _, text := range fields {
		if strings.TrimSpace(text) != "" {
			return false
		}
	}
	return true
}

// oddWords warns of words in decoded texts that are most likely GBK.
func (l *loader) oddWords() {
	for _, odd := range l.inputs.Odd() {
		from, mend := "A text that was decoded", ""
		if odd.File != "" {
			from, mend = odd.File, " Where it is GBK as a whole: "+table.Command(odd.File)
		}
		l.report.add(spec.Diagnostic{Severity: spec.Warning, Summary: "Odd letters", Detail: fmt.Sprintf(
			"%s holds %q. These letters stand together in no language; their bytes are Chinese in GBK, and valid UTF-8 by chance. Export the file as UTF-8.%s", from, odd.Word, mend)})
	}
}

// oddLetters warns of a cell that is most likely Chinese in GBK, though it is valid UTF-8.
func (c *cardBlock) oddLetters(line, column int, iccid, text string) {
	if !table.LooksGBK(text) {
		return
	}
	c.repeats.add(c.report, "odd letters", func() spec.Diagnostic {
		name := c.csv.header[column]
		d := spec.Diagnostic{Severity: spec.Warning, Summary: "Odd letters", Subject: rangeOf(c.attrs["from_csv"].Expr.Range()),
			Detail: c.csv.mention(line, name, iccid) + "These letters stand together in no language; their bytes are Chinese in GBK, and valid UTF-8 by chance. " +
				"Export the file as UTF-8. Where it is GBK as a whole: " + table.Command(c.csv.name)}
		c.pointAt(&d, line, column)
		return d
	})
}
