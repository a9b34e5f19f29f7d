package described

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// Failure is what is wrong with one sample.
type Failure struct {
	Sample  string
	Problem string // a sentence
	At      spec.Range
}

// Samples is how many samples the definition has.
func (d *Definition) Samples() int { return len(d.samples) }

// Unsampled are the changes of which no sample says what they send, in the order
// of [spec.CarrierKinds].
func (d *Definition) Unsampled() []spec.Kind {
	return slices.DeleteFunc(spec.CarrierKinds(), func(kind spec.Kind) bool {
		return d.changes[kind] == nil || slices.ContainsFunc(d.samples, func(s *sample) bool { return textAt(s.change, "kind") == string(kind) })
	})
}

// Test holds the definition to its samples, and to what becomes of them: without
// a network, a clock or chance.
func (d *Definition) Test() []Failure {
	var failures []Failure
	for _, s := range d.samples {
		for _, problem := range d.trySample(s, true) {
			failures = append(failures, Failure{Sample: s.name, Problem: problem, At: spec.Range{
				File:  s.at.Filename,
				Start: spec.Pos{Line: s.at.Start.Line, Column: s.at.Start.Column, Byte: s.at.Start.Byte},
				End:   spec.Pos{Line: s.at.End.Line, Column: s.at.End.Column, Byte: s.at.End.Byte},
			}})
		}
	}
	return failures
}

// trial is one sample under test.
type trial struct {
	*provider
	s      *sample
	card   *known
	change *providers.Change
	vars   map[string]cty.Value
}

// trySample is what is wrong with one sample, and, where changed is set, with what
// becomes of it as its reply is changed.
func (d *Definition) trySample(s *sample, changed bool) []string {
	t, err := d.trial(s)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	request, takes, sent, problem := t.sends()
	if problem != "" {
		problems = append(problems, problem)
	}
	body, err := bodyOf(s.reply)
	if err != nil {
		return append(problems, err.Error())
	}
	got := t.result(request, takes, sent, body)
	problems = append(problems, t.compare(got)...)
	if len(problems) > 0 || !changed {
		return problems // what becomes of a sample that is wrong says nothing
	}
	return t.mutations(request, takes, sent, body, got)
}

// fallbackOf is the value of a setting that a sample doesn't say.
func fallbackOf(s setting) string {
	if s.fallback != nil {
		return *s.fallback
	}
	return "setting-" + s.name
}

// trial is the sample's card, change, token and time.
func (d *Definition) trial(s *sample) (*trial, error) {
	now := s.now
	if now.IsZero() {
		now = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	}
	env := providers.Env{Now: func() time.Time { return now }, Sleep: func(context.Context, time.Duration) error { return nil }, Random: func([]byte) {}}
	p := &provider{def: d, env: env, Client: carriercall.New(d.limits.Limits, env, nil, "")}
	values := map[string]cty.Value{}
	for _, x := range d.settings {
		values[x.name] = cty.StringVal(cmp.Or(textAt(s.setting, x.name), fallbackOf(x)))
	}
	p.base = p.baseOf(values)
	t := &trial{provider: p, s: s, vars: map[string]cty.Value{}}
	if d.token != nil {
		tokens := map[string]cty.Value{}
		for _, n := range d.token.values {
			tokens[n.name] = cty.StringVal(cmp.Or(textAt(s.tokenValues, n.name), "token-"+n.name))
		}
		t.vars[rootToken] = cty.ObjectVal(tokens)
	}
	return t, t.take()
}

// textAt is a text in a map; "" where there is none.
func textAt(v cty.Value, name string) string {
	if v.IsNull() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
		return ""
	}
	text, _ := textOf(v.GetAttr(name))
	return text
}

