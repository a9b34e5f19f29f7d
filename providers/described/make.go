package described

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// pair is a name and its value in a query, a header or a form.
type pair struct {
	name, value string
	secret      bool
}

// made is a request that was made, before it is HTTP's.
type made struct {
	method, path   string // the path as it is sent, behind the endpoint
	url            string // of a token's request that goes elsewhere; else ""
	query, headers []pair
	form, parts    []pair
	json           cty.Value // cty.NilVal for none
	jsonSecret     bool
	text           *string
	body           []byte
	contentType    string
	secrets        []string // the values that nothing may show
}

// make makes a request. Nothing is sent where it fails.
func (d *Definition) make(ctx *hcl.EvalContext, r *request, plain bool) (*made, error) {
	m := &made{method: strings.ToUpper(r.method.text(ctx)), json: cty.NilVal}
	if m.method == "" {
		m.method = http.MethodGet
	}
	every := d.every
	if plain || every == nil {
		every = &template{}
	}
	if err := m.target(ctx, r); err != nil {
		return nil, err
	}
	if err := m.fill(ctx, every, r); err != nil {
		return nil, err
	}
	if err := m.encode(); err != nil {
		return nil, err
	}
	if !plain {
		for i := range d.sign {
			if err := m.sign(ctx, &d.sign[i]); err != nil {
				return nil, err
			}
		}
	}
	m.gatherSecrets()
	return m, nil
}

