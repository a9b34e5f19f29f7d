package described

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/zclconf/go-cty/cty"
)

// omitted marks a value that is left out of JSON.
type omitted struct{}

// omitValue is what omit stands for. It is unknown, since a conditional's result has
// the marks of both of its branches, and only what is chosen may be left out.
func omitValue() cty.Value { return cty.DynamicVal.Mark(omitted{}) }

func isOmitted(v cty.Value) bool { return v.HasMark(omitted{}) && !v.IsKnown() }

// encodeJSON writes a value: null as null, what is omitted not at all, names in
// byte order.
func encodeJSON(v cty.Value) ([]byte, error) {
	var b bytes.Buffer
	err := writeJSON(&b, v)
	return b.Bytes(), err
}

func writeJSON(b *bytes.Buffer, v cty.Value) error {
	v = unmarked(v)
	switch ty := v.Type(); {
	case v.IsNull():
		b.WriteString("null")
	case !v.IsKnown():
		return errors.New("a value isn't known")
	case ty == cty.String:
		return writeText(b, v.AsString())
	case ty == cty.Number:
		b.WriteString(v.AsBigFloat().Text('f', -1))
	case ty == cty.Bool:
		if v.True() {
			b.WriteString("true")
		} else {
			b.WriteString("false")
		}
	case ty.IsObjectType() || ty.IsMapType():
		return writeObject(b, v)
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		return writeArray(b, v)
	default:
		return errors.New("a value can't be written as JSON")
	}
	return nil
}

func writeText(b *bytes.Buffer, text string) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder ends with a line
	return nil
}

func writeObject(b *bytes.Buffer, v cty.Value) error {
	b.WriteByte('{')
	first := true
	values := v.AsValueMap()
	for _, name := range sortedNames(values) {
		e := values[name]
		if isOmitted(e) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		if err := writeText(b, name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := writeJSON(b, e); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func writeArray(b *bytes.Buffer, v cty.Value) error {
	b.WriteByte('[')
	first := true
	for _, e := range v.AsValueSlice() {
		if isOmitted(e) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		if err := writeJSON(b, e); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// withoutOmitted is the value without what is left out.
func withoutOmitted(v cty.Value) cty.Value {
	v = unmarked(v)
	if v.IsNull() || !v.Type().IsObjectType() {
		plain, _ := v.UnmarkDeep()
		return plain
	}
	attrs := map[string]cty.Value{}
	for name, e := range v.AsValueMap() {
		if !isOmitted(e) {
			attrs[name] = withoutOmitted(e)
		}
	}
	return cty.ObjectVal(attrs)
}
