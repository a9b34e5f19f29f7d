package described

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// Tried is one read at the real carrier, as its author looks at it. No text in it
// holds a secret.
type Tried struct {
	Exchanges []Exchange
	// Values are the expressions of the read, with what they made of the reply; none
	// where no reply came that they read.
	Values  []Value
	Reading spec.Reading // what was understood; see Err
	Err     error        // why the card is unread; nil where it was read
}

// Exchange is a request and its reply.
type Exchange struct {
	Call    string   // "token", "lookup sim_id", "read"
	Request []string // its lines: method and URL, headers, body
	Status  int      // of the reply; 0 where none came
	Taken   []Value  // what the expressions took of the reply
	Rest    []string // the names of what they didn't take
	Secret  bool     // nothing of the reply is shown: it is a token's
}

// Value is an expression, or a place in a reply, and its value.
type Value struct {
	Name, Text string
	Failed     bool // it has no value, and Text says why
}

// Try reads one card, and looks on. The provider is made of a block; its
// diagnostics are of settings that don't fit.
func (d *Definition) Try(ctx context.Context, config spec.ProviderConfig, env providers.Env, key providers.Key, iccid spec.ICCID) (*Tried, spec.Diagnostics) {
	p, diags := d.openProvider(config, env)
	if p == nil {
		return nil, diags
	}
	p.SetKeys(func(spec.ICCID) providers.Key { return key })
	t := &Tried{}
	var last *exchange
	p.look = func(x exchange) {
		if x.reply == nil {
			t.Exchanges = append(t.Exchanges, Exchange{Call: x.call, Request: p.requestLines(x.request), Secret: x.call == callToken})
			return
		}
		e := &t.Exchanges[len(t.Exchanges)-1]
		e.Status = x.reply.status
		if x.takes != nil {
			e.Taken, e.Rest = p.anatomy(&x)
		}
		if x.call == callRead {
			last = &x
		}
	}
	out, err := p.readCard(ctx, iccid, p.def.Capabilities().Reads)
	t.Err = err
	if out != nil {
		t.Reading = out.reading
	}
	if last != nil {
		t.Values = p.values(last, iccid)
	}
	return t, diags
}

// covered stands in the place of a secret in what people see.
const covered = "(sensitive value)"

// requestLines are a request without its secrets.
func (p *provider) requestLines(m *made) []string {
	target := p.endpoint + m.path
	if m.url != "" {
		target = m.url
	}
	if query := coveredPairs(m.query, "&"); query != "" {
		target += "?" + query
	}
	lines := []string{m.method + " " + p.hide(target, m)}
	for _, h := range m.headers {
		lines = append(lines, h.name+": "+p.covered(h, m))
	}
	switch {
	case m.json != cty.NilVal && m.jsonSecret:
		lines = append(lines, "json: "+p.hide(string(m.body), m))
	case m.json != cty.NilVal:
		lines = append(lines, "json: "+p.hide(string(m.body), m))
	case m.form != nil:
		lines = append(lines, "form: "+p.hide(coveredPairs(m.form, "&"), m))
	case m.parts != nil:
		lines = append(lines, "multipart: "+p.hide(coveredPairs(m.parts, "&"), m))
	case m.text != nil:
		lines = append(lines, "text: "+p.hide(*m.text, m))
	}
	return lines
}

func (p *provider) covered(h pair, m *made) string {
	if h.secret {
		return covered
	}
	return p.hide(h.value, m)
}

func coveredPairs(pairs []pair, between string) string {
	parts := make([]string, 0, len(pairs))
	for _, x := range pairs {
		if x.secret {
			parts = append(parts, x.name+"="+covered)
			continue
		}
		parts = append(parts, escape(x.name)+"="+escape(x.value))
	}
	return strings.Join(parts, between)
}

// mostShown is how many places of a reply are shown.
const mostShown = 60

