package carrierhttp

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// direct holds connections to carriers, on which whoever makes a call writes the
// request and reads the answer itself. [http.Transport] has two goroutines for
// each connection, through which a call goes four times: that is a quarter of
// what a call costs. The messages are written and read by net/http all the same.
//
// What it takes over from the transport in whose place it stands: how to dial,
// TLS, timeouts, and which requests a proxy carries, which it leaves to it. What
// it promises besides:
//
//   - A request is written once. Where a held connection turns out to be of no
//     use before a byte has left, another is taken.
//   - A held connection at which anything waits, an end or an answer that nobody
//     asked for, is closed before anything is written to it.
//   - No goroutine is left when a call ends.
//
// It speaks HTTP/1.1. Connections that nobody takes are closed by the next call
// that ends, or with the program.
type direct struct {
	base   *http.Transport
	tls    *tls.Config
	now    func() time.Time
	zipped []string // the header Accept-Encoding, which all requests share

	mu   sync.Mutex
	idle map[target][]*held // the one used last is the last
}

// target is where a connection leads.
type target struct {
	secure  bool
	address string // "carrier.test:443"
}

// The limits that net/http has where a transport sets none.
const (
	mostHeader = 10 << 20 // bytes
	mostIdle   = http.DefaultMaxIdleConnsPerHost
)

func newDirect(base *http.Transport, now func() time.Time) *direct {
	d := &direct{base: base, now: now, idle: map[target][]*held{}, tls: &tls.Config{}, zipped: []string{"gzip"}} //nolint:gosec // the least version is crypto/tls's own, as it is net/http's
	if base.TLSClientConfig != nil {
		d.tls = base.TLSClientConfig.Clone()
	}
	d.tls.NextProtos = []string{"http/1.1"}
	return d
}

// canBeHeld reports whether direct knows all that the transport is set to.
func canBeHeld(base *http.Transport) bool {
	unknown := base.DialTLSContext != nil || base.Dial != nil || base.DialTLS != nil || //nolint:staticcheck // deprecated, and still obeyed
		base.ResponseHeaderTimeout > 0 || base.MaxConnsPerHost > 0 || base.Protocols != nil && !base.Protocols.HTTP1()
	return canLook && !unknown
}

// takes reports whether a request goes over connections that are held here: one
// that no proxy carries, and that is plainly right. Whatever else there is goes
// to the transport, whose refusals are then what they always were.
func (d *direct) takes(req *http.Request) bool {
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.Close || req.Method == http.MethodHead || !plainHost(req.URL) {
		return false
	}
	for name, values := range req.Header {
		if !plainText(name, values) {
			return false
		}
	}
	if d.base.Proxy == nil {
		return true
	}
	proxy, err := d.base.Proxy(req)
	return proxy == nil && err == nil
}

