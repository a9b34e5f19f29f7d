package lsp

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/editor"
)

// Options is what a server works with.
type Options struct {
	// Editor answers the questions; it has nothing open.
	Editor *editor.Editor
	// Check reads the configuration in a folder, an absolute path, with the texts
	// that are open in place of files, and says what is wrong with it. A cancelled
	// context ends it early; what it says then counts for nothing.
	Check func(ctx context.Context, dir string, open map[string][]byte) spec.Diagnostics
	// Sleep waits, or ends with the context.
	Sleep func(ctx context.Context, d time.Duration) error
	// Version is the program's.
	Version string
}

// ErrNoShutdown says that the editor left without saying so beforehand.
var ErrNoShutdown = errors.New("the editor left without a shutdown request")

// Serve speaks the protocol until the editor leaves or the context is cancelled.
// It returns [ErrNoShutdown] for an editor that left in disorder, and an error of
// the streams otherwise. What is under way then is ended before it returns, the
// reading of in aside, which ends with the process: a read can't be called off.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &server{Options: o, left: make(chan struct{}), open: map[string]textDocument{}}
	s.rpc = jrpc2.NewServer(s.methods(), &jrpc2.ServerOptions{
		AllowPush: true, DisableBuiltin: true, NewContext: func() context.Context { return ctx },
	})
	s.checks = newChecker(ctx, s)
	s.rpc.Start(channel.LSP(in, leaveOpen{out}))
	ended := make(chan error, 1)
	go func() { ended <- s.rpc.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-s.left:
	case <-ctx.Done():
		s.shut.Store(true) // an interrupt is as good
	}
	stop()
	s.checks.wait()
	s.rpc.Stop()
	if err == nil && !s.shut.Load() {
		err = ErrNoShutdown
	}
	return err
}

// leaveOpen keeps a stream open that isn't the protocol's to close.
type leaveOpen struct{ io.Writer }

func (leaveOpen) Close() error { return nil }

// server is a conversation with one editor.
type server struct {
	Options
	rpc    *jrpc2.Server
	checks *checker
	left   chan struct{} // closed when the editor said that it leaves
	once   sync.Once
	shut   flag

	snippets flag // the editor fills in the places of a snippet

	mu   sync.Mutex
	open map[string]textDocument // without their texts, by path
}

// uri is how the editor writes a file's URI, where it has the file open.
func (s *server) uri(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.open[path]; ok {
		return d.URI
	}
	return uriOf(path)
}

// version is which version of a file is open; nil where it isn't.
func (s *server) version(path string) *int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.open[path]; ok {
		return &d.Version
	}
	return nil
}

// note remembers which version of a file is open.
func (s *server) note(path string, d textDocument) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[path] = textDocument{URI: d.URI, Version: d.Version}
}

func (s *server) methods() handler.Map {
	return handler.Map{
		"initialize":                       call(s.initialize),
		"initialized":                      tell(func(struct{}) {}),
		"shutdown":                         call(s.shutdown),
		"exit":                             tell(s.exit),
		"$/cancelRequest":                  tell(s.cancel),
		"$/setTrace":                       tell(func(struct{}) {}),
		"textDocument/didOpen":             tell(s.didOpen),
		"textDocument/didChange":           tell(s.didChange),
		"textDocument/didSave":             tell(s.didSave),
		"textDocument/didClose":            tell(s.didClose),
		"textDocument/completion":          call(s.completion),
		"textDocument/hover":               call(s.hover),
		"textDocument/definition":          call(s.definition),
		"textDocument/references":          call(s.references),
		"textDocument/formatting":          call(s.formatting),
		"textDocument/documentSymbol":      call(s.outline),
		"textDocument/signatureHelp":       call(s.signature),
		"workspace/didChangeWatchedFiles":  tell(s.didChangeFiles),
		"workspace/didChangeConfiguration": tell(func(struct{}) {}),
	}
}

func (s *server) initialize(_ context.Context, p initializeParams) initializeResult {
	s.snippets.Store(p.Capabilities.TextDocument.Completion.CompletionItem.SnippetSupport)
	return initializeResult{
		Capabilities: serverCapabilities{
			PositionEncoding:   "utf-16",
			TextDocumentSync:   syncOptions{OpenClose: true, Change: incremental, Save: true},
			CompletionProvider: completionOptions{[]string{".", "\"", "="}},
			SignatureHelp:      signatureOptions{[]string{"(", ","}},
			Hover:              true, Definition: true, References: true, Formatting: true, DocumentSymbol: true,
		},
		ServerInfo: serverInfo{"cardfleet", s.Version},
	}
}

func (s *server) shutdown(context.Context, struct{}) any {
	s.shut.Store(true)
	return nil
}

func (s *server) exit(struct{}) { s.once.Do(func() { close(s.left) }) }

func (s *server) cancel(p cancelParams) { s.rpc.CancelRequest(string(p.ID)) }

func (s *server) didOpen(p documentParams) {
	if path, ok := pathOf(p.TextDocument.URI); ok {
		s.note(path, p.TextDocument)
		s.Editor.Open(path, p.TextDocument.Text)
		s.touch(path)
	}
}

func (s *server) didChange(p changeParams) {
	if path, ok := pathOf(p.TextDocument.URI); ok && s.Editor.Change(path, p.ContentChanges) {
		s.note(path, p.TextDocument)
		s.touch(path)
	}
}

func (s *server) didSave(p documentParams) {
	if path, ok := pathOf(p.TextDocument.URI); ok {
		s.touch(path)
	}
}

func (s *server) didClose(p documentParams) {
	if path, ok := pathOf(p.TextDocument.URI); ok {
		s.Editor.Close(path)
		s.mu.Lock()
		delete(s.open, path)
		s.mu.Unlock()
		s.touch(path)
	}
}

func (s *server) didChangeFiles(p watchedParams) {
	for _, c := range p.Changes {
		if path, ok := pathOf(c.URI); ok {
			s.touch(path)
		}
	}
}

// touch has the configurations checked that a file may be part of: its folder's,
// or each that is open, where it is a table.
func (s *server) touch(path string) {
	if editor.Belongs(path) {
		s.checks.soon(filepath.Dir(path))
		return
	}
	s.checks.allSoon()
}
