package editor

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/rivo/uniseg"

	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// The bounds of what is parsed for one question.
const (
	// mostParsed is the most bytes of a block: a longer one is left to the loader.
	mostParsed = 256 << 10
	// reach is over how many lines that look like blocks a comment or a text may go.
	reach = 4
)

// excerpt is a part of a document that was parsed. Places in its tree count from
// its beginning.
type excerpt struct {
	doc      *document
	piece    int // its first
	from, to int // bytes of the document
	file     *hcl.File
	body     *hclsyntax.Body
	broken   bool
}

// excerptFile names the excerpt in ranges.
const excerptFile = "excerpt"

// excerpt parses the pieces first..last.
func (d *document) excerpt(first, last int) *excerpt {
	x := &excerpt{doc: d, piece: first, from: d.pieces[first].start, to: d.end(last)}
	text := d.text[x.from:x.to]
	if len(text) > mostParsed {
		text, x.to = nil, x.from
	}
	d.work.addParsed(len(text))
	var diags hcl.Diagnostics
	x.file, diags = plain.Parse(text, excerptFile, hcl.InitialPos)
	x.broken = diags.HasErrors()
	x.file.Bytes = text
	x.body = x.file.Body.(*hclsyntax.Body)
	return x
}

// around parses what is around a byte: its piece, or several, where a text of
// several lines or a comment holds what looks like a block's first line.
func (d *document) around(at int) *excerpt {
	i := d.pieceAt(at)
	whole := d.excerpt(i, i)
	first := max(0, i-reach)
	if !whole.broken || !spansLines(d.text[d.pieces[first].start:d.end(i)]) {
		return whole
	}
	for from := i; from >= first; from-- {
		for to := i; to <= min(i+reach, len(d.pieces)-1); to++ {
			if x := d.excerpt(from, to); !x.broken && x.to > x.from {
				return x
			}
		}
	}
	return whole
}

func spansLines(text []byte) bool {
	return bytes.Contains(text, []byte("<<")) || bytes.Contains(text, []byte("/*"))
}

// pos is a byte of the document as a place in the excerpt.
func (x *excerpt) pos(at int) hcl.Pos {
	before := x.file.Bytes[:max(0, min(at-x.from, len(x.file.Bytes)))]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return hcl.Pos{
		Line: bytes.Count(before, []byte{'\n'}) + 1, Column: uniseg.GraphemeClusterCount(string(line)) + 1, Byte: len(before),
	}
}

// span is a part of the excerpt as a part of the document.
func (x *excerpt) span(r hcl.Range) Range {
	return x.doc.span(x.from+r.Start.Byte, x.from+r.End.Byte)
}

// block is the block at the top level around a byte of the excerpt; nil for none.
func (x *excerpt) block(at int) *hclsyntax.Block {
	for _, b := range x.body.Blocks {
		if from, to := b.TypeRange.Start.Byte, b.Body.EndRange.End.Byte; at >= from && at <= max(to, b.CloseBraceRange.End.Byte) {
			return b
		}
	}
	return nil
}

// traversal is the reference around a byte of the excerpt; nil for none.
func (x *excerpt) traversal(at int) hcl.Traversal {
	var found hcl.Traversal
	x.visit(func(t hcl.Traversal) {
		if r := t.SourceRange(); at >= r.Start.Byte && at <= r.End.Byte {
			found = t
		}
	})
	return found
}

// visit calls yield for each reference, those that a for expression names aside.
func (x *excerpt) visit(yield func(hcl.Traversal)) {
	// No visitor of ours finds anything wrong.
	_ = hclsyntax.VisitAll(x.body, func(n hclsyntax.Node) hcl.Diagnostics {
		a, ok := n.(*hclsyntax.Attribute)
		if ok {
			for _, t := range a.Expr.Variables() {
				yield(t)
			}
		}
		return nil
	})
}
