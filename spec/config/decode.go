package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// settings reads the attributes of one block into Go values. Anything wrong is
// reported at its attribute, and read as absent.
type settings struct {
	*loader
	attributes hcl.Attributes
	// shows reports whether plans and reports show these values, so that none may be sensitive.
	shows bool
	// later says who needs these values, where not everybody does; see [spec.UnsetValue].
	later spec.UnsetValue
	// written reports whether each value has to be constant; see [settings.constant].
	written bool
	// sensitive takes the names of those that are; nil takes none.
	sensitive map[string]bool
}

// value is the attribute's value without marks; false where it is absent, null or wrong.
func (s settings) value(name string) (cty.Value, bool) {
	a := s.attributes[name]
	if a == nil {
		return cty.NilVal, false
	}
	if s.written && !s.constant(name) {
		return cty.NilVal, false
	}
	v, unset, ok := s.eval(a)
	if len(unset) > 0 {
		s.unsetAt(spec.UnsetValue{For: s.later.For, Provider: s.later.Provider, Setting: name}, unset)
	}
	if !ok {
		return cty.NilVal, false
	}
	if v.ContainsMarked() {
		if s.shows {
			s.wrong(name, "Sensitive value", "%s is shown in plans and kept in the state, so it can't be sensitive. "+
				"Where it is no secret, write nonsensitive(…).", name)
			return cty.NilVal, false
		}
		if s.sensitive != nil {
			s.sensitive[name] = true
		}
		s.report.secrets.Remember(v)
		v, _ = v.UnmarkDeep()
	}
	return v, !v.IsNull() && v.IsWhollyKnown()
}

// eval is an attribute's value. What it lacks is only reported by itself where
// somebody does without the value.
func (s settings) eval(a *hcl.Attribute) (v cty.Value, unset hcl.Diagnostics, ok bool) {
	if s.later.For == 0 {
		v, ok = s.scope.Eval(a.Expr, expr.InSettings)
		return v, nil, ok
	}
	return s.scope.EvalLater(a.Expr, expr.InSettings)
}

// unsetAt notes what a value lacks, for who needs it.
func (l *loader) unsetAt(u spec.UnsetValue, unset hcl.Diagnostics) {
	for _, d := range l.report.take(unset) {
		u.Diagnostic = d
		l.fleet.Unset = append(l.fleet.Unset, u)
	}
}

// sortUnset puts what values lack into the order of the source, each once.
func (l *loader) sortUnset() {
	list := l.fleet.Unset
	slices.SortStableFunc(list, func(a, b spec.UnsetValue) int {
		return cmp.Or(strings.Compare(a.Subject.File, b.Subject.File), cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte), cmp.Compare(a.For, b.For))
	})
	l.fleet.Unset = slices.CompactFunc(list, func(a, b spec.UnsetValue) bool {
		return a.For == b.For && a.Provider == b.Provider && a.Setting == b.Setting && sameDiagnostic(a.Diagnostic, b.Diagnostic)
	})
	for i := range l.fleet.Unset {
		l.report.secrets.Redact(&l.fleet.Unset[i].Diagnostic)
	}
}

// wrong reports a mistake in an attribute's value.
func (s settings) wrong(name, summary, format string, args ...any) {
	s.report.ErrorAt(s.attributes[name].Expr.Range(), summary, format, args...)
}

// convert is value, brought to a type.
func (s settings) convert(name string, ty cty.Type) (cty.Value, bool) {
	v, ok := s.value(name)
	if !ok {
		return cty.NilVal, false
	}
	out, err := expr.Convert(v, ty)
	if err != nil {
		s.wrong(name, "Unsuitable value", "%s must be %s: %s.", name, typeName(ty), expr.ErrorText(err))
		return cty.NilVal, false
	}
	return out, true
}

// typeName is a type in a sentence.
func typeName(ty cty.Type) string {
	switch {
	case ty == cty.String:
		return "a text"
	case ty == cty.Number:
		return "a number"
	case ty == cty.Bool:
		return "true or false"
	case ty.IsListType():
		return "a list of texts"
	case ty.IsMapType():
		return "a map of texts"
	default:
		return ty.FriendlyName()
	}
}

