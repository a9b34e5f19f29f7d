package described

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// readNames are what may be said of a card in a read.
var readNames = []string{"iccid", "status", "lifecycle", "reason", "imei", "packages", "none", "observed", "words", "keep"}

func (c *compiler) readBlocks(b block) {
	for _, x := range b.blocks("read") {
		name := ""
		if len(x.Labels) == 1 {
			name = x.Labels[0]
		}
		title := "read"
		if name != "" {
			title = "read \"" + name + "\""
		}
		in := c.enter(title, x.Body, x.DefRange(), blockRule{attributes: append([]string{"request"}, readNames...), blocks: []string{"request"}})
		r := in.reads(inReply)
		r.name, r.request = name, in.readingRequest(inCall)
		switch {
		case name != "":
			c.def.further = append(c.def.further, r)
		case c.def.read != nil:
			c.report.ErrorAt(x.DefRange(), "Duplicate block", "A carrier has one read without a label, and there is another at %s line %d.", c.def.read.at.Filename, c.def.read.at.Start.Line)
		default:
			c.def.read = r
		}
		if name == "" && r.status == nil && r.lifecycle == nil {
			c.report.ErrorAt(x.DefRange(), "Missing required argument", "A read says the card's status, or its lifecycle.")
		}
	}
	if c.def.read == nil && len(b.blocks("read")) == 0 {
		c.report.ErrorAt(c.def.at, "Missing block", "A carrier needs a block read: nothing is planned of a card that can't be read.")
	}
}

// reads compiles what a reply, or a row, says of a card.
func (b block) reads(allowed scope) *reads {
	r := &reads{
		iccid: b.compile("iccid", allowed), status: b.compile("status", allowed), lifecycle: b.compile("lifecycle", allowed),
		reason: b.compile("reason", allowed), observed: b.compile("observed", allowed), at: b.at,
	}
	r.imei.expr, r.packages.expr = b.compile("imei", allowed), b.compile("packages", allowed)
	b.none(r, allowed)
	b.noFallback(b.attribute("imei"), "imei", "")
	b.noFallback(b.attribute("packages"), "packages", "[]")
	r.keep = b.namedValues(b.attribute("keep"), "keep", allowed)
	r.words = b.words()
	for _, l := range b.def.lookups {
		if e := b.compile(l.name, allowed); e != nil {
			r.ids = append(r.ids, named{l.name, e})
		}
	}
	r.takes.take(r.iccid, r.status, r.lifecycle, r.reason, r.observed, r.imei.expr, r.imei.none, r.packages.expr, r.packages.none)
	for _, n := range slices.Concat(r.keep, r.ids) {
		r.takes.take(n.expr)
	}
	return r
}

// none compiles what no device and no packages look like.
func (b block) none(r *reads, allowed scope) {
	for _, n := range b.namedValues(b.attribute("none"), "none", allowed) {
		switch n.name {
		case "imei":
			r.imei.none = n.expr
		case "packages":
			r.packages.none = n.expr
		default:
			b.report.ErrorAt(n.expr.Range(), "Unknown name", "none says how no imei and no packages look, and nothing named %q.", n.name)
		}
	}
}

// noFallback reports try(…, "") and try(…, []): what failed would read as none.
func (b block) noFallback(e hclsyntax.Expression, name, none string) {
	if e == nil {
		return
	}
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != "try" && call.Name != "coalesce" && call.Name != "lookup" || len(call.Args) == 0 {
			return nil
		}
		last := call.Args[len(call.Args)-1]
		if len(last.Variables()) == 0 && isNothing(last) {
			b.report.ErrorAt(call.Range(), "Absence taken for none",
				"%s(…, %s) here takes a reply that lacks the name, or a page of a proxy, for a card without one. Say what none looks like in none = { %s = … }, and leave the fallback out.",
				call.Name, map[string]string{"": `""`, "[]": "[]"}[none], name)
		}
		return nil
	})
}

// isNothing reports whether a constant is a blank text or an empty list.
func isNothing(e hclsyntax.Expression) bool {
	v, diags := e.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() {
		return false
	}
	if v.Type() == cty.String {
		return blank(v.AsString())
	}
	return v.CanIterateElements() && v.LengthInt() == 0
}

// words are what statuses are called, for people.
func (b block) words() map[string]string {
	e := b.attribute("words")
	if e == nil {
		return nil
	}
	words := map[string]string{}
	for _, n := range b.namedValues(e, "words", nil) {
		if n.expr.constant != nil {
			words[n.name], _ = textOf(*n.expr.constant)
		}
	}
	return words
}

// rowNames are what may be said in a row besides.
func (c *compiler) rowNames() []string {
	names := slices.Clone(readNames)
	for _, l := range c.def.lookups {
		names = append(names, l.name)
	}
	return names
}

func (c *compiler) listBlock(b block) {
	x := b.one("list")
	if x == nil {
		return
	}
	in := c.enter("list", x.Body, x.DefRange(), blockRule{
		attributes: append(c.rowNames(), "request", "page_size", "next", "pages", "total", "more", "rows", "since"),
		blocks:     []string{"request", "window"},
	})
	in.need("rows", "iccid")
	l := &list{size: in.constantInt("page_size", 100, 1), row: in.reads(inRow), rows: in.compile("rows", inReply)}
	l.request = in.readingRequest(inCall.with(rootPage, rootWindow, rootSince))
	in.listEnds(l)
	l.window = in.window()
	if l.since = in.compile("since", always.with(rootSince)); l.since != nil && !l.feeds() {
		c.report.ErrorAt(l.since.Range(), "Unused since", "since says how the list's request has the time from which on changes are asked for, and neither the request nor the window takes it: write query = { … = since }, say.")
	}
	l.takes.take(l.rows, l.next, l.pages, l.total, l.more)
	c.def.list = l
}

