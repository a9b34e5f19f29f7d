package table

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/cardfleet/cardfleet/spec"
)

// Options say how tables are read.
type Options struct {
	// Columns are names of ours with what the files call them: iccid → 卡号.
	// Columns that aren't named go by the dictionary, or keep their names.
	Columns map[string]string
	// Only are the columns that are read besides the ICCIDs; nil reads all.
	Only []string
}

// wants reports whether a column of ours is read.
func (o Options) wants(column string) bool {
	return o.Only == nil || column == ICCIDColumn || slices.Contains(o.Only, column)
}

// column is a column of a grid on its way into a table.
type column struct {
	name string // of ours, or as the file has it
	at   int    // in the grid's rows
	from string // as the file has it
}

// heading is what a grid's columns are.
type heading struct {
	columns []column
	data    int // the first row of data, in Grid.Rows
	title   int // how many rows above the header are no data
	width   int // how many fields the header has
}

// likelyHeader is the row of a grid that names its columns, and its place among
// the rows; -1 where none does.
func likelyHeader(g *Grid, o Options) int {
	best, rank := -1, 0
	for i, row := range g.Rows[:min(len(g.Rows), headLines)] {
		for _, cell := range row.Cells {
			if o.names(ICCIDColumn, cell) {
				return i
			}
			if of, r := meaning(cell); of == ICCIDColumn && r > rank && o.Columns[ICCIDColumn] == "" {
				best, rank = i, r
			}
		}
	}
	return best
}

// names reports whether the options say that a cell is the name of a column of ours.
func (o Options) names(column, cell string) bool {
	want := o.Columns[column]
	return want != "" && bare(cell) != "" && (bare(cell) == want || plainName(cell) == plainName(want))
}

// HasICCIDs reports whether a grid names a column of ICCIDs, or is a list of them.
func (g *Grid) HasICCIDs(o Options) bool {
	return likelyHeader(g, o) >= 0 || g.isList()
}

// isList reports whether a grid is ICCIDs alone, without a header.
func (g *Grid) isList() bool {
	for _, row := range g.Rows {
		if comment(row.Cells) {
			continue
		}
		text, _, lost := identifier(row.Cells[0])
		_, err := spec.ParseICCID(text)
		return blank(row.Cells[1:]) && (err == nil || lost != "" || len(text) >= 15 && isHex(text))
	}
	return false
}

// comment reports whether a row is a remark: it begins with # and more.
func comment(cells []string) bool {
	first := bare(cells[0])
	return strings.HasPrefix(first, "#") && len(first) > 1
}

// head finds a grid's columns.
func (g *Grid) head(o Options, p *problems) (heading, bool) {
	at := likelyHeader(g, o)
	switch {
	case at < 0 && len(g.Rows) == 0:
		p.wrong("No row", "", "%s holds nothing", g.name())
		return heading{}, false
	case at < 0 && o.Columns[ICCIDColumn] != "":
		p.wrong("Missing column", "", "%s has no column %q among its first lines; its first line is %s", g.name(), o.Columns[ICCIDColumn], list(g.Rows[0].Cells))
		return heading{}, false
	case at < 0 && g.isList():
		return heading{columns: []column{{ICCIDColumn, 0, ""}}, width: 1}, true
	case at < 0:
		p.wrong("Missing column", "Say which one holds the ICCIDs with -columns=iccid=NAME; where there is no line of names, write one above, such as iccid,imei.",
			"%s has no column of ICCIDs; its first line is %s", g.name(), list(g.Rows[0].Cells))
		return heading{}, false
	}
	h := heading{title: at, data: at + 1}
	names := g.headerNames(at, &h)
	h.width = len(names)
	return h, h.choose(g, names, o, p)
}

// headerNames are the names of the columns, from a header of one line or of two
// whose cells were merged.
func (g *Grid) headerNames(at int, h *heading) []string {
	names := make([]string, len(g.Rows[at].Cells))
	for i, cell := range g.Rows[at].Cells {
		names[i] = bare(cell)
	}
	if at > 0 && filled(g.Rows[at-1].Cells) > 1 { // the groups above; those that span both lines stand there alone
		for i, above := range g.Rows[at-1].Cells {
			if i < len(names) && names[i] == "" {
				names[i] = bare(above)
			}
		}
	}
	if at+1 < len(g.Rows) && g.continuesHeader(at) {
		h.data++
		for i, below := range g.Rows[at+1].Cells {
			for len(names) <= i {
				names = append(names, "")
			}
			upper, _ := meaning(names[i])
			if below = bare(below); below != "" && upper == "" {
				names[i] = below
			}
		}
	}
	return names
}

func filled(cells []string) int {
	n := 0
	for _, c := range cells {
		if bare(c) != "" {
			n++
		}
	}
	return n
}