func (s settings) text(name string) (string, bool) {
	v, ok := s.convert(name, cty.String)
	if !ok {
		return "", false
	}
	return v.AsString(), true
}

// filled is text that must not be blank.
func (s settings) filled(name string) (string, bool) {
	text, ok := s.text(name)
	if ok && strings.TrimSpace(text) == "" {
		s.wrong(name, "Blank value", "%s is blank. Write a value, or leave the attribute out.", name)
		return "", false
	}
	return text, ok
}

func (s settings) number(name string) (float64, bool) {
	v, ok := s.convert(name, cty.Number)
	if !ok {
		return 0, false
	}
	n, _ := v.AsBigFloat().Float64()
	if math.IsInf(n, 0) {
		s.wrong(name, "Value out of range", "%s is infinite, or too large.", name)
		return 0, false
	}
	return n, true
}

// whole is a whole number of at least least.
func (s settings) whole(name string, least int) (int, bool) {
	n, ok := s.number(name)
	if !ok {
		return 0, false
	}
	if n != float64(int(n)) || int(n) < least {
		s.wrong(name, "Value out of range", "%s must be a whole number of at least %d.", name, least)
		return 0, false
	}
	return int(n), true
}

func (s settings) bool(name string) (value, ok bool) {
	v, ok := s.convert(name, cty.Bool)
	return ok && v.True(), ok
}

// texts is a list, set or tuple of texts.
func (s settings) texts(name string) ([]string, bool) {
	v, ok := s.convert(name, cty.List(cty.String))
	if !ok {
		return nil, false
	}
	list := make([]string, 0, v.LengthInt())
	for _, e := range v.AsValueSlice() {
		if e.IsNull() {
			s.wrong(name, "Unsuitable value", "%s holds a null; every element must be a text.", name)
			return nil, false
		}
		list = append(list, e.AsString())
	}
	return list, true
}

// kind is the name of a kind of action, out of those allowed; "" where it is
// absent or wrong.
func (s settings) kind(name string, allowed []spec.Kind) spec.Kind {
	text, ok := s.text(name)
	if !ok {
		return ""
	}
	k, _ := s.kindOf(text, s.attributes[name].Expr.Range(), name, allowed)
	return k
}

// kindOf reports a word that names none of the allowed kinds.
func (l *loader) kindOf(word string, at hcl.Range, what string, allowed []spec.Kind) (spec.Kind, bool) {
	names := make([]string, len(allowed))
	for i, k := range allowed {
		if names[i] = string(k); names[i] == word {
			return k, true
		}
	}
	l.report.ErrorAt(at, "Unknown kind of action", "%q is not known for %s; it can be %s.%s",
		word, what, spec.QuoteList(names, "or"), spec.DidYouMean(word, names))
	return "", false
}

// plainGo is a value in Go's own types: string, float64, bool, []any,
// map[string]any, and nil for null.
func plainGo(v cty.Value) (any, error) {
	switch ty := v.Type(); {
	case v.IsNull():
		return nil, nil
	case ty == cty.String:
		return v.AsString(), nil
	case ty == cty.Bool:
		return v.True(), nil
	case ty == cty.Number:
		n, _ := v.AsBigFloat().Float64()
		return n, nil
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		list := []any{}
		for _, e := range v.AsValueSlice() {
			x, err := plainGo(e)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	case ty.IsMapType() || ty.IsObjectType():
		object := map[string]any{}
		for k, e := range v.AsValueMap() {
			x, err := plainGo(e)
			if err != nil {
				return nil, err
			}
			object[k] = x
		}
		return object, nil
	default:
		return nil, fmt.Errorf("a value of type %s can't be written here", ty.FriendlyName())
	}
}

// noNumbers reports numbers among the attribute's elements, which are texts.
func (s settings) noNumbers(name, what string) bool {
	a := s.attributes[name]
	if a == nil {
		return true
	}
	v, ok := s.value(name)
	if !ok {
		return true // nothing is there, or what is wrong with it was reported
	}
	bad := bareNumber(v, what)
	if bad != nil {
		s.wrong(name, bad.summary, "%s", bad.detail)
	}
	return bad == nil
}
