package described

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// finish works out what follows from the whole definition.
func (c *compiler) finish() {
	d := c.def
	var code needs
	code.take(d.code)
	d.answer.take(d.code, d.message, d.requestID)
	for i := range d.outcomes {
		o := &d.outcomes[i]
		var n needs
		n.take(o.when)
		o.body = n.body() || o.when.needs(rootCode) && code.body()
		d.bodies, d.done = d.bodies || o.body, d.done || o.label == labelDone
		d.answer.take(o.when, o.retryAfter)
	}
	c.finishReads()
	for _, ch := range d.changes {
		c.finishChange(ch)
	}
}

// finishReads works out what requests that only read take of their replies.
func (c *compiler) finishReads() {
	d := c.def
	if d.token != nil {
		d.answer.take(d.token.refused)
		d.token.takes.merge(&d.answer)
		d.token.takes.json.all = d.token.takes.asJSON // all of it is hidden
	}
	d.read.takes.merge(&d.answer)
	for _, r := range d.further {
		r.takes.merge(&d.answer)
	}
	for _, l := range d.lookups {
		l.takes.merge(&d.answer)
	}
	for _, s := range d.steps {
		s.takes.merge(&d.answer)
	}
	if d.list != nil {
		d.list.row.inherit(d.read)
		d.list.takes.rows(d.list.rows, d.list.row)
		d.list.takes.merge(&d.answer)
	}
	if d.batch != nil {
		d.batch.row.inherit(d.read)
		d.batch.takes.rows(d.batch.rows, d.batch.row)
		d.batch.takes.merge(&d.answer)
	}
}

func (c *compiler) finishChange(ch *change) {
	ch.takes.merge(&c.def.answer)
	for _, s := range ch.steps {
		s.takes.merge(&c.def.answer)
	}
	if ch.wait == nil {
		return
	}
	ch.wait.takes.merge(&c.def.answer)
	ch.takes.take(ch.wait.ticket, ch.wait.unless)
	ch.takes.take(ch.wait.request.all()...) // of accepted
}

// inherit takes what the read says and the row doesn't.
func (r *reads) inherit(base *reads) {
	r.inherited = map[*expression]bool{}
	take := func(own **expression, of *expression) {
		if *own == nil && of != nil {
			*own = of
			r.inherited[of] = true
		}
	}
	if r.lifecycle == nil && r.status == nil {
		take(&r.lifecycle, base.lifecycle)
	}
	take(&r.status, base.status)
	take(&r.reason, base.reason)
	take(&r.observed, base.observed)
	if r.imei.expr == nil && r.imei.none == nil {
		take(&r.imei.expr, base.imei.expr)
		take(&r.imei.none, base.imei.none)
	}
	if r.packages.expr == nil && r.packages.none == nil {
		take(&r.packages.expr, base.packages.expr)
		take(&r.packages.none, base.packages.none)
	}
	if r.words == nil {
		r.words = base.words
	}
}

// rows adds what rows take of a reply: of each row just what is named, where the
// rows stand at a place that is written out.
func (n *needs) rows(rows *expression, r *reads) {
	var row needs
	own := wanted{}
	for _, e := range r.expressions() {
		if r.inherited[e] {
			row.take(e)
			continue
		}
		n.take(e)
		for _, t := range e.Variables() {
			if t.RootName() == rootRow {
				own.want(t[1:])
			}
		}
	}
	row.json.merge(&own)
	t, plain := rows.Expression.(*hclsyntax.ScopeTraversalExpr)
	if !plain || len(t.Traversal) < 2 || stepName(t.Traversal[1]) != "json" {
		n.take(rows)
		return
	}
	n.asJSON = true
	node := &n.json
	for _, step := range t.Traversal[2:] {
		node = node.name(stepName(step))
	}
	node.element().merge(&row.json)
}

