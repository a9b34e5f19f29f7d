package expr

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Bounds of a template: HCL's parser calls itself for each bracket that is open
// and each operator in a row, and a stack that overflows ends the process.
const (
	deepestTemplate  = 1000
	longestTemplate  = 1 << 20 // bytes, of templatestring
	tooDeepTemplate  = "the template nests its expressions more than %d deep"
	noTemplateWithin = "a template can't render another one: it could never end"
)

// errNested is what templatefile and templatestring say within a template.
var errNested = errors.New(noTemplateWithin)

// parseTemplate parses a template, which may be hostile.
func parseTemplate(text, name string) (hclsyntax.Expression, error) {
	tokens, _ := hclsyntax.LexTemplate([]byte(text), name, hcl.InitialPos) // the parser reports what is wrong
	if deepest(tokens) > deepestTemplate {
		return nil, fmt.Errorf(tooDeepTemplate, deepestTemplate)
	}
	e, diags := hclsyntax.ParseTemplate([]byte(text), name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	return e, nil
}

// deepest is how deep expressions are nested at most: the brackets that are open,
// and the operators since the last one.
func deepest(tokens hclsyntax.Tokens) int {
	open, operators, most := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open, operators = open+1, 0
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenTemplateSeqEnd:
			open, operators = max(open-1, 0), 0
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
			hclsyntax.TokenQuestion, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual,
			hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq:
			operators++
		}
		most = max(most, open+operators)
	}
	return most
}
