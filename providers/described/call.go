package described

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/spec"
)

// ask is one question to the carrier, or one change.
type ask struct {
	name    string
	card    spec.ICCID // that it is about; "" for none or for many
	request *request
	vars    map[string]cty.Value // what expressions see besides settings, token and reply
	takes   *needs               // of the reply, with what outcomes take
	change  *change              // nil for a request that only reads
}

// answer is a reply that was judged.
type answer struct {
	judgement
	requestID string
	kind      string // the media type that the reply claims; "" for none
	strange   string // as the reply's
	// carriers reports that the body reads as the carrier's.
	carriers bool
	// stale reports that the carrier refuses the token.
	stale bool
	token string // that it was sent with; "" for none
	made  *made  // the request, whose secrets the carrier may echo
	value cty.Value
	ctx   *hcl.EvalContext
}

// exchange is a request, or its reply, for whoever looks on.
type exchange struct {
	call    string
	request *made
	reply   *reply // of request, where it came
	takes   *needs // what expressions take of the reply; nil for nothing that may be shown
}

func (p *provider) shown(call string, m *made) {
	if p.look != nil {
		p.look(exchange{call: call, request: m})
	}
}

func (p *provider) answered(call string, m *made, r *reply, takes *needs) {
	if p.look != nil {
		p.look(exchange{call: call, request: m, reply: r, takes: takes})
	}
}

// scope is what expressions see.
func (p *provider) scope(vars map[string]cty.Value) *hcl.EvalContext {
	ctx := p.base.NewChild()
	ctx.Variables = make(map[string]cty.Value, len(vars)+4)
	maps.Copy(ctx.Variables, vars)
	if _, ok := ctx.Variables[rootNow]; !ok {
		ctx.Variables[rootNow] = cty.StringVal(timeText(p.Now()))
	}
	return ctx
}

// makeRequest makes a request of the definition's, with a token, a time and values
// of let of its own.
func (d *Definition) makeRequest(ctx *hcl.EvalContext, r *request) (*made, error) {
	if err := d.letValues(ctx); err != nil {
		return nil, err
	}
	return d.make(ctx, r, false)
}

// letValues evaluates what is made once a request.
func (d *Definition) letValues(ctx *hcl.EvalContext) error {
	if len(d.let) == 0 {
		return nil
	}
	values := map[string]cty.Value{}
	for _, n := range d.let {
		v, err := n.expr.value(ctx)
		if err != nil && n.expr.needs(rootChange) {
			v, err = cty.NullVal(cty.DynamicPseudoType), nil // of a request that changes nothing
		}
		if err != nil {
			return fmt.Errorf("let %s: %w", n.name, err)
		}
		values[n.name] = v
		ctx.Variables[n.name] = v
		ctx.Variables[rootLet] = cty.ObjectVal(values)
	}
	return nil
}

// ask makes a call, and judges its reply. A reply that is no success is an error,
// and the answer says what it was.
func (p *provider) ask(ctx context.Context, a ask) (*answer, error) {
	got := &answer{}
	call := carriercall.Call{Name: a.name, Changing: a.change != nil}
	if rate := p.def.limits.named[a.request.limit]; rate > 0 {
		call.Limit, call.Rate = p.def.Name+"."+a.request.limit, rate
	}
	call.Card, call.Sending = a.card, p.Sending()
	err := p.Repeat(ctx, call, func(call carriercall.Call) error {
		renewed := false // once a call: a token that is refused twice isn't what is wrong
		return p.withToken(ctx, func(take carriercall.Take) error {
			err := p.attempt(ctx, call, a, take, got)
			if tokenRefused(err) && renewed {
				return p.stillRefused(a, got)
			}
			renewed = renewed || tokenRefused(err)
			return err
		})
	})
	return got, err
}

// withToken makes an attempt with a token, where the carrier gives any.
func (p *provider) withToken(ctx context.Context, attempt func(take carriercall.Take) error) error {
	if p.tokens == nil {
		return attempt(nil)
	}
	return p.tokens.Attempt(ctx, attempt)
}

func (p *provider) attempt(ctx context.Context, call carriercall.Call, a ask, take carriercall.Take, got *answer) error {
	scope := p.scope(a.vars)
	var m *made
	token := ""
	build := func(ctx context.Context) (req *http.Request, err error) {
		if take != nil {
			if token, err = take(); err != nil {
				return nil, err
			}
			scope.Variables[rootToken] = p.token.of(token)
		}
		if m, err = p.def.makeRequest(scope, a.request); err != nil {
			return nil, err
		}
		p.shown(call.Name, m)
		m.tell(call.Sending)
		return m.http(ctx, p.endpoint)
	}
	return p.Send(ctx, call, build, func(answer carriercall.Answer) error {
		r := p.def.replyOf(answer)
		p.answered(call.Name, m, r, a.takes)
		*got = p.judged(a, r, scope, m)
		got.token = token
		if call.Sending != nil {
			call.Sending.RequestID = got.requestID
		}
		return p.failure(a, got)
	})
}

