package s3

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/s3/s3test"
)

func TestMain(m *testing.M) {
	code := m.Run()
	s3test.Stop()
	transport.CloseIdleConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var transport = &http.Transport{MaxIdleConnsPerHost: 64}

// bucket is where a test keeps its state: a server, and a key of its own.
type bucket struct {
	settings Settings
	clock    *clock
	through  http.RoundTripper // nil: transport
	sealer   state.Sealer
}

var buckets atomic.Int64

// fake is a bucket in this process, for speed. It ignores If-Match when it deletes.
func fake(t testing.TB) *bucket {
	t.Helper()
	server := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithTimeSkewLimit(0)).Server())
	t.Cleanup(server.Close)
	return newBucket(t, server.URL)
}

// gateway is a bucket of a real server.
func gateway(t testing.TB) *bucket {
	t.Helper()
	return newBucket(t, s3test.Gateway(t))
}

func newBucket(t testing.TB, url string) *bucket {
	t.Helper()
	return bucketOf(t, url, s3test.AccessKey, s3test.SecretKey)
}

func bucketOf(t testing.TB, url, accessKey, secretKey string) *bucket {
	t.Helper()
	n := buckets.Add(1)
	b := &bucket{
		clock: &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)},
		settings: Settings{
			Bucket: fmt.Sprintf("states-%d", n), Key: "fleets/hangzhou west.state", Region: s3test.Region,
			Endpoint: url, UsePathStyle: true, AccessKey: accessKey, SecretKey: secretKey,
		},
	}
	s3test.BucketOf(t, url, b.settings.Bucket, accessKey, secretKey)
	return b
}

// open opens the state once more, as another run would.
func (b *bucket) open(t testing.TB) *Backend {
	t.Helper()
	env := state.Env{
		Random: func(p []byte) { _, _ = rand.Read(p) }, Version: "0.1.0", Sealer: b.sealer,
		Now: b.clock.Now, Ticker: b.clock.Ticker, Transport: transport,
	}
	if b.through != nil {
		env.Transport = b.through
	}
	backend, err := New(b.settings, env)
	require.NoError(t, err)
	return backend
}

// leaseTime is how long a lease is good for without a renewal.
const leaseTime = beatsToExpiry * heartbeat

// clock stands still until a test moves it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	ticks []chan time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Ticker ticks when a test says so.
func (c *clock) Ticker(time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tick := make(chan time.Time)
	c.ticks = append(c.ticks, tick)
	return tick, func() {}
}

// beat makes the nth ticker tick, and waits until its heartbeat has gone by:
// a second tick is taken only then.
func (c *clock) beat(n int) {
	c.mu.Lock()
	tick := c.ticks[n]
	c.mu.Unlock()
	tick <- time.Time{}
}
