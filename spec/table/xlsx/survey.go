package xlsx

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/table"
)

// survey is what a sheet says beside its cells' values.
type survey struct {
	rows       int // counted: the dimension that programs write is often wrong
	hidden     int
	hiddenRows []int          // the first ten
	merged     [][2]cell      // the first and last cell of each merged range
	unvalued   []string       // the first cells with a formula and without a value
	formulas   int            // how many such there are
	long       map[int][]cell // by column: cells with a number of 19 or 20 digits
	whole      map[int]bool   // columns in which one of them is more than a double holds
}

// cell is a place in a sheet, from 1.
type cell struct{ column, row int }

const shownCells = 10

// survey reads what the library would read a whole sheet into memory for.
func (b *book) survey(sheet string) (*survey, error) {
	archive, err := zip.NewReader(bytes.NewReader(b.data), int64(len(b.data)))
	if err != nil {
		return nil, err
	}
	name, err := sheetPath(archive, sheet)
	if err != nil {
		return nil, err
	}
	f, err := archive.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	s := &survey{}
	return s, s.read(io.LimitReader(f, largest))
}

// sheetPath finds the part that holds a sheet, by the workbook and its relations.
func sheetPath(archive *zip.Reader, sheet string) (string, error) {
	var book struct {
		Sheets []struct {
			Name string     `xml:"name,attr"`
			Rest []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	var relations struct {
		List []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if err := readPart(archive, "xl/workbook.xml", &book); err != nil {
		return "", err
	}
	if err := readPart(archive, "xl/_rels/workbook.xml.rels", &relations); err != nil {
		return "", err
	}
	for _, s := range book.Sheets {
		id := ""
		for _, a := range s.Rest {
			if a.Name.Local == "id" {
				id = a.Value
			}
		}
		for _, r := range relations.List {
			if s.Name == sheet && r.ID == id {
				if strings.HasPrefix(r.Target, "/") {
					return strings.TrimPrefix(r.Target, "/"), nil
				}
				return path.Join("xl", r.Target), nil
			}
		}
	}
	return "", fmt.Errorf("sheet %q is not in it", sheet)
}

func readPart(archive *zip.Reader, name string, into any) error {
	f, err := archive.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	return xml.NewDecoder(io.LimitReader(f, inMemory)).Decode(into)
}

// read goes through the sheet tag by tag.
func (s *survey) read(r io.Reader) error {
	tags := bufio.NewScanner(r)
	tags.Buffer(make([]byte, 1<<16), inMemory)
	tags.Split(splitTag)
	var at []byte
	formula, value, number := false, false, false
	for tags.Scan() {
		text, tag, ok := bytes.Cut(tags.Bytes(), []byte("<"))
		if !ok {
			continue
		}
		switch name := tagName(tag); string(name) {
		case "c":
			at, formula, value = append(at[:0], attribute(tag, "r")...), false, false
			kind := attribute(tag, "t")
			number = len(kind) == 0 || string(kind) == "n"
		case "f":
			formula = true
		case "/v", "/t":
			value = value || len(text) > 0
			if number && (len(text) == 19 || len(text) == 20) {
				s.number(string(at), string(text))
			}
		case "/c":
			if formula && !value {
				s.unvalue(string(at))
			}
		case "row":
			s.row(tag)
		case "mergeCell":
			s.merge(string(attribute(tag, "ref")))
		}
	}
	return tags.Err()
}

// splitTag ends a token behind each tag.
func splitTag(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '>'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF {
		return len(data), nil, nil
	}
	return 0, nil, nil
}

// tagName is a tag's name without its prefix.
func tagName(tag []byte) []byte {
	end := bytes.IndexAny(tag, " /\t\r\n")
	if bytes.HasPrefix(tag, []byte("/")) {
		end = -1
	}
	if end >= 0 {
		tag = tag[:end]
	}
	if i := bytes.IndexByte(tag, ':'); i >= 0 {
		if tag[0] == '/' {
			return append([]byte("/"), tag[i+1:]...)
		}
		return tag[i+1:]
	}
	return tag
}

func attribute(tag []byte, name string) []byte {
	_, rest, ok := bytes.Cut(tag, []byte(" "+name+`="`))
	if !ok {
		return nil
	}
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return value
}

func (s *survey) unvalue(at string) {
	if s.formulas++; len(s.unvalued) < shownCells {
		s.unvalued = append(s.unvalued, at)
	}
}

func (s *survey) number(at, text string) {
	first, _, ok := area(at)
	if !ok || !spec.ICCID(text).Decimal() {
		return
	}
	if s.long == nil {
		s.long, s.whole = map[int][]cell{}, map[int]bool{}
	}
	s.long[first.column] = append(s.long[first.column], first)
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && !spec.ICCID(text).FitsDouble() && strconv.FormatFloat(n, 'f', -1, 64) != text {
		s.whole[first.column] = true
	}
}

// round writes numbers that went through a double as spreadsheets show them, so
// that nobody takes their last digits for those that were meant. Where one of the
// column's numbers is more than a double holds, a library wrote them whole.
func (s *survey) round(g *table.Grid) {
	for column, cells := range s.long {
		if s.whole[column] {
			continue
		}
		for _, at := range cells {
			i, ok := slices.BinarySearchFunc(g.Rows, at.row, func(r table.GridRow, row int) int { return r.Number - row })
			if !ok || column > len(g.Rows[i].Cells) {
				continue
			}
			if n, err := strconv.ParseFloat(g.Rows[i].Cells[column-1], 64); err == nil {
				g.Rows[i].Cells[column-1] = strconv.FormatFloat(n, 'E', 14, 64)
			}
		}
	}
}

func (s *survey) row(tag []byte) {
	s.rows++
	if hidden := attribute(tag, "hidden"); len(hidden) == 0 || string(hidden) == "0" || string(hidden) == "false" {
		return
	}
	s.hidden++
	if n := 0; len(s.hiddenRows) < shownCells {
		if _, err := fmt.Sscan(string(attribute(tag, "r")), &n); err == nil {
			s.hiddenRows = append(s.hiddenRows, n)
		}
	}
}

func (s *survey) merge(ref string) {
	if first, last, ok := area(ref); ok {
		s.merged = append(s.merged, [2]cell{first, last})
	}
}

// area reads a range, such as A1:F100.
func area(ref string) (first, last cell, ok bool) {
	from, to, ranged := strings.Cut(ref, ":")
	if !ranged {
		to = from
	}
	var err1, err2 error
	first.column, first.row, err1 = excelize.CellNameToCoordinates(from)
	last.column, last.row, err2 = excelize.CellNameToCoordinates(to)
	return first, last, err1 == nil && err2 == nil
}

// fill gives every cell of a merged range below the header the range's value.
func (s *survey) fill(g *table.Grid, o table.Options) {
	data := g.DataFrom(o)
	filled := table.Note{What: "merged cells give each of their rows their value"}
	for _, m := range s.merged {
		i, ok := slices.BinarySearchFunc(g.Rows, m[0].row, func(r table.GridRow, row int) int { return r.Number - row })
		if !ok || m[0].row < data || m[0].column > len(g.Rows[i].Cells) {
			continue
		}
		value := g.Rows[i].Cells[m[0].column-1]
		for ; i < len(g.Rows) && g.Rows[i].Number <= m[1].row; i++ {
			row := &g.Rows[i]
			for c := m[0].column; c <= m[1].column && c <= len(row.Cells)+1; c++ {
				if c > len(row.Cells) {
					row.Cells = append(row.Cells, "")
				}
				row.Cells[c-1] = value
			}
			if filled.Count++; len(filled.Rows) < shownCells {
				filled.Rows = append(filled.Rows, row.Number)
			}
		}
	}
	if filled.Count > 0 {
		g.Notes = append(g.Notes, filled)
	}
}

// uncalculated refuses formulas whose values are not in the workbook: their
// cells would read as blank.
func (s *survey) uncalculated(g *table.Grid) spec.Diagnostics {
	if s.formulas == 0 {
		return nil
	}
	more := ""
	if n := s.formulas - len(s.unvalued); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return spec.Diagnostics{{Summary: "Formulas without values", Detail: fmt.Sprintf("%s, sheet %s has formulas that nobody calculated, in cells %s%s. "+
		"Open it in Excel, WPS or LibreOffice, and save it; values are then in it.", g.File, g.Sheet, strings.Join(s.unvalued, ", "), more)}}
}
