package render

import (
	"bytes"
	"strconv"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

// Counts are a plan's counts, as programs read them: an object with a field for
// each kind of action, and a few more.
type Counts struct {
	Operation string // the field "operation"; "" leaves it out
	Summary   plan.Summary
}

// CountsOf turns a summary into its JSON form.
func CountsOf(s plan.Summary) Counts { return Counts{Summary: s} }

// MarshalJSON writes the fields in their order.
func (c Counts) MarshalJSON() ([]byte, error) {
	b := bytes.NewBufferString("{")
	if c.Operation != "" {
		b.WriteString(`"operation":` + strconv.Quote(c.Operation) + ",")
	}
	s := c.Summary
	count := func(name string, n int) { b.WriteString(strconv.Quote(name) + ":" + strconv.Itoa(n) + ",") }
	count("cards", s.Cards)
	count("unchanged", s.Unchanged)
	for _, kind := range spec.Kinds() {
		count(kind.Field(), s.ByKind[kind].Planned)
	}
	count("attention", s.Attention)
	count("unread", s.Unread)
	count("drifted", s.Drifted)
	count("guarded", s.Guarded)
	count("approved", s.Approved)
	b.Truncate(b.Len() - 1) // the last comma
	b.WriteByte('}')
	return b.Bytes(), nil
}
