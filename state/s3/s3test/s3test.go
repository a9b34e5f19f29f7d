// Package s3test runs real S3 servers for tests: versitygw, which .ci/run
// installs, and s3rver, which knows no conditions. One of each serves all tests of
// a process.
package s3test

import (
	"bytes"
	"context"
	"fmt"
	"go/build"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
)

// The server's region and its one account.
const (
	Region    = "us-east-1"
	AccessKey = "tester"
	SecretKey = "a secret of tests"
)

// Bucket makes an empty bucket of the server at url.
func Bucket(t testing.TB, url, name string) { BucketOf(t, url, name, AccessKey, SecretKey) }

// BucketOf makes an empty bucket for an account of the server's own.
func BucketOf(t testing.TB, url, name, accessKey, secretKey string) {
	t.Helper()
	client := s3.New(s3.Options{
		Region: Region, BaseEndpoint: &url, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
	_, err := client.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(name)})
	require.NoError(t, err)
}

var server struct {
	once sync.Once
	cmd  *exec.Cmd
	dir  string
	url  string
	err  error
	log  bytes.Buffer
}

// Gateway is the server's URL. It is started with the first test that needs
// it; [Stop] ends it. A test is left out, loudly, where it isn't installed; in CI
// that is a failure.
func Gateway(t testing.TB) string {
	t.Helper()
	program, err := installed()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("versitygw is missing, and CI leaves nothing out")
		}
		t.Skip("LEFT OUT: versitygw is not installed (go install github.com/versity/versitygw/cmd/versitygw@v1.8.0)")
	}
	server.once.Do(func() { server.err = run(program) })
	require.NoError(t, server.err)
	return server.url
}

func installed() (string, error) {
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "bin", "versitygw"))
}

// run starts the server on a free port and waits until it answers. It
// keeps ETags in extended attributes, which the temporary folder has to have:
// with -sidecar they are beside the objects, and its If-Match isn't atomic.
func run(program string) error {
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
	server.cmd = exec.Command(program, "--port", address, "--access", AccessKey, "--secret", SecretKey,
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

// Stop ends the servers that were started.
func Stop() {
	stopUnconditional()
	if server.cmd != nil && server.cmd.Process != nil {
		_ = server.cmd.Process.Kill()
		_ = server.cmd.Wait() // it was killed
	}
	if server.dir != "" {
		_ = os.RemoveAll(server.dir)
	}
}
