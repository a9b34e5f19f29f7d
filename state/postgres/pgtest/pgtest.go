// Package pgtest starts a real PostgreSQL for tests, and a real PgBouncer before
// it: each in a folder of its own, on a socket in it, gone with the test binary.
// Where one isn't installed the test is left out, loudly; under CI, which
// installs them, that is a failure.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is the one server of its kind of a test binary.
type server struct {
	dir   string
	stdin io.Closer // its end ends the server
	ended chan struct{}
}

// shared starts the server once, for the first test that asks.
var shared = sync.OnceValues(start)

var (
	databases atomic.Int64
	started   atomic.Pointer[server]
)

// Database makes an empty database and returns the connection string for it.
func Database(t testing.TB) string {
	t.Helper()
	s := wanted(t, shared)
	name := fmt.Sprintf("test%d", databases.Add(1))
	if err := s.exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	return s.connString(name)
}

// wanted is the server that start starts.
func wanted(t testing.TB, start func() (*server, error)) *server {
	t.Helper()
	s, err := start()
	if errors.Is(err, errMissing) {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v, and CI leaves nothing out", err)
		}
		t.Skipf("LEFT OUT: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Stop ends the servers that were started, and removes their folders. A test
// binary that dies ends its servers too.
func Stop() {
	for _, started := range []*atomic.Pointer[server]{&pooler, &started} {
		if s := started.Load(); s != nil {
			s.stop()
		}
	}
}

func (s *server) stop() {
	_ = s.stdin.Close()
	<-s.ended
}

func (s *server) connString(database string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=%s sslmode=disable", s.dir, database)
}

func (s *server) exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.connString("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// errMissing follows the name of what isn't installed.
var errMissing = errors.New(" isn't installed")

// binaries finds the folder of initdb and postgres.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(real), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's place; the pattern is right
	if len(found) == 0 {
		return "", fmt.Errorf("PostgreSQL, with initdb,%w", errMissing)
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// serve runs the server until its standard input ends, which it does with the
// test binary, whatever becomes of that.
const serve = `
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C -N >"$2/initdb.log" 2>&1 || { cat "$2/initdb.log" >&2; exit 1; }
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=200 >"$2/log" 2>&1 </dev/null &
cat >/dev/null
kill -QUIT $! 2>/dev/null
wait
cd / && rm -rf "$2"
`

func start() (*server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "cfpg") // short: a socket's path has 107 bytes at most
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	if err := s.run(serve, bin, dir); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	started.Store(s)
	return s, nil
}

// run runs a script of the shell until its standard input ends, and waits until
// the server that it starts takes connections.
func (s *server) run(script string, args ...string) (err error) {
	s.ended = make(chan struct{})
	cmd := exec.Command("sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Dir = s.dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := unprivileged(cmd, s.dir); err != nil {
		return err
	}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(s.ended)
		_ = cmd.Wait() // what went wrong is in stderr
	}()
	if err := s.await(); err != nil {
		s.stop()
		return fmt.Errorf("%w: %s", err, &stderr)
	}
	return nil
}

// await waits until the server takes connections.
func (s *server) await() (err error) {
	for range 600 {
		if err = s.exec("SELECT 1"); err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("it ended by itself")
		case <-time.After(100 * time.Millisecond):
		}
	}
	return err
}
