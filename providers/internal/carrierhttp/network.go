package carrierhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
)

// network carries one request and reads its answer. ctx bounds all of it, and
// has the deadline; asked is the context of whoever may still call it off, and
// has none of its own. most is the longest body taken. leave is asked right before the
// request is written, each time it is; its error keeps it from being written.
type network interface {
	exchange(ctx, asked context.Context, req *http.Request, most int64, leave func() error) (Answer, *Error)
}

// networkOf is how a transport's requests are carried: over connections that are
// held here, where base is what net/http itself dials with, else by base.
func networkOf(o *Options) network {
	base, ok := o.Base.(*http.Transport)
	if !ok || !canBeHeld(base) {
		return traced{o.Base}
	}
	return o.Accounts.direct(base, o.Now)
}

// traced is a network that another package has: it says through a trace how far
// a request came.
type traced struct{ base http.RoundTripper }

func (n traced) exchange(ctx, _ context.Context, req *http.Request, most int64, leave func() error) (Answer, *Error) {
	if err := leave(); err != nil {
		closeBody(req)
		return Answer{}, notSent(err)
	}
	var progress progress
	resp, err := n.base.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, progress.trace())))
	if err != nil {
		return Answer{}, failure(err, progress.unsent.Load(), req.URL)
	}
	defer func() { _ = resp.Body.Close() }() // the body was read or is given up; nothing of it matters any more
	body, err := readBody(resp, most)
	if err != nil {
		return Answer{}, cutShort(err, req.URL)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// readBody reads an answer's body to its end.
func readBody(resp *http.Response, most int64) ([]byte, error) {
	if n := resp.ContentLength; n > 0 && n <= most {
		return readJust(resp.Body, n)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(body)) > most {
		err = fmt.Errorf("it is longer than %d bytes", most)
	}
	return body, err
}

// readJust reads a body that says how long it is. Its end is read too, after
// which its connection is good for another request.
func readJust(r io.Reader, n int64) ([]byte, error) {
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	var end [1]byte
	more, err := r.Read(end[:])
	switch {
	case more > 0:
		return nil, errors.New("it is longer than it says")
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	return body, nil
}

// once is the empty body of a request that leaves once. net/http takes a GET for
// harmless, and sends it again by itself where the connection breaks on which it
// wrote it; not so where it doesn't know the body.
type once struct{}

func (once) Read([]byte) (int, error) { return 0, io.EOF }
func (once) Close() error             { return nil }

// sendOnce keeps net/http from repeating a request that changes something: some
// carriers change a card by GET.
func sendOnce(req *http.Request) {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace: // those that it repeats
		req.GetBody = nil
		if req.Body == nil || req.Body == http.NoBody {
			req.Body = once{}
		}
	}
}

// progress follows one request through [http.Transport]. The careful reading
// of a transport that tells nothing is that the request may have left.
type progress struct{ unsent atomic.Bool }

// trace marks the request as unsent while a connection is sought, and as
// possibly sent from the moment it has one: bytes may leave from then on, even
// after RoundTrip has returned. http.Transport seeks a second connection for a
// POST only when nothing was written to the first, and for what [sendOnce] marked
// not at all.
func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { p.unsent.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.unsent.Store(false) },
	}
}

// failure is a request to which no answer began.
func failure(err error, unsent bool, u *url.URL) *Error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		unsent = true
	}
	if unsent {
		return &Error{Doing: "connect", Err: redact(err, u)}
	}
	return &Error{Sent: true, Doing: "wait for the answer", Err: redact(err, u)}
}

// cutShort is a request whose answer began, and isn't whole.
func cutShort(err error, u *url.URL) *Error {
	return &Error{Sent: true, Doing: "read the answer", Err: redact(err, u)}
}

// redact makes err safe to show: carriers' URLs hold keys and signatures.
func redact(err error, u *url.URL) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	text := err.Error()
	if u.RawQuery == "" || !strings.Contains(text, u.RawQuery) {
		return err
	}
	return errors.New(strings.ReplaceAll(text, u.RawQuery, "[query]"))
}
