package lsp

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/editor"
)

const (
	// pause is how long a text has to stand still before it is checked.
	pause = 250 * time.Millisecond
	// mostTold is how many mistakes of a file are shown: an editor draws each.
	mostTold = 200
)

// checker has configurations checked while they are written: each folder once its
// texts stand still for a moment, one folder at a time. A change calls off what
// is under way of its folder.
type checker struct {
	*server
	ctx  context.Context //nolint:containedctx // the conversation's: checks outlive the notification that asks for them
	turn chan struct{}   // held by the check that is under way
	wg   sync.WaitGroup

	mu     sync.Mutex
	cancel map[string]context.CancelFunc  // by folder: of the check that is under way or waits
	told   map[string]map[string]struct{} // by folder: the files of which mistakes are shown
}

func newChecker(ctx context.Context, s *server) *checker {
	return &checker{
		server: s, ctx: ctx, turn: make(chan struct{}, 1),
		cancel: map[string]context.CancelFunc{}, told: map[string]map[string]struct{}{},
	}
}

// soon has a folder checked once its texts stand still.
func (c *checker) soon(dir string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stop, ok := c.cancel[dir]; ok {
		stop()
	}
	ctx, stop := context.WithCancel(c.ctx)
	c.cancel[dir] = stop
	c.wg.Go(func() {
		defer stop()
		if c.Sleep(ctx, pause) == nil {
			c.check(ctx, dir)
		}
	})
}

// allSoon has each folder checked again that was checked before.
func (c *checker) allSoon() {
	c.mu.Lock()
	dirs := slices.Sorted(maps.Keys(c.cancel))
	c.mu.Unlock()
	for _, dir := range dirs {
		c.soon(dir)
	}
}

// wait ends when no check is under way any more.
func (c *checker) wait() { c.wg.Wait() }

func (c *checker) check(ctx context.Context, dir string) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return
	}
	open := c.Editor.Unsaved()
	var diags spec.Diagnostics
	if files := c.filesOf(dir, open); len(files) > 0 { // else nobody is there to be told
		diags = c.Check(ctx, dir, open)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() == nil {
		c.publish(dir, c.byFile(dir, open, diags))
	}
}

// filesOf are the files of a folder's configuration that are open, by path.
func (c *checker) filesOf(dir string, open map[string][]byte) []string {
	var files []string
	for path := range open {
		if filepath.Dir(path) == dir && editor.Belongs(path) {
			files = append(files, path)
		}
	}
	slices.Sort(files)
	return files
}

// byFile sorts mistakes by their file. One without a place is shown at the
// beginning of the first file that is open.
func (c *checker) byFile(dir string, open map[string][]byte, diags spec.Diagnostics) map[string][]diagnostic {
	out, left := map[string][]diagnostic{}, map[string]int{}
	first := ""
	for _, path := range c.filesOf(dir, open) {
		out[path] = []diagnostic{} // no mistake is told too
		first = cmp.Or(first, path)
	}
	for i := range diags {
		path := first
		if s := diags[i].Subject; s != nil {
			path = editor.Path(dir, s.File)
		}
		if len(out[path]) >= mostTold {
			left[path]++
			continue
		}
		at := editor.Range{}
		if s := diags[i].Subject; s != nil {
			at = c.Editor.Place(dir, *s)
		}
		out[path] = append(out[path], told(&diags[i], at))
	}
	for path, n := range left {
		more := diagnostic{Severity: severityWarning, Source: "cardfleet",
			Message: fmt.Sprintf("%s more. `cardfleet validate` shows all.", spec.Count(n, "mistake"))}
		out[path] = append(out[path], more)
	}
	return out
}

func told(d *spec.Diagnostic, at editor.Range) diagnostic {
	out := diagnostic{Range: at, Severity: severityError, Source: "cardfleet", Message: d.Summary}
	if d.Severity == spec.Warning {
		out.Severity = severityWarning
	}
	if d.Detail != "" {
		out.Message += ": " + d.Detail
	}
	return out
}

// publish shows the mistakes of a folder, and takes back those that are gone.
func (c *checker) publish(dir string, byFile map[string][]diagnostic) {
	before := c.told[dir]
	c.told[dir] = map[string]struct{}{}
	for _, path := range slices.Sorted(maps.Keys(byFile)) {
		c.told[dir][path] = struct{}{}
		c.send(path, byFile[path])
		delete(before, path)
	}
	for _, path := range slices.Sorted(maps.Keys(before)) {
		c.send(path, []diagnostic{})
	}
}

func (c *checker) send(path string, diags []diagnostic) {
	// An editor that has left reads nothing any more.
	_ = c.rpc.Notify(c.ctx, "textDocument/publishDiagnostics", publishParams{c.uri(path), c.version(path), diags})
}