// listEnds compiles how a list says where it ends.
func (b block) listEnds(l *list) {
	ends := 0
	for name, into := range map[string]**expression{"next": &l.next, "pages": &l.pages, "total": &l.total, "more": &l.more} {
		if *into = b.compile(name, inReply.with(rootPage)); *into != nil {
			ends++
		}
	}
	if ends != 1 {
		b.report.ErrorAt(b.at, "List without an end", "A list says by exactly one of next, pages, total and more where it ends; this one says %d.", ends)
	}
}

// window compiles how a list is parted by time; nil where nothing says it.
func (b block) window() *window {
	w := b.one("window")
	if w == nil {
		return nil
	}
	in := b.enter("window", w.Body, w.DefRange(), blockRule{attributes: []string{"from", "span", "to"}})
	in.need("from", "span")
	allowed := always.with(rootSince)
	return &window{from: in.compile("from", allowed), to: in.compile("to", allowed), span: in.constantDuration("span", 0)}
}

func (c *compiler) batchBlock(b block) {
	x := b.one("batch")
	if x == nil {
		return
	}
	in := c.enter("batch", x.Body, x.DefRange(), blockRule{attributes: append(c.rowNames(), "request", "size", "rows", "missing"), blocks: []string{"request"}})
	in.need("size", "rows", "iccid")
	t := &batch{size: in.constantInt("size", 100, 1), row: in.reads(inRow.with(rootCards)), rows: in.compile("rows", inReply.with(rootCards))}
	t.request = in.readingRequest(always.with(rootToken, rootCards))
	switch missing := in.constantText("missing"); missing {
	case "":
	case string(spec.NotFound):
		t.missing = true
	default:
		c.report.ErrorAt(in.attribute("missing").Range(), "Unsuitable value", `missing is "not-found" or left out, and then a card that the reply lacks is unread.`)
	}
	t.takes.take(t.rows)
	c.def.batch = t
}

// lifecycle reads the map from the carrier's statuses to our words.
func (c *compiler) lifecycle(b block) {
	e := b.attribute("lifecycle")
	if e == nil {
		return
	}
	object, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		c.report.ErrorAt(e.Range(), "Unsuitable value", "lifecycle is a map that is written out, from the carrier's statuses to our words.")
		return
	}
	for _, item := range object.Items {
		name, ok := c.key(item.KeyExpr)
		if !ok {
			continue
		}
		if _, twice := c.def.statuses[name]; twice {
			c.report.ErrorAt(item.KeyExpr.Range(), "Duplicate key", "The status %q stands twice.", name)
		}
		if v, ok := c.constantOf(item.ValueExpr); ok {
			c.def.statuses[name] = c.standing(v, item.ValueExpr.Range())
		}
	}
}

// wordChanging is the word of a card that is being changed.
const wordChanging = "changing"

// lifecycleWords are the words that a status may stand for.
var lifecycleWords = []string{
	string(spec.Active), string(spec.SuspendedByOwner), string(spec.SuspendedByCarrier), string(spec.Pending), string(spec.Inventory), string(spec.Testing),
	string(spec.Dormant), string(spec.Closing), string(spec.Closed), string(spec.Transferred), string(spec.NotFound), string(spec.UnknownLifecycle), wordChanging,
}

func (c *compiler) standing(v cty.Value, at hcl.Range) standing {
	var s standing
	word := v
	if !v.IsNull() && v.Type().IsObjectType() {
		word = c.standingParts(&s, v.AsValueMap(), at)
	}
	text, _ := textOf(word)
	if !slices.Contains(lifecycleWords, text) {
		c.report.ErrorAt(at, "Unknown lifecycle", "There is no lifecycle %q.%s There are %s.", text, spec.DidYouMean(text, lifecycleWords), spec.QuoteList(lifecycleWords, "and"))
	}
	s.changing = text == wordChanging
	if s.lifecycle = spec.Lifecycle(text); s.changing {
		s.lifecycle = spec.UnknownLifecycle
	}
	return s
}

// standingParts reads what a status says besides its word, which it returns.
func (c *compiler) standingParts(s *standing, parts map[string]cty.Value, at hcl.Range) (word cty.Value) {
	for name := range parts {
		if !slices.Contains([]string{"word", "cured_by", "hint"}, name) {
			c.report.ErrorAt(at, "Unsupported argument", "A status says word, cured_by and hint, and nothing named %q.", name)
		}
	}
	s.hint, _ = textOf(orNull(parts["hint"]))
	if cure, ok := textOf(orNull(parts["cured_by"])); ok {
		s.curedBy = spec.Kind(cure)
		if s.curedBy != spec.ChangeBind {
			c.report.ErrorAt(at, "Unsuitable value", `cured_by is "change-bind": no other change is followed by a resume.`)
		}
	}
	return orNull(parts["word"])
}

func orNull(v cty.Value) cty.Value {
	if v == cty.NilVal {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return v
}
