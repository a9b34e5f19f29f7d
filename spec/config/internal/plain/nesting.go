package plain

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
)

const (
	// mostNested is how deep brackets, conditions and operators may be nested. HCL's
	// parsers go down a level of the stack for each, and a stack that overflows ends
	// the process.
	mostNested = 5_000
	// fewOpen is how many characters that may nest are no reason to look closer.
	fewOpen = mostNested
)

// Parse is HCL's parser for text that may be hostile: what is nested too deeply is
// a mistake.
func Parse(text []byte, name string, at hcl.Pos) (*hcl.File, hcl.Diagnostics) {
	if mayNest(text, "([{!-?") {
		tokens, _ := hclsyntax.LexConfig(text, name, at) // its mistakes are found again by the parser
		if deep := tooDeep(tokens); deep != nil {
			return nothing(*deep), nestedTooDeeply(*deep)
		}
	}
	return hclsyntax.ParseConfig(text, name, at)
}

// ParseJSON is Parse for HCL's JSON syntax.
func ParseJSON(text []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if mayNest(text, "[{") && jsonTooDeep(text) {
		at := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
		return nil, nestedTooDeeply(at)
	}
	return json.Parse(text, name)
}

func mayNest(text []byte, open string) bool {
	n := 0
	for _, c := range []byte(open) {
		n += bytes.Count(text, []byte{c})
	}
	return n > fewOpen
}

func nothing(at hcl.Range) *hcl.File {
	return &hcl.File{Body: &hclsyntax.Body{SrcRange: at, EndRange: at}}
}

func nestedTooDeeply(at hcl.Range) hcl.Diagnostics {
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "Nested too deeply", Subject: &at,
		Detail: fmt.Sprintf("Brackets, conditions or operators are nested more than %d deep here. Delete what is too much.", mostNested),
	}}
}

// level is what is open around a token: a bracket, with the conditions that were
// begun in it.
type level struct {
	brace      bool // a line's end parts what stands in it
	conditions int
}

// nesting counts how deep a token is nested.
type nesting struct {
	levels     []level
	conditions int // in all levels
	operators  int // that stand in front of the next token
}

// tooDeep is the place that is nested too deeply; nil where there is none.
func tooDeep(tokens hclsyntax.Tokens) *hcl.Range {
	n := nesting{levels: []level{{brace: true}}}
	for i := range tokens {
		n.token(tokens[i].Type)
		if len(n.levels)+n.conditions+n.operators > mostNested {
			return &tokens[i].Range
		}
	}
	return nil
}

func (n *nesting) token(t hclsyntax.TokenType) {
	top := &n.levels[len(n.levels)-1]
	switch t {
	case hclsyntax.TokenBang, hclsyntax.TokenMinus:
		n.operators++
		return
	case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		n.levels = append(n.levels, level{})
	case hclsyntax.TokenOBrace:
		n.levels = append(n.levels, level{brace: true})
	case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd:
		if n.end(top); len(n.levels) > 1 {
			n.levels = n.levels[:len(n.levels)-1]
		}
	case hclsyntax.TokenQuestion:
		top.conditions++
		n.conditions++
	case hclsyntax.TokenComma:
		n.end(top)
	case hclsyntax.TokenNewline:
		if top.brace {
			n.end(top)
		}
	}
	n.operators = 0
}

// end is the end of an expression at a level.
func (n *nesting) end(top *level) {
	n.conditions -= top.conditions
	top.conditions = 0
}

// jsonTooDeep reports whether the brackets outside of texts are nested too deeply.
func jsonTooDeep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > mostNested {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}
