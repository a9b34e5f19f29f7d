package s3test

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// S3rver's one account.
const (
	UnconditionalAccessKey = "S3RVER"
	UnconditionalSecretKey = "S3RVER"
)

//go:embed testdata/s3rver
var s3rver embed.FS

// unconditional starts s3rver once, for the first test that asks.
var unconditional = sync.OnceValues(startUnconditional)

// started is what ends s3rver; nil where none was started.
var started atomic.Pointer[rig]

// rig is s3rver with what it needs, in a folder of its own.
type rig struct {
	dir, url string
	stdin    io.Closer // its end ends the server, and a test binary that dies ends it too
	cmd      *exec.Cmd
}

var errNoNode = errors.New("node and npm are not installed")

// Unconditional is the URL of a store that passes over the conditions of a
// write: s3rver 3.7.1. It is installed outside of the repository, with npm. A
// test is left out, loudly, where that can't be; in CI that is a failure.
func Unconditional(t testing.TB) string {
	t.Helper()
	r, err := unconditional()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v, and CI leaves nothing out", err)
		}
		t.Skipf("LEFT OUT: %v", err)
	}
	return r.url
}

func startUnconditional() (*rig, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, errNoNode
		}
	}
	dir, err := os.MkdirTemp("", "cardfleet-s3rver-")
	if err != nil {
		return nil, err
	}
	r := &rig{dir: dir}
	started.Store(r)
	if err := r.install(); err != nil {
		return nil, err
	}
	return r, r.run()
}

func (r *rig) install() error {
	files, err := fs.Sub(s3rver, "testdata/s3rver")
	if err != nil {
		return err
	}
	if err := os.CopyFS(r.dir, files); err != nil {
		return err
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci of s3rver: %w\n%s", err, out)
	}
	return os.Mkdir(filepath.Join(r.dir, "data"), 0o700)
}

// serveUnconditional runs s3rver until standard input ends.
const serveUnconditional = `
node node_modules/.bin/s3rver -d data -a 127.0.0.1 -p 0 </dev/null &
cat >/dev/null
kill -KILL $!
wait
`

// run starts the server, which says where it listens.
func (r *rig) run() (err error) {
	r.cmd = exec.Command("sh", "-c", serveUnconditional)
	r.cmd.Dir = r.dir
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return err
	}
	said, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), "listening on "); found {
			r.url = "http://" + strings.TrimSpace(address)
			go func() { _, _ = io.Copy(io.Discard, said) }() // what it logs of each request
			return nil
		}
	}
	return errors.New("s3rver ended before it listened")
}

// stopUnconditional ends s3rver where it was started.
func stopUnconditional() {
	r := started.Load()
	if r == nil {
		return
	}
	if r.stdin != nil {
		_ = r.stdin.Close()
		_ = r.cmd.Wait() // it was killed
	}
	_ = os.RemoveAll(r.dir)
}
