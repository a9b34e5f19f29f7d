package plain

import (
	"bytes"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
)

// Mark is a place in a file's text: lines and columns count from 1, in
// characters, as in [hcl.Pos].
type Mark struct{ byte, line, column int }

// Block is a card block that is written out: quoted texts, true, false,
// null, and lists and objects of texts. Fleets of such blocks are long, so they
// are read without HCL, whose syntax tree takes 10 KB a block.
//
// [Reader.read] is certain or says no: HCL reads what it accepts to the
// same values at the same places, and reads alone what it refuses.
type Block struct {
	Name       []byte
	Start, End Mark // of the header: from the word card to the name's closing quote
	Attributes []Attribute
	// Texts are the elements of lists, and the keys and values of objects in turn.
	Texts         [][]byte
	PreventUnbind bool
	Ignore        spec.Attr
	// lifecycle is what was met of the lifecycle block, which is there once.
	lifecycle struct{ written, prevents, ignores bool }
}

// Attribute is one attribute of a plain block.
type Attribute struct {
	Name       string
	Start, End Mark
	Null       bool
	On         bool
	// Text is a quoted text's inside, a provider's name, or a list or object as it is written.
	Text     []byte
	From, To int // the texts of a list or an object
}

// Reader reads plain blocks, one after the other. Its zero value is ready.
type Reader struct {
	text  []byte
	at    Mark
	block Block
	// widths holds what was counted; see characters.
	widths map[string]int
}

// widthsKept is how many widths are remembered: with more different texts than
// this, remembering them saves nothing.
const widthsKept = 4096

// read reads the block that begins in the line at, and leaves the reader at the
// line after it. The block is valid until the next read.
func (p *Reader) read(at Mark) bool {
	p.at = at
	p.block = Block{Attributes: p.block.Attributes[:0], Texts: p.block.Texts[:0]}
	return p.header() && p.body((*Reader).item) && p.lineEnd(true)
}

func (p *Reader) header() bool {
	b := &p.block
	p.spaces()
	b.Start = p.at
	if string(p.word()) != "card" {
		return false
	}
	p.spaces()
	if !p.take('"') {
		return false
	}
	b.Name = p.word()
	if b.Name == nil || !p.take('"') {
		return false
	}
	b.End = p.at
	p.spaces()
	return p.take('{')
}

// body reads a block's items up to its closing brace. An attribute beside the
// opening brace is the only item.
func (p *Reader) body(item func(p *Reader, alone bool) bool) bool {
	p.spaces()
	if !p.atLineEnd() {
		ok := item(p, true)
		p.spaces()
		return ok && p.take('}')
	}
	for {
		if !p.blank() {
			return false
		}
		if p.take('}') {
			return true
		}
		if !item(p, false) || !p.lineEnd(false) {
			return false
		}
	}
}

// item is an attribute or the lifecycle block.
func (p *Reader) item(alone bool) bool {
	start := p.at
	word := p.word()
	if string(word) == "lifecycle" {
		return !alone && p.lifecycleBlock()
	}
	form, name := formOf(word)
	if form == nil || p.block.has(name) || !p.equals() {
		return false
	}
	p.block.Attributes = append(p.block.Attributes, Attribute{Name: name, Start: start})
	a := &p.block.Attributes[len(p.block.Attributes)-1]
	ok := form(p, a)
	a.End = p.at
	return ok
}

// formOf is how the value of an attribute is read, and the attribute's name.
func formOf(word []byte) (form func(*Reader, *Attribute) bool, name string) {
	switch string(word) {
	case "iccid":
		return (*Reader).textValue, "iccid"
	case "imei":
		return (*Reader).textValue, "imei"
	case "current_imei":
		return (*Reader).textValue, "current_imei"
	case "msisdn":
		return (*Reader).textValue, "msisdn"
	case "bound":
		return (*Reader).switchValue, "bound"
	case "active":
		return (*Reader).switchValue, "active"
	case "shared_imei":
		return (*Reader).switchValue, "shared_imei"
	case "packages":
		return (*Reader).listValue, "packages"
	case "labels":
		return (*Reader).objectValue, "labels"
	case "provider":
		return (*Reader).referenceValue, "provider"
	default:
		return nil, ""
	}
}

func (b *Block) has(name string) bool {
	for i := range b.Attributes {
		if b.Attributes[i].Name == name {
			return true
		}
	}
	return false
}

// textValue is a quoted text or null.
func (p *Reader) textValue(a *Attribute) (ok bool) {
	if a.Null = p.null(); a.Null {
		return true
	}
	a.Text, ok = p.quoted()
	return ok
}

