package render

import "bytes"

// indenter indents JSON as [json.Indent] does, in a fraction of the time: what
// comes from an encoder needs no check.
type indenter struct {
	line []byte // an end of line, what begins each line, and spaces
	deep int    // how many of line's bytes are at no depth
}

func newIndenter(prefix string) *indenter {
	return &indenter{line: append([]byte{'\n'}, prefix...), deep: 1 + len(prefix)}
}

// indent appends compact JSON, as encoding/json writes it, to b.
func (n *indenter) indent(b, compact []byte) []byte {
	depth := 0
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		switch c {
		case '"':
			end := i + stringEnd(compact[i:])
			b = append(b, compact[i:end]...)
			i = end - 1
		case '{', '[':
			b = append(b, c)
			if shut := c + 2; compact[i+1] == shut { // in ASCII they are two apart
				b = append(b, shut)
				i++
				continue
			}
			depth++
			b = n.newLine(b, depth)
		case '}', ']':
			depth--
			b = append(n.newLine(b, depth), c)
		case ',':
			b = n.newLine(append(b, c), depth)
		case ':':
			b = append(b, ':', ' ')
		default:
			b = append(b, c)
		}
	}
	return b
}

func (n *indenter) newLine(b []byte, depth int) []byte {
	length := n.deep + 2*depth
	for len(n.line) < length {
		n.line = append(n.line, ' ')
	}
	return append(b, n.line[:length]...)
}

// stringEnd is the length of the string that b begins with.
func stringEnd(b []byte) int {
	for i := 1; ; {
		i += bytes.IndexByte(b[i:], '"') + 1
		escapes := 0
		for b[i-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}
