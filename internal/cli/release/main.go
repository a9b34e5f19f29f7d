// Command release makes what a release has beside the program, and that can't
// be written by hand without going stale:
//
//	go run ./internal/cli/release -into=.release -tag=v0.1.0
//
// A manual page of each command and the completion scripts come from the
// program itself, the notes from CHANGELOG.md, and the licences from the modules
// that are linked into the program. .goreleaser.yaml packs them; .ci/release
// runs both. The same commit gives the same bytes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cardfleet/cardfleet/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// run makes all of it from the source in the working folder.
func run(ctx context.Context, args []string, log io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(log)
	into := flags.String("into", ".release", "write into the folder `DIR`, which is emptied first")
	tag := flags.String("tag", "", "the release is this `TAG`, as in v0.1.0; without it, what comes next")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *tag != "" && *tag != "v"+cli.Version {
		return fmt.Errorf("the tag is %s and the program calls itself %s: change Version in internal/cli/cli.go, or the tag", *tag, cli.Version)
	}
	files, err := contents(ctx, ".", *tag)
	if err != nil {
		return err
	}
	return write(*into, files)
}

// contents are the files of a release of the source in dir, by their names.
func contents(ctx context.Context, dir, tag string) (map[string]string, error) {
	files, err := manual(ctx, dir)
	if err != nil {
		return nil, err
	}
	for shell, name := range scripts {
		if files["completions/"+name], err = say(ctx, "completion", shell); err != nil {
			return nil, err
		}
	}
	changes, err := os.ReadFile(filepath.Join(dir, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	if files["notes.md"], err = notes(string(changes), tag); err != nil {
		return nil, err
	}
	linked, err := linkedModules(ctx, dir)
	if err != nil {
		return nil, err
	}
	files["THIRD_PARTY_LICENSES"], err = licences(linked)
	return files, err
}

// scripts are the completion scripts, by their shells, under the names that
// these look for.
var scripts = map[string]string{"bash": "cardfleet", "zsh": "_cardfleet", "fish": "cardfleet.fish"}

// write puts the files into dir and takes away what was there before.
func write(dir string, files map[string]string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// say is what the program prints with these arguments, without any surroundings.
func say(ctx context.Context, args ...string) (string, error) {
	var out, failed strings.Builder
	env := &cli.Env{In: strings.NewReader(""), Out: &out, Err: &failed, LookupEnv: func(string) (string, bool) { return "", false }}
	if code := cli.Run(ctx, args, env); code != 0 {
		return "", fmt.Errorf("cardfleet %s ended with %d: %s", strings.Join(args, " "), code, &failed)
	}
	return out.String(), nil
}
