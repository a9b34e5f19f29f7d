package described

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// Numbers in replies are texts, spelled as in the reply: ids keep their digits and
// zeros, and a carrier that changes its mind between 0 and "0" is understood. So
// are true and false. HCL takes texts as numbers in arithmetic and by <, and as
// truth in conditions.

var errNoJSON = errors.New("it is no JSON")

// decodeJSON reads what is wanted of a document; the rest is checked and passed
// over.
func decodeJSON(body []byte, want *wanted) (cty.Value, error) {
	if !json.Valid(body) || !utf8.Valid(body) {
		return cty.NilVal, errNoJSON
	}
	d := jsonReader{text: body}
	return d.value(want)
}

// jsonReader reads a document that is valid JSON.
type jsonReader struct {
	text []byte
	at   int
}

// value reads the next value; cty.NilVal where nothing of it is wanted.
func (d *jsonReader) value(want *wanted) (cty.Value, error) {
	d.space()
	if want == nil {
		d.skip()
		return cty.NilVal, nil
	}
	switch d.text[d.at] {
	case '{':
		return d.object(want)
	case '[':
		return d.array(want)
	case '"':
		text, err := d.str()
		return cty.StringVal(text), err
	case 'n':
		d.at += len("null")
		return cty.NullVal(cty.DynamicPseudoType), nil
	default:
		start := d.at
		d.word()
		return cty.StringVal(string(d.text[start:d.at])), nil
	}
}

func (d *jsonReader) object(want *wanted) (cty.Value, error) {
	attrs := map[string]cty.Value{}
	for first := true; d.more('}', first); first = false {
		name, err := d.str()
		if err != nil {
			return cty.NilVal, err
		}
		d.space()
		d.at++ // the colon
		sub := want.names[name]
		if want.all {
			sub = everything
		}
		v, err := d.value(sub)
		if err != nil {
			return cty.NilVal, err
		}
		if sub != nil {
			attrs[name] = v
		}
	}
	return cty.ObjectVal(attrs), nil
}

// everything wants all of a value.
var everything = &wanted{all: true}

func (d *jsonReader) array(want *wanted) (cty.Value, error) {
	sub := want.each
	if want.all {
		sub = everything
	}
	var list []cty.Value
	for first := true; d.more(']', first); first = false {
		v, err := d.value(sub)
		if err != nil {
			return cty.NilVal, err
		}
		if sub != nil {
			list = append(list, v)
		}
	}
	return cty.TupleVal(list), nil
}

// more passes over what stands before the next element; false at the end.
func (d *jsonReader) more(end byte, first bool) bool {
	if first {
		d.at++ // the bracket
	}
	d.space()
	if d.text[d.at] == end {
		d.at++
		return false
	}
	if !first {
		d.at++ // the comma
		d.space()
	}
	return true
}

func (d *jsonReader) space() {
	for d.at < len(d.text) && (d.text[d.at] == ' ' || d.text[d.at] == '\n' || d.text[d.at] == '\t' || d.text[d.at] == '\r') {
		d.at++
	}
}

// word passes over a number, true, false or null.
func (d *jsonReader) word() {
	for d.at < len(d.text) && !strings.ContainsRune(",]} \n\t\r", rune(d.text[d.at])) {
		d.at++
	}
}

// str reads a string. Most have no escape, and are taken as they stand.
func (d *jsonReader) str() (string, error) {
	start := d.at
	if d.skipString() {
		return string(d.text[start+1 : d.at-1]), nil
	}
	var s string
	if err := json.Unmarshal(d.text[start:d.at], &s); err != nil {
		return "", fmt.Errorf("read a string: %w", err)
	}
	return s, nil
}

// skipString passes over a string, and reports whether it has no escape.
func (d *jsonReader) skipString() (plain bool) {
	plain = true
	for d.at++; d.text[d.at] != '"'; d.at++ {
		if d.text[d.at] == '\\' {
			plain = false
			d.at++
		}
	}
	d.at++
	return plain
}

// skip passes over a value.
func (d *jsonReader) skip() {
	for depth := 0; ; {
		switch d.text[d.at] {
		case '"':
			d.skipString()
		case '{', '[':
			depth++
			d.at++
		case '}', ']':
			depth--
			d.at++
		case ',', ':', ' ', '\n', '\t', '\r':
			d.at++
			continue
		default:
			d.word()
		}
		if depth == 0 {
			return
		}
	}
}
