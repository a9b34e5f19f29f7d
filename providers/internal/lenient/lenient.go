// Package lenient reads carriers' JSON, in which numbers and strings stand in
// each other's place and dates have any form, and says what is wrong with an answer without ever
// quoting it: it may echo a signed request or a token.
package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Text is a string that may come as a number or a boolean; null is "". It is
// kept as it is written: "02" is not "2".
type Text string

// UnmarshalJSON takes any scalar. The caller has checked that data is JSON.
func (t *Text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case 'n':
		*t = ""
		return nil
	case '"':
		if plain, ok := plainText(data); ok {
			*t = Text(plain)
			return nil
		}
		return json.Unmarshal(data, (*string)(t))
	case '{':
		return errors.New("an object stands where a text should")
	case '[':
		return errors.New("a list stands where a text should")
	default:
		*t = Text(data)
		return nil
	}
}

// plainText is what stands in a JSON string in which nothing is escaped or
// replaced, so that it needn't be decoded a second time.
func plainText(data []byte) (plain []byte, ok bool) {
	n := len(data) - 1
	if n < 1 || data[n] != '"' {
		return nil, false // there is space behind it
	}
	plain = data[1:n]
	return plain, bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain)
}

// Describe says what is wrong with an answer of size bytes that encoding/json
// could not read.
func Describe(err error, size int) error {
	var syntax *json.SyntaxError
	var odd *json.UnmarshalTypeError
	switch {
	case size == 0:
		return errors.New("the answer is empty")
	case errors.As(err, &syntax) && syntax.Offset >= int64(size):
		return fmt.Errorf("the answer is JSON cut off after %d bytes", size)
	case errors.As(err, &syntax):
		return fmt.Errorf("the answer is no JSON (%d bytes)", size)
	case errors.As(err, &odd):
		return fmt.Errorf("the answer has an odd shape: a JSON %s stands at %q", odd.Value, odd.Field)
	default:
		return fmt.Errorf("the answer has an odd shape: %w", err)
	}
}

// Need is an error that names a missing member; nil where it is there.
func Need(there bool, name string) error {
	if there {
		return nil
	}
	return fmt.Errorf("the answer has no %s", name)
}
