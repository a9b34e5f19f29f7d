package described

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

const callRead = "read"

// Read implements [providers.Provider]. A card that is being changed is looked at
// again, once it may be done.
func (p *provider) Read(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	told, err := p.readCard(ctx, iccid, attrs)
	if err == nil && told.changing && p.settle > 0 {
		if err := p.pauseFor(ctx, p.settle); err != nil {
			return spec.Reading{}, &providers.Error{Call: callRead, Proof: providers.NeverSeen, Cause: providers.Stopped, Err: err}
		}
		told, err = p.readCard(ctx, iccid, attrs)
	}
	switch {
	case err != nil:
		return spec.Reading{}, err
	case told.changing:
		return spec.Reading{}, &providers.Error{Call: callRead, Proof: providers.NeverSeen, Cause: providers.Refused, Message: fmt.Sprintf("the carrier is changing the card (%s); look again later", told.reading.Status)}
	}
	return told.reading, nil
}

// told is what replies said of a card.
type told struct {
	reading  spec.Reading
	changing bool
	status   string // as the carrier spells it
	keep     cty.Value
}

// readCard reads a card once.
func (p *provider) readCard(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (*told, error) {
	k := p.card(iccid)
	out, err := p.readFirst(ctx, k)
	if errors.Is(err, errNoCard) && p.forget(k, p.def.read.request) {
		out, err = p.readFirst(ctx, k) // its id may have changed
	}
	switch {
	case errors.Is(err, errNoCard):
		return &told{reading: spec.Reading{ICCID: iccid, At: p.Now(), Lifecycle: spec.NotFound}, keep: cty.EmptyObjectVal}, nil
	case err != nil:
		return nil, err
	}
	for _, r := range p.def.further {
		if more := r.serves() & attrs &^ out.reading.Has; more != 0 && out.reading.Lifecycle != spec.NotFound {
			p.readFurther(ctx, k, r, out)
		}
	}
	out.reading.CarrierIDs = k.ids
	if len(k.ids) == 0 {
		out.reading.CarrierIDs = nil
	}
	return out, nil
}

// readFirst makes the request that tells the card's status.
func (p *provider) readFirst(ctx context.Context, k *known) (*told, error) {
	r := p.def.read
	if err := p.resolve(ctx, k, r.request); err != nil {
		return nil, err
	}
	got, err := p.ask(ctx, ask{name: callRead, card: k.iccid, request: r.request, vars: map[string]cty.Value{rootCard: k.value()}, takes: &r.takes})
	if err != nil {
		if got.label == labelNotFound && got.carriers {
			return nil, errNoCard
		}
		return nil, err
	}
	out, err := p.def.tell(r, got.ctx, nil, k.iccid)
	if err != nil {
		return nil, p.untold(callRead, got, err)
	}
	p.stamp(out, got.made)
	return out, nil
}

// readFurther adds what another request tells. One that fails leaves its
// attributes untold.
func (p *provider) readFurther(ctx context.Context, k *known, r *reads, out *told) {
	if p.resolve(ctx, k, r.request) != nil {
		return
	}
	got, err := p.ask(ctx, ask{name: callRead + " " + r.name, card: k.iccid, request: r.request, vars: map[string]cty.Value{rootCard: k.value()}, takes: &r.takes})
	if err != nil {
		return
	}
	more, err := p.def.tell(r, got.ctx, nil, k.iccid)
	if err != nil {
		return
	}
	p.stamp(more, got.made)
	add := more.reading.Has &^ out.reading.Has & (spec.AttrBinding | spec.AttrPackages)
	out.reading.Has |= add
	if add.Has(spec.AttrBinding) {
		out.reading.IMEI = more.reading.IMEI
	}
	if add.Has(spec.AttrPackages) {
		out.reading.Packages = more.reading.Packages
	}
	out.reading.Observed = cmp.Or(out.reading.Observed, more.reading.Observed)
	out.reading.Reason = cmp.Or(out.reading.Reason, more.reading.Reason)
}

// untold is a reply that doesn't say what it should.
func (p *provider) untold(call string, got *answer, err error) error {
	e := &providers.Error{Call: call, RequestID: got.requestID, Proof: providers.NeverSeen, Cause: providers.Refused, Message: p.hide(err.Error(), got.made)}
	if !got.known {
		j := got.judgement
		j.message, j.label = tidy(p.def.message.text(got.ctx)), labelDoubt
		p.cover(&j, got.made)
		said := j.err(false)
		e.Code, e.Message = said.Code, said.Message+": "+e.Message
	}
	return e
}

// stamp gives a reading its time, and takes secrets out of its texts: those of the
// account, and of the request, which a carrier may echo. Packages whose ids would
// hold any aren't told: what would be left is the id of no package.
func (p *provider) stamp(t *told, m *made) {
	r := &t.reading
	r.At = p.Now()
	r.Status, r.Reason = p.hide(r.Status, m), p.hide(r.Reason, m)
	for i := range r.Packages {
		if p.hide(r.Packages[i].ID, m) != r.Packages[i].ID {
			r.Packages, r.Has = nil, r.Has&^spec.AttrPackages
			return
		}
		r.Packages[i].Name = p.hide(r.Packages[i].Name, m)
	}
}

// tell says what a reply, or a row of a list, tells of the card that was asked
// for; of any where none is asked. rows, where set, is what expressions see that
// the read says of its reply, with the row in the place of reply.json.
func (d *Definition) tell(r *reads, ctx, rows *hcl.EvalContext, asked spec.ICCID) (*told, error) {
	t := teller{Definition: d, r: r, ctx: ctx, rows: rows}
	iccid, err := t.whose(asked)
	if err != nil {
		return nil, err
	}
	out := &told{keep: t.kept()}
	out.reading.ICCID = iccid
	if r.status != nil || r.lifecycle != nil {
		if err := t.standing(out); err != nil {
			return nil, err
		}
	}
	t.device(&out.reading)
	t.packages(&out.reading)
	return out, nil
}

// teller reads what is told of one card.
type teller struct {
	*Definition
	r         *reads
	ctx, rows *hcl.EvalContext
}

func (t *teller) in(e *expression) *hcl.EvalContext {
	if t.rows != nil && t.r.inherited[e] {
		return t.rows
	}
	return t.ctx
}

// text is a text that is told; "" where it isn't.
func (t *teller) text(e *expression) string {
	if e == nil {
		return ""
	}
	return e.text(t.in(e))
}

// lack is the name for the lack of which an expression fails, behind a colon; ""
// where that isn't why.
func (t *teller) lack(e *expression) string {
	var failed *evalError
	if _, err := e.value(t.in(e)); errors.As(err, &failed) {
		if name := failed.of.lacking(failed.diag); name != "" {
			return ": " + name
		}
	}
	return ""
}

// whose is the card that the reply is about, which must be the one asked for.
func (t *teller) whose(asked spec.ICCID) (spec.ICCID, error) {
	if t.r.iccid == nil {
		return asked, nil
	}
	text := strings.TrimSpace(t.text(t.r.iccid))
	iccid, err := spec.ParseICCID(text)
	switch {
	case err != nil && text == "":
		return "", errors.New("the reply doesn't tell whose it is" + t.lack(t.r.iccid))
	case err != nil:
		return "", errors.New("the reply doesn't tell whose it is: iccid is no ICCID in it")
	case asked != "" && !iccid.SameCard(asked):
		return "", fmt.Errorf("the carrier answered about another card, %s", iccid)
	case asked != "":
		return asked, nil
	}
	return iccid, nil
}

// standing is where the card stands in its life.
func (t *teller) standing(out *told) error {
	status := strings.TrimSpace(t.text(t.r.status))
	if t.r.status != nil && status == "" {
		return errors.New("the reply doesn't tell the card's status" + t.lack(t.r.status))
	}
	s, ok := t.statuses[status]
	if !ok {
		s = standing{lifecycle: spec.UnknownLifecycle}
	}
	if t.r.lifecycle != nil {
		v, err := t.r.lifecycle.value(t.in(t.r.lifecycle))
		if err != nil {
			return errors.New("the reply doesn't tell the card's lifecycle")
		}
		if s, err = said(v, s); err != nil {
			return err
		}
		if v.IsNull() && t.r.status == nil {
			return errors.New("the reply doesn't tell the card's lifecycle")
		}
	}
	r := &out.reading
	out.status, out.changing = status, s.changing
	r.Status, r.Lifecycle, r.Has = status, s.lifecycle, r.Has|spec.AttrActive
	if words := t.r.words[status]; words != "" {
		r.Status = words + " (" + status + ")"
	}
	r.Status, r.Reason = tidy(r.Status), tidy(t.text(t.r.reason))
	if s.curedBy == spec.ChangeBind && r.Lifecycle == spec.SuspendedByCarrier {
		r.ForDevice = true
	}
	if s.hint != "" {
		r.Reason = strings.TrimPrefix(strings.TrimSuffix(r.Reason, ".")+"; "+s.hint, "; ")
	}
	return nil
}

// said is what the expression for the lifecycle says: a word, or null for what
// the map says of the status.
func said(v cty.Value, mapped standing) (standing, error) {
	if v.IsNull() {
		return mapped, nil
	}
	word := v
	out := standing{}
	if v.Type().IsObjectType() {
		parts := v.AsValueMap()
		word = orNull(parts["word"])
		out.hint, _ = textOf(orNull(parts["hint"]))
		cure, _ := textOf(orNull(parts["cured_by"]))
		out.curedBy = spec.Kind(cure)
	}
	text, ok := textOf(word)
	if !ok {
		return out, errors.New("the lifecycle that the reply tells is no word")
	}
	switch {
	case text == wordChanging:
		out.changing, out.lifecycle = true, spec.UnknownLifecycle
	case text != "" && spec.Lifecycle(text).Valid():
		out.lifecycle = spec.Lifecycle(text)
	default:
		out.lifecycle = spec.UnknownLifecycle
	}
	return out, nil
}

// device is the device that the card is bound to, where that is told: absence is
// no answer.
func (t *teller) device(r *spec.Reading) {
	if text := strings.TrimSpace(t.text(t.r.observed)); text != "" {
		if imei, err := spec.ParseIMEI(text); err == nil {
			r.Observed = imei
		}
	}
	if none := t.r.imei.none; none != nil && none.holds(t.in(none)) {
		r.Has |= spec.AttrBinding
		return
	}
	if imei, err := spec.ParseIMEI(strings.TrimSpace(t.text(t.r.imei.expr))); err == nil {
		r.IMEI, r.Has = imei, r.Has|spec.AttrBinding
	}
}

// packages are those that the card has, where they are told.
func (t *teller) packages(r *spec.Reading) {
	if none := t.r.packages.none; none != nil && none.holds(t.in(none)) {
		r.Has |= spec.AttrPackages
		return
	}
	e := t.r.packages.expr
	if e == nil {
		return
	}
	v, err := e.value(t.in(e))
	if err != nil || v.IsNull() {
		return
	}
	var list []spec.Package
	for _, item := range listOf(v).AsValueSlice() {
		if item.IsNull() {
			continue
		}
		p, ok := packageOf(item)
		if !ok {
			return
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b spec.Package) int { return cmp.Compare(a.ID, b.ID) })
	r.Packages, r.Has = slices.CompactFunc(list, func(a, b spec.Package) bool { return a.ID == b.ID }), r.Has|spec.AttrPackages
}

// packageOf reads a package: its id, or what else is told of it.
func packageOf(v cty.Value) (spec.Package, bool) {
	if text, ok := textOf(v); ok {
		text = tidy(text)
		return spec.Package{ID: text}, text != ""
	}
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return spec.Package{}, false
	}
	parts := v.AsValueMap()
	id, _ := textOf(orNull(parts["id"]))
	name, _ := textOf(orNull(parts["name"]))
	p := spec.Package{ID: tidy(id), Name: tidy(name)}
	for field, into := range map[string]*time.Time{"effective": &p.Effective, "expires": &p.Expires} {
		text, ok := textOf(orNull(parts[field]))
		if !ok || blank(text) {
			continue
		}
		if at, err := timeOf(text); err == nil {
			*into = at
		}
	}
	return p, p.ID != ""
}

// kept are the values that a change may take.
func (t *teller) kept() cty.Value {
	if len(t.r.keep) == 0 {
		return cty.EmptyObjectVal
	}
	values := make(map[string]cty.Value, len(t.r.keep))
	for _, n := range t.r.keep {
		if v, err := n.expr.value(t.in(n.expr)); err == nil {
			values[n.name] = v
		}
	}
	return cty.ObjectVal(values)
}

// blank reports whether a text has nothing but white space.
func blank(text string) bool { return strings.TrimSpace(text) == "" }
