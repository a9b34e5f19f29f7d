package cli

import (
	"bufio"
	"context"
	"io"
	"strings"
)

// interruptible reads input until ctx is cancelled. A read of a terminal or a pipe
// can't be called off, so each waits in a goroutine of its own, with a buffer of its
// own. One that was given up ends with the input, or with the process.
type interruptible struct {
	ctx context.Context //nolint:containedctx // io.Reader's method takes none
	in  io.Reader
}

// wasRead is what a read of the input gave.
type wasRead struct {
	p   []byte
	err error
}

// Read implements [io.Reader]. Its error is the context's once that is cancelled,
// whatever has come meanwhile.
func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	got := make(chan wasRead, 1)
	go func() {
		own := make([]byte, len(p))
		n, err := r.in.Read(own)
		got <- wasRead{own[:n], err}
	}()
	select {
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	case read := <-got:
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		return copy(p, read.p), read.err
	}
}

// answer is the line that somebody types, without blanks around it; empty at the
// input's end. Its only error is that the command is interrupted meanwhile, or that the
// state's lock is lost.
func (e *Env) answer(ctx context.Context) (string, error) {
	line, _ := bufio.NewReader(interruptible{ctx, e.In}).ReadString('\n') // no answer is an answer
	return strings.TrimSpace(line), ctx.Err()
}
