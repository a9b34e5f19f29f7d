package expr

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// sensitive is the mark on values that must not be shown.
type sensitive struct{}

// Redacted stands in the place of a secret.
const Redacted = "(sensitive value)"

// shortestRedacted is the length from which a secret is blotted out of text.
// Shorter ones would blot out parts of unrelated words, and protect nothing.
const shortestRedacted = 4

// Secrets remembers the sensitive strings that went into a configuration.
// Its zero value is ready.
type Secrets struct {
	seen map[string]bool
	// public are the strings that the configuration itself declares to be no secret.
	public map[string]bool
	// written finds what secret settings say in source that can't be parsed:
	// its first group is the text.
	written *regexp.Regexp
}

// KnowNames takes the names of settings whose values are secret.
func (s *Secrets) KnowNames(names []string) {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	s.written = regexp.MustCompile(`\b(?:` + strings.Join(quoted, "|") + `)"?\s*[=:]\s*"([^"\n]+)`)
}

// Mark makes v sensitive and remembers the strings in it.
func (s *Secrets) Mark(v cty.Value) cty.Value {
	s.Remember(v)
	return v.Mark(sensitive{})
}

// Remember notes every string inside v.
func (s *Secrets) Remember(v cty.Value) { EachText(v, s.RememberText) }

// Forget takes every string inside v for no secret, wherever else it is met.
func (s *Secrets) Forget(v cty.Value) {
	EachText(v, func(text string) {
		if s.public == nil {
			s.public = map[string]bool{}
		}
		s.public[text] = true
	})
}

// EachText does something with each text inside v.
func EachText(v cty.Value, do func(string)) {
	plain, _ := v.UnmarkDeep()
	_ = cty.Walk(plain, func(_ cty.Path, v cty.Value) (bool, error) { // the callback never fails
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			do(v.AsString())
		}
		return true, nil
	})
}

// RememberText notes a text; a blank one is no secret.
func (s *Secrets) RememberText(text string) {
	if text == "" {
		return
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[text] = true
}

// Has reports whether text is a secret.
func (s *Secrets) Has(text string) bool { return s.seen[text] && !s.public[text] }

// Texts lists them, longest first, so that one that holds another is found first.
func (s *Secrets) Texts() []string {
	list := make([]string, 0, len(s.seen))
	for text := range s.seen {
		if s.Has(text) {
			list = append(list, text)
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return list
}

// Redact blots the secrets out of a diagnostic.
func (s *Secrets) Redact(d *spec.Diagnostic) {
	if d.Snippet != nil && s.written != nil {
		for _, m := range s.written.FindAllStringSubmatch(d.Snippet.Code, -1) {
			if !strings.Contains(m[1], "${") && m[1] != Redacted {
				redactSnippet(d.Snippet, m[1])
			}
		}
	}
	for _, secret := range s.Texts() {
		if len(secret) < shortestRedacted {
			return
		}
		d.Detail = strings.ReplaceAll(d.Detail, secret, Redacted)
		d.Address = strings.ReplaceAll(d.Address, secret, Redacted)
		if d.Snippet != nil {
			redactSnippet(d.Snippet, secret)
		}
	}
}

// redactSnippet blots secret out of the code and keeps the underline where it was.
func redactSnippet(s *spec.Snippet, secret string) {
	for i := range s.Values {
		s.Values[i] = strings.ReplaceAll(s.Values[i], secret, Redacted)
	}
	for at := 0; ; {
		n := strings.Index(s.Code[at:], secret)
		if n < 0 {
			return
		}
		at += n
		s.Code = s.Code[:at] + Redacted + s.Code[at+len(secret):]
		s.From = moved(s.From, at, len(secret))
		s.To = moved(s.To, at, len(secret))
		at += len(Redacted)
	}
}

// moved is where a place in a text ends up when n bytes at from are Redacted.
func moved(place, from, n int) int {
	switch {
	case place <= from:
		return place
	case place >= from+n:
		return place + len(Redacted) - n
	default:
		return from + len(Redacted)
	}
}

// HidesValue reports whether d quotes an error of a function that was given
// something sensitive: such errors like to repeat their arguments.
func HidesValue(d *hcl.Diagnostic) bool {
	call, ok := d.Expression.(*hclsyntax.FunctionCallExpr)
	if !ok || d.EvalContext == nil {
		return false
	}
	if _, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); !ok {
		return false
	}
	return slices.ContainsFunc(call.Args, func(arg hclsyntax.Expression) bool {
		v, _ := arg.Value(d.EvalContext)
		return v.ContainsMarked()
	})
}