// expressions are all that is said of a card.
func (r *reads) expressions() []*expression {
	var list []*expression
	for _, e := range []*expression{r.iccid, r.status, r.lifecycle, r.reason, r.observed, r.imei.expr, r.imei.none, r.packages.expr, r.packages.none} {
		if e != nil {
			list = append(list, e)
		}
	}
	for _, n := range slices.Concat(r.keep, r.ids) {
		list = append(list, n.expr)
	}
	return list
}

// check reports what is wrong with a definition as a whole.
func (c *compiler) check() {
	c.checkOutcomes()
	c.checkParts()
	for _, l := range c.def.lookups {
		if c.circular(l, nil) {
			c.report.ErrorAt(l.request.at, "Look-ups in a circle", "To look up %s, %s itself is needed.", l.name, l.name)
		}
	}
	c.checkLimits()
}

// checkParts reports what is wrong with its parts one by one, also where others of them
// are wrong already, or missing.
func (c *compiler) checkParts() {
	c.checkEndpoint()
	c.checkChanges()
	for _, e := range c.shown() {
		if e.secret {
			c.report.ErrorAt(e.Range(), "Secret would be shown", "What this makes is shown to people, so it can't be made of a secret setting or of a token.")
		}
	}
	for _, e := range c.ofReplies() {
		c.checkComparisons(e)
	}
}

func (c *compiler) checkEndpoint() {
	if c.def.endpoint == "" {
		return
	}
	u, err := url.Parse(c.def.endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		c.report.ErrorAt(c.def.at, "Invalid URL", "endpoint must be a bare URL that begins with https://.")
	}
}

func (c *compiler) circular(l *lookup, within []string) bool {
	if slices.Contains(within, l.name) {
		return true
	}
	for _, o := range c.def.lookups {
		if l.request != nil && l.request.card[o.name] && c.circular(o, append(within, l.name)) {
			return true
		}
	}
	return false
}

// shown are the expressions whose values people see, or the state keeps.
func (c *compiler) shown() []*expression {
	list := []*expression{c.def.code, c.def.message, c.def.requestID}
	for _, r := range c.allReads() {
		list = append(list, r.expressions()...)
	}
	for _, l := range c.def.lookups {
		list = append(list, l.value, l.values)
	}
	for _, ch := range c.def.changes {
		if ch.wait != nil {
			list = append(list, ch.wait.ticket)
		}
	}
	return slices.DeleteFunc(list, func(e *expression) bool { return e == nil })
}

func (c *compiler) allReads() []*reads {
	list := append([]*reads{c.def.read}, c.def.further...)
	if c.def.list != nil {
		list = append(list, c.def.list.row)
	}
	if c.def.batch != nil {
		list = append(list, c.def.batch.row)
	}
	return slices.DeleteFunc(list, func(r *reads) bool { return r == nil })
}

// ofReplies are the expressions that take something of a reply.
func (c *compiler) ofReplies() []*expression {
	list := c.shown()
	for i := range c.def.outcomes {
		list = append(list, c.def.outcomes[i].when)
	}
	if t := c.def.token; t != nil {
		list = append(list, t.refused)
	}
	if l := c.def.list; l != nil {
		list = append(list, l.rows, l.more, l.next)
	}
	for _, ch := range c.def.changes {
		list = append(list, ch.done)
		list = append(list, ch.request.all()...)
		if ch.wait != nil {
			list = append(list, ch.wait.unless, ch.wait.until, ch.wait.failed)
		}
		for _, s := range ch.steps {
			list = append(list, s.unless)
		}
	}
	list = slices.DeleteFunc(list, func(e *expression) bool { return e == nil })
	slices.SortFunc(list, func(a, b *expression) int { return a.Range().Start.Byte - b.Range().Start.Byte })
	return slices.Compact(list)
}

