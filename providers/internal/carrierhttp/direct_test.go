package carrierhttp

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hidden is a network whose settings nobody can see, so that its own
// connections are used.
type hidden struct{ http.RoundTripper }

// bothNetworks are net/http's connections and those that are held in their place.
func bothNetworks(t *testing.T, set func(*http.Transport)) map[string]http.RoundTripper {
	held, theirs := realNetwork(t), realNetwork(t)
	for _, n := range []*http.Transport{held, theirs} {
		if set != nil {
			set(n)
		}
	}
	return map[string]http.RoundTripper{"held": held, "net/http": hidden{theirs}}
}

// serveRaw serves connections one after another; serve is told how many came
// before. It returns the base URL.
func serveRaw(t *testing.T, serve func(nth int, c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); all.Wait() })
	all.Go(func() {
		for nth := 0; ; nth++ {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = c.Close() }()
				serve(nth, c, bufio.NewReader(c))
			})
		}
	})
	return "http://" + listener.Addr().String()
}

// take reads a request; false for the connection's end.
func take(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

// Whatever a carrier sends: both networks take it for the same answer, or for the
// same failure.
func TestHeldConnectionsReadAnswersAsNetHTTPDoes(t *testing.T) {
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, "hi")
	require.NoError(t, z.Close())
	for name, sends := range map[string]string{
		"whole":                 whole,
		"chunked":               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
		"with a trailer":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nhi\r\n0\r\nX: 1\r\n\r\n",
		"up to the end":         "HTTP/1.1 200 OK\r\n\r\nhi",
		"of HTTP/1.0":           "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"announced":             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + whole,
		"announced for ever":    strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 9) + whole,
		"without a body":        "HTTP/1.1 204 No Content\r\n\r\n",
		"empty":                 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"a redirect":            "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 2\r\n\r\nhi",
		"a refusal":             "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi",
		"compressed":            fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", zipped.Len(), &zipped),
		"badly compressed":      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi",
		"half compressed":       fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", zipped.Len()-4, zipped.String()[:zipped.Len()-4]),
		"compressed nothing":    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
		"nothing":               "",
		"half a line":           "HTTP/1.1 20",
		"half a header":         "HTTP/1.1 200 OK\r\nContent-Le",
		"half a body":           "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
		"half a chunk":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhi",
		"another protocol":      "SSH-2.0-OpenSSH_9.2\r\n",
		"two lengths":           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
		"a length of no number": "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
		"a long header":         "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9000) + "\r\nContent-Length: 2\r\n\r\nhi",
		"an endless header":     "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<17),
		"a long body":           "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000),
		"more than it says":     whole + "more",
		"two answers":           whole + whole,
		"no status":             "HTTP/1.1 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			base := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
				if take(r) {
					_, _ = io.WriteString(c, sends)
				}
			})
			got := map[string]string{}
			for network, n := range bothNetworks(t, func(n *http.Transport) { n.MaxResponseHeaderBytes = 1 << 16 }) {
				a, err := roundTrip(t.Context(), newTransport(n, Options{MaxBody: 1000}), base)
				if err == nil {
					got[network] = fmt.Sprintf("%d %q %v", a.Status, a.Body, a.Header)
					continue
				}
				var failed *Error
				require.ErrorAs(t, err, &failed)
				got[network] = fmt.Sprintf("sent: %t", failed.Sent)
				assert.NotContains(t, err.Error(), "s3cret")
			}
			assert.Equal(t, got["net/http"], got["held"])
		})
	}
}

func TestAHeldConnectionIsUsedAgain(t *testing.T) {
	for _, start := range []func(*httptest.Server){(*httptest.Server).Start, (*httptest.Server).StartTLS} {
		var connections atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }))
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		start(server)
		transport := newTransport(server.Client().Transport, Options{})
		for range 5 {
			a, err := roundTrip(t.Context(), transport, server.URL)
			require.NoError(t, err)
			assert.Equal(t, "hi", string(a.Body))
		}
		assert.EqualValues(t, 1, connections.Load(), server.URL)
		server.Close()
	}
}

// A carrier may end a connection whenever nobody uses it. A call that came by it
// then would be in doubt, although nothing of it had been read.
func TestAConnectionThatTheCarrierEndedIsNotUsed(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var requests atomic.Int32
		ended := make(chan struct{}, 1)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			_, _ = io.WriteString(w, "hi")
		}))
		server.Config.ConnState = func(c net.Conn, s http.ConnState) {
			if s == http.StateIdle {
				_ = c.Close() // says nothing of it in the answer
				ended <- struct{}{}
			}
		}
		if secure {
			server.StartTLS()
		} else {
			server.Start()
		}
		transport := newTransport(server.Client().Transport, Options{})
		for range 30 {
			_, err := roundTrip(t.Context(), transport, server.URL)
			require.NoError(t, err, "TLS: %t", secure)
			<-ended
		}
		assert.EqualValues(t, 30, requests.Load())
		server.Close()
	}
}

