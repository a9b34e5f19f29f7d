package safe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON writes JSON to w with everything in its strings that can't be seen, or
// that a CI's log takes as a command, as JSON's own escapes: a reader gets the
// same values, and a terminal nothing to obey. encoding/json leaves the second
// set of control characters and marks of direction as they are.
//
// Close writes what is left; it doesn't close w.
func JSON(w io.Writer) io.WriteCloser { return &jsonWriter{w: w} }

// jsonWriter holds back what comes after the last quotation mark: neither a
// character nor a command goes across one.
type jsonWriter struct {
	w    io.Writer
	held []byte
}

// Write implements [io.Writer].
func (j *jsonWriter) Write(p []byte) (int, error) {
	j.held = append(j.held, p...)
	cut := bytes.LastIndexByte(j.held, '"') + 1
	if cut == 0 {
		return len(p), nil
	}
	_, err := j.w.Write(escapeJSON(j.held[:cut]))
	j.held = append(j.held[:0], j.held[cut:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what was held back.
func (j *jsonWriter) Close() error {
	held := j.held
	j.held = nil
	_, err := j.w.Write(escapeJSON(held))
	return err
}

// JSONText is what [JSON] writes of a whole text.
func JSONText(s string) string { return string(escapeJSON([]byte(s))) }

func escapeJSON(text []byte) []byte {
	if bytes.Contains(text, []byte("##")) { // an expression takes many times as long
		text = hashes().ReplaceAll(text, []byte(`##${1}\u005b`))
	}
	if bytes.Contains(text, []byte("section_")) {
		text = sections().ReplaceAll(text, []byte(`section_${1}\u003a`))
	}
	if !hasUnseen(text) {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if unseen(r) {
			for _, half := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, half)
			}
		} else {
			out = append(out, text[:n]...)
		}
		text = text[n:]
	}
	return out
}

// hasUnseen is bytes.ContainsFunc(text, unseen), and passes over ASCII, which most
// of a text is, eight characters at a time.
func hasUnseen(text []byte) bool {
	for i := 0; i < len(text); {
		if i+8 <= len(text) && isASCII(binary.LittleEndian.Uint64(text[i:])) {
			i += 8
			continue
		}
		if b := text[i]; b < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if unseen(r) {
			return true
		}
		i += n
	}
	return false
}

// isASCII reports whether each of eight bytes is less than 0x7f. One that isn't has
// its high bit set, or gets it by adding 1, which carries into no other byte unless
// that is so.
func isASCII(eight uint64) bool {
	return (eight|(eight+0x0101010101010101))&0x8080808080808080 == 0
}

// unseen reports a character of a JSON text that isn't shown. Those of ASCII are
// the text's own: within strings encoding/json has escaped them, but for delete.
func unseen(r rune) bool { return r == 0x7f || r >= utf8.RuneSelf && !unicode.IsGraphic(r) }
