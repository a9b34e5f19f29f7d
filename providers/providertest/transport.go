package providertest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// InProcess carries requests to a handler without sockets, so that tests can
// run on a synctest clock. A handler that panics with http.ErrAbortHandler cuts
// the connection, as in a real server.
type InProcess struct{ Handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (p InProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	type outcome struct {
		resp *http.Response
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		resp, err := serve(p.Handler, req)
		done <- outcome{resp, err}
	}()
	select {
	case o := <-done:
		return o.resp, o.err
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

func serve(handler http.Handler, req *http.Request) (resp *http.Response, err error) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case http.ErrAbortHandler:
			resp, err = nil, io.ErrUnexpectedEOF
		default:
			panic(r)
		}
	}()
	recorder, in := httptest.NewRecorder(), req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody // as a server has it
	}
	handler.ServeHTTP(recorder, in)
	return recorder.Result(), nil
}

// swapping is a network on which every answer but a token's arrives as body.
type swapping struct {
	next  http.RoundTripper
	body  string
	token string // the carrier's name for the call that gets a token; "" for none
	world *carriersim.World
}

func (s *swapping) RoundTrip(req *http.Request) (*http.Response, error) {
	before := 0
	if s.token != "" {
		before = s.world.Count(s.token)
	}
	resp, err := s.next.RoundTrip(req)
	if err != nil || s.token != "" && s.world.Count(s.token) > before {
		return resp, err
	}
	_ = resp.Body.Close() // a recorder's
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(s.body)), int64(len(s.body))
	return resp, nil
}

// unreachable is a network on which no connection comes about.
type unreachable struct{}

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}
