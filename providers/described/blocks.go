package described

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// The names that expressions may begin with, by where they stand.
var (
	always  = scope{rootSetting, rootLet, rootNow, rootOmit}
	inToken = always
	inCall  = always.with(rootToken, rootCard)
	inReply = scope{rootSetting, rootLet, rootNow, rootCard, rootReply}
	inRow   = inReply.with(rootRow)
)

// carrier compiles the block.
func (c *compiler) carrier(body *hclsyntax.Body) {
	b := c.enter("carrier \""+c.def.Name+"\"", body, c.def.at, blockRule{
		attributes: []string{"title", "endpoint", "lifecycle", "code", "message", "request_id", "encoding"},
		blocks: []string{
			"setting", "limits", "let", "token", "every", "sign", "lookup", "read", "list", "batch", "change", "steps", "outcome", "sample",
		},
	})
	c.def.Title, c.def.endpoint, c.def.encoding = b.constantText("title"), b.constantText("endpoint"), b.constantText("encoding")
	c.encoding(b)
	c.names(b)
	c.settings(b)
	c.limits(b)
	c.lifecycle(b)
	c.letBlock(b)
	c.tokenBlock(b)
	if every := b.one("every"); every != nil {
		in := c.enter("every", every.Body, every.DefRange(), blockRule{attributes: templateNames})
		t := c.template(attributesOf(every.Body), inCall.with(rootChange))
		c.def.every = &t
		_ = in
	}
	c.signBlocks(b)
	for _, l := range b.blocks("lookup") {
		c.lookupBlock(l)
	}
	c.readBlocks(b)
	c.listBlock(b)
	c.batchBlock(b)
	c.def.steps = c.stepBlocks(b)
	for _, x := range b.blocks("change") {
		c.changeBlock(x)
	}
	c.outcomeBlocks(b)
	c.sampleBlocks(b)
}

// names gathers the names that expressions refer to, before any is compiled.
func (c *compiler) names(b block) {
	c.lets = map[string]*expression{}
	for _, x := range b.blocks("let") {
		for name := range x.Body.Attributes {
			c.lets[name] = nil
		}
	}
	for _, l := range b.blocks("lookup") {
		name := l.Labels[0]
		if !hclsyntax.ValidIdentifier(name) || slices.Contains([]string{"iccid", "msisdn", "imei", "labels"}, name) {
			c.report.ErrorAt(l.LabelRanges[0], "Invalid name", "%q can't be the name of a lookup: it becomes card.%s.", name, name)
		}
		c.def.lookups = append(c.def.lookups, &lookup{name: name})
	}
	for _, x := range b.blocks("change") {
		for _, s := range x.Body.Blocks {
			if s.Type == "steps" && len(s.Labels) == 1 {
				c.steps = append(c.steps, s.Labels[0])
			}
		}
	}
	for _, s := range b.blocks("steps") {
		c.steps = append(c.steps, s.Labels[0])
	}
}

func (c *compiler) settings(b block) {
	common := spec.Schema{Settings: spec.CommonSettings()}
	for _, x := range b.blocks("setting") {
		in := c.enter("setting \""+x.Labels[0]+"\"", x.Body, x.DefRange(), blockRule{attributes: []string{"env", "secret", "default"}})
		s := setting{name: x.Labels[0], env: in.constantText("env"), secret: in.constantBool("secret", true)}
		_, taken := common.Setting(s.name)
		switch {
		case !hclsyntax.ValidIdentifier(s.name) || taken || s.name == "alias":
			c.report.ErrorAt(x.LabelRanges[0], "Invalid name", "%q can't be the name of a setting: every provider block has that, or it is no name.", s.name)
		case slices.ContainsFunc(c.def.settings, func(o setting) bool { return o.name == s.name }):
			c.report.ErrorAt(x.DefRange(), "Duplicate name", "The setting %q is declared twice.", s.name)
		}
		if v, ok := in.constant("default"); ok {
			text, _ := textOf(v)
			s.fallback = &text
		}
		c.def.settings = append(c.def.settings, s)
	}
}

// The limits of a definition that says none.
const (
	defaultRate    = 5
	defaultFlight  = 4
	defaultTimeout = 25 * time.Second
	defaultRetries = 4
)

