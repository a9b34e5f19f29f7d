// Command forge stands for GitHub and for its registry of images while a release
// is rehearsed: it takes a release over GitHub's API and an image over a
// registry's, each only with the token, and hands out what was published:
//
//	go -C .ci/image run ./forge -token=TOKEN -address=FILE
//
// It keeps all of it in memory until it is ended. What it refuses, GitHub refuses
// too: a draft isn't found by its tag, a name can't be uploaded twice, and a tag
// has one published release.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, says io.Writer) error {
	flags := flag.NewFlagSet("forge", flag.ContinueOnError)
	flags.SetOutput(says)
	token := flags.String("token", "", "take a release and an image with this `TOKEN` only")
	address := flags.String("address", "", "write the server's HOST:PORT into `FILE`")
	failing := flags.Bool("fails-once", false, "fail when a release is published for the first time, once all of it is uploaded")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *token == "" || *address == "" {
		return errors.New("-token and -address are needed")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(*address, []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	server := &http.Server{Handler: handler(&github{token: *token, failing: *failing}), ReadHeaderTimeout: time.Minute}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler is all of the forge. Images and published files are read without the
// token.
func handler(g *github) http.Handler {
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if _, password, _ := r.BasicAuth(); password != g.token && (!reads || r.URL.Path == "/v2/") { // where clients ask how to log in
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	})
	g.routes(mux)
	return mux
}
