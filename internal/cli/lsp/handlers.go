package lsp

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"github.com/creachadair/jrpc2"

	"github.com/cardfleet/cardfleet/spec/config/editor"
)

type flag = atomic.Bool

// call is a method that answers.
func call[P, R any](method func(context.Context, P) R) jrpc2.Handler {
	return func(ctx context.Context, r *jrpc2.Request) (any, error) {
		p, err := params[P](r)
		if err != nil {
			return nil, err
		}
		result := method(ctx, p)
		if ctx.Err() != nil {
			return nil, errCancelled
		}
		return result, nil
	}
}

// tell is a method that answers nothing.
func tell[P any](method func(P)) jrpc2.Handler {
	return func(_ context.Context, r *jrpc2.Request) (any, error) {
		p, err := params[P](r)
		if err == nil {
			method(p)
		}
		return nil, err
	}
}

// errCancelled is the protocol's error of a request that was called off.
var errCancelled = jrpc2.Errorf(-32800, "the request was cancelled")

// params reads what a method is given, whatever more the editor says.
func params[P any](r *jrpc2.Request) (P, error) {
	var p P
	var raw json.RawMessage
	if !r.HasParams() {
		return p, nil
	}
	if err := r.UnmarshalParams(&raw); err != nil {
		return p, err
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, jrpc2.Errorf(jrpc2.InvalidParams, "%s: %v", r.Method(), err)
	}
	return p, nil
}

func (s *server) completion(_ context.Context, p positionParams) any {
	path, ok := pathOf(p.TextDocument.URI)
	if !ok {
		return nil
	}
	found, whole := s.Editor.Complete(path, p.Position)
	list := completionList{IsIncomplete: !whole, Items: make([]completionItem, 0, len(found))}
	for _, c := range found {
		list.Items = append(list.Items, s.item(c))
	}
	return list
}

func (s *server) item(c editor.Candidate) completionItem {
	item := completionItem{
		Label: c.Label, Kind: completionKind(c.Kind), Detail: c.Detail, Documentation: markdown(c.Doc), FilterText: c.Text,
		InsertTextFormat: plainText, TextEdit: textEdit{c.Range, c.Text},
	}
	if s.snippets.Load() && c.Snippet != "" {
		item.InsertTextFormat, item.TextEdit.NewText = snippetText, c.Snippet
	}
	return item
}

func (s *server) hover(_ context.Context, p positionParams) any {
	path, ok := pathOf(p.TextDocument.URI)
	if !ok {
		return nil
	}
	h := s.Editor.Hover(path, p.Position)
	if h == nil {
		return nil
	}
	return hover{markdown(h.Text), h.Range}
}

func (s *server) definition(_ context.Context, p positionParams) any {
	path, ok := pathOf(p.TextDocument.URI)
	if !ok {
		return nil
	}
	return s.locations(s.Editor.Definition(path, p.Position))
}

func (s *server) references(ctx context.Context, p positionParams) any {
	path, ok := pathOf(p.TextDocument.URI)
	if !ok {
		return nil
	}
	return s.locations(s.Editor.References(ctx, path, p.Position, p.Context.IncludeDeclaration))
}

func (s *server) locations(places []editor.Location) []location {
	list := make([]location, 0, len(places))
	for _, p := range places {
		list = append(list, location{s.uri(p.Path), p.Range})
	}
	return list
}

func (s *server) formatting(_ context.Context, p documentParams) any {
	path, ok := pathOf(p.TextDocument.URI)
	if !ok {
		return nil
	}
	edits := []textEdit{}
	for _, e := range s.Editor.Format(path) {
		edits = append(edits, textEdit{e.Range, e.Text})
	}
	return edits
}

func (s *server) outline(_ context.Context, p documentParams) any {
	path, ok := pathOf(p.TextDocument.URI)
	if !ok {
		return nil
	}
	const class = 5 // the protocol's number for what has members
	list := []documentSymbol{}
	for _, b := range s.Editor.Outline(path) {
		list = append(list, documentSymbol{b.Name, class, b.Range, b.Header})
	}
	return list
}

func (s *server) signature(_ context.Context, p positionParams) any {
	path, ok := pathOf(p.TextDocument.URI)
	if !ok {
		return nil
	}
	f := s.Editor.Signature(path, p.Position)
	if f == nil {
		return nil
	}
	out := signature{Label: f.Label, Documentation: markdown(f.Doc), Parameters: []parameter{}}
	for _, name := range f.Params {
		out.Parameters = append(out.Parameters, parameter{name})
	}
	return signatureHelp{Signatures: []signature{out}, ActiveParameter: f.Active}
}
