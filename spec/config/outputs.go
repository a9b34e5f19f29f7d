package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
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
		failed := l.report.HCL(diags)
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
	l.scope.SetLiveValue(objects.value)
	l.scope.ResolveLocals() // those that need a card were left
	for _, o := range l.outputs {
		if _, unset, _ := o.eval(l.scope, l.report); !o.sensitive { // for its mistakes
			l.unsetAt(spec.UnsetValue{For: spec.ForOutputs}, unset)
		}
	}
	objects.outputs = outputValues(l.outputs, l.scope, l.report)
	l.judgeChecks()
	objects.last, objects.lastName = cty.NilVal, "" // the scope is kept
}

// HasOutputs reports whether there is an output block.
func (c *Config) HasOutputs() bool { return len(c.outputs) > 0 }

// Outputs evaluates the output blocks with what was read, by name. A value
// that depends on a card or number without a reading is null.
func (c *Config) Outputs(live spec.Live) ([]spec.Output, spec.Diagnostics) {
	return c.evalOutputs(live, c.outputs)
}

// Output evaluates the output of that name; nil where there is none, or where it
// has a mistake.
func (c *Config) Output(live spec.Live, name string) (*spec.Output, spec.Diagnostics) {
	at := slices.IndexFunc(c.outputs, func(o *output) bool { return o.name == name })
	if at < 0 {
		return nil, nil
	}
	out, diags := c.evalOutputs(live, c.outputs[at:at+1])
	if len(out) == 0 {
		return nil, diags
	}
	return &out[0], diags
}

func (c *Config) evalOutputs(live spec.Live, which []*output) ([]spec.Output, spec.Diagnostics) {
	if c.scope == nil {
		return nil, nil
	}
	r := &report{sources: c.report.sources, secrets: c.secrets}
	s := c.scope.With(r, newLiveObjects(c, &live).value)
	var out []spec.Output
	for _, o := range which {
		v, unset, ok := o.eval(s, r)
		switch {
		case len(unset) > 0 && o.sensitive:
			out = append(out, spec.Output{Name: o.name, Sensitive: true, Value: []byte("null"), Type: typeJSON(cty.DynamicPseudoType), Unset: r.take(unset)})
		case len(unset) > 0:
			r.HCL(unset)
		case ok:
			out = append(out, spec.Output{Name: o.name, Sensitive: o.sensitive, Value: asJSON(v), Type: typeJSON(v.Type())})
		}
	}
	sortOutputs(out)
	return out, r.done()
}

// OutputNames are the names of the output blocks, sorted.
func (c *Config) OutputNames() []string {
	names := make([]string, len(c.outputs))
	for i, o := range c.outputs {
		names[i] = o.name
	}
	slices.Sort(names)
	return names
}

// eval is what an output block says, without marks; unset is what it lacks, where
// that is all that is wrong with it.
func (o *output) eval(s *expr.Scope, r *report) (v cty.Value, unset hcl.Diagnostics, ok bool) {
	v, unset, ok = s.EvalLater(o.expr, expr.InOutputs)
	if !ok {
		return cty.NilVal, unset, false
	}
	if v.ContainsMarked() {
		r.secrets.Remember(v)
		if !o.sensitive {
			r.ErrorAt(o.expr.Range(), "Output refers to sensitive values",
				"output.%s holds a sensitive value. Write sensitive = true to keep it out of what is shown, or nonsensitive(…) around a value that is no secret.", o.name)
			return cty.NilVal, nil, false
		}
		v, _ = v.UnmarkDeep()
	}
	if expr.Infinite(v) {
		r.ErrorAt(o.expr.Range(), "Unsuitable value",
			"output.%s can't be written as JSON: it holds an infinite number, as log(0, 10) and the text \"inf\" make it.", o.name)
		return cty.NilVal, nil, false
	}
	return v, nil, true
}

// whole is the output's value with its marks, for checks; unknown where it has a
// mistake, which is told elsewhere.
func (o *output) whole(s *expr.Scope) cty.Value {
	v, ok := s.Eval(o.expr, expr.InOutputs)
	if !ok {
		return cty.DynamicVal
	}
	if o.sensitive {
		v = expr.Hide(v)
	}
	return v
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

// typeJSON writes a type as Terraform does.
func typeJSON(t cty.Type) []byte {
	text, err := ctyjson.MarshalType(t)
	if err != nil {
		panic(fmt.Sprintf("config: an output's type can't be written as JSON: %v", err))
	}
	return text
}

func sortOutputs(list []spec.Output) {
	slices.SortFunc(list, func(a, b spec.Output) int { return compareStrings(a.Name, b.Name) })
}
