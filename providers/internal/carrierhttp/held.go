package carrierhttp

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// held is a connection. One call at a time uses it.
type held struct {
	to   target
	wire *counted        // below TLS
	raw  syscall.RawConn // of wire; nil where it has none, so that nobody can look at it
	conn net.Conn        // what is written to and read from
	in   *bufio.Reader
	out  *bufio.Writer

	most, left int64 // bytes of an answer's header: allowed, and left of that; below 0 while a body is read
	used       bool  // by a request before
	again      bool  // the answer was whole, and the connection is good for another
	ended      bool  // reading it gave an error, its end among them
	since      time.Time
}

func newHeld(to target, wire *counted, mostHeader int64) *held {
	c := &held{to: to, wire: wire, conn: wire, most: mostHeader}
	if s, ok := wire.Conn.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn() // without it, it is not held
	}
	c.in, c.out = bufio.NewReader(reading{c}), bufio.NewWriter(writing{c})
	return c
}

// reading and writing are the two directions of a connection, whose TLS may be
// put on after they were made.
type (
	reading struct{ c *held }
	writing struct{ c *held }
)

func (r reading) Read(p []byte) (int, error) {
	c := r.c
	if c.left == 0 {
		return 0, fmt.Errorf("the answer's header is longer than %d bytes", c.most)
	}
	if c.left > 0 {
		p = p[:min(int64(len(p)), c.left)]
	}
	n, err := c.conn.Read(p)
	if c.left > 0 {
		c.left -= int64(n)
	}
	c.ended = c.ended || err != nil
	return n, err
}

func (w writing) Write(p []byte) (int, error) { return w.c.conn.Write(p) }

func (c *held) close() { _ = c.conn.Close() } // nothing of it matters any more

// wrote is how many bytes of the present request have left, TLS's own included.
func (c *held) wrote() int64 { return c.wire.wrote }

// quiet reports whether nothing waits to be read: neither the other side's end
// of the connection, nor an answer that nobody asked for.
func (c *held) quiet() bool {
	return !c.ended && c.in.Buffered() == 0 && c.raw != nil && nothingWaits(c.raw)
}

// exchange writes a request and reads its answer. Where it fails, the connection
// is of no more use.
func (c *held) exchange(ctx, asked context.Context, req *http.Request, most int64, zipped bool) (Answer, *Error) {
	c.wire.wrote, c.again = 0, false
	unbound := c.bind(ctx, asked)
	answer, failed := c.converse(req, most, zipped)
	if !unbound() {
		c.again = false
	}
	if failed != nil && overdue(failed.Err) {
		failed.Err = endOf(ctx, asked)
	}
	return answer, failed
}

// bind has the connection's waits end with the contexts: with the deadline of ctx,
// and when whoever asked goes away. unbound reports whether nobody has gone.
func (c *held) bind(ctx, asked context.Context) (unbound func() bool) {
	deadline, _ := ctx.Deadline() // none is the zero time, which is none for the connection too
	if err := c.conn.SetDeadline(deadline); err != nil {
		return func() bool { return false } // it is closed, as the first write will say
	}
	if asked.Done() == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(asked, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) }) // of one that is closed nobody waits
}

// endOf is why a wait was ended that the contexts bound.
func endOf(ctx, asked context.Context) error {
	if err := asked.Err(); err != nil {
		return err
	}
	<-ctx.Done() // its timer is due
	return ctx.Err()
}

// converse is one request and its answer.
func (c *held) converse(req *http.Request, most int64, zipped bool) (Answer, *Error) {
	err := req.Write(c.out)
	if err == nil {
		err = c.out.Flush()
	}
	if err != nil {
		return Answer{}, failure(err, false, req.URL)
	}
	resp, err := c.response(req)
	if err != nil {
		return Answer{}, failure(err, false, req.URL)
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or the connection is closed
	c.left = -1
	if zipped {
		err = unzip(resp)
	}
	var body []byte
	if err == nil {
		body, err = readBody(resp, most)
	}
	if err != nil {
		return Answer{}, cutShort(err, req.URL)
	}
	c.again = !resp.Close && !c.ended && c.in.Buffered() == 0 && resp.StatusCode != http.StatusSwitchingProtocols
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// response reads an answer up to its body. Answers of 1xx only announce it; the
// limit of a header's length is theirs together.
func (c *held) response(req *http.Request) (*http.Response, error) {
	c.left = c.most
	if _, err := c.in.Peek(1); err != nil {
		return nil, err // before anything came, so that EOF isn't said to be unexpected
	}
	for {
		resp, err := http.ReadResponse(c.in, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
		_ = resp.Body.Close() // it has none
	}
}