// take reads the sample's card and change.
func (t *trial) take() error {
	iccid, err := spec.ParseICCID(textAt(t.s.card, "iccid"))
	if err != nil {
		return fmt.Errorf("card has no iccid that is one: %w", err)
	}
	t.card = &known{iccid: iccid, key: t.s.key(), ids: map[string]string{}}
	for name := range t.s.card.Type().AttributeTypes() {
		switch name {
		case "iccid", "msisdn", "imei", "labels":
			continue
		}
		if !slices.ContainsFunc(t.def.lookups, func(l *lookup) bool { return l.name == name }) {
			return fmt.Errorf("card has %s, which is no look-up of the definition", name)
		}
		t.card.ids[name] = textAt(t.s.card, name)
	}
	t.vars[rootCard] = t.card.value()
	if t.s.change.IsNull() {
		return nil
	}
	return t.takeChange()
}

// key is what a fleet would declare of the sample's card.
func (s *sample) key() providers.Key {
	key := providers.Key{MSISDN: textAt(s.card, "msisdn"), IMEI: spec.IMEI(textAt(s.card, "imei")), Labels: map[string]string{}}
	if s.card.Type().HasAttribute("labels") {
		labels, _ := mapOf(s.card.GetAttr("labels"))
		for name, v := range labels {
			key.Labels[name], _ = textOf(v)
		}
	}
	return key
}

func (t *trial) takeChange() error {
	c := providers.Change{ICCID: t.card.iccid, Key: cmp.Or(textAt(t.s.change, "key"), "0123456789abcdef0123456789abcdef")}
	c.Kind, c.From, c.To = spec.Kind(textAt(t.s.change, "kind")), textAt(t.s.change, "from"), textAt(t.s.change, "to")
	if t.def.changes[c.Kind] == nil {
		return fmt.Errorf("change.kind is %q, and the definition has no such change", c.Kind)
	}
	t.change = &c
	t.vars[rootChange] = changeValue(c)
	for name, v := range map[string]cty.Value{rootReading: t.s.reading, rootSteps: t.s.steps} {
		if !v.IsNull() {
			t.vars[name] = v
		} else {
			t.vars[name] = cty.EmptyObjectVal
		}
	}
	return nil
}

// sends makes the request, and compares it with what the sample says of it.
func (t *trial) sends() (r *request, takes *needs, m *made, problem string) {
	if t.change != nil {
		ch := t.def.changes[t.change.Kind]
		m, problem = t.sent(ch.request)
		return ch.request, &ch.takes, m, problem
	}
	for i, read := range append([]*reads{t.def.read}, t.def.further...) {
		tried, why := t.sent(read.request)
		if i == 0 || why == "" {
			r, takes, m, problem = read.request, &read.takes, tried, why
		}
		if why == "" {
			break
		}
	}
	return r, takes, m, problem
}

func (t *trial) sent(r *request) (*made, string) {
	m, err := t.def.makeRequest(t.scope(t.vars), r)
	if err != nil {
		return nil, fmt.Sprintf("the request can't be made: %s", err)
	}
	if t.s.sends.IsNull() {
		return m, ""
	}
	return m, m.differs(t.s.sends)
}

// differs says what of a request isn't as the sample says; "" for nothing.
func (m *made) differs(want cty.Value) string {
	have := m.object().AsValueMap()
	for _, name := range sortedNames(want.AsValueMap()) {
		wanted := want.GetAttr(name)
		switch name {
		case "method", "path", "body":
			if text, _ := textOf(wanted); text != have[name].AsString() {
				return fmt.Sprintf("it sends %s %q, and the sample wants %q", name, have[name].AsString(), text)
			}
		case "json":
			if problem := m.differentJSON(wanted); problem != "" {
				return problem
			}
		case "text":
			if text, _ := textOf(wanted); m.text == nil || *m.text != text {
				return fmt.Sprintf("it sends another text than the sample wants, %q", text)
			}
		case "query", "headers", "form", "multipart":
			list := map[string][]pair{"query": m.query, "headers": m.headers, "form": m.form, "multipart": m.parts}[name]
			if problem := differentPairs(name, list, wanted); problem != "" {
				return problem
			}
		default:
			return fmt.Sprintf("sends has %s, which no request has", name)
		}
	}
	return ""
}

