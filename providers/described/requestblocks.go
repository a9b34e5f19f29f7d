package described

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// templateNames are the parts of a request that every request may have too.
var templateNames = []string{"query", "headers", "form", "json"}

// requestNames are the parts of a request.
var requestNames = append([]string{"method", "path", "multipart", "text", "reads", "limit"}, templateNames...)

// attributesOf are a block's attributes by name.
func attributesOf(body *hclsyntax.Body) map[string]hclsyntax.Expression {
	out := map[string]hclsyntax.Expression{}
	for name, a := range body.Attributes {
		out[name] = a.Expr
	}
	return out
}

// request compiles the block's request: a block of its own, or an object. nil
// where there is none, which is then reported.
func (b block) request(allowed scope, tokens bool) *request {
	e, x := b.attribute("request"), b.one("request")
	names := requestNames
	if tokens {
		names = append(slices.Clone(names), "url")
	}
	switch {
	case e == nil && x == nil:
		b.report.ErrorAt(b.at, "Missing request", "%s has no request.", b.title)
		return nil
	case e != nil && x != nil:
		b.report.ErrorAt(x.DefRange(), "Duplicate request", "%s says its request twice, as an argument and as a block.", b.title)
		return nil
	case x != nil:
		b.enter("request", x.Body, x.DefRange(), blockRule{attributes: names})
		return b.requestOf(attributesOf(x.Body), allowed, x.DefRange())
	}
	object, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		b.report.ErrorAt(e.Range(), "Unsuitable value", "A request is an object that is written out: request = { method = …, path = … }.")
		return nil
	}
	return b.requestOf(b.partsOf(object, names), allowed, e.Range())
}

// partsOf are the parts of a request that is an object.
func (b block) partsOf(object *hclsyntax.ObjectConsExpr, names []string) map[string]hclsyntax.Expression {
	parts := map[string]hclsyntax.Expression{}
	for _, item := range object.Items {
		name, ok := b.key(item.KeyExpr)
		if !ok {
			continue
		}
		if !slices.Contains(names, name) {
			b.report.ErrorAt(item.KeyExpr.Range(), "Unsupported argument", "A request has no %q. It has %s.", name, strings.Join(names, ", "))
		}
		parts[name] = item.ValueExpr
	}
	return parts
}

// readingRequest is a request that changes nothing: a GET, or one that says so.
func (b block) readingRequest(allowed scope) *request {
	r := b.request(allowed, false)
	if r == nil {
		return nil
	}
	switch m := r.method; {
	case m == nil || m.constant != nil && strings.EqualFold(m.text(nil), http.MethodGet):
	case !r.reads:
		b.report.ErrorAt(m.Range(), "Request may change something", "Requests of %s are sent again freely, so they are GET. Where this one only reads, write reads = true in its request.", b.title)
	case m.constant == nil || strings.EqualFold(m.text(nil), http.MethodDelete):
		b.report.ErrorAt(m.Range(), "Request may change something", "Requests of %s are sent again freely, and DELETE takes something away: with reads = true the method is another, written out, such as \"POST\".", b.title)
	}
	return r
}

func (c *compiler) requestOf(parts map[string]hclsyntax.Expression, allowed scope, at hcl.Range) *request {
	r := &request{template: c.template(parts, allowed), at: at, card: map[string]bool{}}
	r.method, r.text, r.url = c.compile(parts["method"], allowed), c.compile(parts["text"], allowed), c.compile(parts["url"], allowed)
	r.multipart = c.object(parts["multipart"], allowed)
	if e := parts["path"]; e != nil {
		r.path = c.path(e, allowed)
	} else if r.url == nil {
		c.report.ErrorAt(at, "Missing path", "A request has a path.")
	}
	if e := parts["reads"]; e != nil {
		v, ok := c.constantOf(e)
		r.reads = ok && (&expression{constant: &v}).holds(nil)
	}
	if e := parts["limit"]; e != nil {
		if v, ok := c.constantOf(e); ok {
			r.limit, _ = textOf(v)
		}
	}
	c.oneBody(parts, at)
	r.noteCard()
	return r
}

// oneBody reports a request with several bodies.
func (c *compiler) oneBody(parts map[string]hclsyntax.Expression, at hcl.Range) {
	bodies := 0
	for _, name := range []string{"json", "form", "multipart", "text"} {
		if parts[name] != nil {
			bodies++
		}
	}
	if bodies > 1 {
		c.report.ErrorAt(at, "Several bodies", "A request has one of json, form, multipart and text.")
	}
}

// noteCard notes the names of the card that the request takes.
func (r *request) noteCard() {
	for _, e := range r.all() {
		for _, t := range e.Variables() {
			if t.RootName() == rootCard && len(t) > 1 {
				r.card[stepName(t[1])] = true
			}
		}
	}
}

func (c *compiler) template(parts map[string]hclsyntax.Expression, allowed scope) template {
	return template{
		query: c.object(parts["query"], allowed), headers: c.object(parts["headers"], allowed),
		form: c.object(parts["form"], allowed), json: c.object(parts["json"], allowed),
	}
}

// object compiles a map, value by value where it is written out.
func (c *compiler) object(e hclsyntax.Expression, allowed scope) *object {
	if e == nil {
		return nil
	}
	cons, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return &object{whole: c.compile(e, allowed)}
	}
	for _, item := range cons.Items {
		if k, is := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); is && k.ForceNonLiteral || len(item.KeyExpr.Variables()) > 0 {
			return &object{whole: c.compile(e, allowed)}
		}
	}
	return &object{items: c.namedValues(e, "it", allowed)}
}

// path compiles a path: what is written stands as it is, and each value is
// escaped.
func (c *compiler) path(e hclsyntax.Expression, allowed scope) *path {
	whole := c.compile(e, allowed)
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok {
		if _, wrap := e.(*hclsyntax.TemplateWrapExpr); wrap || whole.constant == nil {
			return &path{whole: whole}
		}
		return &path{parts: []pathPart{{literal: whole.text(nil)}}}
	}
	p := &path{}
	for _, part := range t.Parts {
		if lit, ok := part.(*hclsyntax.LiteralValueExpr); ok {
			text, _ := textOf(lit.Val)
			p.parts = append(p.parts, pathPart{literal: text})
			continue
		}
		p.parts = append(p.parts, pathPart{expr: c.compile(part, allowed)})
	}
	return p
}

// all is every expression of the request.
func (r *request) all() []*expression {
	if r == nil {
		return nil
	}
	list := r.template.all()
	for _, e := range []*expression{r.method, r.url, r.text} {
		if e != nil {
			list = append(list, e)
		}
	}
	list = append(list, r.multipart.all()...)
	if r.path != nil {
		for _, p := range r.path.parts {
			if p.expr != nil {
				list = append(list, p.expr)
			}
		}
		if r.path.whole != nil {
			list = append(list, r.path.whole)
		}
	}
	return list
}

func (t *template) all() []*expression {
	if t == nil {
		return nil
	}
	return slices.Concat(t.query.all(), t.headers.all(), t.form.all(), t.json.all())
}

func (o *object) all() []*expression {
	if o == nil {
		return nil
	}
	var list []*expression
	if o.whole != nil {
		list = append(list, o.whole)
	}
	for _, n := range o.items {
		if n.expr != nil {
			list = append(list, n.expr)
		}
	}
	return list
}

// takes reports whether the request refers to a name.
func (r *request) takes(root string) bool {
	return slices.ContainsFunc(r.all(), func(e *expression) bool { return e.needs(root) })
}
