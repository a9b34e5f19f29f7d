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
	if mayNest(text, "([{!-?") && !isShallow(text, mostNested) {
		tokens, _ := hclsyntax.LexConfig(text, name, at) // its mistakes are found again by the parser
		if deep := tooDeep(tokens, mostNested); deep != nil {
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

// isShallow reports of a text that nothing in it is nested more than most deep, by its
// bytes alone: HCL's tokens of a large file take as much memory as all else. It is false
// where that can't be said so: with templates in quotes, texts of several lines, comments
// of several lines, and quotes that don't end.
func isShallow(text []byte, most int) bool {
	open, operators, conditions := 1, 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\r':
			continue
		case '!', '-':
			operators++
		case '(', '[', '{':
			open, operators = open+1, 0
		case ')', ']', '}':
			open, operators = max(open-1, 1), 0
		case '?':
			conditions, operators = conditions+1, 0
		case '"', '#', '/', '<':
			end := afterText(text[i:])
			if end < 0 {
				return false
			}
			i, operators = i+end-1, 0
		default:
			operators = 0
		}
		if open+operators+conditions > most {
			return false
		}
	}
	return true
}

// afterText is where a text ends that begins with a quote, a comment's sign or what may
// be one: behind it nothing of it nests. It is -1 where that takes HCL to say.
func afterText(text []byte) int {
	switch {
	case text[0] == '"':
		return afterQuoted(text)
	case commentAt(text):
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			return end
		}
		return len(text)
	case bytes.HasPrefix(text, []byte("/*")), bytes.HasPrefix(text, []byte("<<")):
		return -1
	default:
		return 1
	}
}

// afterQuoted is afterText for what is in quotes.
func afterQuoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c == '\n', (c == '$' || c == '%') && i+1 < len(text) && text[i+1] == '{':
			return -1
		case c == '\\':
			i++
		}
	}
	return -1
}

// tooDeep is the place that is nested more than most deep; nil where there is none.
func tooDeep(tokens hclsyntax.Tokens, most int) *hcl.Range {
	n := nesting{levels: []level{{brace: true}}}
	for i := range tokens {
		n.token(tokens[i].Type)
		if len(n.levels)+n.conditions+n.operators > most {
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
