package editor

import (
	"bytes"
	"context"

	"github.com/hashicorp/hcl/v2"
)

// mostReferences is how many references are looked for: nobody reads more.
const mostReferences = 10_000

// References are where what is named at a position is used, at most 10,000 of
// them, in the order of the files; with its definitions where they are asked for.
// A cancelled context ends the search.
func (e *Editor) References(ctx context.Context, path string, at Position, definitions bool) []Location {
	q, ok := e.ask(path, at)
	if !ok {
		return nil
	}
	s, _, ok := q.symbol()
	if !ok {
		return nil
	}
	var found []Location
	if definitions {
		found = q.places(s)
	}
	for _, d := range q.docs {
		if native(d.path) && !isVariables(d.path) {
			found = q.uses(ctx, d, s, found)
		}
	}
	return found
}

// uses adds the references of a document to what was found.
func (q question) uses(ctx context.Context, d *document, s symbol, found []Location) []Location {
	for i := q.next(d, s, 0); i >= 0 && len(found) < mostReferences && ctx.Err() == nil; i = q.next(d, s, i+1) {
		x := d.excerpt(i, i)
		in := question{Editor: q.Editor, doc: d, docs: q.docs, x: x}
		x.visit(func(t hcl.Traversal) {
			r := t.SourceRange()
			if named, ok := in.refersTo(t, x.block(r.Start.Byte)); ok && named == s && len(found) < mostReferences {
				found = append(found, Location{d.path, x.span(r)})
			}
		})
	}
	return found
}

// next is the first piece from i on whose text has what a reference has; -1 for none.
func (q question) next(d *document, s symbol, i int) int {
	if i >= len(d.pieces) {
		return -1
	}
	from := d.pieces[i].start
	n := bytes.Index(d.text[from:], []byte(s.written()))
	if n < 0 {
		return -1
	}
	return d.pieceAt(from + n)
}

// written is what stands in a text wherever the name is referred to.
func (s symbol) written() string {
	switch s.kind {
	case kindColumn:
		if s.name == "iccid" {
			return "each." // each.key is that column too
		}
		return s.name
	case kindProvider:
		return s.name
	default:
		return s.name
	}
}