// switchValue is true, false or null.
func (p *Reader) switchValue(a *Attribute) bool {
	switch string(p.word()) {
	case "true":
		a.On = true
	case "false":
	case "null":
		a.Null = true
	default:
		return false
	}
	return true
}

// referenceValue is a provider's type, and its alias where it has one.
func (p *Reader) referenceValue(a *Attribute) bool {
	from := p.at.byte
	typ := p.word()
	if typ == nil || isKeyword(typ) || (p.take('.') && p.word() == nil) {
		return false
	}
	a.Text = p.text[from:p.at.byte]
	return true
}

// listValue is a list of texts, or null.
func (p *Reader) listValue(a *Attribute) bool {
	if a.Null = p.null(); a.Null {
		return true
	}
	begin := p.at.byte
	a.From = len(p.block.Texts)
	ok := p.list((*Reader).element)
	a.To, a.Text = len(p.block.Texts), p.text[begin:p.at.byte]
	return ok
}

func (p *Reader) element() bool {
	text, ok := p.quoted()
	p.block.Texts = append(p.block.Texts, text)
	return ok
}

// list reads a list in brackets, over as many lines as it takes.
func (p *Reader) list(element func(*Reader) bool) bool {
	if !p.take('[') {
		return false
	}
	for {
		p.spacesAndLines()
		if p.take(']') {
			return true
		}
		if !element(p) {
			return false
		}
		p.spacesAndLines()
		if !p.take(',') {
			return p.take(']')
		}
	}
}

// objectValue is an object of texts, or null.
func (p *Reader) objectValue(a *Attribute) bool {
	if a.Null = p.null(); a.Null {
		return true
	}
	begin := p.at.byte
	a.From = len(p.block.Texts)
	ok := p.object()
	a.To, a.Text = len(p.block.Texts), p.text[begin:p.at.byte]
	return ok
}

func (p *Reader) object() bool {
	if !p.take('{') {
		return false
	}
	for {
		p.spacesAndLines()
		if p.take('}') {
			return true
		}
		if !p.pair() {
			return false
		}
		p.spaces()
		if p.take('}') {
			return true
		}
		if !p.take(',') && !p.newline() {
			return false
		}
	}
}

// pair is a key and its value in an object.
func (p *Reader) pair() bool {
	key, ok := p.word(), true
	switch {
	case key == nil:
		key, ok = p.quoted()
	case isKeyword(key):
		ok = false
	}
	if !ok || !p.separator() {
		return false
	}
	value, ok := p.quoted()
	p.block.Texts = append(p.block.Texts, key, value)
	return ok
}

// isKeyword reports whether HCL may take a word for more than a name.
func isKeyword(word []byte) bool {
	switch string(word) {
	case "for", "true", "false", "null":
		return true
	default:
		return false
	}
}

// lifecycleBlock is what follows the word lifecycle.
func (p *Reader) lifecycleBlock() bool {
	p.spaces()
	if !once(&p.block.lifecycle.written) || !p.take('{') {
		return false
	}
	return p.body((*Reader).lifecycleItem)
}

func (p *Reader) lifecycleItem(bool) bool {
	seen := &p.block.lifecycle
	switch string(p.word()) {
	case "prevent_unbind":
		return once(&seen.prevents) && p.equals() && p.preventUnbind()
	case "ignore_changes":
		return once(&seen.ignores) && p.equals() && p.list((*Reader).ignored)
	default:
		return false
	}
}

// once reports whether seen wasn't set before, and sets it.
func once(seen *bool) bool {
	before := *seen
	*seen = true
	return !before
}

func (p *Reader) preventUnbind() bool {
	var a Attribute
	if !p.switchValue(&a) || a.Null {
		return false
	}
	p.block.PreventUnbind = a.On
	return true
}

func (p *Reader) ignored() bool {
	mask, ok := IgnoreMask(string(p.word()))
	p.block.Ignore |= mask
	return ok
}

// null takes the word null, if it is the next.
func (p *Reader) null() bool {
	before := p.at
	if string(p.word()) == "null" {
		return true
	}
	p.at = before
	return false
}

