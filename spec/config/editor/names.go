package editor

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The kinds of names that expressions refer to.
const (
	kindVariable = "variable"
	kindLocal    = "local"
	kindProvider = "provider"
	kindCard     = "card"
	kindNumber   = "privacy_number"
	kindColumn   = "column"
)

// declaration is a name that the configuration gives, cards aside: there are too
// many of those. Its places are bytes from the beginning of its piece.
type declaration struct {
	kind, name string
	piece      int
	from, to   int // of the name, or of the block's first line
	text       string
	settings   []string // of a carrier: what its provider block may say
	doc        *document
}

// address is how expressions write the name.
func (n declaration) address() string {
	switch n.kind {
	case kindVariable:
		return "var." + n.name
	case kindLocal:
		return "local." + n.name
	case kindProvider:
		return n.name
	default:
		return n.kind + "." + n.name
	}
}

// place is where the name is given.
func (n declaration) place() Location {
	start := n.doc.pieces[n.piece].start
	return Location{n.doc.path, n.doc.span(start+n.from, start+n.to)}
}

// declarations are the names that the pieces from..to give, cards aside.
func (d *document) declarations(from, to int) []declaration {
	var found []declaration
	if !native(d.path) || isVariables(d.path) {
		return nil
	}
	for i := from; i < to; i++ {
		switch typ, label, end := d.header(i); typ {
		case kindCard, "":
		case "locals", kindProvider, "carrier":
			for _, b := range d.excerpt(i, i).body.Blocks {
				found = append(found, d.declares(i, b)...)
			}
		default:
			if label != "" {
				found = append(found, declaration{kind: typ, name: label, piece: i, doc: d, to: end, text: d.firstLine(i)})
			}
		}
	}
	return found
}

// redeclare are the names after a change between the pieces first..last of old.
func (d *document) redeclare(old *document, first, last, more int) []declaration {
	out := make([]declaration, 0, len(old.declared))
	for _, n := range old.declared {
		n.doc = d
		switch {
		case n.piece < first:
			out = append(out, n)
		case n.piece > last:
			n.piece += more
			out = append(out, n)
		}
	}
	return append(out, d.declarations(first, last+more+1)...)
}

// header is the type of the block that a piece is, its label, and where its first
// line's last label ends, from the beginning of the piece; "" for what can't be told.
func (d *document) header(i int) (typ, label string, end int) {
	line := lineOf(d.text[d.pieces[i].start:min(d.end(i), d.pieces[i].start+longestHeader)])
	n := bytes.IndexAny(line, " \t\"{")
	if n <= 0 {
		return "", "", 0
	}
	typ = string(line[:n])
	rest := bytes.TrimLeft(line[n:], " \t")
	open := len(line) - len(rest)
	if len(rest) == 0 || rest[0] != '"' {
		return typ, "", n
	}
	n = bytes.IndexByte(rest[1:], '"')
	if n < 0 {
		return typ, "", open
	}
	return typ, string(rest[1 : 1+n]), open + n + 2
}

// isCard reports whether a piece is a card block.
func (d *document) isCard(i int) bool {
	rest, ok := bytes.CutPrefix(d.text[d.pieces[i].start:], []byte(kindCard))
	return ok && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t' || rest[0] == '"')
}

// longestHeader is how much of a block's first line is looked at.
const longestHeader = 1024

func (d *document) firstLine(i int) string {
	return shortened(string(lineOf(d.text[d.pieces[i].start:d.end(i)])))
}

// place is where a piece's header stands.
func (d *document) place(i int) Location {
	_, _, end := d.header(i)
	start := d.pieces[i].start
	return Location{d.path, d.span(start, start+end)}
}

// declares are the names that a block gives which stand within it.
func (d *document) declares(i int, b *hclsyntax.Block) []declaration {
	if b.Type == "locals" {
		return d.locals(i, b)
	}
	header := declaration{kind: b.Type, piece: i, doc: d, from: b.TypeRange.Start.Byte, to: headerEnd(b), text: d.firstLine(i)}
	if len(b.Labels) == 0 {
		return nil
	}
	header.name = b.Labels[0]
	if b.Type == kindProvider {
		header.name = providerName(b)
		return []declaration{header}
	}
	for _, x := range b.Body.Blocks {
		if x.Type == "setting" && len(x.Labels) > 0 {
			header.settings = append(header.settings, x.Labels[0])
		}
	}
	return []declaration{header}
}

func headerEnd(b *hclsyntax.Block) int {
	if n := len(b.LabelRanges); n > 0 {
		return b.LabelRanges[n-1].End.Byte
	}
	return b.TypeRange.End.Byte
}

func (d *document) locals(i int, b *hclsyntax.Block) []declaration {
	var found []declaration
	start := d.pieces[i].start
	for _, a := range b.Body.Attributes {
		found = append(found, declaration{
			kind: kindLocal, name: a.Name, piece: i, doc: d, from: a.NameRange.Start.Byte, to: a.NameRange.End.Byte,
			text: shortened(string(d.text[start+a.SrcRange.Start.Byte : start+a.SrcRange.End.Byte])),
		})
	}
	slices.SortFunc(found, func(a, b declaration) int { return a.from - b.from })
	return found
}

// described is a variable's description, where its block has one that is written out.
func (n declaration) described() string {
	for _, b := range n.doc.excerpt(n.piece, n.piece).body.Blocks {
		if a, ok := b.Body.Attributes["description"]; ok {
			return literal(a.Expr)
		}
	}
	return ""
}

// providerName is how cards name a provider block: its type, with its alias.
func providerName(b *hclsyntax.Block) string {
	name := ""
	if len(b.Labels) > 0 {
		name = b.Labels[0]
	}
	if a, ok := b.Body.Attributes["alias"]; ok {
		if alias := literal(a.Expr); alias != "" {
			name += "." + alias
		}
	}
	return name
}

// literal is a text that is written out; "" for anything else.
func literal(e hcl.Expression) string {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return ""
	}
	v, diags := t.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() {
		return ""
	}
	return v.AsString()
}

// longestShown is how much of an expression is shown.
const longestShown = 400

func shortened(text string) string {
	if len(text) <= longestShown {
		return text
	}
	return strings.ToValidUTF8(text[:longestShown], "") + "…"
}
