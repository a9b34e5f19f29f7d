package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fatih/color"
	"github.com/google/renameio/v2/maybe"
	"github.com/sergi/go-diff/diffmatchpatch"
	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/file"
)

type fmtOptions struct {
	check, diff, write, noColor bool
}

// exitUnformatted is terraform fmt's own code for files that -check would change.
const exitUnformatted = 3

func (prog *program) fmtCommand() *cli.Command {
	o := &fmtOptions{}
	return &cli.Command{
		Name:      "fmt",
		Usage:     "rewrite configuration files to the canonical layout",
		ArgsUsage: "[FILE…]",
		UsageText: `cardfleet fmt
cardfleet fmt -check -diff
cat main.fleet.hcl | cardfleet fmt -`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "change nothing; exit with 3 where a file isn't formatted", Destination: &o.check},
			&cli.BoolFlag{Name: "diff", Usage: "show what changes", Destination: &o.diff},
			&cli.BoolFlag{Name: "write", Value: true, Usage: "-write=false: change nothing", Destination: &o.write},
			&cli.BoolFlag{Name: "no-color", Usage: "no colour", Destination: &o.noColor},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return prog.runFmt(ctx, *o, cmd.Args().Slice())
		},
	}
}

func (prog *program) runFmt(ctx context.Context, o fmtOptions, files []string) error {
	prog.open(viewOptions{noColor: o.noColor})
	if len(files) == 1 && files[0] == "-" {
		return prog.fmtStream(ctx)
	}
	dir := prog.dir()
	if len(files) == 0 {
		found, err := config.Files(dir)
		if err != nil {
			return err
		}
		files = found
	}
	unformatted := false
	var failures []error
	for _, file := range files {
		changed, err := prog.fmtFile(o, within(dir, file), file)
		unformatted = unformatted || changed
		if err != nil {
			failures = append(failures, err)
		}
	}
	switch {
	case len(failures) > 0:
		return errors.Join(failures...)
	case o.check && unformatted:
		return exit(exitUnformatted)
	}
	return nil
}

// fmtStream formats standard input to standard output.
func (prog *program) fmtStream(ctx context.Context) error {
	src, err := io.ReadAll(interruptible{ctx, prog.env.In})
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	formatted, diags := config.Format(src, "<stdin>")
	if diags.HasErrors() {
		return mistakes(diags)
	}
	prog.out.writeData(string(formatted))
	return nil
}

// fmtFile formats one file, and names it on standard output if that changes it.
func (prog *program) fmtFile(o fmtOptions, path, name string) (changed bool, err error) {
	if strings.HasSuffix(name, ".json") {
		return false, nil // JSON has its own tools
	}
	src, err := file.Read(path)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	formatted, diags := config.Format(src, name)
	if diags.HasErrors() {
		return false, mistakes(diags)
	}
	if bytes.Equal(src, formatted) {
		return false, nil
	}
	prog.out.result("%s\n", name)
	if o.diff {
		prog.out.result("%s", lineDiff(name, string(src), string(formatted), prog.out.style))
	}
	if o.check || !o.write {
		return true, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return true, fmt.Errorf("write %s: %w", name, err)
	}
	if err := maybe.WriteFile(path, formatted, info.Mode().Perm()); err != nil {
		return true, fmt.Errorf("write %s: %w", name, err)
	}
	return true, nil
}

// lineDiff shows the lines that differ, with up to two lines around them.
func lineDiff(name, before, after string, style render.Style) string {
	dmp := diffmatchpatch.New()
	a, b, lines := dmp.DiffLinesToChars(before, after)
	diffs := dmp.DiffCharsToLines(dmp.DiffMain(a, b, false), lines)
	var out strings.Builder
	fmt.Fprintf(&out, "--- old/%s\n+++ new/%s\n", name, name)
	for i, d := range diffs {
		text := strings.SplitAfter(strings.TrimSuffix(d.Text, "\n"), "\n")
		for j, line := range text {
			line = strings.TrimSuffix(line, "\n")
			switch d.Type {
			case diffmatchpatch.DiffDelete:
				out.WriteString(style.Paint("-"+line, color.FgRed) + "\n")
			case diffmatchpatch.DiffInsert:
				out.WriteString(style.Paint("+"+line, color.FgGreen) + "\n")
			default:
				if (i > 0 && j < 2) || (i < len(diffs)-1 && j >= len(text)-2) {
					out.WriteString(" " + line + "\n")
				}
			}
		}
	}
	return out.String()
}
