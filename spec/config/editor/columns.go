package editor

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/file"
)

const (
	// longestTableHeader is the most bytes of a table in which its header is looked for.
	longestTableHeader = 1 << 20
	// mostLocals is over how many local values a table is looked for.
	mostLocals = 16
	byteOrder  = "\uFEFF"
)

// column is a column of a table, with the place of its name in the header.
type column struct {
	name string
	at   Location
}

// tableOf is the table that the rows of a card block come from, as an absolute
// path; "" where none is written out. It is what from_csv names, or a file() that
// for_each reads, also through local values.
func (e *Editor) tableOf(docs []*document, x *excerpt, b *hclsyntax.Block) string {
	if b == nil || b.Type != kindCard {
		return ""
	}
	name := ""
	if a, ok := b.Body.Attributes["from_csv"]; ok {
		name = literal(a.Expr)
	} else if a, ok := b.Body.Attributes["for_each"]; ok {
		f := fileFinder{docs: docs, seen: map[string]bool{}}
		name = f.in(a.Expr)
	}
	if name == "" {
		return ""
	}
	return within(filepath.Dir(x.doc.path), name)
}

func within(dir, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

// fileFinder looks for the file that an expression reads as a table.
type fileFinder struct {
	docs []*document
	seen map[string]bool // the local values that were looked at
}

func (f *fileFinder) in(e hclsyntax.Expression) string {
	name := ""
	// No visitor of ours finds anything wrong.
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && name == "" && call.Name == "file" && len(call.Args) == 1 {
			if path := literal(call.Args[0]); filepath.Ext(path) == ".csv" {
				name = path
			}
		}
		return nil
	})
	for _, t := range e.Variables() {
		if name != "" {
			return name
		}
		if local := step(t, 1); t.RootName() == "local" && local != "" && !f.seen[local] && len(f.seen) < mostLocals {
			f.seen[local] = true
			if inner := localExpr(f.docs, local); inner != nil {
				name = f.in(inner)
			}
		}
	}
	return name
}

// localExpr is a local value's expression; nil where there is none.
func localExpr(docs []*document, name string) hclsyntax.Expression {
	n, ok := find(docs, kindLocal, name)
	if !ok {
		return nil
	}
	for _, b := range n.doc.excerpt(n.piece, n.piece).body.Blocks {
		if a, ok := b.Body.Attributes[name]; ok {
			return a.Expr
		}
	}
	return nil
}

// step is the name at a place of a reference; "" where there is no name.
func step(t hcl.Traversal, i int) string {
	if i >= len(t) {
		return ""
	}
	switch s := t[i].(type) {
	case hcl.TraverseRoot:
		return s.Name
	case hcl.TraverseAttr:
		return s.Name
	case hcl.TraverseIndex:
		if s.Key.Type().FriendlyName() == "string" && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString()
		}
	}
	return ""
}

// columns are a table's, as it is open or on disk; none where it can't be read.
func (e *Editor) columns(path string) []column {
	text, open := e.beginning(path)
	text, marked := bytes.CutPrefix(text, []byte(byteOrder))
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	names, err := r.Read()
	if err != nil {
		return nil
	}
	lines := bytes.SplitAfter(text[:r.InputOffset()], []byte{'\n'})
	var out []column
	for i, name := range names {
		line, at := r.FieldPos(i)
		if field := lines[line-1]; at <= len(field) && field[at-1] == '"' {
			at++
		}
		start := Position{line - 1, units(lines[line-1][:at-1])}
		if line == 1 && marked && open {
			start.Character++ // the mark of an open text is a character of it; of a file, editors take it away
		}
		end := Position{start.Line, start.Character + units([]byte(name))}
		out = append(out, column{name, Location{path, Range{start, end}}})
	}
	return out
}

// beginning is a table's text up to a bound; open, that an editor has it. Pipes are
// left alone: they are read once.
func (e *Editor) beginning(path string) (text []byte, open bool) {
	if d := e.document(path); d != nil {
		return d.text[:min(len(d.text), longestTableHeader)], true
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	f, err := file.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	if text, err = io.ReadAll(io.LimitReader(f, longestTableHeader)); err != nil {
		return nil, false
	}
	return text, false
}

// longestLine is how far before a mistake in a table its line is looked for.
const longestLine = 64 << 10

// Path is the absolute path of a file that the loader named, in the folder dir.
func Path(dir, name string) string { return within(dir, name) }

// Place is where a mistake that the loader found in a folder's configuration
// stands in the text that is open, or else on disk.
func (e *Editor) Place(dir string, r spec.Range) Range {
	path := Path(dir, r.File)
	e.mu.Lock()
	d := e.open[path]
	if d == nil && Belongs(path) {
		d = e.at(path)
	}
	e.mu.Unlock()
	if d != nil {
		return d.span(r.Start.Byte, max(r.Start.Byte, r.End.Byte))
	}
	return Range{placeOnDisk(path, r.Start), placeOnDisk(path, r.End)}
}

// placeOnDisk is a place of a file as the protocol has it; by characters where the
// file can't be read again.
func placeOnDisk(path string, at spec.Pos) Position {
	out := Position{max(0, at.Line-1), max(0, at.Column-1)}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return out
	}
	f, err := file.Open(path)
	if err != nil {
		return out
	}
	defer f.Close()
	from := max(0, at.Byte-longestLine)
	before := make([]byte, max(0, at.Byte-from))
	if _, err := f.ReadAt(before, int64(from)); err != nil {
		return out
	}
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	out.Character = units(bytes.TrimPrefix(line, []byte(byteOrder)))
	return out
}
