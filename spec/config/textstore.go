package config

import "strings"

// textStoreChunk is how many bytes of text are kept together.
const textStoreChunk = 1 << 16

// textStore keeps many short texts, each without an allocation of its own and
// without what it was cut from: a row, or a file. Its zero value is ready.
type textStore struct{ chunk *strings.Builder }

// keep is a copy of text.
func (t *textStore) keep(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	b := t.room(len(text))
	from := b.Len()
	b.Write(text)
	return b.String()[from:]
}

// keepString is keep for a string.
func (t *textStore) keepString(text string) string {
	if text == "" {
		return ""
	}
	b := t.room(len(text))
	from := b.Len()
	b.WriteString(text)
	return b.String()[from:]
}

// room is a builder that holds n more bytes without moving what it has.
func (t *textStore) room(n int) *strings.Builder {
	if t.chunk == nil || t.chunk.Cap()-t.chunk.Len() < n {
		t.chunk = &strings.Builder{}
		t.chunk.Grow(max(n, textStoreChunk))
	}
	return t.chunk
}
