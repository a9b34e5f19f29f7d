package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// pooled starts the pooler once, for the first test that asks.
var pooled = sync.OnceValues(startPooler)

var pooler atomic.Pointer[server]

// Pooled is the connection string of [Database] through a PgBouncer in
// transaction mode: each transaction goes to the session that was idle for
// longest, and so, as a rule, to another one than the transaction before it.
func Pooled(t testing.TB, conn string) string {
	t.Helper()
	p := wanted(t, pooled)
	_, rest, _ := strings.Cut(conn, " ") // host=DIR first
	return fmt.Sprintf("host=%s %s", p.dir, rest)
}

// poolerSettings are PgBouncer's. Its socket has PostgreSQL's own number, and a
// pool for each of a test's databases leaves the server soon.
const poolerSettings = `[databases]
* = host=%[1]s
[pgbouncer]
unix_socket_dir = %[2]s
listen_port = 5432
listen_addr =
auth_type = trust
auth_file = %[2]s/users
pool_mode = transaction
default_pool_size = 4
server_round_robin = 1
server_idle_timeout = 1
server_login_retry = 1
max_client_conn = 500
logfile = %[2]s/log
`

// servePooler runs PgBouncer until standard input ends.
const servePooler = `
"$1" -q "$2/settings" </dev/null >/dev/null 2>&1 &
cat >/dev/null
kill -INT $! 2>/dev/null
wait
cd / && rm -rf "$2"
`

func startPooler() (*server, error) {
	behind, err := shared()
	if err != nil {
		return nil, err
	}
	bin, err := poolerBinary()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "cfpb")
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"settings": fmt.Sprintf(poolerSettings, behind.dir, dir),
		"users":    "\"postgres\" \"\"\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // another user reads them
			return nil, err
		}
	}
	s := &server{dir: dir}
	if err := s.run(servePooler, bin, dir); err != nil {
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	pooler.Store(s)
	return s, nil
}

// poolerBinary is PgBouncer's, which Debian has among those of root.
func poolerBinary() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("PgBouncer%w", errMissing)
}
