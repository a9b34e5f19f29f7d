// Package s3test runs real S3 servers for tests: versitygw, which .ci/run
// installs, and s3rver, which knows no conditions. One of each serves all tests of
// a process.
package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/build"
	"net"
	"net/http"
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
	end  func() // nil where none was started
	dir  string
	url  string
	err  error
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

// run starts the server on a free port and waits until it answers. Between the
// moment when a port is found free and the one when the server takes it, it may
// become another program's: then the server ends, and is started on another port.
func run(program string) error {
	var err error
	if server.dir, err = os.MkdirTemp("", "cardfleet-s3-"); err != nil {
		return err
	}
	for range 5 {
		if err = runOnce(program); err == nil {
			return nil
		}
	}
	return err
}

// runOnce keeps ETags in extended attributes, which the temporary folder has to
// have: with -sidecar they are beside the objects, and the server's If-Match
// isn't atomic.
func runOnce(program string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "--port", address, "--access", AccessKey, "--secret", SecretKey,
		"--keep-alive", "--quiet", "posix", server.dir)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // what went wrong is in the log
	}()
	server.url, server.end = "http://"+address, func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-ended
	}
	if err := answers(address, ended); err != nil {
		server.end()
		return fmt.Errorf("versitygw: %w: %s", err, strings.TrimSpace(log.String()))
	}
	return nil
}

func freeAddress() (string, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return free.Addr().String(), free.Close()
}

// answers waits until versitygw answers at the address, while the process that is to
// do so runs.
func answers(address string, ended <-chan struct{}) error {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 1200 {
		select {
		case <-ended:
			return errors.New("it ended by itself")
		case <-time.After(50 * time.Millisecond): // it is another process: there is nothing else to wait on
		}
		answer, err := client.Get("http://" + address) //nolint:noctx // it has its own end
		if err != nil {
			continue
		}
		if err := answer.Body.Close(); err != nil {
			return err
		}
		if answer.Header.Get("Server") != "VERSITYGW" {
			return errors.New("another server has its port")
		}
		return nil
	}
	return errors.New("it doesn't answer")
}

// Stop ends the servers that were started.
func Stop() {
	stopUnconditional()
	if server.end != nil {
		server.end()
	}
	if server.dir != "" {
		_ = os.RemoveAll(server.dir)
	}
}
