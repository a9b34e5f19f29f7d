package stored

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// longestLine is more than any line of ours comes to. It keeps a damaged file
// from filling the memory.
const longestLine = 64 << 20

// lineReader reads a file line by line and counts them.
type lineReader struct {
	r    *bufio.Reader
	n    int // the number of the line that next returned, from 1
	long []byte
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns a line with its end of line, which only the file's last line
// may lack. It is good until the next call. The error is io.EOF after the last.
func (l *lineReader) next() ([]byte, error) {
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
func (l *lineReader) rest(line []byte) ([]byte, error) {
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

// atEnd reports whether no line follows. It ends the life of the line before.
func (l *lineReader) atEnd() bool {
	_, err := l.r.Peek(1)
	return err != nil
}
