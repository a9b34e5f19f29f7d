package config

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

const redacted = "(sensitive value)"

// shortestRedacted is the length from which a secret is blotted out of text.
// Shorter ones would blot out parts of unrelated words, and protect nothing.
const shortestRedacted = 4

// secrets remembers the sensitive strings that went into a configuration.
type secrets struct {
	seen map[string]bool
	// told are the strings that the configuration itself declares to be no secret.
	told map[string]bool
	// written finds what secret settings say in source that can't be parsed:
	// its first group is the text.
	written *regexp.Regexp
}

// knowSettings takes the names of settings whose values are secret.
func (s *secrets) knowSettings(schemas []spec.Schema) {
	names := slices.Concat(backendSecrets(), notifySecrets(), []string{"passphrase"})
	for _, schema := range schemas {
		for _, x := range schema.Settings {
			if x.Secret {
				names = append(names, regexp.QuoteMeta(x.Name))
			}
		}
	}
	s.written = regexp.MustCompile(`\b(?:` + strings.Join(names, "|") + `)"?\s*[=:]\s*"([^"\n]+)`)
}

// mark makes v sensitive and remembers the strings in it.
func (s *secrets) mark(v cty.Value) cty.Value {
	s.remember(v)
	return v.Mark(sensitive{})
}

// remember notes every string inside v.
func (s *secrets) remember(v cty.Value) { eachString(v, s.rememberString) }

// forget takes every string inside v for no secret, wherever else it is met.
func (s *secrets) forget(v cty.Value) {
	eachString(v, func(text string) {
		if s.told == nil {
			s.told = map[string]bool{}
		}
		s.told[text] = true
	})
}

func eachString(v cty.Value, do func(string)) {
	plain, _ := v.UnmarkDeep()
	_ = cty.Walk(plain, func(_ cty.Path, v cty.Value) (bool, error) { // the callback never fails
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			do(v.AsString())
		}
		return true, nil
	})
}

func (s *secrets) rememberString(text string) {
	if text == "" {
		return
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[text] = true
}

// has reports whether text is a secret.
func (s *secrets) has(text string) bool { return s.seen[text] && !s.told[text] }

// strings lists them, longest first, so that one that holds another is found first.
func (s *secrets) strings() []string {
	list := make([]string, 0, len(s.seen))
	for text := range s.seen {
		if s.has(text) {
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

// redact blots the secrets out of a diagnostic.
func (s *secrets) redact(d *spec.Diagnostic) {
	if d.Snippet != nil && s.written != nil {
		for _, m := range s.written.FindAllStringSubmatch(d.Snippet.Code, -1) {
			if !strings.Contains(m[1], "${") && m[1] != redacted {
				redactSnippet(d.Snippet, m[1])
			}
		}
	}
	for _, secret := range s.strings() {
		if len(secret) < shortestRedacted {
			return
		}
		d.Detail = strings.ReplaceAll(d.Detail, secret, redacted)
		d.Address = strings.ReplaceAll(d.Address, secret, redacted)
		if d.Snippet != nil {
			redactSnippet(d.Snippet, secret)
		}
	}
}

// redactSnippet blots secret out of the code and keeps the underline where it was.
func redactSnippet(s *spec.Snippet, secret string) {
	for i := range s.Values {
		s.Values[i] = strings.ReplaceAll(s.Values[i], secret, redacted)
	}
	for at := 0; ; {
		n := strings.Index(s.Code[at:], secret)
		if n < 0 {
			return
		}
		at += n
		s.Code = s.Code[:at] + redacted + s.Code[at+len(secret):]
		s.From = moved(s.From, at, len(secret))
		s.To = moved(s.To, at, len(secret))
		at += len(redacted)
	}
}

// moved is where a place in a text ends up when n bytes at from are redacted.
func moved(place, from, n int) int {
	switch {
	case place <= from:
		return place
	case place >= from+n:
		return place + len(redacted) - n
	default:
		return from + len(redacted)
	}
}

// hidesValue reports whether d quotes an error of a function that was given
// something sensitive: such errors like to repeat their arguments.
func hidesValue(d *hcl.Diagnostic) bool {
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
