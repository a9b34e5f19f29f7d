package plain

import "strings"

// chunkSize is how many bytes of text are kept together.
const chunkSize = 1 << 16

// Texts keeps many short texts, each without an allocation of its own and
// without what it was cut from: a row, or a file. Its zero value is ready.
type Texts struct{ chunk *strings.Builder }

// Keep is a copy of text.
func (t *Texts) Keep(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	b := t.room(len(text))
	from := b.Len()
	b.Write(text)
	return b.String()[from:]
}

// KeepString is [Texts.Keep] for a string.
func (t *Texts) KeepString(text string) string {
	if text == "" {
		return ""
	}
	b := t.room(len(text))
	from := b.Len()
	b.WriteString(text)
	return b.String()[from:]
}

// room is a builder that holds n more bytes without moving what it has.
func (t *Texts) room(n int) *strings.Builder {
	if t.chunk == nil || t.chunk.Cap()-t.chunk.Len() < n {
		t.chunk = &strings.Builder{}
		t.chunk.Grow(max(n, chunkSize))
	}
	return t.chunk
}
