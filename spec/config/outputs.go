package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cardfleet/cardfleet/spec"
)

// output is an output block.
type output struct {
	name      string
	expr      hcl.Expression
	sensitive bool
}

// loadOutputs reads the output blocks and evaluates them once with nothing read
// yet, so that their mistakes are found before any call.
func (l *loader) loadOutputs() {
	for _, b := range l.unique("output") {
		content, diags := b.Body.Content(outputSchema())
		failed := l.report.hcl(diags)
		s := settings{loader: l, attributes: content.Attributes}
		o := &output{name: b.Labels[0]}
		o.sensitive, _ = s.bool("sensitive")
		if failed {
			continue
		}
		o.expr = content.Attributes["value"].Expr
		l.outputs = append(l.outputs, o)
	}
	objects := newLiveObjects(l.config(), nil)
	objects.partial = l.report.list.HasErrors()
	l.scope.liveValue = objects.value
	for _, loc := range l.scope.sortedLocals() {
		l.scope.resolve(loc) // those that need a card were left
	}
	for _, o := range l.outputs {
		l.scope.output(o)
	}
}

// HasOutputs reports whether there is an output block.
func (c *Config) HasOutputs() bool { return len(c.outputs) > 0 }

// Outputs evaluates the output blocks with what was read, by name. A value
// that depends on a card or number without a reading is null.
func (c *Config) Outputs(live spec.Live) ([]spec.Output, spec.Diagnostics) {
	if c.scope == nil {
		return nil, nil
	}
	r := &report{sources: c.report.sources, secrets: c.secrets}
	s := c.scope.with(r, newLiveObjects(c, &live).value)
	var out []spec.Output
	for _, o := range c.outputs {
		if v, ok := s.output(o); ok {
			out = append(out, spec.Output{Name: o.name, Sensitive: o.sensitive, Value: asJSON(v)})
		}
	}
	sortOutputs(out)
	return out, r.done()
}

// with is the scope with another knowledge of what is live, and without the
// locals that were evaluated by an older one.
func (s *scope) with(r *report, liveValue func(kind, name string) cty.Value) *scope {
	next := *s
	next.report, next.liveValue, next.plain = r, liveValue, nil
	next.locals = make(map[string]*local, len(s.locals))
	for name, l := range s.locals {
		fresh := *l
		if l.late != "" {
			fresh.state, fresh.ok, fresh.value = unseen, false, cty.NilVal
		}
		next.locals[name] = &fresh
	}
	return &next
}

// output is the value of an output block, without marks.
func (s *scope) output(o *output) (cty.Value, bool) {
	v, ok := s.eval(o.expr, inOutputs)
	if !ok {
		return cty.NilVal, false
	}
	if !v.ContainsMarked() {
		return v, true
	}
	s.report.secrets.remember(v)
	if !o.sensitive {
		s.report.errorAt(o.expr.Range(), "Output refers to sensitive values",
			"output.%s holds a sensitive value. Write sensitive = true to keep it out of what is shown, or nonsensitive(…) around a value that is no secret.", o.name)
		return cty.NilVal, false
	}
	v, _ = v.UnmarkDeep()
	return v, true
}

// asJSON writes a value; what isn't known is null.
func asJSON(v cty.Value) []byte {
	v = cty.UnknownAsNull(v)
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		panic(fmt.Sprintf("config: an output's value can't be written as JSON: %v", err))
	}
	return text
}

func sortOutputs(list []spec.Output) {
	slices.SortFunc(list, func(a, b spec.Output) int { return compareStrings(a.Name, b.Name) })
}
