// Command measure measures the program at fleets of several sizes and writes
// the tables of docs/performance.md:
//
//	go run ./internal/cli/measure -out=docs/performance.md
//
// It builds the program, makes fleets with their state, serves the simulated
// carriers, and runs the program's commands as processes of their own, so that
// what it reports is the program's and nothing else's. Start reading at
// [measure], then rows.go.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == oneRole {
		os.Exit(one(os.Args[2:], os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// run measures as the arguments say. The tables go to standard output, or
// between the marks of the page that -out names.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("measure", flag.ContinueOnError)
	flags.SetOutput(log)
	sizes := flags.String("sizes", "1000,10000,100000,1000000", "measure fleets of so many `CARDS`")
	only := flags.String("rows", "", "measure only what matches `REGEXP`, as in \"apply\" or \"blocks, 1000 cards\"")
	skip := flags.String("skip", "$^", "leave out what matches `REGEXP`")
	best := flags.Int("best", 3, "keep the best of `N` runs of what makes no calls; of one where a run takes over 5 s")
	base := flags.String("base", "", "measure the build of another commit beside this one: its `PROGRAM`")
	terraform := flags.String("terraform", installed, "measure `PROGRAMS` beside this one, of Terraform and OpenTofu, with a comma between two: \""+installed+"\" is what is in PATH, \""+none+"\" is none")
	page := flags.String("out", "", "write the tables into the page `FILE`, between its marks")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := options{best: max(*best, 1), log: log}
	if *base != "" {
		path, err := filepath.Abs(*base)
		if err != nil {
			return fmt.Errorf("-base: %w", err)
		}
		o.base = path
	}
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 100 {
			return fmt.Errorf("-sizes: %q is not a number of cards, 100 or more", s)
		}
		o.sizes = append(o.sizes, n)
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return fmt.Errorf("-rows: %w", err)
	}
	if o.skip, err = regexp.Compile(*skip); err != nil {
		return fmt.Errorf("-skip: %w", err)
	}
	if o.peers, err = peers(ctx, *terraform); err != nil {
		return err
	}
	results, err := measure(ctx, o)
	if err != nil {
		return err
	}
	text := results.markdown()
	if *page == "" {
		_, err = io.WriteString(out, text)
		return err
	}
	return fill(*page, text)
}

// The marks in a page between which the tables stand.
const (
	beginMark = "<!-- measured: what stands from here to the next mark is written by internal/cli/measure -->\n"
	endMark   = "<!-- end of what is measured -->\n"
)

// fill puts the text between the marks of a page.
func fill(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), beginMark)
	_, tail, ended := strings.Cut(rest, endMark)
	if !ok || !ended {
		return fmt.Errorf("%s has no marks to write between", page)
	}
	return os.WriteFile(page, []byte(head+beginMark+"\n"+text+"\n"+endMark+tail), 0o644)
}
