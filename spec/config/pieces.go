package config

import (
	"bytes"
	"sort"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// piece is a part of a file of native syntax that HCL parses alone as it would
// within the file. It begins with a line, outside of all blocks, and ends where
// the next begins.
type piece struct {
	start, line int
	// file is the piece's syntax tree; nil where the piece is one card block,
	// which is parsed again where its tree is needed.
	file *hcl.File
}

// parsedPiece is a syntax tree that isn't kept for long.
type parsedPiece struct {
	piece int
	file  *hcl.File
}

// cardSource is a card block before it is read: there may be a million, so that
// most are only a place in a text.
type cardSource struct {
	name   string
	block  *hcl.Block // nil: the block is piece of source
	source *source
	piece  int
	plain  bool // plainReader can read it
}

// pieces is a file taken apart.
type pieces struct {
	source *source
	cards  []cardSource
	blocks hcl.Blocks // the others
	// syntax is what is wrong with the file, and stray what stands where it doesn't belong.
	syntax, stray hcl.Diagnostics

	reader plainReader
	names  textStore
}

// takeApart splits a file into plain card blocks and what is between them, and
// parses that. The blocks, and what is found wrong, are those that the whole
// file has: a piece ends where HCL finds nothing wrong in it, so that the next
// begins outside of all blocks, comments and texts. The last piece goes to the
// end of the file, so that HCL recovers from a mistake in it as it always does.
// It fails where only the whole file can tell, which then has to be parsed.
func takeApart(src *source) (*pieces, bool) {
	f := &pieces{source: src, reader: plainReader{text: src.text}}
	for at := (mark{line: 1, column: 1}); ; {
		start, ok := f.skipBlank(at)
		if !ok {
			return f, true
		}
		if f.reader.read(start) {
			f.addPlain(start)
			at = f.reader.at
		} else if at, ok = f.parse(start); !ok {
			return nil, false
		}
	}
}

func (f *pieces) addPlain(start mark) {
	f.source.pieces = append(f.source.pieces, piece{start: start.byte, line: start.line})
	f.cards = append(f.cards, cardSource{
		name: f.names.keep(f.reader.block.name), source: f.source, piece: len(f.source.pieces) - 1, plain: true,
	})
}

// parse makes a piece of what isn't plain. It is believed to end before the
// next line that looks like a card block's first; where it doesn't, since that
// line is part of a comment, say, it ends after so many more of them that HCL
// finds nothing wrong.
func (f *pieces) parse(start mark) (end mark, ok bool) {
	if start.byte > 0 && bytes.HasPrefix(f.source.text[start.byte:], []byte(bom)) {
		return end, false // at its beginning HCL would skip it
	}
	end = start
	for more := 1; ; more *= 2 { // so that all attempts together cost little more than the last
		for range more {
			end = f.nextCardLine(end)
		}
		p := piece{start: start.byte, line: start.line}
		last := end.byte == len(f.source.text)
		var diags hcl.Diagnostics
		p.file, diags = f.source.parsePiece(p, end.byte)
		if len(diags) == 0 || last {
			return end, f.addParsed(p, diags)
		}
	}
}

// parsePiece parses the text from a piece's start to end.
func (s *source) parsePiece(p piece, end int) (*hcl.File, hcl.Diagnostics) {
	return hclsyntax.ParseConfig(s.text[p.start:end], s.name, hcl.Pos{Line: p.line, Column: 1, Byte: p.start})
}

// addParsed fails where the piece has attributes outside of all blocks: whether
// one is there twice only the whole file can tell.
func (f *pieces) addParsed(p piece, syntax hcl.Diagnostics) bool {
	body := p.file.Body.(*hclsyntax.Body)
	if len(body.Attributes) > 0 {
		return false
	}
	content, stray := body.Content(rootSchema())
	f.syntax, f.stray = append(f.syntax, syntax...), append(f.stray, stray...)
	i := len(f.source.pieces)
	if len(syntax) == 0 && len(stray) == 0 && isOneCard(body, content) {
		f.cards = append(f.cards, cardSource{name: content.Blocks[0].Labels[0], source: f.source, piece: i})
		p.file = nil
		content.Blocks = nil
	}
	f.source.pieces = append(f.source.pieces, p)
	for _, b := range content.Blocks {
		if b.Type == "card" {
			f.cards = append(f.cards, cardSource{name: b.Labels[0], block: b})
		} else {
			f.blocks = append(f.blocks, b)
		}
	}
	return true
}

// isOneCard reports whether a piece is a card block that has a name, and nothing else.
func isOneCard(body *hclsyntax.Body, content *hcl.BodyContent) bool {
	return len(body.Blocks) == 1 && len(content.Blocks) == 1 && content.Blocks[0].Type == "card" &&
		hclsyntax.ValidIdentifier(content.Blocks[0].Labels[0])
}

// skipBlank goes on to the line of the next block; it fails at the end of the file.
func (f *pieces) skipBlank(at mark) (mark, bool) {
	text := f.source.text
	for at.byte < len(text) {
		end := f.blankLine(at)
		if end == at {
			return at, true
		}
		at = end
	}
	return at, false
}

// blankLine is the start of the next line where the one at holds nothing but
// spaces and comments, some of which may be of several lines; else it is at.
func (f *pieces) blankLine(at mark) mark {
	r := plainReader{text: f.source.text, at: at}
	for {
		r.spaces()
		rest := r.text[r.at.byte:]
		if len(rest) == 0 {
			return r.at
		}
		if !bytes.HasPrefix(rest, []byte("/*")) {
			break
		}
		n := bytes.Index(rest[2:], []byte("*/"))
		if n < 0 {
			return at
		}
		r.at.line += bytes.Count(rest[:n+2], []byte("\n"))
		r.at.byte += n + 4
	}
	if !r.atLineEnd() || !r.lineEnd(false) {
		return at
	}
	return r.at
}

// nextCardLine is the first line after the one at that looks like the beginning
// of a card block; the end of the file where there is none.
func (f *pieces) nextCardLine(at mark) mark {
	text := f.source.text
	for at.byte < len(text) {
		n := bytes.IndexByte(text[at.byte:], '\n')
		if n < 0 {
			break
		}
		at = mark{byte: at.byte + n + 1, line: at.line + 1, column: 1}
		if beginsCard(text[at.byte:]) {
			return at
		}
	}
	return mark{byte: len(text), line: at.line, column: 1}
}

func beginsCard(text []byte) bool {
	text = bytes.TrimLeft(text[:min(len(text), 80)], " \t")
	rest, ok := bytes.CutPrefix(text, []byte("card"))
	rest = bytes.TrimLeft(rest, " \t")
	return ok && len(rest) > 0 && rest[0] == '"'
}

// hclBlock is the block's syntax tree, parsed again where it wasn't kept.
func (c *cardSource) hclBlock() *hcl.Block {
	if c.block != nil {
		return c.block
	}
	body := c.source.tree(c.piece).Body
	content, diags := body.Content(rootSchema())
	if diags.HasErrors() {
		panic("config: a card block that was parsed before has mistakes now: " + diags.Error())
	}
	return content.Blocks[0]
}

// tree is the syntax tree of a piece.
func (s *source) tree(i int) *hcl.File {
	p := s.pieces[i]
	switch {
	case p.file != nil:
		return p.file
	case s.parsed == nil || s.parsed.piece != i:
		file, _ := s.parsePiece(p, s.pieceEnd(i)) // without mistakes, or the tree had been kept
		s.parsed = &parsedPiece{piece: i, file: file}
	}
	return s.parsed.file
}

func (s *source) pieceEnd(i int) int {
	if i+1 < len(s.pieces) {
		return s.pieces[i+1].start
	}
	return len(s.text)
}

// pieceAt is the syntax tree around a byte; nil where there is none.
func (s *source) pieceAt(offset int) *hcl.File {
	i := sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].start > offset })
	if i == 0 {
		return nil
	}
	return s.tree(i - 1)
}

// forgetCards keeps of a file that was taken apart only what isn't cards: what
// outputs and the local values for them have to show.
func (s *source) forgetCards() {
	if len(s.pieces) == 0 {
		return
	}
	for i, p := range s.pieces {
		if p.file == nil {
			continue
		}
		p.file.Bytes = nil // they are all of text
		s.parts = append(s.parts, &source{name: s.name, text: bytes.Clone(s.text[p.start:s.pieceEnd(i)]), file: p.file, base: p.start})
	}
	s.text, s.pieces, s.parsed = nil, nil, nil
}

// partAt is the part around a byte; one without text where there is none.
func (s *source) partAt(offset int) *source {
	i := sort.Search(len(s.parts), func(i int) bool { return s.parts[i].base > offset })
	if i == 0 {
		return &source{}
	}
	return s.parts[i-1]
}