func (c *compiler) limits(b block) {
	c.def.limits.Limits = providers.Limits{RequestsPerSecond: defaultRate, MaxInFlight: defaultFlight, Timeout: defaultTimeout, Retries: defaultRetries}
	x := b.one("limits")
	if x == nil {
		return
	}
	in := c.enter("limits", x.Body, x.DefRange(), blockRule{
		attributes: []string{"requests_per_second", "max_in_flight", "timeout", "settle", "retries", "cooldown", "calls_per_day", "calls_per_month"},
		blocks:     []string{"limit"},
	})
	l := &c.def.limits
	l.RequestsPerSecond = in.constantNumber("requests_per_second", defaultRate)
	if l.RequestsPerSecond <= 0 {
		c.report.ErrorAt(in.attribute("requests_per_second").Range(), "Value out of range", "requests_per_second must be more than 0.")
	}
	l.MaxInFlight = in.constantInt("max_in_flight", defaultFlight, 1)
	l.Timeout = in.constantDuration("timeout", defaultTimeout)
	l.Retries = in.constantInt("retries", defaultRetries, 0)
	l.CallsPerDay, l.CallsPerMonth = in.constantInt("calls_per_day", 0, 0), in.constantInt("calls_per_month", 0, 0)
	l.settle, l.cooldown = in.constantDuration("settle", 0), in.constantDuration("cooldown", 0)
	l.named = map[string]float64{}
	for _, n := range in.blocks("limit") {
		sub := c.enter("limit \""+n.Labels[0]+"\"", n.Body, n.DefRange(), blockRule{attributes: []string{"requests_per_second"}})
		sub.need("requests_per_second")
		l.named[n.Labels[0]] = sub.constantNumber("requests_per_second", 1)
	}
}

func (c *compiler) letBlock(b block) {
	for _, x := range b.blocks("let") {
		for _, a := range sortedAttributes(x.Body) {
			e := c.compile(a.Expr, inCall.with(rootChange))
			c.lets[a.Name] = e
			c.def.let = append(c.def.let, named{a.Name, e})
		}
	}
}

func (c *compiler) tokenBlock(b block) {
	x := b.one("token")
	if x == nil {
		return
	}
	in := c.enter("token", x.Body, x.DefRange(), blockRule{attributes: []string{"request", "value", "expires", "refused"}, blocks: []string{"request"}})
	in.need("value")
	t := &token{request: in.request(inToken, true)}
	t.values = c.namedValues(in.attribute("value"), "value", scope{rootSetting, rootReply, rootNow})
	t.expires = in.compile("expires", scope{rootSetting, rootReply, rootNow})
	t.refused = in.compile("refused", scope{rootSetting, rootReply})
	for _, v := range t.values {
		t.takes.take(v.expr)
	}
	t.takes.take(t.expires)
	c.def.token = t
}

// namedValues are the values of a map that is written out.
func (c *compiler) namedValues(e hclsyntax.Expression, what string, allowed scope) []named {
	if e == nil {
		return nil
	}
	object, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		c.report.ErrorAt(e.Range(), "Unsuitable value", "%s is a map that is written out: %s = { name = … }.", what, what)
		return nil
	}
	var list []named
	for _, item := range object.Items {
		if name, ok := c.key(item.KeyExpr); ok {
			list = append(list, named{name, c.compile(item.ValueExpr, allowed)})
		}
	}
	return list
}

// key is a key that is written out. Keys are texts: true and 3 stand for theirs.
func (c *compiler) key(e hclsyntax.Expression) (string, bool) {
	if k, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
			return word, true
		}
		if _, bare := k.Wrapped.(*hclsyntax.ScopeTraversalExpr); bare {
			c.report.ErrorAt(e.Range(), "Invalid key", "A key that is more than a name stands in quotes.")
			return "", false
		}
		e = k.Wrapped
	}
	v, ok := c.constantOf(e)
	if !ok {
		return "", false
	}
	text, ok := textOf(v)
	if !ok {
		c.report.ErrorAt(e.Range(), "Invalid key", "A key is a text.")
	}
	return text, ok
}