// differentJSON says which of the fields that the sample names isn't as it says; a
// body may have more. What is no object is compared as a whole.
func (m *made) differentJSON(want cty.Value) string {
	if m.json == cty.NilVal || !m.json.Type().IsObjectType() || !want.Type().IsObjectType() {
		if a, b := canonical(m.json), canonical(want); a != b {
			return fmt.Sprintf("it sends json %s, and the sample wants %s", a, b)
		}
		return ""
	}
	have := withoutOmitted(m.json).AsValueMap()
	for _, name := range sortedNames(want.AsValueMap()) {
		wanted := canonical(want.GetAttr(name))
		v, ok := have[name]
		switch {
		case !ok:
			return fmt.Sprintf("it sends no json %s, and the sample wants %s", name, wanted)
		case canonical(v) != wanted:
			return fmt.Sprintf("it sends json %s = %s, and the sample wants %s", name, canonical(v), wanted)
		}
	}
	return ""
}

func canonical(v cty.Value) string {
	if v == cty.NilVal {
		return "none"
	}
	text, err := encodeJSON(v)
	if err != nil {
		return "what is no JSON"
	}
	return string(text)
}

func differentPairs(what string, have []pair, want cty.Value) string {
	values, err := mapOf(want)
	if err != nil {
		return fmt.Sprintf("sends.%s is no map", what)
	}
	for _, name := range sortedNames(values) {
		i := slices.IndexFunc(have, func(p pair) bool {
			return p.name == name || what == "headers" && strings.EqualFold(p.name, name)
		})
		text, ok := textOf(values[name])
		switch {
		case i < 0 && ok:
			return fmt.Sprintf("it sends no %s %s, and the sample wants %q", what, name, text)
		case i >= 0 && !ok:
			return fmt.Sprintf("it sends %s %s, and the sample wants none", what, name)
		case i >= 0 && have[i].value != text:
			return fmt.Sprintf("it sends %s %s = %q, and the sample wants %q", what, name, have[i].value, text)
		}
	}
	return ""
}

// bodyOf is the sample's reply as it comes over the wire.
func bodyOf(v cty.Value) (carriercall.Answer, error) {
	a := carriercall.Answer{Status: http.StatusOK, Header: http.Header{}}
	for name, part := range v.AsValueMap() {
		switch name {
		case "status":
			n, err := count(&expression{constant: &part}, nil)
			if err != nil {
				return a, errors.New("reply.status is no number")
			}
			a.Status = n
		case "json":
			body, err := encodeJSON(part)
			if err != nil {
				return a, err
			}
			a.Body = body
			a.Header.Set("Content-Type", "application/json")
		case "xml", "text":
			text, _ := textOf(part)
			a.Body = []byte(text)
		case "headers":
			headers, err := mapOf(part)
			if err != nil {
				return a, errors.New("reply.headers is no map")
			}
			for h, text := range headers {
				s, _ := textOf(text)
				a.Header.Set(h, s)
			}
		default:
			return a, fmt.Errorf("reply has %s, and a reply has status, json, xml, text and headers", name)
		}
	}
	return a, nil
}

// result is what a reply comes to.
type result struct {
	outcome string
	reading *spec.Reading // nil for a change, and for a card that is unread
	why     string        // why it is unread
	code    string        // as the reply has it
}

// result judges a reply.
func (t *trial) result(r *request, takes *needs, m *made, body carriercall.Answer) result {
	a := ask{name: callRead, request: r, vars: t.vars, takes: takes}
	if t.change != nil {
		a.change = t.def.changes[t.change.Kind]
	}
	got := t.judged(a, t.def.replyOf(t.def.overTheWire(body)), t.scope(t.vars), m)
	if err := t.failure(a, &got); err != nil {
		if t.change == nil && got.label == labelNotFound && got.carriers {
			return result{outcome: labelNotFound, reading: &spec.Reading{Lifecycle: spec.NotFound}}
		}
		return result{outcome: outcomeOf(a, &got, err), why: err.Error()}
	}
	if t.change != nil {
		return result{outcome: got.label, code: got.code}
	}
	return t.readResult(r, &got)
}

