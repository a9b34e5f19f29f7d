package editor

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl-lang/schema"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/file"
)

// Options is what an [Editor] knows beforehand.
type Options struct {
	// Providers and Backends are the types that there are.
	Providers, Backends []spec.Schema
	// Pages are the documentation's pages on the language, whose tables say what
	// an attribute means.
	Pages fs.FS
}

// Editor has the texts that an editor has open, and answers questions about them.
// Its methods may be called at once; each answer is about the texts at that time.
type Editor struct {
	shape   config.Shape
	words   rootWords
	schema  *schema.BodySchema
	carrier *schema.BodySchema
	lookup  pages
	signs   signatures
	work    Work

	mu     sync.Mutex
	open   map[string]*document // by absolute path
	onDisk map[string]readOnce
}

// readOnce is a file of the folder that nobody has open.
type readOnce struct {
	size    int64
	changed time.Time
	doc     *document
}

// New makes an editor that has nothing open.
func New(o Options) *Editor {
	e := &Editor{shape: config.ShapeOf(o.Providers, o.Backends), open: map[string]*document{}, onDisk: map[string]readOnce{}}
	e.words = rootWords{}
	for _, b := range e.shape.Blocks {
		e.words[b.Type] = true
	}
	e.lookup, e.signs = readPages(o.Pages), functionSignatures()
	e.schema, e.carrier = e.bodySchema("", e.shape), e.bodySchema("", config.CarrierShape())
	return e
}

// Work counts what was looked at so far.
func (e *Editor) Work() *Work { return &e.work }

// Open takes over a file's text; from then on the file on disk doesn't count. The
// path is absolute.
func (e *Editor) Open(path, text string) {
	d := newDocument(path, []byte(text), e.words, &e.work)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open[path] = d
}

// Change makes changes, one after the other; it says false where the file isn't open.
func (e *Editor) Change(path string, changes []Change) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	d, ok := e.open[path]
	if !ok {
		return false
	}
	for _, c := range changes {
		d = d.edit(c, e.words)
	}
	e.open[path] = d
	return true
}

// Close has the file on disk count again.
func (e *Editor) Close(path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, path)
}

// Text is what is open of a file.
func (e *Editor) Text(path string) (string, bool) {
	d := e.document(path)
	if d == nil {
		return "", false
	}
	return string(d.text), true
}

// Unsaved are the texts that are open, by path. Nobody writes to them any more.
func (e *Editor) Unsaved() map[string][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	texts := make(map[string][]byte, len(e.open))
	for path, d := range e.open {
		texts[path] = d.text
	}
	return texts
}

func (e *Editor) document(path string) *document {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open[path]
}

// folder is the configuration that a file belongs to, as it is now: what is open,
// and the rest from disk. Files that can't be read are the loader's to report.
func (e *Editor) folder(path string) []*document {
	dir := filepath.Dir(path)
	e.mu.Lock()
	defer e.mu.Unlock()
	open := map[string][]byte{}
	for p := range e.open {
		open[p] = nil
	}
	names, _ := config.FilesWith(dir, open)
	var docs []*document
	for _, name := range names {
		if d := e.at(filepath.Join(dir, name)); d != nil {
			docs = append(docs, d)
		}
	}
	return docs
}

// at is a file as it is open or on disk; nil where it can't be read.
func (e *Editor) at(path string) *document {
	if d, ok := e.open[path]; ok {
		return d
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if r, ok := e.onDisk[path]; ok && r.size == info.Size() && r.changed.Equal(info.ModTime()) {
		return r.doc
	}
	text, err := file.Read(path)
	if err != nil {
		return nil
	}
	d := newDocument(path, text, e.words, &e.work)
	e.onDisk[path] = readOnce{info.Size(), info.ModTime(), d}
	return d
}

// Belongs reports whether a file is part of a configuration, by its name.
func Belongs(path string) bool {
	name := filepath.Base(path)
	return config.IsRead(name) || isVariables(path)
}

func isVariables(path string) bool { return config.VariablesFile(filepath.Base(path)) }

// declared are the names that a configuration gives, cards aside.
func declared(docs []*document) []declaration {
	var all []declaration
	for _, d := range docs {
		all = append(all, d.declared...)
	}
	return all
}

// find is the name of a kind, among those that a configuration gives.
func find(docs []*document, kind, name string) (declaration, bool) {
	for _, d := range docs {
		i := slices.IndexFunc(d.declared, func(n declaration) bool { return n.kind == kind && n.name == name })
		if i >= 0 {
			return d.declared[i], true
		}
	}
	return declaration{}, false
}

func isCarrier(path string) bool { return strings.HasSuffix(path, ".carrier.hcl") }