// What a carrier sends without being asked is no answer to the next request.
func TestAnAnswerThatNobodyAskedForIsTakenForNone(t *testing.T) {
	for name, extra := range map[string]string{"with the answer": "now", "after it": "later"} {
		t.Run(name, func(t *testing.T) {
			late := make(chan struct{})
			base := serveRaw(t, func(nth int, c net.Conn, r *bufio.Reader) {
				if !take(r) {
					return
				}
				if nth > 0 {
					_, _ = io.WriteString(c, whole)
					return
				}
				wrong := strings.Replace(whole, "hi", "no", 1)
				if extra == "now" {
					_, _ = io.WriteString(c, whole+wrong)
				} else {
					_, _ = io.WriteString(c, whole)
					_, _ = io.WriteString(c, wrong)
				}
				close(late)
				_, _ = r.ReadByte() // until the other side ends it
			})
			transport := newTransport(realNetwork(t), Options{})
			for range 2 {
				a, err := roundTrip(t.Context(), transport, base)
				require.NoError(t, err)
				assert.Equal(t, "hi", string(a.Body))
				<-late
			}
		})
	}
}

// Not even a request that net/http takes for harmless is written a second time.
func TestNoRequestIsRepeatedByTheNetwork(t *testing.T) {
	var requests atomic.Int32
	base := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for take(r) {
			if requests.Add(1) > 1 {
				return
			}
			_, _ = io.WriteString(c, whole)
		}
	})
	transport := newTransport(realNetwork(t), Options{})
	for i := range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/?Signature=s3cret", nil)
		require.NoError(t, err)
		_, err = transport.Send(req.Context(), Call{}, made(req))
		assert.Equal(t, i == 0, err == nil, "%v", err)
		assert.True(t, i == 0 || sent(t, err))
	}
	assert.EqualValues(t, 2, requests.Load())
}

// Some carriers change a card by GET, and net/http sends a GET again by itself where
// its connection breaks: a proxy's connections are its own.
func TestNoChangeIsRepeatedOnTheWayThroughAProxy(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		var requests atomic.Int32
		base := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
			for take(r) {
				if requests.Add(1) > 1 {
					return
				}
				_, _ = io.WriteString(c, whole)
			}
		})
		via, err := url.Parse(base)
		require.NoError(t, err)
		network := realNetwork(t)
		network.Proxy = http.ProxyURL(via)
		transport := newTransport(network, Options{})
		for i := range 2 {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://carrier.test/stop?Signature=s3cret", nil)
			require.NoError(t, err)
			_, err = transport.Send(req.Context(), Call{Changing: true}, made(req))
			assert.Equal(t, i == 0, err == nil, "%s: %v", method, err)
			assert.True(t, i == 0 || sent(t, err), method)
		}
		assert.EqualValues(t, 2, requests.Load(), method)
	}
}

func TestABodyLeavesWithItsRequest(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	transport := newTransport(realNetwork(t), Options{})
	for _, size := range []int{0, 10, 1 << 20} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(strings.Repeat("x", size)))
		require.NoError(t, err)
		a, err := transport.Send(req.Context(), Call{}, made(req))
		require.NoError(t, err)
		assert.Len(t, a.Body, size)
	}
}

func TestEachOfManyCallsGetsItsOwnAnswer(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.RawQuery) }))
	defer server.Close()
	transport := newTransport(server.Client().Transport, Options{InFlight: 8})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for j := range 20 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("%s/?%d.%d", server.URL, i, j), nil)
				if !assert.NoError(t, err) {
					return
				}
				a, err := transport.Send(req.Context(), Call{}, made(req))
				assert.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("%d.%d", i, j), string(a.Body))
			}
		})
	}
	all.Wait()
}

func TestAProxyCarriesWhatItShould(t *testing.T) {
	var seen atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.URL.Host)
		_, _ = io.WriteString(w, "through the proxy")
	}))
	defer proxy.Close()
	via, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	network := realNetwork(t)
	network.Proxy = http.ProxyURL(via)
	a, err := roundTrip(t.Context(), newTransport(network, Options{}), "http://carrier.test")
	require.NoError(t, err)
	assert.Equal(t, "through the proxy", string(a.Body))
	assert.Equal(t, "carrier.test", seen.Load())

	network.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("the proxy's address is no URL") }
	_, err = roundTrip(t.Context(), newTransport(network, Options{}), "http://carrier.test")
	assert.ErrorContains(t, err, "the proxy's address is no URL")
}