// quoted takes a text in quotes without escapes and templates, and returns its inside.
func (p *Reader) quoted() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	rest, ascii := p.text[p.at.byte:], true
	for i, c := range rest {
		switch {
		case c == '"':
			return p.quotedInside(rest[:i], ascii)
		case c == '\\' || c == '$' || c == '%' || c < ' ' || c == 0x7f:
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

func (p *Reader) quotedInside(inside []byte, ascii bool) ([]byte, bool) {
	columns := len(inside)
	if !ascii {
		if len(inside) > longestWide || !utf8.Valid(inside) {
			return nil, false
		}
		columns = p.characters(inside)
	}
	p.at.byte += len(inside)
	p.at.column += columns
	return inside, p.take('"')
}

// longestWide is the most bytes that characters counts. Its scanner gives up on a
// character of 64 KiB, and HCL does not.
const longestWide = 4096

// characters counts characters as HCL does for columns. It is slow, and labels repeat.
func (p *Reader) characters(text []byte) int {
	if n, ok := p.widths[string(text)]; ok {
		return n
	}
	s := hcl.NewRangeScanner(text, "", func(data []byte, _ bool) (int, []byte, error) { return len(data), data, nil })
	s.Scan()
	n := s.Range().End.Column - 1
	if p.widths == nil {
		p.widths = map[string]int{}
	}
	if len(p.widths) < widthsKept {
		p.widths[string(text)] = n
	}
	return n
}

// word takes a name of ASCII letters, digits, underscores and dashes; nil where none is next.
func (p *Reader) word() []byte {
	rest := p.text[p.at.byte:]
	n := 0
	for n < len(rest) && (isLetter(rest[n]) || (n > 0 && (rest[n] == '-' || (rest[n] >= '0' && rest[n] <= '9')))) {
		n++
	}
	if n == 0 {
		return nil
	}
	p.skip(n)
	return rest[:n]
}

func isLetter(c byte) bool { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' }

func (p *Reader) equals() bool {
	p.spaces()
	ok := p.take('=')
	p.spaces()
	return ok
}

// separator is what stands between a key and its value.
func (p *Reader) separator() bool {
	p.spaces()
	ok := p.take('=') || p.take(':')
	p.spaces()
	return ok
}

// skip goes on by n ASCII characters of one line.
func (p *Reader) skip(n int) {
	p.at.byte += n
	p.at.column += n
}

func (p *Reader) take(c byte) bool {
	if p.at.byte >= len(p.text) || p.text[p.at.byte] != c {
		return false
	}
	p.skip(1)
	return true
}

func (p *Reader) spaces() {
	for p.at.byte < len(p.text) && (p.text[p.at.byte] == ' ' || p.text[p.at.byte] == '\t') {
		p.skip(1)
	}
}

func (p *Reader) spacesAndLines() {
	for {
		p.spaces()
		if !p.newline() {
			return
		}
	}
}

// newline takes the end of a line.
func (p *Reader) newline() bool {
	n := newlineAt(p.text[p.at.byte:])
	if n == 0 {
		return false
	}
	p.at = Mark{byte: p.at.byte + n, line: p.at.line + 1, column: 1}
	return true
}

// newlineAt is the length of the line's end that text begins with; 0 for none.
func newlineAt(text []byte) int {
	switch {
	case len(text) > 0 && text[0] == '\n':
		return 1
	case len(text) > 1 && text[0] == '\r' && text[1] == '\n':
		return 2
	default:
		return 0
	}
}

func (p *Reader) atLineEnd() bool {
	rest := p.text[p.at.byte:]
	return newlineAt(rest) > 0 || commentAt(rest)
}

// commentAt reports whether a comment that ends with its line is next.
func commentAt(text []byte) bool {
	return len(text) > 0 && (text[0] == '#' || (len(text) > 1 && text[0] == '/' && text[1] == '/'))
}

// comment takes a comment up to the end of its line.
func (p *Reader) comment() bool {
	rest := p.text[p.at.byte:]
	if !commentAt(rest) {
		return true
	}
	n := bytes.IndexByte(rest, '\n')
	if n < 0 {
		return false
	}
	if n > 0 && rest[n-1] == '\r' {
		n--
	}
	p.at.byte += n // the column is of no account: the line ends here
	return bytes.IndexByte(rest[:n], '\r') < 0
}

// lineEnd takes what may follow an item in its line: a comment, then the line's
// end, or the file's.
func (p *Reader) lineEnd(orFile bool) bool {
	p.spaces()
	if orFile && p.at.byte == len(p.text) {
		return true
	}
	return p.comment() && p.newline()
}

// blank takes empty lines and comments up to the next item, and says whether there is one.
func (p *Reader) blank() bool {
	for {
		p.spaces()
		if !p.atLineEnd() {
			return p.at.byte < len(p.text)
		}
		if !p.lineEnd(false) {
			return false
		}
	}
}

// Pos is the place as the vocabulary has it.
func (m Mark) Pos() spec.Pos { return spec.Pos{Line: m.line, Column: m.column, Byte: m.byte} }

// IgnoreMask is what a word of ignore_changes stands for.
func IgnoreMask(word string) (spec.Attr, bool) {
	switch word {
	case "active":
		return spec.AttrActive, true
	case "bound", "imei":
		return spec.AttrBinding, true
	case "packages":
		return spec.AttrPackages, true
	default:
		return 0, false
	}
}
