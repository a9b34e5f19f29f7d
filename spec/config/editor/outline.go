package editor

// mostSymbols is how many blocks a file's outline has: an editor draws each.
const mostSymbols = 10_000

// Symbol is a block of a file's outline.
type Symbol struct {
	Name, Type string
	Range      Range // of the block
	Header     Range
}

// Outline is a file's blocks, at most 10,000 of them, in their order.
func (e *Editor) Outline(path string) []Symbol {
	d := e.document(path)
	if d == nil || !native(path) || isVariables(path) {
		return nil
	}
	var list []Symbol
	for i := range d.pieces[:min(len(d.pieces), mostSymbols)] {
		typ, label, n := d.header(i)
		if !e.words[typ] {
			continue // what stands before the first block
		}
		name := typ
		if label != "" {
			name += " " + label
		}
		start := d.pieces[i].start
		list = append(list, Symbol{name, typ, d.span(start, d.lastByte(i)), d.span(start, start+n)})
	}
	return list
}

// lastByte is where a piece's block ends, without the blank lines behind it.
func (d *document) lastByte(i int) int {
	end := d.end(i)
	for end > d.pieces[i].start && (d.text[end-1] == '\n' || d.text[end-1] == '\r' || d.text[end-1] == ' ' || d.text[end-1] == '\t') {
		end--
	}
	return end
}