// judged is the reply with what it means, without secrets.
func (p *provider) judged(a ask, r *reply, scope *hcl.EvalContext, m *made) answer {
	got := answer{ctx: scope, made: m, strange: r.strange}
	got.kind, _, _ = mime.ParseMediaType(r.header.Get("Content-Type")) // without it, nothing is said of it
	got.value, got.carriers = r.read(a.takes)
	scope.Variables[rootReply] = got.value
	delete(scope.Variables, rootToken)
	got.judgement = p.def.judge(scope, r, p.Now(), a.change)
	got.stale = p.tokens != nil && p.def.token.refused.holds(scope)
	p.cover(&got.judgement, m)
	got.requestID = tidy(p.hide(p.requestID(r, scope), m))
	return got
}

// requestID is what the carrier calls the request; "" where it doesn't say it.
func (p *provider) requestID(r *reply, scope *hcl.EvalContext) string {
	for _, name := range p.Headers {
		if id := r.header.Get(name); id != "" {
			return id
		}
	}
	return p.def.requestID.text(scope)
}

// cover takes secrets out of what a judgement says.
func (p *provider) cover(j *judgement, m *made) {
	j.code, j.message = p.hide(tidy(j.code), m), p.hide(j.message, m)
}

// hide is the text without the account's secrets, and those of the request.
func (p *provider) hide(text string, m *made) string {
	text = p.Veil.Hide(text)
	if m == nil {
		return text
	}
	for _, secret := range m.secrets {
		if len(secret) > len(text) {
			continue
		}
		for _, form := range spec.SecretForms(secret) {
			text = strings.ReplaceAll(text, form, hidden)
		}
	}
	return text
}

// tell tells those who look on what of the request is secret.
func (m *made) tell(s *carriercall.Sending) {
	if s != nil {
		s.Secrets = m.secrets
	}
}

// hidden stands in the place of a secret.
const hidden = "[hidden]"

// failure is why the answer is no success; nil for one.
func (p *provider) failure(a ask, got *answer) error {
	label := got.label
	switch {
	case got.stale:
		e := got.err(a.change != nil)
		e.RequestID = got.requestID
		if a.change == nil {
			e.Err = errTokenRefused
		}
		return e
	case label == labelDone, label == labelAlready && a.change == nil:
		if a.change == nil && !got.carriers && a.takes.body() {
			return unreadable(got)
		}
		if a.change != nil && got.status >= http.StatusInternalServerError {
			return &providers.Error{Proof: providers.ProvesNothing, Cause: providers.Unavailable, RequestID: got.requestID, Message: fmt.Sprintf("HTTP %d", got.status)}
		}
		return nil
	default:
		e := got.err(a.change != nil)
		e.RequestID = got.requestID
		return e
	}
}

// unreadable is an answer that is none of the carrier's, or half of it.
func unreadable(got *answer) error {
	const what = "the answer is none that the definition can read"
	switch {
	case got.strange != "":
		return fmt.Errorf("%s: its XML is said to be in %q, an encoding that isn't known; say encoding = \"gb18030\", or whatever it is in truth, in the carrier block", what, got.strange)
	case got.kind == "text/html":
		return errors.New(what + ", but text/html: a proxy's page, perhaps, or the endpoint is another")
	}
	return errors.New(what)
}

// stillRefused is a reply that refuses a token which was asked for anew.
func (p *provider) stillRefused(a ask, got *answer) error {
	e := got.err(a.change != nil)
	e.RequestID, e.Err = got.requestID, errors.New("the carrier refuses a new token too")
	return e
}

// cardValue is a card as expressions see it, with the looked-up names that are
// known.
func cardValue(iccid spec.ICCID, key providers.Key, ids map[string]string) cty.Value {
	attrs := map[string]cty.Value{
		"iccid": cty.StringVal(string(iccid)), "msisdn": textOrNull(key.MSISDN), "imei": textOrNull(string(key.IMEI)), "labels": labelsValue(key.Labels),
	}
	for name, id := range ids {
		attrs[name] = textOrNull(id)
	}
	return cty.ObjectVal(attrs)
}

func textOrNull(text string) cty.Value {
	if text == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(text)
}

func labelsValue(labels map[string]string) cty.Value {
	if len(labels) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	values := make(map[string]cty.Value, len(labels))
	for name, text := range labels {
		values[name] = cty.StringVal(text)
	}
	return cty.MapVal(values)
}