// The certificate is checked against the host, or the name that the settings say.
func TestTLSIsAsTheTransportIsSetTo(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.TLS.ServerName) }))
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	trusting := server.Client().Transport.(*http.Transport).TLSClientConfig
	for name, row := range map[string]struct {
		set  func(*tls.Config)
		want string // of the error
		body string
	}{
		"trusted":       {func(*tls.Config) {}, "", ""},
		"by its name":   {func(c *tls.Config) { c.ServerName = "example.com" }, "", "example.com"},
		"another name":  {func(c *tls.Config) { c.ServerName = "elsewhere.test" }, "elsewhere.test", ""},
		"nobody's":      {func(c *tls.Config) { c.RootCAs = nil }, "certificate", ""},
		"newer than it": {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }, "protocol version", ""},
	} {
		network := realNetwork(t)
		network.TLSClientConfig = trusting.Clone()
		row.set(network.TLSClientConfig)
		a, err := roundTrip(t.Context(), newTransport(network, Options{}), server.URL)
		if row.want == "" {
			require.NoError(t, err, name)
			assert.Equal(t, row.body, string(a.Body), name)
			continue
		}
		assert.ErrorContains(t, err, row.want, name)
		assert.False(t, sent(t, err), name)
	}
}

func TestNoHandshakeNoCall(t *testing.T) {
	base := serveRaw(t, func(nth int, c net.Conn, r *bufio.Reader) {
		if nth == 0 {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}
		_, _ = io.Copy(io.Discard, r) // says nothing until the other side ends it
	})
	network := realNetwork(t)
	network.TLSHandshakeTimeout = 20 * time.Millisecond
	transport := newTransport(network, Options{Timeout: time.Minute})
	for _, want := range []string{"connect: the carrier answers https with plain http", "connect: nothing within 20ms: the TLS handshake took too long"} {
		_, err := roundTrip(t.Context(), transport, strings.Replace(base, "http:", "https:", 1))
		assert.EqualError(t, err, want)
		assert.False(t, sent(t, err))
	}
}

func TestAnAnswerThatDoesNotComeIsNotWaitedForLongerThanAllowed(t *testing.T) {
	base := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if take(r) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
			_, _ = r.ReadByte() // until the other side ends it
		}
	})
	for network, n := range bothNetworks(t, nil) {
		_, err := roundTrip(t.Context(), newTransport(n, Options{Timeout: 30 * time.Millisecond}), base)
		assert.EqualError(t, err, "read the answer: nothing within 30ms: context deadline exceeded", network)
		assert.True(t, sent(t, err), network)
	}
}

// Who goes away waits no longer for an answer to a call that only reads. A change
// that has left comes to its end.
func TestAnInterruptEndsTheWaitForAReadingAndNotForAChange(t *testing.T) {
	for _, changing := range []bool{false, true} {
		came, answer := make(chan struct{}), make(chan struct{})
		base := serveRaw(t, func(_ int, c net.Conn, r *bufio.Reader) {
			if take(r) {
				close(came)
				<-answer
				_, _ = io.WriteString(c, whole)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, base, nil)
		require.NoError(t, err)
		go func() {
			<-came
			cancel()
			if changing {
				close(answer)
			}
		}()
		_, err = newTransport(realNetwork(t), Options{Timeout: time.Minute}).Send(req.Context(), Call{Changing: changing}, made(req))
		if changing {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, context.Canceled)
		assert.True(t, sent(t, err))
		close(answer)
	}
}

func TestConnectionsAreNotHeldForEver(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	network := realNetwork(t)
	network.IdleConnTimeout, network.MaxIdleConnsPerHost = time.Minute, 3
	now := time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC)
	d := newDirect(network, func() time.Time { return now })
	to := targetOf(&url.URL{Scheme: "http", Host: strings.TrimPrefix(server.URL, "http://")})
	var all []*held
	for range 5 {
		c, err := d.dial(t.Context(), t.Context(), to)
		require.NoError(t, err)
		c.again = true
		all = append(all, c)
	}
	for _, c := range all {
		d.release(c)
	}
	assert.Len(t, d.idle[to], 3, "no more than the settings say")
	last := d.take(to)
	now = now.Add(2 * time.Minute)
	last.again = true
	d.release(last)
	assert.Equal(t, []*held{last}, d.idle[to], "those that nobody took for longer than the settings say are closed")
	last.close()
}

// What isn't plainly right goes to net/http, which refuses it.
func TestWhatCouldEndAHeaderIsRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer server.Close()
	for _, value := range []string{"a\r\nX: b", "a\nb", "a\x00"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", value)
		_, err = newTransport(realNetwork(t), Options{}).Send(req.Context(), Call{}, made(req))
		assert.ErrorContains(t, err, "invalid header", "%q", value)
	}
}
