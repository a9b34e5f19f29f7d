package editor

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Location is a part of a file, by its absolute path.
type Location struct {
	Path  string
	Range Range
}

// symbol is what a name in an expression stands for.
type symbol struct {
	kind, name string
	table      string // of a column: the table's path
}

// question is a place of a document, with the configuration around it.
type question struct {
	*Editor
	doc  *document
	docs []*document // of the folder
	x    *excerpt
	at   int // byte of the excerpt
}

// ask finds what is at a position of a file that is open; false where it isn't, or
// where it isn't written in HCL's own syntax.
func (e *Editor) ask(path string, at Position) (question, bool) {
	d := e.document(path)
	if d == nil || !native(path) || !Belongs(path) {
		return question{}, false
	}
	q := question{Editor: e, doc: d, docs: e.folder(path)}
	offset := d.offset(at)
	q.x = d.around(offset)
	q.at = offset - q.x.from
	return q, q.at <= len(q.x.file.Bytes)
}

// symbol is what is referred to, or named, at the place; false for nothing.
func (q question) symbol() (symbol, Range, bool) {
	b := q.x.block(q.at)
	if t := q.x.traversal(q.at); t != nil {
		s, ok := q.refersTo(t, b)
		return s, q.x.span(t.SourceRange()), ok
	}
	return q.named(b)
}

// refersTo is what a reference in a block stands for.
func (q question) refersTo(t hcl.Traversal, b *hclsyntax.Block) (symbol, bool) {
	second := step(t, 1)
	switch root := t.RootName(); {
	case root == "var" && second != "":
		return symbol{kind: kindVariable, name: second}, true
	case root == "local" && second != "":
		return symbol{kind: kindLocal, name: second}, true
	case (root == kindCard || root == kindNumber) && second != "":
		return symbol{kind: root, name: second}, true
	case root == "each" && second == "value" && step(t, 2) != "":
		table := q.tableOf(q.docs, q.x, b)
		return symbol{kindColumn, step(t, 2), table}, table != ""
	case root == "each":
		table := q.tableOf(q.docs, q.x, b)
		return symbol{kindColumn, "iccid", table}, table != "" && second == "key"
	case slices.Contains([]string{"var", "local", "each", "path", kindCard, kindNumber}, root):
		return symbol{}, false
	}
	name := t.RootName()
	if second != "" {
		name += "." + second
	}
	return symbol{kind: kindProvider, name: name}, q.isProvider(t, b)
}

// isProvider reports whether a reference is the value of an attribute provider.
func (q question) isProvider(t hcl.Traversal, b *hclsyntax.Block) bool {
	if b == nil {
		return false
	}
	at := t.SourceRange().Start.Byte
	for body := b.Body; body != nil; {
		if a, ok := body.Attributes["provider"]; ok && a.Expr.Range().Start.Byte == at {
			return true
		}
		var inner *hclsyntax.Body
		for _, n := range body.Blocks {
			if r := n.Body.Range(); r.Start.Byte <= at && at <= r.End.Byte {
				inner = n.Body
			}
		}
		body = inner
	}
	return false
}

// named is the name that a block, or a local value, has at the place.
func (q question) named(b *hclsyntax.Block) (symbol, Range, bool) {
	if b == nil {
		return symbol{}, Range{}, false
	}
	if b.Type == "locals" {
		for _, a := range b.Body.Attributes {
			if r := a.NameRange; q.at >= r.Start.Byte && q.at <= r.End.Byte {
				return symbol{kind: kindLocal, name: a.Name}, q.x.span(r), true
			}
		}
		return symbol{}, Range{}, false
	}
	if len(b.Labels) == 0 || q.at > headerEnd(b) {
		return symbol{}, Range{}, false
	}
	name := b.Labels[0]
	if b.Type == kindProvider {
		name = providerName(b)
	}
	r := b.LabelRanges[0]
	return symbol{kind: b.Type, name: name}, q.x.span(r), q.at >= r.Start.Byte
}

// path is the file that a text at the place names: of from_csv, or of a function
// that reads a file; "" for none.
func (q question) path() string {
	name := ""
	// No visitor of ours finds anything wrong.
	_ = hclsyntax.VisitAll(q.x.body, func(n hclsyntax.Node) hcl.Diagnostics {
		var e hclsyntax.Expression
		switch n := n.(type) {
		case *hclsyntax.Attribute:
			if n.Name == "from_csv" || n.Name == "allowed_signers" {
				e = n.Expr
			}
		case *hclsyntax.FunctionCallExpr:
			if strings.HasSuffix(n.Name, "file") && len(n.Args) > 0 {
				e = n.Args[0]
			}
		}
		if e != nil && q.at >= e.Range().Start.Byte && q.at <= e.Range().End.Byte {
			name = literal(e)
		}
		return nil
	})
	if name == "" {
		return ""
	}
	return within(filepath.Dir(q.doc.path), name)
}
