package plain

import (
	"bytes"
	"iter"
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

// Card is a card block before it is read: there may be a million, so that most
// are only a place in a text.
type Card struct {
	Name  string
	Block *hcl.Block // nil: the block is piece of file
	file  *File
	piece int32
	Plain bool // a [Reader] can read it
}

// File is a file of native syntax that was taken apart.
type File struct {
	name   string
	text   []byte
	schema *hcl.BodySchema
	pieces []piece      // in the order of the file
	parsed *parsedPiece // the piece that was parsed last, for the mistakes in it
}

// Found is what stands in a file.
type Found struct {
	Cards  []Card
	Blocks hcl.Blocks // the others
	// Syntax is what is wrong with the file, and Stray what stands where it doesn't belong.
	Syntax, Stray hcl.Diagnostics
}

// pieces takes a file apart.
type pieces struct {
	*File
	Found
	reader Reader
	names  Texts
	stop   func() bool
}

// bom is the byte-order mark, which HCL skips at the beginning of a text.
const bom = "\uFEFF"

// TakeApart splits a file into plain card blocks and what is between them, and
// parses that by the schema of its top level. The blocks, and what is found
// wrong, are those that the whole file has: a piece ends where HCL finds nothing
// wrong in it, so that the next begins outside of all blocks, comments and
// texts. The last piece goes to the end of the file, so that HCL recovers from a
// mistake in it as it always does. It fails where only the whole file can tell,
// which then has to be parsed, and where stop says, which is asked between blocks.
func TakeApart(name string, text []byte, schema *hcl.BodySchema, stop func() bool) (*File, Found, bool) {
	f := &pieces{stop: stop, File: &File{name: name, text: text, schema: schema}, reader: Reader{text: text}}
	if n := bytes.Count(text, []byte("\ncard ")); n > 0 { // as most write it: room for them is made once
		f.pieces, f.Cards = make([]piece, 0, n+few), make([]Card, 0, n+few)
	}
	for at := (Mark{line: 1, column: 1}); ; {
		start, ok := f.skipBlank(at)
		if !ok {
			return f.File, f.Found, true
		}
		if f.reader.read(start) {
			f.addPlain(start)
			at = f.reader.at
		} else if stop() {
			return nil, Found{}, false
		} else if at, ok = f.parse(start); !ok {
			return nil, Found{}, false
		}
	}
}

// few is how many more pieces than cards most files have.
const few = 16

func (f *pieces) addPlain(start Mark) {
	f.pieces = append(f.pieces, piece{start: start.byte, line: start.line})
	f.Cards = append(f.Cards, Card{
		Name: f.names.Keep(f.reader.block.Name), file: f.File, piece: int32(len(f.pieces) - 1), Plain: true,
	})
}

// parse makes a piece of what isn't plain. The piece should end before the next
// line that looks like the first of a card block. Where HCL finds a mistake in
// it, that line may be part of a comment or a text: the piece then grows by more
// such lines until HCL finds nothing wrong.
func (f *pieces) parse(start Mark) (end Mark, ok bool) {
	if start.byte > 0 && bytes.HasPrefix(f.text[start.byte:], []byte(bom)) {
		return end, false // at its beginning HCL would skip it
	}
	end = start
	for more := 1; !f.stop(); more *= 2 { // so that all attempts together cost little more than the last
		for range more {
			end = f.nextCardLine(end)
		}
		p := piece{start: start.byte, line: start.line}
		last := end.byte == len(f.text)
		var diags hcl.Diagnostics
		p.file, diags = f.parsePiece(p, end.byte)
		if len(diags) == 0 || last {
			return end, f.addParsed(p, diags)
		}
	}
	return end, false
}

// addParsed fails where the piece has attributes outside of all blocks: whether
// one is there twice only the whole file can tell.
func (f *pieces) addParsed(p piece, syntax hcl.Diagnostics) bool {
	body := p.file.Body.(*hclsyntax.Body)
	if len(body.Attributes) > 0 {
		return false
	}
	content, stray := body.Content(f.schema)
	f.Syntax, f.Stray = append(f.Syntax, syntax...), append(f.Stray, stray...)
	i := len(f.pieces)
	if len(syntax) == 0 && len(stray) == 0 && isOneCard(body, content) {
		f.Cards = append(f.Cards, Card{Name: content.Blocks[0].Labels[0], file: f.File, piece: int32(i)})
		p.file = nil
		content.Blocks = nil
	}
	f.pieces = append(f.pieces, p)
	for _, b := range content.Blocks {
		if b.Type == "card" {
			f.Cards = append(f.Cards, Card{Name: b.Labels[0], Block: b})
		} else {
			f.Blocks = append(f.Blocks, b)
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
func (f *pieces) skipBlank(at Mark) (Mark, bool) {
	text := f.text
	for at.byte < len(text) {
		end := f.blankLine(at)
		if end == at {
			return at, true
		}
		at = end
	}
	return at, false
}

// blankLine is the start of the next line where the line at holds only spaces and
// comments; else it is at. A comment may go over several lines.
func (f *pieces) blankLine(at Mark) Mark {
	r := Reader{text: f.text, at: at}
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

// nextCardLine is the next line, after the line at, that looks like the beginning
// of a card block; the end of the file where no line does.
func (f *pieces) nextCardLine(at Mark) Mark {
	text := f.text
	for at.byte < len(text) {
		n := bytes.IndexByte(text[at.byte:], '\n')
		if n < 0 {
			break
		}
		at = Mark{byte: at.byte + n + 1, line: at.line + 1, column: 1}
		if beginsCard(text[at.byte:]) {
			return at
		}
	}
	return Mark{byte: len(text), line: at.line, column: 1}
}

func beginsCard(text []byte) bool {
	text = bytes.TrimLeft(text[:min(len(text), 80)], " \t")
	rest, ok := bytes.CutPrefix(text, []byte("card"))
	rest = bytes.TrimLeft(rest, " \t")
	return ok && len(rest) > 0 && rest[0] == '"'
}

// HCL is the block's syntax tree, parsed again where it wasn't kept.
func (c *Card) HCL() *hcl.Block {
	if c.Block != nil {
		return c.Block
	}
	body := c.file.tree(int(c.piece)).Body
	content, diags := body.Content(c.file.schema)
	if diags.HasErrors() {
		panic("plain: a card block that was parsed before has mistakes now: " + diags.Error())
	}
	return content.Blocks[0]
}

// File is the name of the file that a plain card stands in.
func (c *Card) File() string { return c.file.name }

// Read reads a plain card's block, which is valid until the reader's next.
func (c *Card) Read(r *Reader) *Block {
	p := c.file.pieces[c.piece]
	r.text = c.file.text
	if !r.read(Mark{byte: p.start, line: p.line, column: 1}) {
		panic("plain: a block that was read before is none now: " + c.Name)
	}
	return &r.block
}

// parsePiece parses the text from a piece's start to end.
func (f *File) parsePiece(p piece, end int) (*hcl.File, hcl.Diagnostics) {
	return Parse(f.text[p.start:end], f.name, hcl.Pos{Line: p.line, Column: 1, Byte: p.start})
}

// At is the syntax tree around a byte; nil where there is none.
func (f *File) At(offset int) *hcl.File {
	i := sort.Search(len(f.pieces), func(i int) bool { return f.pieces[i].start > offset })
	if i == 0 {
		return nil
	}
	return f.tree(i - 1)
}

// tree is the syntax tree of a piece.
func (f *File) tree(i int) *hcl.File {
	p := f.pieces[i]
	switch {
	case p.file != nil:
		return p.file
	case f.parsed == nil || f.parsed.piece != i:
		file, _ := f.parsePiece(p, f.pieceEnd(i)) // without mistakes, or the tree had been kept
		f.parsed = &parsedPiece{piece: i, file: file}
	}
	return f.parsed.file
}

// Starts are the bytes at which the pieces begin, each outside of all blocks.
func (f *File) Starts() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range f.pieces {
			if !yield(f.pieces[i].start) {
				return
			}
		}
	}
}

func (f *File) pieceEnd(i int) int {
	if i+1 < len(f.pieces) {
		return f.pieces[i+1].start
	}
	return len(f.text)
}

// Part is a part of a file that isn't cards.
type Part struct {
	Text []byte
	Base int // where Text begins in the file
	File *hcl.File
}

// WithoutCards copies what isn't cards out of the file, in its order.
func (f *File) WithoutCards() []Part {
	var parts []Part
	for i, p := range f.pieces {
		if p.file == nil {
			continue
		}
		p.file.Bytes = nil // they are all of the file's text
		parts = append(parts, Part{Text: bytes.Clone(f.text[p.start:f.pieceEnd(i)]), Base: p.start, File: p.file})
	}
	return parts
}
