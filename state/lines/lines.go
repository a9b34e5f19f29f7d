// Package lines reads files of JSON Lines that may be damaged or hostile: no
// line and no frame of a compressed file fills the memory, and a field that
// nobody knows is an error. State files and saved plans are read by it.
package lines

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// longestLine is more than any line of ours comes to. It keeps a damaged file
// from filling the memory.
const longestLine = 64 << 20

// Reader reads a file line by line and counts the lines.
type Reader struct {
	r    *bufio.Reader
	n    int
	long []byte
}

// NewReader reads the lines of r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 64<<10)} }

// Number is the number of the line that Next returned last, from 1.
func (l *Reader) Number() int { return l.n }

// Next returns a line with its end of line, which only the file's last line
// may lack. It is good until the next call. The error is io.EOF after the last.
func (l *Reader) Next() ([]byte, error) {
	l.n++
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.rest(line)
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		return line, nil
	}
	return line, err
}

// rest reads on where a line is longer than the buffer.
func (l *Reader) rest(line []byte) ([]byte, error) {
	l.long = append(l.long[:0], line...)
	for {
		part, err := l.r.ReadSlice('\n')
		l.long = append(l.long, part...)
		switch {
		case !errors.Is(err, bufio.ErrBufferFull):
			return l.long, err
		case len(l.long) > longestLine:
			return nil, fmt.Errorf("line %d is longer than %d bytes", l.n, longestLine)
		}
	}
}

// AtEnd reports whether no line follows. It ends the life of the line before.
func (l *Reader) AtEnd() bool {
	_, err := l.r.Peek(1)
	return err != nil
}
