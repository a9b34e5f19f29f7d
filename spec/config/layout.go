package config

import (
	"bytes"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// layout lays files out as hclwrite does, piece by piece. What is written alike
// but for its texts is laid out alike, and hclwrite is asked once. Its zero value
// is ready.
type layout struct {
	known map[string][]run // by what a piece looks like with its texts blotted out
	shape []byte
	out   []byte
}

// run is a part of a piece without white space, and the spaces in front of it.
type run struct{ spaces, from, to int }

const (
	// mostShapes is how many layouts are remembered; with more different ones,
	// remembering them saves nothing.
	mostShapes = 4096
	// longestShape is the most bytes of a piece that is remembered.
	longestShape = 4096
)

// format is hclwrite.Format of a file that was taken apart. Where one of its
// lines may be laid out by a line of another piece, the whole file is laid out
// at once.
func (l *layout) format(src []byte, pieces *plain.File) []byte {
	if bytes.Contains(src, []byte("<<")) || bytes.Contains(src, []byte("/*")) || bytes.IndexByte(src, '\r') >= 0 {
		return hclwrite.Format(src)
	}
	l.out = make([]byte, 0, len(src)+len(src)/8)
	from := 0
	for start := range pieces.Starts() {
		if standsAlone(src[from:start]) {
			l.piece(src[from:start])
			from = start
		}
	}
	l.piece(src[from:])
	return l.out
}

// standsAlone reports whether no line after a piece can share a column with its
// last line: that one is empty, a comment, or the end of a block.
func standsAlone(piece []byte) bool {
	lines := bytes.TrimSuffix(piece, []byte("\n"))
	last := bytes.TrimLeft(lines[bytes.LastIndexByte(lines, '\n')+1:], " \t")
	return len(last) == 0 || last[0] == '#' || string(last) == "}"
}

// piece lays out one piece.
func (l *layout) piece(piece []byte) {
	if len(piece) > longestShape || !l.blot(piece) {
		l.out = append(l.out, hclwrite.Format(piece)...)
		return
	}
	runs, ok := l.known[string(l.shape)]
	if !ok {
		if runs, ok = runsOf(l.shape, hclwrite.Format(l.shape)); !ok {
			l.out = append(l.out, hclwrite.Format(piece)...)
			return
		}
		l.remember(runs)
	}
	for _, r := range runs {
		for range r.spaces {
			l.out = append(l.out, ' ')
		}
		l.out = append(l.out, piece[r.from:r.to]...)
	}
}

func (l *layout) remember(runs []run) {
	if l.known == nil {
		l.known = map[string][]run{}
	}
	if len(l.known) < mostShapes {
		l.known[string(l.shape)] = runs
	}
}

// blot copies a piece into shape and blots its texts and comments out, each
// character by another of one column. It fails where a text isn't what it looks
// like at once: it holds an escape, a template or more than ASCII.
func (l *layout) blot(piece []byte) bool {
	l.shape = append(l.shape[:0], piece...)
	for i := 0; i < len(piece); i++ {
		switch c := piece[i]; {
		case c == '"':
			n := bytes.IndexByte(piece[i+1:], '"')
			if n < 0 || !l.blotOut(i+1, i+1+n, `\$%`) {
				return false
			}
			i += n + 1
		case c == '#' || bytes.HasPrefix(piece[i:], []byte("//")):
			n := bytes.IndexByte(piece[i:], '\n')
			if n < 0 || !l.blotOut(min(i+2, i+n), i+n, "") {
				return false
			}
			i += n
		case c >= 0x7f:
			return false
		}
	}
	return true
}

// blotOut fails where a character isn't printable ASCII, or is one of those refused.
func (l *layout) blotOut(from, to int, refused string) bool {
	for i := from; i < to; i++ {
		if c := l.shape[i]; c < ' ' || c >= 0x7f || bytes.IndexByte([]byte(refused), c) >= 0 {
			return false
		}
		l.shape[i] = 'x'
	}
	return true
}

// runsOf compares what is laid out with what was written: they differ in white
// space alone.
func runsOf(written, laid []byte) ([]run, bool) {
	var runs []run
	at := 0
	for from := 0; from < len(written); from++ {
		if isSpace(written[from]) {
			continue
		}
		spaces := 0
		for at < len(laid) && isSpace(laid[at]) {
			at, spaces = at+1, spaces+1
		}
		if at == len(laid) || laid[at] != written[from] {
			return nil, false
		}
		at++
		if n := len(runs) - 1; n >= 0 && spaces == 0 && runs[n].to == from {
			runs[n].to++
			continue
		}
		runs = append(runs, run{spaces, from, from + 1})
	}
	return runs, at == len(laid)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
