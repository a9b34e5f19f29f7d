// Package lsp speaks the Language Server Protocol: it hands an editor's questions
// to a [config/editor.Editor], and tells it the mistakes of a configuration while
// it is written.
//
// It knows no terminal and no file but by the editor and the check that it is
// given. Start reading at [Serve].
//
// [config/editor.Editor]: https://pkg.go.dev/github.com/cardfleet/cardfleet/spec/config/editor
package lsp