func (c *compiler) signBlocks(b block) {
	for _, x := range b.blocks("sign") {
		in := c.enter("sign", x.Body, x.DefRange(), blockRule{attributes: []string{"text", "into"}})
		in.need("text", "into")
		s := signature{text: in.compile("text", inCall.with(rootChange, rootRequest))}
		if into := in.attribute("into"); into != nil {
			t, diags := hcl.AbsTraversalForExpr(into)
			if !diags.HasErrors() && len(t) == 2 {
				s.place, s.name = t.RootName(), stepName(t[1])
			}
			if !slices.Contains([]string{"header", "query", "form", "json"}, s.place) || s.name == "" {
				c.report.ErrorAt(into.Range(), "Invalid place", "A signature goes into header.X-Sign, query.x, form.x or json.x.")
			}
		}
		c.def.sign = append(c.def.sign, s)
	}
}

func (c *compiler) lookupBlock(x *hclsyntax.Block) {
	i := slices.IndexFunc(c.def.lookups, func(l *lookup) bool { return l.name == x.Labels[0] })
	l := c.def.lookups[i]
	if l.request != nil {
		c.report.ErrorAt(x.DefRange(), "Duplicate name", "The lookup %q is declared twice.", l.name)
		return
	}
	in := c.enter("lookup \""+l.name+"\"", x.Body, x.DefRange(), blockRule{attributes: []string{"request", "value", "values", "size"}, blocks: []string{"request"}})
	if in.attribute("size") != nil {
		l.size = in.constantInt("size", 1, 1)
	}
	l.request = in.readingRequest(inCall.with(rootCards))
	l.value = in.compile("value", inReply)
	l.values = in.compile("values", inReply.with(rootCards))
	switch {
	case l.value == nil && l.values == nil:
		in.need("value")
	case l.values != nil && l.size == 0:
		in.need("size")
	}
	l.takes.take(l.value, l.values)
}

func (c *compiler) stepBlocks(b block) []*step {
	var list []*step
	for _, x := range b.blocks("steps") {
		in := c.enter("steps \""+x.Labels[0]+"\"", x.Body, x.DefRange(), blockRule{attributes: []string{"request", "unless"}, blocks: []string{"request"}})
		s := &step{name: x.Labels[0], request: in.readingRequest(inCall.with(rootChange, rootSteps)), unless: in.compile("unless", inReply.with(rootChange, rootSteps))}
		s.takes = needs{asJSON: true}
		s.takes.json.all = true
		list = append(list, s)
	}
	return list
}

// changeRule is what may stand in a change.
var changeRule = blockRule{
	attributes: []string{"request", "done", "names_prior", "replaces", "closes_account", "irreversible", "bills", "limit", "cooldown"},
	blocks:     []string{"request", "wait", "steps"},
}

func (c *compiler) unknownChange(x *hclsyntax.Block) {
	names := make([]string, 0, len(spec.CarrierKinds()))
	for _, k := range spec.CarrierKinds() {
		names = append(names, string(k))
	}
	c.report.ErrorAt(x.LabelRanges[0], "Unknown change", "There is no change %q.%s There are %s.", x.Labels[0], spec.DidYouMean(x.Labels[0], names), spec.QuoteList(names, "and"))
}

func (c *compiler) changeBlock(x *hclsyntax.Block) {
	kind, ok := spec.ParseKind(x.Labels[0])
	if !ok || !kind.CallsCarrier() {
		c.unknownChange(x)
		return
	}
	if c.def.changes[kind] != nil {
		c.report.ErrorAt(x.DefRange(), "Duplicate name", "The change %q is declared twice.", kind)
		return
	}
	in := c.enter("change \""+string(kind)+"\"", x.Body, x.DefRange(), changeRule)
	ch := &change{kind: kind, request: in.request(inCall.with(rootChange, rootSteps, rootReading), false)}
	ch.done = in.compile("done", inReply.with(rootChange, rootCode))
	ch.namesPrior, ch.replaces, ch.irreversible = in.constantBool("names_prior", false), in.constantBool("replaces", false), in.constantBool("irreversible", false)
	ch.keeps = kind == spec.Unbind && !in.constantBool("closes_account", true)
	ch.bills, ch.cooldown = in.constantText("bills"), in.constantDuration("cooldown", 0)
	c.onlyOf(in, "closes_account", kind, spec.Unbind)
	c.onlyOf(in, "replaces", kind, spec.Subscribe)
	if limit := in.constantText("limit"); limit != "" && ch.request != nil {
		ch.request.limit = limit
	}
	ch.steps = c.stepBlocks(in)
	if w := in.one("wait"); w != nil {
		ch.wait = c.waitBlock(w)
	}
	ch.takes.take(ch.done)
	if ch.request != nil {
		ch.reading = ch.request.takes(rootReading)
	}
	c.def.changes[kind] = ch
}

