package editor

import (
	"bytes"

	"github.com/cardfleet/cardfleet/spec/config"
)

// Edit replaces a part of a text.
type Edit struct {
	Range Range
	Text  string
}

// Format is what `cardfleet fmt` would change in a file, from the first line that
// it changes to the last. A file with mistakes is left as it is, and so is one
// that isn't open.
func (e *Editor) Format(path string) []Edit {
	d := e.document(path)
	if d == nil || !Belongs(path) {
		return nil
	}
	if native(path) && d.around(d.pieces[d.edited].start).broken {
		return nil // what is being typed isn't whole; to find that out by formatting takes all of the file
	}
	formatted, diags := config.Format(d.text, d.name())
	if diags.HasErrors() || bytes.Equal(formatted, d.text) {
		return nil
	}
	from := sameLines(d.text, formatted)
	before, after := d.text[from:], formatted[from:]
	n := sameEnd(before, after)
	return []Edit{{d.span(from, len(d.text)-n), string(after[:len(after)-n])}}
}

// sameLines is how many bytes of whole lines two texts begin with alike.
func sameLines(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return bytes.LastIndexByte(a[:n], '\n') + 1
}

// sameEnd is how many bytes of whole lines two texts end with alike.
func sameEnd(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	end := a[len(a)-n:]
	line := bytes.IndexByte(end, '\n')
	if line < 0 {
		return 0
	}
	return len(end) - line - 1
}
