package expr

import (
	"regexp"
	"slices"
	"strings"
	"sync"

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
	// forms are the spellings of them all, the longest first; nil until they are
	// asked for, and again once there is another secret.
	forms []string
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

// Hide makes v sensitive; its strings may be shown elsewhere.
func Hide(v cty.Value) cty.Value { return v.Mark(sensitive{}) }

// Remember notes every string inside v.
func (s *Secrets) Remember(v cty.Value) { EachText(v, s.RememberText) }

// Forget takes every string inside v for no secret, wherever else it is met.
func (s *Secrets) Forget(v cty.Value) {
	EachText(v, func(text string) {
		if s.public == nil {
			s.public = map[string]bool{}
		}
		s.public[text] = true
		s.forms = nil
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
	if !s.seen[text] {
		s.seen[text], s.forms = true, nil
	}
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
	slices.SortFunc(list, spec.LongestFirst)
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
	for _, form := range s.allForms() {
		redactForm(d, form)
	}
}

// RedactText blots the secrets out of a text.
func (s *Secrets) RedactText(text string) string {
	for _, form := range s.allForms() {
		text = strings.ReplaceAll(text, form, Redacted)
	}
	return text
}

// allForms are the spellings in which the secrets are blotted out.
func (s *Secrets) allForms() []string {
	if s.forms != nil {
		return s.forms
	}
	s.forms = []string{}
	for _, secret := range s.Texts() {
		if len(secret) < shortestRedacted {
			break
		}
		s.forms = append(s.forms, spec.SecretForms(secret)...)
	}
	s.forms = slices.DeleteFunc(s.forms, func(form string) bool { return len(form) < shortestRedacted || s.public[form] })
	slices.SortFunc(s.forms, spec.LongestFirst)
	s.forms = slices.Compact(s.forms)
	return s.forms
}

func redactForm(d *spec.Diagnostic, form string) {
	d.Detail = strings.ReplaceAll(d.Detail, form, Redacted)
	d.Address = strings.ReplaceAll(d.Address, form, Redacted)
	if d.Snippet != nil {
		redactSnippet(d.Snippet, form)
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

// tellsNoValue are the messages of HCL that name types, names of the source and
// what is expected, and no value. Whatever isn't here may quote a value.
var tellsNoValue = map[string]bool{
	"Attempt to get attribute from null value": true, "Attempt to index null value": true, "Call to unknown function": true,
	"Condition is null": true, "Inconsistent conditional result types": true, "Incorrect condition type": true, "Incorrect key type": true,
	"Invalid 'for' condition": true, "Invalid expanding argument value": true, "Invalid index": true, "Invalid object key": true,
	"Invalid operand": true, "Invalid template interpolation value": true, "Iteration over non-iterable value": true,
	"Iteration over null value": true, "Missing map element": true, "Not enough function arguments": true, "Null condition": true,
	"Null value as key": true, "Operation failed": true, "Splat of null value": true, "Too many function arguments": true,
	"Unknown variable": true, "Unsupported attribute": true,
}

// HideValues takes out of the diagnostics of an expression what may quote a
// sensitive value. A part or a change of a secret is in no list of secrets, so
// what counts is whether something sensitive stands in the expression that a
// diagnostic is about, at any depth. Within a for expression HCL unmarks the
// elements, so that there the whole expression counts.
func HideValues(diags hcl.Diagnostics, whole hcl.Expression, ctx *hcl.EvalContext) {
	sensitive := sync.OnceValue(func() bool { return holdsSensitive(whole, ctx) }) // it evaluates all of the expression
	for _, d := range diags {
		inFor := d.EvalContext != nil && d.EvalContext != ctx && d.EvalContext.Parent() != nil
		if HidesValue(d) || inFor && !tellsNoValue[d.Summary] && sensitive() {
			d.Detail = hidden(d)
		}
	}
}

// hidden is what is said in place of a text that may quote a secret.
func hidden(d *hcl.Diagnostic) string {
	if _, call := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); call {
		return "A function failed on a sensitive value, so what it said is not shown. " +
			"Check the value itself; nonsensitive(…) around it shows the message."
	}
	return "A sensitive value stands in this expression, so what is wrong with it is not shown. " +
		"Check the value itself; nonsensitive(…) around it shows the message."
}

// HidesValue reports whether d may quote something sensitive that stands in the
// expression that it is about.
func HidesValue(d *hcl.Diagnostic) bool {
	if d.Expression == nil || d.EvalContext == nil || tellsNoValue[d.Summary] {
		return false
	}
	return holdsSensitive(d.Expression, d.EvalContext)
}

// holdsSensitive reports whether a sensitive value stands in the expression, at
// any depth, but for what nonsensitive gives free.
func holdsSensitive(e hcl.Expression, ctx *hcl.EvalContext) bool {
	node, ok := e.(hclsyntax.Node)
	if !ok { // JSON, whose expressions are templates that HCL parses as it evaluates them
		v, _ := e.Value(ctx)
		return v.ContainsMarked()
	}
	finder := sensitiveFinder{ctx: ctx}
	_ = hclsyntax.Walk(node, &finder) // it gives none
	return finder.found
}

// sensitiveFinder looks at each variable and each call in an expression.
type sensitiveFinder struct {
	ctx   *hcl.EvalContext
	freed int // how many calls of nonsensitive are around
	found bool
}

// Enter implements [hclsyntax.Walker].
func (f *sensitiveFinder) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.FunctionCallExpr:
		if n.Name == "nonsensitive" {
			f.freed++
		}
		f.look(n)
	case *hclsyntax.ScopeTraversalExpr:
		f.look(n)
	}
	return nil
}

// Exit implements [hclsyntax.Walker].
func (f *sensitiveFinder) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "nonsensitive" {
		f.freed--
	}
	return nil
}

// look evaluates a part of the expression. One that can't be evaluated by itself
// is no proof of anything: its own parts are looked at too.
func (f *sensitiveFinder) look(e hclsyntax.Expression) {
	if f.found || f.freed > 0 {
		return
	}
	v, _ := e.Value(f.ctx)
	f.found = v.ContainsMarked()
}