func (c *compiler) onlyOf(b block, name string, kind, only spec.Kind) {
	if e := b.attribute(name); e != nil && kind != only {
		c.report.ErrorAt(e.Range(), "Unsuitable attribute", "%s is said of %s alone.", name, only)
	}
}

func (c *compiler) waitBlock(x *hclsyntax.Block) *wait {
	in := c.enter("wait", x.Body, x.DefRange(), blockRule{attributes: []string{"request", "unless", "until", "failed", "ticket", "every", "for"}, blocks: []string{"request"}})
	in.need("until")
	w := &wait{request: in.readingRequest(inCall.with(rootChange, rootAccepted, rootTicket))}
	w.until, w.failed = in.compile("until", inReply.with(rootChange, rootTicket)), in.compile("failed", inReply.with(rootChange, rootTicket))
	w.ticket, w.unless = in.compile("ticket", inReply.with(rootChange, rootAccepted)), in.compile("unless", inReply.with(rootChange, rootAccepted))
	w.every, w.longest = in.constantDuration("every", 5*time.Second), in.constantDuration("for", 10*time.Minute)
	w.takes.take(w.until, w.failed)
	c.lasting(w)
	return w
}

// outcomeLabels are what an outcome may say.
var outcomeLabels = []string{labelThrottled, labelDenied, labelNotFound, labelMismatch, labelAlready, labelRefused, labelUnavailable, labelDone}

func (c *compiler) outcomeBlocks(b block) {
	c.def.code = b.compile("code", inReply.with(rootChange))
	c.def.message = b.compile("message", inReply.with(rootChange, rootCode))
	c.def.requestID = b.compile("request_id", inReply)
	for _, x := range b.blocks("outcome") {
		label := x.Labels[0]
		if !slices.Contains(outcomeLabels, label) {
			c.report.ErrorAt(x.LabelRanges[0], "Unknown outcome", "There is no outcome %q.%s There are %s.", label, spec.DidYouMean(label, outcomeLabels), spec.QuoteList(outcomeLabels, "and"))
			continue
		}
		in := c.enter("outcome \""+label+"\"", x.Body, x.DefRange(), blockRule{attributes: []string{"when", "retry_after", "waits"}})
		in.need("when")
		o := outcome{label: label, when: in.compile("when", inReply.with(rootChange, rootCode)), retryAfter: in.compile("retry_after", inReply.with(rootCode)), at: x.DefRange()}
		if o.waits = in.constantBool("waits", false); o.waits && label != labelUnavailable {
			c.report.ErrorAt(in.attribute("waits").Range(), "Unsuitable attribute", "waits is said of an outcome %q alone: what waits for a person is neither done nor refused.", labelUnavailable)
		}
		c.def.outcomes = append(c.def.outcomes, o)
	}
}

func (c *compiler) sampleBlocks(b block) {
	for _, x := range b.blocks("sample") {
		in := c.enter("sample \""+x.Labels[0]+"\"", x.Body, x.DefRange(), blockRule{
			attributes: []string{"card", "change", "sends", "reply", "gives", "token", "setting", "now", "reading", "steps", "accepted"},
		})
		in.need("card", "reply", "gives")
		s := &sample{name: x.Labels[0], at: x.DefRange()}
		for name, into := range map[string]*cty.Value{
			"card": &s.card, "change": &s.change, "sends": &s.sends, "reply": &s.reply, "gives": &s.gives,
			"token": &s.tokenValues, "setting": &s.setting, "reading": &s.reading, "steps": &s.steps, "accepted": &s.accepted,
		} {
			*into = cty.NullVal(cty.DynamicPseudoType)
			v, ok := in.constant(name)
			if !ok {
				continue
			}
			if !v.IsNull() && !v.Type().IsObjectType() {
				c.report.ErrorAt(in.attribute(name).Range(), "Unsuitable value", "%s is a map: %s = { … }.", name, name)
				continue
			}
			*into = v
		}
		if text := in.constantText("now"); text != "" {
			t, err := timeOf(text)
			if err != nil {
				c.report.ErrorAt(in.attribute("now").Range(), "Invalid time", `now is a time, such as "2026-11-29T08:00:00Z".`)
			}
			s.now = t
		}
		c.def.samples = append(c.def.samples, s)
	}
}
