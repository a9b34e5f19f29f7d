// Package lenient reads carriers' JSON, in which numbers and strings stand in
// each other's place and dates have any form, and says what is wrong with an answer without ever
// quoting it: it may echo a signed request or a token.
package lenient

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Text is a string that may come as a number or a boolean; null is "". It is
// kept as it is written: "02" is not "2".
type Text string

// UnmarshalJSON takes any scalar.
func (t *Text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case 'n':
		*t = ""
		return nil
	case '"':
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