func plainHost(u *url.URL) bool {
	return u.Host != "" && u.User == nil && strings.IndexFunc(u.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

// plainText reports whether a header holds nothing that could end it.
func plainText(name string, values []string) bool {
	odd := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	if name == "" || strings.IndexFunc(name, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) >= 0 {
		return false
	}
	for _, v := range values {
		if strings.IndexFunc(v, odd) >= 0 {
			return false
		}
	}
	return true
}

func (d *direct) exchange(ctx, asked context.Context, req *http.Request, most int64, leave func() error) (Answer, *Error) {
	if !d.takes(req) {
		return traced{d.base}.exchange(ctx, asked, req, most, leave)
	}
	if req.Body == (once{}) {
		req.Body = http.NoBody // it is written once here in any case
	}
	zipped := d.zip(req)
	for {
		c, err := d.connection(ctx, asked, targetOf(req.URL))
		if err != nil {
			closeBody(req)
			return Answer{}, failure(err, true, req.URL)
		}
		if err := leave(); err != nil {
			closeBody(req)
			d.release(c)
			return Answer{}, notSent(err)
		}
		answer, failed := c.exchange(ctx, asked, req, most, zipped)
		switch {
		case failed == nil:
			d.release(c)
			return answer, nil
		case c.used && c.wrote() == 0 && rewound(req):
			c.close()
		default:
			c.close()
			return Answer{}, failed
		}
	}
}

// rewound reports whether a request of which nothing left can be written anew.
func rewound(req *http.Request) bool {
	if req.Body == nil || req.Body == http.NoBody {
		return true
	}
	if req.GetBody == nil {
		return false
	}
	body, err := req.GetBody()
	if err == nil {
		req.Body = body
	}
	return err == nil
}

// zip asks for a compressed answer as net/http does, and reports whether it did.
func (d *direct) zip(req *http.Request) bool {
	if d.base.DisableCompression || req.Header.Get("Accept-Encoding") != "" || req.Header.Get("Range") != "" {
		return false
	}
	req.Header["Accept-Encoding"] = d.zipped
	return true
}

func targetOf(u *url.URL) target {
	t := target{secure: u.Scheme == "https", address: u.Host}
	switch {
	case u.Port() != "":
	case t.secure:
		t.address = net.JoinHostPort(u.Hostname(), "443")
	default:
		t.address = net.JoinHostPort(u.Hostname(), "80")
	}
	return t
}

// connection is one that is held, or a new one.
func (d *direct) connection(ctx, asked context.Context, to target) (*held, error) {
	for {
		c := d.take(to)
		if c == nil {
			return d.dial(ctx, asked, to)
		}
		if c.quiet() {
			return c, nil
		}
		c.close()
	}
}

func (d *direct) take(to target) *held {
	d.mu.Lock()
	defer d.mu.Unlock()
	idle := d.idle[to]
	if len(idle) == 0 {
		return nil
	}
	c := idle[len(idle)-1]
	idle[len(idle)-1] = nil
	d.idle[to] = idle[:len(idle)-1]
	return c
}

// release holds a connection for the next request, where it is good for another,
// and closes those that have been held for too long.
func (d *direct) release(c *held) {
	if !c.again || d.base.DisableKeepAlives {
		c.close()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c.since, c.used = d.now(), true
	idle := d.idle[c.to]
	for len(idle) > 0 && d.base.IdleConnTimeout > 0 && c.since.Sub(idle[0].since) > d.base.IdleConnTimeout {
		idle[0].close()
		idle = idle[1:]
	}
	most := d.base.MaxIdleConnsPerHost
	if most == 0 {
		most = mostIdle
	}
	if len(idle) >= most {
		c.close()
	} else {
		idle = append(idle, c)
	}
	d.idle[c.to] = idle
}

// dial makes a connection. Whoever asked may call it off: nothing has left.
func (d *direct) dial(ctx, asked context.Context, to target) (*held, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(asked, cancel)()
	dial := d.base.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, "tcp", to.address)
	if err != nil {
		return nil, err
	}
	wire := &counted{Conn: conn}
	c := newHeld(to, wire, d.mostHeader())
	if !to.secure {
		return c, nil
	}
	if c.conn, err = d.handshake(ctx, wire, to); err != nil {
		_ = conn.Close() // the failed handshake is the news
		return nil, err
	}
	return c, nil
}

func (d *direct) mostHeader() int64 {
	if most := d.base.MaxResponseHeaderBytes; most > 0 {
		return most
	}
	return mostHeader
}

func (d *direct) handshake(ctx context.Context, wire net.Conn, to target) (net.Conn, error) {
	config := d.tls
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(to.address) // targetOf joined them
	}
	if d.base.TLSHandshakeTimeout > 0 {
		bounded, cancel := context.WithTimeoutCause(ctx, d.base.TLSHandshakeTimeout, errHandshake)
		defer cancel()
		ctx = bounded
	}
	conn := tls.Client(wire, config)
	err := conn.HandshakeContext(ctx)
	var plain tls.RecordHeaderError
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(context.Cause(ctx), errHandshake):
		return nil, fmt.Errorf("nothing within %v: %w", d.base.TLSHandshakeTimeout, errHandshake)
	case errors.As(err, &plain) && string(plain.RecordHeader[:]) == "HTTP/":
		return nil, errors.New("the carrier answers https with plain http")
	}
	return nil, err
}

var errHandshake = errors.New("the TLS handshake took too long")

// unzip reads what comes compressed because it was asked for so. It reads to the
// end of what is compressed, and refuses what is none.
func unzip(resp *http.Response) error {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return nil
	}
	plain, err := gzip.NewReader(resp.Body)
	if errors.Is(err, io.EOF) {
		return nil // there is no body
	}
	if err != nil {
		return err
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Body = -1, plain
	return nil
}

// counted is a connection that counts the bytes that it has sent.
type counted struct {
	net.Conn
	wrote int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote += int64(n)
	return n, err
}

// overdue reports whether a connection's deadline was what ended it.
func overdue(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
