package s3

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"go/build"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/state"
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopGateway()
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
	return newBucket(t, startGateway(t))
}

func newBucket(t testing.TB, url string) *bucket {
	t.Helper()
	n := buckets.Add(1)
	b := &bucket{
		clock: &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)},
		settings: Settings{
			Bucket: fmt.Sprintf("states-%d", n), Key: "fleets/hangzhou west.state", Region: "us-east-1",
			Endpoint: url, UsePathStyle: true, AccessKey: "tester", SecretKey: "a secret of tests",
		},
	}
	st := b.open(t).store
	_, err := st.api.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &st.bucket})
	require.NoError(t, err)
	return b
}

// open opens the state once more, as another run would.
func (b *bucket) open(t testing.TB) *Backend {
	t.Helper()
	env := Env{
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

// The gateway is versitygw, which .ci/run installs; one serves all tests.
var server struct {
	once sync.Once
	cmd  *exec.Cmd
	dir  string
	url  string
	err  error
	log  bytes.Buffer
}

func startGateway(t testing.TB) string {
	t.Helper()
	program, err := gatewayProgram()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("versitygw is missing, and CI leaves nothing out")
		}
		t.Skip("LEFT OUT: versitygw is not installed (go install github.com/versity/versitygw/cmd/versitygw@v1.8.0)")
	}
	server.once.Do(func() { server.err = runGateway(program) })
	require.NoError(t, server.err)
	return server.url
}

func gatewayProgram() (string, error) {
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "bin", "versitygw"))
}

// runGateway starts the server on a free port and waits until it answers. It
// keeps ETags in extended attributes, which the temporary folder has to have:
// with -sidecar they are beside the objects, and its If-Match isn't atomic.
func runGateway(program string) error {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return err
	}
	if server.dir, err = os.MkdirTemp("", "cardfleet-s3-"); err != nil {
		return err
	}
	server.cmd = exec.Command(program, "--port", address, "--access", "tester", "--secret", "a secret of tests",
		"--keep-alive", "--quiet", "posix", server.dir)
	server.cmd.Stdout, server.cmd.Stderr = &server.log, &server.log
	if err := server.cmd.Start(); err != nil {
		return err
	}
	server.url = "http://" + address
	for range 200 {
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
		time.Sleep(50 * time.Millisecond) // it is another process: there is nothing to wait on
	}
	return fmt.Errorf("versitygw doesn't answer: %s", strings.TrimSpace(server.log.String()))
}

func stopGateway() {
	if server.cmd != nil && server.cmd.Process != nil {
		_ = server.cmd.Process.Kill()
		_ = server.cmd.Wait() // it was killed
	}
	if server.dir != "" {
		_ = os.RemoveAll(server.dir)
	}
}