// anatomy is what expressions took of a reply, and the names of the rest. Of what
// was taken as a whole only the names are shown: it may hold secrets that nobody
// looks at.
func (p *provider) anatomy(x *exchange) (taken []Value, rest []string) {
	r, takes := x.reply, x.takes
	a := anatomist{provider: p, request: x.request}
	if doc, err := decodeJSON(r.body, everything); err == nil {
		a.json("reply.json", doc, &takes.json)
	} else if len(r.body) > 0 {
		a.rest = append(a.rest, fmt.Sprintf("a body of %s that is no JSON", spec.Count(len(r.body), "byte")))
	}
	if takes.headers {
		for name := range r.header {
			a.rest = append(a.rest, "reply.headers."+strings.ToLower(name))
		}
	}
	slices.Sort(a.rest)
	return a.taken[:min(len(a.taken), mostShown)], slices.Compact(a.rest[:min(len(a.rest), mostShown)])
}

type anatomist struct {
	*provider
	request *made
	taken   []Value
	rest    []string
}

func (a *anatomist) json(name string, v cty.Value, want *wanted) {
	if text, ok := textOf(v); ok || v.IsNull() {
		a.leaf(name, text, v.IsNull(), want)
		return
	}
	if v.Type().IsTupleType() {
		for i, e := range v.AsValueSlice() {
			var sub *wanted
			if want != nil {
				sub = want.each
			}
			if i < 3 { // a list's rows are alike
				a.json(fmt.Sprintf("%s[%d]", name, i), e, sub)
			}
		}
		return
	}
	values := v.AsValueMap()
	for _, part := range sortedNames(values) {
		var sub *wanted
		if want != nil {
			sub = want.names[part]
		}
		a.json(name+"."+part, values[part], sub)
	}
}

func (a *anatomist) leaf(name, text string, null bool, want *wanted) {
	switch {
	case want == nil || !want.all:
		a.rest = append(a.rest, name)
	case null:
		a.taken = append(a.taken, Value{Name: name, Text: "null"})
	default:
		a.taken = append(a.taken, Value{Name: name, Text: fmt.Sprintf("%q", tidy(a.hide(text, a.request)))})
	}
}

// values are the expressions of the read with their values.
func (p *provider) values(x *exchange, iccid spec.ICCID) []Value {
	k := p.card(iccid)
	ctx := p.scope(map[string]cty.Value{rootCard: k.value()})
	v, _ := x.reply.read(&p.def.read.takes)
	ctx.Variables[rootReply] = v
	var list []Value
	add := func(name string, e *expression) {
		if e != nil {
			list = append(list, p.valueOf(name, e, ctx, x.request))
		}
	}
	read := p.def.read
	add("code", p.def.code)
	for i := range p.def.outcomes {
		if o := &p.def.outcomes[i]; o.when.holds(ctx) {
			list = append(list, Value{Name: "outcome", Text: o.label})
			break
		}
	}
	add("iccid", read.iccid)
	add("status", read.status)
	add("lifecycle", read.lifecycle)
	add("reason", read.reason)
	add("none.imei", read.imei.none)
	add("imei", read.imei.expr)
	add("observed", read.observed)
	add("none.packages", read.packages.none)
	add("packages", read.packages.expr)
	for _, n := range read.keep {
		add("keep."+n.name, n.expr)
	}
	return list
}

// valueOf is an expression's value for people. Of a map only the names are shown.
func (p *provider) valueOf(name string, e *expression, ctx *hcl.EvalContext, m *made) Value {
	v, err := e.value(ctx)
	if err != nil {
		return Value{Name: name, Text: strings.TrimPrefix(err.Error(), "an expression fails: "), Failed: true}
	}
	if name == "code" {
		ctx.Variables[rootCode] = v
	}
	switch ty := v.Type(); {
	case v.IsNull():
		return Value{Name: name, Text: "null"}
	case ty.IsObjectType() || ty.IsMapType():
		return Value{Name: name, Text: "{ " + strings.Join(sortedNames(v.AsValueMap()), ", ") + " }"}
	}
	return Value{Name: name, Text: p.hide(canonical(v), m)}
}
