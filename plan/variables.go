package plan

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Variable is a variable that was given on the command line when a plan was
// made, to be compared when it is applied. The plan's own value is never used.
type Variable struct {
	Name string `json:"name"`
	// Value is the value as JSON; "" where it is sensitive, or no text is known.
	Value string `json:"value,omitempty"`
	// Digest stands for a sensitive value.
	Digest string `json:"digest,omitempty"`
}

// VariableOf is how a plan of that time keeps a variable, whose value is given
// as JSON.
func VariableOf(name, value string, sensitive bool, planned time.Time) Variable {
	if !sensitive {
		return Variable{Name: name, Value: value}
	}
	return Variable{Name: name, Digest: digestOfSecret(name, value, planned)}
}

// secretRounds makes the guessing of a short secret slow.
const secretRounds = 100_000

// digestOfSecret tells whether two secrets are alike. It is salted with the
// plan's time, so that two plans don't tell that of each other.
func digestOfSecret(name, value string, planned time.Time) string {
	salt := []byte("cardfleet plan variable\n" + name + "\n" + planned.UTC().Format(time.RFC3339Nano))
	sum, err := pbkdf2.Key(sha256.New, value, salt, secretRounds, sha256.Size)
	if err != nil {
		panic(err) // the length is one that there is
	}
	return "pbkdf2-sha256:" + hex.EncodeToString(sum)
}

// Holds reports whether the variable of a plan of that time has the value,
// which is given as JSON.
func (v Variable) Holds(value string, sensitive bool, planned time.Time) bool {
	if v.Digest != "" {
		return v.Digest == digestOfSecret(v.Name, value, planned)
	}
	return !sensitive && v.Value == value
}