// checkOutcomes reports outcomes that can't hold, and a definition that never says
// what is done.
func (c *compiler) checkOutcomes() {
	var taken statuses // those that an earlier outcome takes in any case
	for i := range c.def.outcomes {
		o := &c.def.outcomes[i]
		if !c.byStatusAlone(o) {
			continue
		}
		o.byStatus = c.statusesOf(o.when)
		holds, left := o.byStatus.takeFrom(&taken)
		switch {
		case holds == 0:
			c.report.ErrorAt(o.when.Range(), "Outcome that can't hold", "No HTTP status makes this true. Status is a number: reply.status == 429.")
		case left == 0:
			c.report.ErrorAt(o.when.Range(), "Outcome that can't hold", "Every status for which this holds is taken by an outcome before it: outcomes are tried in the order written.")
		}
	}
	if c.def.bodies && !c.def.done {
		c.checkDone()
	}
}

// takeFrom marks statuses as taken, and says how many there are, and how many of
// them were not taken before.
func (s *statuses) takeFrom(taken *statuses) (holds, left int) {
	for status, yes := range s {
		if yes {
			holds++
		}
		if yes && !taken[status] {
			left++
			taken[status] = true
		}
	}
	return holds, left
}

// checkDone reports changes of which nothing says when they are done.
func (c *compiler) checkDone() {
	for _, kind := range spec.CarrierKinds() {
		if ch := c.def.changes[kind]; ch != nil && ch.done == nil {
			c.report.ErrorAt(ch.request.at, "Done isn't said", `Outcomes read the replies' bodies, so a status alone doesn't tell that the change %q is done. Say it: done = … in the change, or outcome "done" { when = … }.`, kind)
		}
	}
}

// byStatusAlone reports whether nothing but the HTTP status decides an outcome.
func (c *compiler) byStatusAlone(o *outcome) bool {
	for root := range o.when.roots {
		if root != rootReply {
			return false
		}
	}
	return !o.body && !takesHeaders(o.when) && pure(o.when.Expression)
}

// statusesOf are the statuses for which an expression holds.
func (c *compiler) statusesOf(e *expression) *statuses {
	var s statuses
	for status := firstStatus; status < len(s); status++ {
		ctx := &hcl.EvalContext{Functions: c.ctx.Functions, Variables: map[string]cty.Value{
			rootReply: cty.ObjectVal(map[string]cty.Value{"status": cty.NumberIntVal(int64(status))}),
		}}
		s[status] = e.holds(ctx)
	}
	return &s
}

func takesHeaders(e *expression) bool {
	var n needs
	n.take(e)
	return n.headers
}

func (c *compiler) checkChanges() {
	for _, kind := range []spec.Kind{spec.Stop, spec.Resume} {
		ch := c.def.changes[kind]
		if ch == nil || ch.request == nil || ch.request.method == nil {
			continue
		}
		switch m := ch.request.method; {
		case m.constant == nil:
			c.report.ErrorAt(m.Range(), "Method that isn't written out", "The method of a %s is a text that is written out, such as \"POST\": what is computed could be DELETE, which takes a card away.", kind)
		case strings.EqualFold(m.text(nil), http.MethodDelete):
			c.report.ErrorAt(m.Range(), "Not a stop or a resume", "DELETE takes a card away: it can't be a %s.", kind)
		}
	}
}

func (c *compiler) checkLimits() {
	for _, r := range c.requests() {
		if r.limit == "" {
			continue
		}
		if _, ok := c.def.limits.named[r.limit]; !ok {
			c.report.ErrorAt(r.at, "Unknown limit", "There is no limit %q: declare it with limits { limit %q { requests_per_second = … } }.", r.limit, r.limit)
		}
	}
}

func (c *compiler) requests() []*request {
	var list []*request
	for _, r := range append([]*reads{c.def.read}, c.def.further...) {
		list = append(list, r.request)
	}
	for _, l := range c.def.lookups {
		list = append(list, l.request)
	}
	for _, kind := range spec.CarrierKinds() {
		if ch := c.def.changes[kind]; ch != nil {
			list = append(list, ch.request)
		}
	}
	if c.def.list != nil {
		list = append(list, c.def.list.request)
	}
	if c.def.batch != nil {
		list = append(list, c.def.batch.request)
	}
	return slices.DeleteFunc(list, func(r *request) bool { return r == nil })
}