// readResult is what a reply that is a success tells of the card.
func (t *trial) readResult(r *request, got *answer) result {
	read := t.def.read
	for _, more := range t.def.further {
		if more.request == r {
			read = more
		}
	}
	out, err := t.def.tell(read, got.ctx, nil, t.card.iccid)
	if err != nil {
		return result{outcome: labelDone, why: err.Error()}
	}
	if out.changing {
		out.reading.Lifecycle = wordChanging
	}
	return result{outcome: labelDone, reading: &out.reading}
}

// outcomeOf is the outcome's label, and what it comes to where HTTP forbids that.
func outcomeOf(a ask, got *answer, err error) string {
	if a.change != nil && got.label != labelDoubt && got.label != labelUnavailable && providers.ProofOf(err) == providers.ProvesNothing {
		return labelDoubt
	}
	return got.label
}

// compare says what isn't as the sample gives it.
func (t *trial) compare(got result) []string {
	var problems, unread []string
	for _, name := range sortedNames(t.s.gives.AsValueMap()) {
		want := t.s.gives.GetAttr(name)
		have, told := got.value(name)
		switch {
		case have == cty.NilVal:
			problems = append(problems, fmt.Sprintf("gives has %s; it has outcome, lifecycle, status, reason, imei, observed and packages", name))
		case want.IsNull() && told:
			problems = append(problems, fmt.Sprintf("it tells %s %s, and the sample gives none", name, canonical(have)))
		case want.IsNull():
		case !told && got.why != "":
			unread = append(unread, name+" "+canonical(want))
		case !told:
			problems = append(problems, fmt.Sprintf("%s isn't told; the sample gives %s", name, canonical(want)))
		case canonical(have) != canonical(texts(want)):
			problems = append(problems, fmt.Sprintf("it gives %s %s, and the sample gives %s", name, canonical(have), canonical(want)))
		}
	}
	if len(unread) > 0 {
		problems = append(problems, fmt.Sprintf("it reads as a card that is unread (%s); the sample gives %s", got.why, strings.Join(unread, ", ")))
	}
	return problems
}

// texts is a value whose numbers are texts, and whose packages are their ids.
func texts(v cty.Value) cty.Value {
	if text, ok := textOf(v); ok {
		return cty.StringVal(text)
	}
	if v.IsNull() || !v.CanIterateElements() || v.Type().IsObjectType() {
		return v
	}
	list := []string{}
	for _, e := range v.AsValueSlice() {
		if p, ok := packageOf(e); ok {
			list = append(list, p.ID)
		}
	}
	slices.Sort(list)
	return textList(list)
}

func textList(list []string) cty.Value {
	values := make([]cty.Value, len(list))
	for i, s := range list {
		values[i] = cty.StringVal(s)
	}
	return cty.TupleVal(values)
}

// value is one part of a result, and whether it is told; cty.NilVal for a name
// that no result has.
func (r *result) value(name string) (v cty.Value, told bool) {
	if name == "outcome" {
		return cty.StringVal(r.outcome), true
	}
	reading := r.reading
	if reading == nil {
		reading = &spec.Reading{}
	}
	switch name {
	case "lifecycle":
		return cty.StringVal(string(reading.Lifecycle)), reading.Lifecycle != ""
	case "status":
		return cty.StringVal(reading.Status), reading.Status != ""
	case "reason":
		return cty.StringVal(reading.Reason), reading.Reason != ""
	case "imei":
		return cty.StringVal(string(reading.IMEI)), reading.Tells(spec.AttrBinding)
	case "observed":
		return cty.StringVal(string(reading.Observed)), reading.Observed != ""
	case "packages":
		ids := []string{}
		for i := range reading.Packages {
			ids = append(ids, reading.Packages[i].ID)
		}
		return textList(ids), reading.Tells(spec.AttrPackages)
	default:
		return cty.NilVal, false
	}
}
