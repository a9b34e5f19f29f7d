package editor

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/hcl-lang/lang"
	"github.com/hashicorp/hcl-lang/reference"
	"github.com/hashicorp/hcl-lang/schema"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// mostCandidates is how many candidates a question gets, as hcl-lang has it too.
const mostCandidates = 100

// CandidateKind says what a candidate is.
type CandidateKind int

// The kinds of candidates.
const (
	CandidateAttribute CandidateKind = iota
	CandidateBlock
	CandidateName
	CandidateFunction
	CandidateValue
)

// Candidate is what could be typed at a position.
type Candidate struct {
	Label  string
	Detail string // a few words: "optional, string"
	Doc    string // Markdown
	Kind   CandidateKind
	// Text takes the place of Range; Snippet does for editors that fill in places.
	Text, Snippet string
	Range         Range
}

// Complete is what could be typed at a position. It isn't whole where another letter
// may bring more.
func (e *Editor) Complete(path string, at Position) (list []Candidate, whole bool) {
	q, ok := e.ask(path, at)
	if !ok {
		return nil, true
	}
	found, err := guarded(&e.work, func() (lang.Candidates, error) {
		return q.decoder(q.targets(), q.offered()).CompletionAtPos(context.Background(), excerptFile, q.x.pos(q.x.from+q.at))
	})
	if err != nil {
		return nil, true // nothing may stand at this place
	}
	for _, c := range found.List[:min(len(found.List), mostCandidates)] {
		if c := q.candidate(c); c.Range.holds(at) {
			list = append(list, c)
		}
	}
	return list, false // the functions come with their first letter
}

// holds reports whether a range goes over a place or ends there.
func (r Range) holds(at Position) bool { return !at.before(r.Start) && !r.End.before(at) }

func (p Position) before(other Position) bool {
	return p.Line < other.Line || p.Line == other.Line && p.Character < other.Character
}

func (q question) candidate(c lang.Candidate) Candidate {
	out := Candidate{
		Label: c.Label, Detail: c.Detail, Doc: c.Description.Value, Kind: kindOf(c.Kind),
		Text: c.TextEdit.NewText, Snippet: c.TextEdit.Snippet, Range: q.x.span(c.TextEdit.Range),
	}
	cursor := q.doc.position(q.x.from + q.at)
	if out.Range.Start.Line != cursor.Line { // an editor replaces part of one line
		out.Range.Start = cursor
	}
	if out.Range.End.Line != cursor.Line {
		out.Range.End = cursor
	}
	return out
}

func kindOf(k lang.CandidateKind) CandidateKind {
	switch k {
	case lang.AttributeCandidateKind:
		return CandidateAttribute
	case lang.BlockCandidateKind:
		return CandidateBlock
	case lang.ReferenceCandidateKind, lang.LabelCandidateKind:
		return CandidateName
	case lang.FunctionCandidateKind:
		return CandidateFunction
	default:
		return CandidateValue
	}
}

// targets are the names that may be referred to at the place.
func (q question) targets() reference.Targets {
	targets := reference.Targets{
		target("the configuration's folder", cty.String, "path", "root"),
		target("the folder that the program was started in", cty.String, "path", "cwd"),
	}
	b := q.x.block(q.at)
	for _, n := range declared(q.docs) {
		switch n.kind {
		case kindVariable, kindLocal:
			targets = append(targets, target(shortened(n.text), cty.DynamicPseudoType, strings.Split(n.address(), ".")...))
		case kindProvider:
			t := target(n.text, cty.NilType, strings.Split(n.name, ".")...)
			t.ScopeId = providerScope
			targets = append(targets, t)
		}
	}
	switch {
	case b == nil:
		return targets
	case b.Type == kindCard:
		return append(targets, q.eachTargets(b)...)
	case slices.Contains([]string{"output", "locals", "check"}, b.Type):
		return append(targets, q.liveTargets()...)
	}
	return targets
}

func target(about string, t cty.Type, path ...string) reference.Target {
	addr := lang.Address{lang.RootStep{Name: path[0]}}
	for _, name := range path[1:] {
		if hclsyntax.ValidIdentifier(name) {
			addr = append(addr, lang.AttrStep{Name: name})
		} else {
			addr = append(addr, lang.IndexStep{Key: cty.StringVal(name)})
		}
	}
	return reference.Target{Addr: addr, Type: t, Name: about}
}

// eachTargets are the row of a block with for_each or from_csv, and its columns.
func (q question) eachTargets(b *hclsyntax.Block) reference.Targets {
	if b.Body.Attributes["for_each"] == nil && b.Body.Attributes["from_csv"] == nil {
		return nil
	}
	targets := reference.Targets{
		target("the row's key", cty.String, "each", "key"), target("the row", cty.DynamicPseudoType, "each", "value"),
	}
	for _, c := range q.columns(q.tableOf(q.docs, q.x, b)) {
		targets = append(targets, target("column", cty.String, "each", "value", c.name))
	}
	return targets
}

// liveTargets are the cards and numbers whose names begin as is typed, where their
// word is typed: a fleet has too many to be offered all.
func (q question) liveTargets() reference.Targets {
	typed := q.typed()
	var targets reference.Targets
	for _, n := range declared(q.docs) {
		if n.kind == kindNumber && strings.HasPrefix(n.address(), typed) && len(targets) < mostCandidates {
			targets = append(targets, target(n.text, cty.DynamicPseudoType, kindNumber, n.name))
		}
	}
	prefix, ok := strings.CutPrefix(typed, kindCard+".")
	if !ok {
		return targets
	}
	for _, d := range q.docs {
		for i := range d.pieces {
			if len(targets) >= mostCandidates {
				return targets
			}
			if !d.isCard(i) {
				continue
			}
			if _, name, _ := d.header(i); strings.HasPrefix(name, prefix) {
				targets = append(targets, target(d.firstLine(i), cty.DynamicPseudoType, kindCard, name))
			}
		}
	}
	return targets
}

// typed is the reference in front of the cursor, as far as it is typed.
func (q question) typed() string {
	before := q.x.file.Bytes[:q.at]
	from := bytes.LastIndexFunc(before, func(r rune) bool {
		return r != '.' && r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 0x80
	})
	return string(before[from+1:])
}

// variablesSchema is what may stand in a file of variables: their names.
func (q question) variablesSchema() *schema.BodySchema {
	out := schema.NewBodySchema()
	for _, n := range declared(q.docs) {
		if n.kind == kindVariable {
			out.Attributes[n.name] = &schema.AttributeSchema{
				IsOptional: true, Description: lang.Markdown(n.described()), Constraint: anything(cty.DynamicPseudoType),
			}
		}
	}
	return out
}
