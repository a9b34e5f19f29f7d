package config

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// longestMessage is how many characters of a check's message a plan keeps: one may
// list all cards of a fleet.
const longestMessage = 2000

// check is a check block.
type check struct {
	name      string
	severity  spec.CheckSeverity
	condition hcl.Expression
	message   hcl.Expression
	where     expr.Setting // that both stand in
	at        hcl.Range
}

// loadChecks reads the check blocks.
func (l *loader) loadChecks() {
	names := expr.Names{}
	for _, b := range l.blocks["check"] {
		content, diags := b.Body.Content(checkSchema())
		failed := l.report.HCL(diags)
		c := &check{name: b.Labels[0], severity: spec.CheckWarns, where: expr.InChecks, at: b.DefRange}
		if c.name == "" {
			l.report.ErrorAt(b.LabelRanges[0], "Blank name", "A check is shown by its name: say what holds, such as \"every card has a city\".")
			continue
		}
		s := settings{loader: l, attributes: content.Attributes}
		if text, ok := s.text("severity"); ok {
			c.severity = spec.CheckSeverity(text)
		}
		if c.severity != spec.CheckWarns && c.severity != spec.CheckRefuses {
			l.report.ErrorAt(content.Attributes["severity"].Expr.Range(), "Invalid severity",
				"severity is \"warning\", which tells people, or \"error\", with which apply carries nothing out.")
			continue
		}
		if !names.Claim(l.report, c.name, fmt.Sprintf("check %q", c.name), b.LabelRanges[0]) || failed {
			continue
		}
		c.condition, c.message = content.Attributes["condition"].Expr, content.Attributes["error_message"].Expr
		l.checks = append(l.checks, c)
	}
}

// judgeChecks evaluates the checks once with nothing read yet, for their mistakes.
func (l *loader) judgeChecks() {
	for _, c := range l.checks {
		l.scope.Prepare(c.message, c.where) // it is evaluated only where the condition fails
		unset := func(d hcl.Diagnostics) { l.unsetAt(spec.UnsetValue{For: spec.ForOutputs}, d) }
		if result, ok := c.judge(l.scope, l.report, unset); ok {
			l.judged = append(l.judged, result)
		}
	}
}

// HasChecks reports whether there is a check block.
func (c *Config) HasChecks() bool { return len(c.checks) > 0 }

// ChecksRead reports whether a check looks at a card or a privacy number, and so
// perhaps at what was read of it.
func (c *Config) ChecksRead() bool {
	return slices.ContainsFunc(c.checks, func(k *check) bool {
		return c.scope.Late(k.condition) || c.scope.Late(k.message)
	})
}

// Checks judges the check blocks by what was read, in the order of the source. One
// whose condition depends on a card or number without a reading, so that nobody
// knows whether it holds, has the status [spec.CheckUnknown].
func (c *Config) Checks(live spec.Live) ([]spec.Check, spec.Diagnostics) {
	if len(c.checks) == 0 {
		return nil, nil
	}
	if len(live.Cards)+len(live.Numbers) == 0 {
		return slices.Clone(c.judged), nil
	}
	r := &report{sources: c.report.sources, secrets: c.secrets}
	objects := newLiveObjects(c, &live)
	s := c.scope.With(r, objects.value)
	objects.outputs = outputValues(c.outputs, s, r)
	var out []spec.Check
	for _, k := range c.checks {
		if result, ok := k.judge(s, r, func(d hcl.Diagnostics) { r.HCL(d) }); ok {
			out = append(out, result)
		}
	}
	return out, r.done()
}

// judge is what becomes of a check. It fails where the condition or the message has
// a mistake, which is then reported; unset takes that it lacks a variable of the
// environment alone.
func (k *check) judge(s *expr.Scope, r *report, unset func(hcl.Diagnostics)) (spec.Check, bool) {
	out := spec.Check{Name: k.name, Severity: k.severity, Status: spec.CheckUnknown, File: k.at.Filename, Line: k.at.Start.Line}
	v, lacks, ok := s.EvalLater(k.condition, k.where)
	if len(lacks) > 0 {
		unset(lacks)
		return out, true
	}
	if !ok {
		return out, false
	}
	v, _ = v.Unmark() // whether it holds is no secret
	if !v.IsKnown() {
		return out, true
	}
	holds, err := convert.Convert(v, cty.Bool)
	if err != nil || holds.IsNull() {
		r.ErrorAt(k.condition.Range(), "Unsuitable condition", "The condition of a check is true or false, and this is %s.", nullOr(v))
		return out, false
	}
	if !holds.IsKnown() {
		return out, true
	}
	if out.Status = spec.CheckPasses; holds.False() {
		out.Status = spec.CheckFails
		out.Message, ok = k.says(s, r)
	}
	return out, ok
}

func nullOr(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	return v.Type().FriendlyName()
}

// says is the message of a check that fails.
func (k *check) says(s *expr.Scope, r *report) (string, bool) {
	v, ok := s.Eval(k.message, k.where)
	if !ok {
		return "", false
	}
	if v.ContainsMarked() {
		r.secrets.Remember(v)
		return "The message holds a sensitive value, so it is not shown.", true
	}
	if !v.IsWhollyKnown() {
		return "The message depends on what was not read.", true
	}
	text, err := convert.Convert(v, cty.String)
	if err != nil || text.IsNull() {
		r.ErrorAt(k.message.Range(), "Unsuitable message", "error_message is a text, and this is %s.", nullOr(v))
		return "", false
	}
	said := text.AsString()
	if n := utf8.RuneCountInString(said); n > longestMessage {
		said = fmt.Sprintf("%s… (%d more characters)", string([]rune(said)[:longestMessage]), n-longestMessage)
	}
	return cmp.Or(said, "its error_message is blank"), true
}

// outputValues gives the outputs' values to checks, each evaluated once. Mistakes
// of an output are told with the output.
func outputValues(outputs []*output, s *expr.Scope, r *report) func(name string) cty.Value {
	known := map[string]cty.Value{}
	quiet := s.Quiet(&report{sources: r.sources, secrets: r.secrets})
	return func(name string) cty.Value {
		if v, ok := known[name]; ok {
			return v
		}
		v := cty.DynamicVal
		for _, o := range outputs {
			if o.name == name {
				v = o.whole(quiet)
			}
		}
		known[name] = v
		return v
	}
}