// continuesHeader reports whether the row below a header is its second line: it
// names nothing below the ICCIDs, names one of our columns, and holds no number.
func (g *Grid) continuesHeader(at int) bool {
	header, below := g.Rows[at].Cells, g.Rows[at+1].Cells
	names := false
	for i, cell := range below {
		cell = bare(cell)
		if i < len(header) && Meaning(header[i]) == ICCIDColumn && cell != "" {
			return false
		}
		if strings.ContainsFunc(cell, unicode.IsDigit) {
			return false
		}
		names = names || Meaning(cell) != "" || cell != "" && (i >= len(header) || bare(header[i]) == "")
	}
	return names
}

// choose gives each column its name.
func (h *heading) choose(g *Grid, names []string, o Options, p *problems) bool {
	taken := map[int]string{}
	ok := true
	for _, ours := range o.sorted() {
		i := slices.IndexFunc(names, func(n string) bool { return o.names(ours, n) })
		if i < 0 {
			p.wrong("Missing column", "-columns gives names as the file has them.", "%s has no column %q; its columns are %s", g.name(), o.Columns[ours], list(names))
			ok = false
			continue
		}
		if other, twice := taken[i]; twice {
			p.wrong("Column used twice", "", "-columns names %q both %s and %s", names[i], other, ours)
			ok = false
		}
		taken[i] = ours
	}
	for _, ours := range [...]string{ICCIDColumn, IMEIColumn, MSISDNColumn, ActiveColumn} {
		if o.Columns[ours] == "" && o.wants(ours) {
			ok = byDictionary(g, names, ours, taken, p) && ok
		}
	}
	h.name(g, names, taken)
	h.columns = slices.DeleteFunc(h.columns, func(c column) bool { return !o.wants(c.name) })
	return ok
}

func (o Options) sorted() []string {
	var ours []string
	for name, theirs := range o.Columns {
		if theirs != "" {
			ours = append(ours, name)
		}
	}
	slices.Sort(ours)
	return ours
}

// byDictionary takes the column that means ours most surely; two that are alike
// sure can't be known apart.
func byDictionary(g *Grid, names []string, ours string, taken map[int]string, p *problems) bool {
	var best []int
	rank := 0
	for i, name := range names {
		of, r := meaning(name)
		if of != ours || r < rank || taken[i] != "" {
			continue
		}
		if r > rank {
			best, rank = nil, r
		}
		best = append(best, i)
	}
	switch {
	case len(best) == 0:
		return true
	case len(best) == 1:
		taken[best[0]] = ours
		return true
	}
	p.wrong("Two columns for one", "", "%s has %q and %q, and both may be %s. Say which it is with -columns=%s=NAME, or delete one of them",
		g.name(), names[best[0]], names[best[1]], ours, ours)
	return false
}

// name lists the columns that have a name or a value; names that stand twice get
// a number.
func (h *heading) name(g *Grid, names []string, taken map[int]string) {
	used := map[string]bool{}
	for _, ours := range taken {
		used[ours] = true
	}
	next := map[string]int{} // the number that a name which stands again gets
	for i := range g.width(names, h.data) {
		from := ""
		if i < len(names) {
			from = names[i]
		}
		name, ours := taken[i], true
		if name == "" {
			name, ours = from, false
		}
		if name == "" && !g.anyIn(i, h.data) {
			continue
		}
		if name == "" {
			name = "column_" + letters(i)
		}
		for base := name; !ours && used[name]; {
			next[base] = max(next[base]+1, 2)
			name = base + "_" + strconv.Itoa(next[base])
		}
		used[name] = true
		h.columns = append(h.columns, column{name, i, from})
	}
}

// width is how many columns the grid has.
func (g *Grid) width(names []string, data int) int {
	n := len(names)
	for _, row := range g.Rows[data:] {
		n = max(n, len(row.Cells))
	}
	return n
}

// anyIn reports whether a column holds anything at all.
func (g *Grid) anyIn(column, data int) bool {
	return slices.ContainsFunc(g.Rows[data:], func(r GridRow) bool { return column < len(r.Cells) && bare(r.Cells[column]) != "" })
}

// list writes names for a sentence, as many as fit.
func list(names []string) string {
	const most = 12
	var quoted []string
	for _, n := range names[:min(len(names), most)] {
		quoted = append(quoted, `"`+shorten(bare(n))+`"`)
	}
	text := strings.Join(quoted, ", ")
	if len(names) > most {
		text += ", …"
	}
	return text
}

// shorten keeps what a sentence repeats of a cell short.
func shorten(s string) string {
	const longest = 40
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}

// Identifiers are the columns of a grid, by their place, that hold numbers of
// cards and devices, whose cells have to be read as they are.
func (g *Grid) Identifiers(o Options) map[int]bool {
	out := map[int]bool{}
	h, ok := g.head(o, &problems{})
	if !ok {
		return out
	}
	for _, c := range h.columns {
		if c.name == ICCIDColumn || c.name == IMEIColumn || c.name == MSISDNColumn || Meaning(c.from) != "" {
			out[c.at] = true
		}
	}
	return out
}

// DataFrom is the number of the row from which on the grid holds data.
func (g *Grid) DataFrom(o Options) int {
	h, ok := g.head(o, &problems{})
	if !ok || h.data >= len(g.Rows) {
		return 1
	}
	return g.Rows[h.data].Number
}
