package carrierhttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// roundTrip makes one POST with a secret in its query.
func roundTrip(ctx context.Context, t *Transport, base string) (Answer, error) {
	return t.Send(ctx, Call{}, func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodPost, base+"/?Signature=s3cret", nil)
	})
}

// made is a request that is made already.
func made(req *http.Request) Build {
	return func(context.Context) (*http.Request, error) { return req, nil }
}

func realNetwork(t *testing.T) *http.Transport {
	network := &http.Transport{}
	t.Cleanup(network.CloseIdleConnections)
	return network
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newTransport(base http.RoundTripper, o Options) *Transport {
	o.Base, o.Now, o.Sleep = base, time.Now, sleep
	return New(o)
}

func sent(t *testing.T, err error) bool {
	var failed *Error
	require.ErrorAs(t, err, &failed)
	assert.NotContains(t, err.Error(), "s3cret")
	return failed.Sent
}

func TestAnswerIsWholeAndNamesTheProgram(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.UserAgent())
	}))
	defer server.Close()
	got, err := roundTrip(t.Context(), newTransport(realNetwork(t), Options{UserAgent: "cardfleet/1"}), server.URL)
	require.NoError(t, err)
	assert.Equal(t, "POST cardfleet/1", string(got.Body))
}

func TestRedirectIsAnAnswerNotFollowed(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://elsewhere.test/", http.StatusTemporaryRedirect))
	defer server.Close()
	got, err := roundTrip(t.Context(), newTransport(realNetwork(t), Options{}), server.URL)
	require.NoError(t, err)
	assert.Equal(t, http.StatusTemporaryRedirect, got.Status)
}

func TestRefusedConnectionWasNotSent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	base := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	_, err = roundTrip(t.Context(), newTransport(realNetwork(t), Options{}), base)
	assert.False(t, sent(t, err), "%v", err)
}

func TestUnknownHostWasNotSent(t *testing.T) {
	_, err := roundTrip(t.Context(), newTransport(realNetwork(t), Options{}), "http://nowhere.invalid")
	assert.False(t, sent(t, err), "%v", err)
}

func TestFailedHandshakeWasNotSent(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler()) // by nobody we trust
	server.Config.ErrorLog = nil
	defer server.Close()
	_, err := roundTrip(t.Context(), newTransport(realNetwork(t), Options{}), server.URL)
	assert.False(t, sent(t, err), "%v", err)
}

func TestCutConnectionMayHaveBeenSent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	_, err := roundTrip(t.Context(), newTransport(realNetwork(t), Options{}), server.URL)
	assert.True(t, sent(t, err), "%v", err)
}

// A connection that was used before and is cut on its second request looks
// like a stale one. http.Transport must not repeat a POST on its own.
func TestCutOnReusedConnectionIsSentOnce(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if requests.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	transport := newTransport(realNetwork(t), Options{})
	_, err := roundTrip(t.Context(), transport, server.URL)
	require.NoError(t, err)
	_, err = roundTrip(t.Context(), transport, server.URL)
	assert.True(t, sent(t, err), "%v", err)
	assert.EqualValues(t, 2, requests.Load(), "requests")
}

func TestHalfAnAnswerMayHaveBeenSent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Code\":")
		_ = conn.Close()
	}()
	_, err = roundTrip(t.Context(), newTransport(realNetwork(t), Options{}), "http://"+listener.Addr().String())
	assert.True(t, sent(t, err))
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// roundTripper is a network in a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(body io.Reader) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body)}
}

// stuck never gives a byte before the request's context ends.
type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func TestTimeoutCoversTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := roundTripper(func(r *http.Request) (*http.Response, error) { return answer(stuck{r.Context()}), nil })
		start := time.Now()
		_, err := roundTrip(t.Context(), newTransport(network, Options{Timeout: 25 * time.Second}), "http://carrier.localhost")
		assert.True(t, sent(t, err))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualError(t, err, "read the answer: nothing within 25s: context deadline exceeded")
		assert.Equal(t, 25*time.Second, time.Since(start))
	})
}

func TestTimeoutLeavesOutWaitingForATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := roundTripper(func(*http.Request) (*http.Response, error) { return answer(strings.NewReader("{}")), nil })
		transport := newTransport(network, Options{Timeout: time.Second, RequestsPerSecond: 0.1})
		for range 3 {
			_, err := roundTrip(t.Context(), transport, "http://carrier.localhost")
			require.NoError(t, err)
		}
	})
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	network := roundTripper(func(*http.Request) (*http.Response, error) { return answer(bytes.NewReader(make([]byte, 101))), nil })
	_, err := roundTrip(t.Context(), newTransport(network, Options{MaxBody: 100}), "http://carrier.localhost")
	assert.True(t, sent(t, err))
	assert.ErrorContains(t, err, "longer than 100 bytes")
}

func TestErrorsHideTheQuery(t *testing.T) {
	for name, err := range map[string]error{
		"url.Error": &url.Error{Op: "Post", URL: "http://carrier.localhost/?Signature=s3cret", Err: io.EOF},
		"text":      errors.New(`proxy: can't fetch "http://carrier.localhost/?Signature=s3cret"`),
	} {
		network := roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })
		_, got := roundTrip(t.Context(), newTransport(network, Options{}), "http://carrier.localhost")
		assert.True(t, sent(t, got), name) // and sent looks for the secret
	}
}

func TestCancelledWaitWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := roundTripper(func(r *http.Request) (*http.Response, error) { return answer(stuck{r.Context()}), nil })
		for name, options := range map[string]Options{
			"slot":  {InFlight: 1},
			"token": {RequestsPerSecond: 0.001},
		} {
			transport := newTransport(network, options)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			go func() { _, _ = roundTrip(ctx, transport, "http://carrier.localhost") }() // takes what there is
			synctest.Wait()
			_, err := roundTrip(ctx, transport, "http://carrier.localhost")
			assert.False(t, sent(t, err), name)
			assert.ErrorIs(t, err, context.DeadlineExceeded, name)
			cancel()
		}
	})
}

func TestNoMoreInFlightThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		network := roundTripper(func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), now.Add(1))) // a bubble's goroutines meet only where they wait
			defer now.Add(-1)
			return answer(strings.NewReader("{}")), sleep(r.Context(), time.Second)
		})
		transport := newTransport(network, Options{InFlight: 3})
		start := time.Now()
		done := make(chan error)
		for range 12 {
			go func() {
				_, err := roundTrip(t.Context(), transport, "http://carrier.localhost")
				done <- err
			}()
		}
		for range 12 {
			require.NoError(t, <-done)
		}
		assert.EqualValues(t, 3, most.Load())
		assert.Equal(t, 4*time.Second, time.Since(start))
	})
}

func TestCancelledWaitGivesItsTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := roundTripper(func(*http.Request) (*http.Response, error) { return answer(strings.NewReader("{}")), nil })
		transport := newTransport(network, Options{InFlight: 1, RequestsPerSecond: 0.1})
		_, err := roundTrip(t.Context(), transport, "http://carrier.localhost")
		require.NoError(t, err)
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := roundTrip(ctx, transport, "http://carrier.localhost")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		start := time.Now()
		_, err = roundTrip(t.Context(), transport, "http://carrier.localhost")
		require.NoError(t, err)
		assert.Equal(t, 5*time.Second, time.Since(start), "ten seconds after the first, whoever gave up meanwhile")
	})
}
