// Cardfleet declares a fleet of IoT SIM cards, plans what differs from the
// carriers' live state, and applies it. See README.md.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"sync/atomic"
	"syscall"
	"time"
	_ "time/tzdata" // for machines that have no time zones of their own

	"golang.org/x/term"

	"github.com/cardfleet/cardfleet/internal/cli"
)

func main() {
	os.Exit(run())
}

// run hands the process's surroundings to the program. The first interrupt
// cancels the context: nothing more is sent, and calls that have left end. The
// second, at least half a second later, ends the process at once; the journal holds what was under way.
func run() int {
	cli.SpareSmallRuns(os.Getenv("GOGC"))
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error: the working folder can't be found:", err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// An apply whose output nobody reads any more (| head) goes on to its end.
	signal.Ignore(syscall.SIGPIPE)
	tell := cli.InLanguage(os.Args[1:], os.Getenv)
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup has it ignored: the run outlives its terminal
		signal.Notify(interrupts, syscall.SIGHUP)
	}
	env := environment(dir)
	var follows atomic.Bool // a run at workers, which goes on: the program says so itself
	env.Follows = follows.Store
	go cli.Interrupts(interrupts, func() {
		if text := "Interrupted: nothing more is sent, and calls that have left come to their end. Once more stops at once."; !follows.Load() {
			fmt.Fprintln(os.Stderr, "\n"+tell(text))
		}
		cancel()
	}, func() {
		fmt.Fprintln(os.Stderr, "\n"+tell("Interrupted twice: stopping at once. The journal holds the calls that were under way; the next run looks what became of them."))
		os.Exit(130)
	})
	return cli.Run(ctx, os.Args[1:], env)
}

func environment(dir string) *cli.Env {
	env := &cli.Env{
		Dir: dir, In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY: isTerminal(os.Stdin), OutTTY: isTerminal(os.Stdout), ErrTTY: isTerminal(os.Stderr),
		LookupEnv: os.LookupEnv, Now: time.Now, Sleep: sleep,
		Random:    func(p []byte) { rand.Read(p) }, //nolint:errcheck // crypto/rand.Read never fails
		Transport: transport(),
		User:      "unknown", Host: "unknown",
	}
	if columns, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		env.OutWidth = columns
	}
	if u, err := user.Current(); err == nil {
		env.User = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		env.Host = h
	}
	return env
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// transport keeps connections open for as many calls as a carrier takes at
// once; the limits themselves are the providers'.
func transport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          512,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}