// fill evaluates the request's values, with those of every request.
func (m *made) fill(ctx *hcl.EvalContext, every *template, r *request) error {
	for _, part := range []struct {
		name        string
		into        *[]pair
		under, over *object
	}{
		{"query", &m.query, every.query, r.query}, {"headers", &m.headers, every.headers, r.headers},
		{"form", &m.form, m.bodyOf(every.form, r.form != nil, r), r.form}, {"multipart", &m.parts, nil, r.multipart},
	} {
		under, err := part.under.pairs(ctx)
		var over []pair
		if err == nil {
			over, err = part.over.pairs(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fold := part.name == "headers"
		*part.into = merged(under, merged(*part.into, over, fold), fold) // the path may have brought a query
	}
	return m.document(ctx, m.bodyOf(every.json, r.json != nil, r), r)
}

// bodyOf is the part of every body, where the request has a body of that kind, or
// may have one.
func (m *made) bodyOf(every *object, own bool, r *request) *object {
	none := r.json == nil && r.form == nil && r.multipart == nil && r.text == nil && m.method != http.MethodGet
	if own || none {
		return every
	}
	return nil
}

// target is where the request goes.
func (m *made) target(ctx *hcl.EvalContext, r *request) error {
	if r.url != nil {
		if m.url = r.url.text(ctx); m.url == "" {
			return errors.New("the request's url has no value")
		}
		return nil
	}
	text, secrets, err := r.path.text(ctx)
	if err != nil {
		return err
	}
	m.secrets = append(m.secrets, secrets...)
	if !strings.HasPrefix(text, "/") {
		text = "/" + text
	}
	path, query, _ := strings.Cut(text, "?")
	m.path = path
	for part := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(part, "="); name != "" {
			name, errName := url.QueryUnescape(name)
			value, errValue := url.QueryUnescape(value)
			if err := errors.Join(errName, errValue); err != nil {
				return errors.New("the path's query isn't escaped as it should be")
			}
			m.query = append(m.query, pair{name: name, value: value})
		}
	}
	return nil
}

// text is the path with its values escaped. A value that is missing or blank, or
// that leads elsewhere, makes no path: /sims/ would be all cards.
func (p *path) text(ctx *hcl.EvalContext) (text string, secrets []string, err error) {
	if p.whole != nil {
		v, err := p.whole.value(ctx)
		if err != nil {
			return "", nil, err
		}
		whole, ok := textOf(v)
		if !ok || whole == "" {
			return "", nil, errors.New("the path has no value")
		}
		for part := range strings.SplitSeq(whole, "/") {
			if part == "." || part == ".." {
				return "", nil, errors.New("the path leads elsewhere")
			}
		}
		if p.whole.secret {
			secrets = append(secrets, whole)
		}
		return strings.ReplaceAll(escape(whole), "%2F", "/"), secrets, nil
	}
	var b strings.Builder
	for _, part := range p.parts {
		if part.expr == nil {
			b.WriteString(part.literal)
			continue
		}
		v, err := part.expr.value(ctx)
		if err != nil {
			return "", nil, err
		}
		text, ok := textOf(v)
		if !ok || text == "" || text == "." || text == ".." {
			return "", nil, errors.New("a value in the path is missing")
		}
		if part.expr.secret {
			secrets = append(secrets, text, escape(text))
		}
		b.WriteString(escape(text))
	}
	return b.String(), secrets, nil
}

// pairs evaluates a map. What is null is left out; a list is its values one by one.
func (o *object) pairs(ctx *hcl.EvalContext) ([]pair, error) {
	if o == nil {
		return nil, nil
	}
	if o.whole != nil {
		return o.wholePairs(ctx)
	}
	var list []pair
	for _, n := range o.items {
		v, err := n.expr.value(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.name, err)
		}
		if list, err = appendPairs(list, n.name, v, n.expr.secret); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// wholePairs evaluates a map that one expression makes.
func (o *object) wholePairs(ctx *hcl.EvalContext) ([]pair, error) {
	v, err := o.whole.value(ctx)
	if err != nil {
		return nil, err
	}
	values, err := mapOf(v)
	if err != nil {
		return nil, err
	}
	var list []pair
	for _, name := range sortedNames(values) {
		if list, err = appendPairs(list, name, values[name], o.whole.secret); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// appendPairs adds a value, or each of a list of them.
func appendPairs(list []pair, name string, v cty.Value, secret bool) ([]pair, error) {
	if isOmitted(v) {
		return list, nil
	}
	for _, e := range listOf(unmarked(v)).AsValueSlice() {
		if e.IsNull() {
			continue
		}
		text, ok := textOf(e)
		if !ok {
			return nil, fmt.Errorf("%s is no text, number or bool", name)
		}
		list = append(list, pair{name, text, secret})
	}
	return list, nil
}

func unmarked(v cty.Value) cty.Value { v, _ = v.Unmark(); return v }

func mapOf(v cty.Value) (map[string]cty.Value, error) {
	v = unmarked(v)
	if v.IsNull() {
		return nil, nil
	}
	if ty := v.Type(); !ty.IsObjectType() && !ty.IsMapType() {
		return nil, errors.New("it is no map")
	}
	return v.AsValueMap(), nil
}

func sortedNames(m map[string]cty.Value) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// merged are the pairs of over, and those of under whose names it lacks.
func merged(under, over []pair, fold bool) []pair {
	same := func(a, b string) bool { return a == b || fold && strings.EqualFold(a, b) }
	var list []pair
	for _, u := range under {
		if !slices.ContainsFunc(over, func(o pair) bool { return same(o.name, u.name) }) {
			list = append(list, u)
		}
	}
	return append(list, over...)
}

// document evaluates the JSON or the text of the body.
func (m *made) document(ctx *hcl.EvalContext, every *object, r *request) error {
	if r.text != nil {
		v, err := r.text.value(ctx)
		if err != nil {
			return fmt.Errorf("text: %w", err)
		}
		text, ok := textOf(v)
		if !ok {
			return errors.New("text has no value")
		}
		m.text = &text
		if r.text.secret {
			m.secrets = append(m.secrets, text)
		}
		return nil
	}
	if every == nil && r.json == nil {
		return nil
	}
	attrs := map[string]cty.Value{}
	for _, o := range []*object{every, r.json} {
		if o == nil {
			continue
		}
		v, err := o.value(ctx)
		if err != nil {
			return fmt.Errorf("json: %w", err)
		}
		m.jsonSecret = m.jsonSecret || o.secret()
		m.secrets = append(m.secrets, o.secretTexts(ctx)...)
		if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
			m.json = v // a list, say: nothing is added to it
			return nil
		}
		for name, e := range v.AsValueMap() {
			attrs[name] = e
		}
	}
	m.json = cty.ObjectVal(attrs)
	return nil
}

// value is the whole map, or what else the expression makes.
func (o *object) value(ctx *hcl.EvalContext) (cty.Value, error) {
	if o.whole != nil {
		v, err := o.whole.value(ctx)
		return unmarked(v), err
	}
	attrs := make(map[string]cty.Value, len(o.items))
	for _, n := range o.items {
		v, err := n.expr.value(ctx)
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s: %w", n.name, err)
		}
		attrs[n.name] = v
	}
	return cty.ObjectVal(attrs), nil
}

// secret reports whether any of the values may hold a secret.
func (o *object) secret() bool {
	return slices.ContainsFunc(o.all(), func(e *expression) bool { return e.secret })
}

// secretTexts are the texts in the values that may hold a secret.
func (o *object) secretTexts(ctx *hcl.EvalContext) []string {
	var texts []string
	for _, e := range o.all() {
		if !e.secret {
			continue
		}
		if v, err := e.value(ctx); err == nil {
			texts = append(texts, textsIn(v)...)
		}
	}
	return texts
}

// textsIn is every text inside a value.
func textsIn(v cty.Value) []string {
	var texts []string
	plain, _ := v.UnmarkDeep()
	_ = cty.Walk(plain, func(_ cty.Path, v cty.Value) (bool, error) { // the callback never fails
		if text, ok := textOf(v); ok {
			texts = append(texts, text)
		}
		return true, nil
	})
	return texts
}

// encode makes the body.
func (m *made) encode() error {
	switch {
	case m.json != cty.NilVal:
		body, err := encodeJSON(m.json)
		m.body, m.contentType = body, "application/json"
		return err
	case m.text != nil:
		m.body, m.contentType = []byte(*m.text), "text/plain; charset=utf-8"
	case m.parts != nil:
		return m.multipart()
	case m.form != nil:
		m.body, m.contentType = []byte(queryText(m.form)), "application/x-www-form-urlencoded"
	}
	return nil
}

// boundary parts a body of several parts. No value of a card or a credential
// holds it, and a fixed one makes the same request of the same values.
const boundary = "cardfleet-part-7d1f0c52e9"

func (m *made) multipart() error {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		return err
	}
	for _, p := range m.parts {
		if strings.Contains(p.value, boundary) {
			return errors.New("a value holds the boundary between the body's parts")
		}
		if err := w.WriteField(p.name, p.value); err != nil {
			return err
		}
	}
	err := w.Close()
	m.body, m.contentType = b.Bytes(), w.FormDataContentType()
	return err
}

// queryText is name=value&…, each escaped as RFC 3986 has it.
func queryText(pairs []pair) string {
	parts := make([]string, 0, len(pairs))
	for _, p := range pairs {
		parts = append(parts, escape(p.name)+"="+escape(p.value))
	}
	return strings.Join(parts, "&")
}

// sign makes a signature and puts it into its place.
func (m *made) sign(ctx *hcl.EvalContext, s *signature) error {
	signing := ctx.NewChild()
	signing.Variables = map[string]cty.Value{rootRequest: m.object()}
	v, err := s.text.value(signing)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	text, ok := textOf(v)
	if !ok {
		return errors.New("sign: the signature has no value")
	}
	m.secrets = append(m.secrets, text)
	signed := []pair{{s.name, text, true}}
	switch s.place {
	case "header":
		m.headers = merged(m.headers, signed, true)
		return nil
	case "query":
		m.query = merged(m.query, signed, false)
		return nil
	case "form":
		m.form = merged(m.form, signed, false)
	default:
		attrs := map[string]cty.Value{}
		if m.json != cty.NilVal && m.json.Type().IsObjectType() {
			attrs = m.json.AsValueMap()
		}
		if attrs == nil {
			attrs = map[string]cty.Value{}
		}
		attrs[s.name] = cty.StringVal(text)
		m.json, m.jsonSecret = cty.ObjectVal(attrs), true
	}
	return m.encode()
}

// object is the request as signatures see it.
func (m *made) object() cty.Value {
	document := m.json
	if document == cty.NilVal {
		document = cty.EmptyObjectVal
	}
	return cty.ObjectVal(map[string]cty.Value{
		"method": cty.StringVal(m.method), "path": cty.StringVal(m.path), "body": cty.StringVal(string(m.body)),
		"query": pairsValue(m.query), "headers": pairsValue(m.headers), "form": pairsValue(m.form), "json": withoutOmitted(document),
	})
}

func pairsValue(pairs []pair) cty.Value {
	values := make(map[string]cty.Value, len(pairs))
	for _, p := range pairs {
		values[p.name] = cty.StringVal(p.value)
	}
	return cty.ObjectVal(values)
}

// gatherSecrets notes the values that nothing may show.
func (m *made) gatherSecrets() {
	for _, list := range [][]pair{m.query, m.headers, m.form, m.parts} {
		for _, p := range list {
			if p.secret {
				m.secrets = append(m.secrets, p.value, escape(p.value))
			}
		}
	}
	m.secrets = slices.DeleteFunc(m.secrets, func(s string) bool { return len(s) < shortestSecret })
	slices.SortFunc(m.secrets, spec.LongestFirst) // one may be a part of another
}

// shortestSecret is the length from which a secret is blotted out of texts: a
// shorter one would blot out parts of other words, and protect nothing.
const shortestSecret = 4

// http is the request as it is sent.
func (m *made) http(ctx context.Context, endpoint string) (*http.Request, error) {
	target := endpoint + m.path
	if m.url != "" {
		target = m.url
	}
	if query := queryText(m.query); query != "" {
		target += "?" + query
	}
	req, err := http.NewRequestWithContext(ctx, m.method, target, bytes.NewReader(m.body))
	if err != nil {
		return nil, errors.New("the definition makes no URL of this")
	}
	if m.contentType != "" {
		req.Header.Set("Content-Type", m.contentType)
	}
	req.Header.Set("Accept", "*/*")
	for _, h := range m.headers {
		if !validHeader(h.name) || strings.ContainsAny(h.value, "\r\n\x00") {
			return nil, fmt.Errorf("%q can't be a header of a request", h.name)
		}
		req.Header.Set(h.name, h.value)
	}
	return req, nil
}

// validHeader reports whether a name is a token (RFC 9110 §5.6.2).
func validHeader(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}
