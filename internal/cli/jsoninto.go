package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cardfleet/cardfleet/spec"
)

// linesFile is where -json-into goes. Each line is one write, so that a run
// that dies leaves whole lines. What can't be written is told once, at the end.
type linesFile struct {
	file *os.File
	err  error // the first; nothing is written after it
}

// Write writes a line. It never fails: a run goes on without its file.
func (f *linesFile) Write(p []byte) (int, error) {
	if f.err == nil {
		_, f.err = f.file.Write(p)
	}
	return len(p), nil
}

// openRun makes the output of a plan or an apply. A file of -json-into that
// can't be written ends the command before anything is read or called. So does
// a file that the run needs for something else: others are the names of these.
func (prog *program) openRun(o runOptions, others ...string) error {
	prog.open(o.viewOptions)
	if o.jsonInto == "" {
		return nil
	}
	if err := notAmong(prog.dir(), "-json-into", o.jsonInto, append(others, o.retry.file)...); err != nil {
		return err
	}
	file, err := os.OpenFile(within(prog.dir(), o.jsonInto), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the JSON lines: %w", err)
	}
	prog.out.into = &linesFile{file: file}
	return nil
}

// notAmong refuses a file to be written that is one of the others.
func notAmong(dir, option, file string, others ...string) error {
	for _, other := range others {
		if other != "" && filepath.Clean(within(dir, file)) == filepath.Clean(within(dir, other)) {
			return refuse("One file for two things", "%s would write over %s, which this run needs for something else. Give it another name.", option, other)
		}
	}
	return nil
}

// closeLines ends the file of -json-into, after the last word of the run.
func (o *output) closeLines() {
	if o.into == nil {
		return
	}
	f := o.into
	o.into = nil
	if err := errors.Join(f.err, f.file.Close()); err != nil {
		o.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "JSON lines are missing",
			Detail: fmt.Sprintf("The file of -json-into doesn't have all lines of this run: %v. The run itself and its exit code are as they would have been without it.", err),
		}})
	}
}
