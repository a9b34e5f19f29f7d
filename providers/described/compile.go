package described

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// Compile compiles a carrier block, whose text is given. Mistakes go to the
// report; with one the definition is nil.
func Compile(b *hcl.Block, text []byte, r expr.Report) *Definition { return compile(b, text, r, true) }

// compile compiles a carrier block; checked says whether it is also asked what
// can never hold, which takes longer than the rest.
func compile(b *hcl.Block, text []byte, r expr.Report, checked bool) *Definition {
	body, ok := b.Body.(*hclsyntax.Body)
	if !ok {
		r.ErrorAt(b.DefRange, "Carrier in JSON", "A carrier is defined in HCL's native syntax: move the block to a file %s.carrier.hcl.", b.Labels[0])
		return nil
	}
	counting := &counter{Report: r}
	c := &compiler{report: counting, ctx: &hcl.EvalContext{Functions: functions(outside{now: func() string { return "" }, random: func([]byte) {}})}}
	c.def = &Definition{
		Name: b.Labels[0], File: b.DefRange.Filename, Source: string(text), Digest: digestOf(text),
		changes: map[spec.Kind]*change{}, statuses: map[string]standing{}, at: b.DefRange,
	}
	c.carrier(body)
	if counting.errors > 0 {
		if checked {
			c.checkParts() // so that all mistakes are told at once
		}
		return nil
	}
	c.finish()
	if checked {
		c.check()
	}
	if counting.errors > 0 {
		return nil
	}
	return c.def
}

// digestOf is a text's digest, as saved plans and the state have it.
func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// counter counts the mistakes that pass through it.
type counter struct {
	expr.Report
	errors int
}

// ErrorAt implements [expr.Report].
func (c *counter) ErrorAt(at hcl.Range, summary, format string, args ...any) {
	c.errors++
	c.Report.ErrorAt(at, summary, format, args...)
}

// HCL implements [expr.Report].
func (c *counter) HCL(diags hcl.Diagnostics) bool {
	failed := c.Report.HCL(diags)
	if failed {
		c.errors++
	}
	return failed
}

// compiler compiles one definition.
type compiler struct {
	def    *Definition
	report expr.Report
	ctx    *hcl.EvalContext // of constants: functions alone
	lets   map[string]*expression
	steps  []string // the names of all steps
}

// block is a block whose names were checked.
type block struct {
	*compiler
	title string
	body  *hclsyntax.Body
	at    hcl.Range
}

// blockRule is what may stand in a block.
type blockRule struct {
	attributes []string
	blocks     []string
	// open takes any attribute.
	open bool
}

// labels are how many labels a block has: from, and to.
var labels = map[string][2]int{
	"setting": {1, 1}, "lookup": {1, 1}, "change": {1, 1}, "outcome": {1, 1}, "sample": {1, 1}, "limit": {1, 1}, "steps": {1, 1}, "read": {0, 1},
}

// enter checks a block's names.
func (c *compiler) enter(title string, body *hclsyntax.Body, at hcl.Range, rule blockRule) block {
	for _, a := range sortedAttributes(body) {
		if !rule.open && !slices.Contains(rule.attributes, a.Name) {
			more := ""
			if slices.Contains(rule.blocks, a.Name) {
				more = " It is a block: write " + a.Name + " { … } without the equals sign."
			}
			c.report.ErrorAt(a.NameRange, "Unsupported argument", "An argument named %q is not expected in %s.%s%s", a.Name, title, spec.DidYouMean(a.Name, rule.attributes), more)
		}
	}
	for _, b := range body.Blocks {
		if !slices.Contains(rule.blocks, b.Type) {
			more := ""
			if slices.Contains(rule.attributes, b.Type) {
				more = " It is an argument: write " + b.Type + " = … with an equals sign."
			}
			c.report.ErrorAt(b.TypeRange, "Unsupported block type", "A block named %q is not expected in %s.%s%s", b.Type, title, spec.DidYouMean(b.Type, rule.blocks), more)
			continue
		}
		if n := labels[b.Type]; len(b.Labels) < n[0] || len(b.Labels) > n[1] {
			c.report.ErrorAt(b.DefRange(), "Wrong number of labels", "A block %s has %s.", b.Type, spec.Count(n[1], "label"))
		}
	}
	return block{c, title, body, at}
}

func sortedAttributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	list := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *hclsyntax.Attribute) int { return a.SrcRange.Start.Byte - b.SrcRange.Start.Byte })
	return list
}

// blocks are the block's blocks of a type that have as many labels as they should.
func (b block) blocks(typ string) []*hclsyntax.Block {
	var list []*hclsyntax.Block
	for _, x := range b.body.Blocks {
		if n := labels[typ]; x.Type == typ && len(x.Labels) >= n[0] && len(x.Labels) <= n[1] {
			list = append(list, x)
		}
	}
	return list
}

// one is the only block of a type; nil where there is none.
func (b block) one(typ string) *hclsyntax.Block {
	list := b.blocks(typ)
	if len(list) > 1 {
		b.report.ErrorAt(list[1].DefRange(), "Duplicate block", "%s has one block %s, and there is another at %s.", spec.Capital(b.title), typ, expr.Place(list[0].DefRange()))
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// attribute is an attribute's expression; nil where the block doesn't have it.
func (b block) attribute(name string) hclsyntax.Expression {
	if a, ok := b.body.Attributes[name]; ok {
		return a.Expr
	}
	return nil
}

// need reports an attribute that is missing.
func (b block) need(names ...string) {
	for _, name := range names {
		if b.body.Attributes[name] == nil {
			b.report.ErrorAt(b.at, "Missing required argument", "The argument %q is required in %s.", name, b.title)
		}
	}
}

// constant is the value of an attribute that refers to nothing.
func (b block) constant(name string) (cty.Value, bool) {
	e := b.attribute(name)
	if e == nil {
		return cty.NilVal, false
	}
	return b.constantOf(e)
}

func (c *compiler) constantOf(e hclsyntax.Expression) (cty.Value, bool) {
	if vars := e.Variables(); len(vars) > 0 {
		c.report.ErrorAt(vars[0].SourceRange(), "Value must be constant", "%s isn't known when a definition is read: write the value itself.", expr.TraversalText(vars[0]))
		return cty.NilVal, false
	}
	v, diags := e.Value(c.ctx)
	if c.report.HCL(diags) {
		return cty.NilVal, false
	}
	return v, true
}

// constantText is a text that refers to nothing; "" where there is none.
func (b block) constantText(name string) string {
	v, ok := b.constant(name)
	if !ok {
		return ""
	}
	if v.IsNull() || v.Type() != cty.String {
		b.report.ErrorAt(b.attribute(name).Range(), "Unsuitable value", "%s must be a text.", name)
		return ""
	}
	return v.AsString()
}

func (b block) constantBool(name string, fallback bool) bool {
	v, ok := b.constant(name)
	if !ok {
		return fallback
	}
	if v.IsNull() || v.Type() != cty.Bool {
		b.report.ErrorAt(b.attribute(name).Range(), "Unsuitable value", "%s must be true or false.", name)
		return fallback
	}
	return v.True()
}

func (b block) constantNumber(name string, fallback float64) float64 {
	v, ok := b.constant(name)
	if !ok {
		return fallback
	}
	n, err := convert.Convert(v, cty.Number)
	if err != nil || n.IsNull() {
		b.report.ErrorAt(b.attribute(name).Range(), "Unsuitable value", "%s must be a number.", name)
		return fallback
	}
	f, _ := n.AsBigFloat().Float64()
	if math.IsInf(f, 0) {
		b.report.ErrorAt(b.attribute(name).Range(), "Value out of range", "%s is infinite, or too large.", name)
		return fallback
	}
	return f
}

func (b block) constantInt(name string, fallback, least int) int {
	f := b.constantNumber(name, float64(fallback))
	if f != float64(int(f)) || int(f) < least {
		b.report.ErrorAt(b.attribute(name).Range(), "Value out of range", "%s must be a whole number of at least %d.", name, least)
		return fallback
	}
	return int(f)
}

func (b block) constantDuration(name string, fallback time.Duration) time.Duration {
	text := b.constantText(name)
	if text == "" {
		return fallback
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		b.report.ErrorAt(b.attribute(name).Range(), "Invalid duration", `%s is a number with its unit, such as "25s", "1m30s" or "500ms".`, name)
		return fallback
	}
	return d
}

// compile compiles an expression; nil for nil. allowed are the names that its
// references may begin with.
func (c *compiler) compile(e hclsyntax.Expression, allowed scope) *expression {
	if e == nil {
		return nil
	}
	expr.CheckMaps(c.report, e)
	out := &expression{Expression: e, roots: rootsOf(e)}
	for _, t := range e.Variables() {
		c.checkReference(t, allowed)
		out.secret = out.secret || c.secretReference(t)
	}
	c.checkCalls(e)
	if len(out.roots) == 0 && pure(e) {
		if v, diags := e.Value(c.ctx); !c.report.HCL(diags) {
			out.constant = &v
		}
	}
	return out
}

// compile compiles an attribute; nil where the block doesn't have it.
func (b block) compile(name string, allowed scope) *expression {
	return b.compiler.compile(b.attribute(name), allowed)
}

// pure reports whether an expression has one value for ever: it calls neither the
// clock nor chance.
func pure(e hclsyntax.Expression) bool {
	ok := true
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		if call, is := n.(*hclsyntax.FunctionCallExpr); is && slices.Contains([]string{"now", "uuid", "random_digits"}, call.Name) {
			ok = false
		}
		return nil
	})
	return ok
}

// checkCalls reports functions that there aren't.
func (c *compiler) checkCalls(e hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is || hasFunction(c.ctx, call.Name) {
			return nil
		}
		names := make([]string, 0, len(c.ctx.Functions))
		for name := range c.ctx.Functions {
			names = append(names, name)
		}
		slices.Sort(names)
		c.report.ErrorAt(call.NameRange, "Call to unknown function", "There is no function named %q in a definition.%s", call.Name, spec.DidYouMean(call.Name, names))
		return nil
	})
}

func hasFunction(ctx *hcl.EvalContext, name string) bool {
	_, ok := ctx.Functions[name]
	return ok
}

// scope is the names that references may begin with.
type scope []string

func (s scope) with(names ...string) scope { return append(slices.Clone(s), names...) }

// checkReference reports a reference that leads nowhere.
func (c *compiler) checkReference(t hcl.Traversal, allowed scope) {
	root := t.RootName()
	if _, isLet := c.lets[root]; isLet && slices.Contains(allowed, rootLet) {
		return
	}
	if !slices.Contains(allowed, root) {
		c.unknownRoot(t, allowed)
		return
	}
	names := c.namesOf(root)
	if names == nil {
		return
	}
	name := ""
	if len(t) > 1 {
		name = stepName(t[1])
	}
	if len(t) > 1 && name == "" || slices.Contains(names, name) {
		return
	}
	c.report.ErrorAt(t.SourceRange(), "Unknown name", "There is no %s.%s.%s It has %s.", root, name, spec.DidYouMean(name, names), orNothing(names))
}

// namesOf are the names that may follow a root; nil for any.
func (c *compiler) namesOf(root string) []string {
	var names []string
	switch root {
	case rootSetting:
		for _, s := range c.def.settings {
			names = append(names, s.name)
		}
	case rootToken:
		if c.def.token != nil {
			for _, v := range c.def.token.values {
				names = append(names, v.name)
			}
		}
	case rootCard:
		names = []string{"iccid", "msisdn", "imei", "labels"}
		for _, l := range c.def.lookups {
			names = append(names, l.name)
		}
	case rootChange:
		names = []string{"kind", "from", "to", "key"}
	case rootReply, rootAccepted:
		names = []string{"status", "json", "xml", "headers", "text"}
	case rootPage:
		names = []string{"number", "size", "next", "offset"}
	case rootWindow:
		names = []string{"from", "to", "last"}
	case rootReading:
		names = []string{"imei", "status", "packages", "keep"}
	case rootRequest:
		names = []string{"method", "path", "query", "headers", "form", "json", "body"}
	case rootLet:
		for name := range c.lets {
			names = append(names, name)
		}
		slices.Sort(names)
	case rootSteps:
		names = c.steps
	default:
		return nil
	}
	if names == nil {
		names = []string{}
	}
	return names
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return spec.QuoteList(names, "and")
}

func (c *compiler) unknownRoot(t hcl.Traversal, allowed scope) {
	root := t.RootName()
	why := fmt.Sprintf("There is nothing named %q here.%s", root, spec.DidYouMean(root, allowed))
	switch {
	case slices.Contains([]string{"var", "local", "path", "each", "env"}, root):
		why = "A definition refers to nothing of the fleet: what differs between accounts is a setting, which the provider's block says."
	case slices.Contains(allRoots, root):
		why = fmt.Sprintf("%q isn't known here.", root)
	}
	c.report.ErrorAt(t.SourceRange(), "Unknown name", "%s References here begin with %s; a text needs quotes.", why, strings.Join(allowed, ", "))
}

var allRoots = []string{
	rootSetting, rootToken, rootCard, rootCards, rootChange, rootReply, rootRow, rootCode, rootPage, rootWindow, rootSince, rootLet, rootSteps, rootAccepted, rootTicket, rootReading, rootRequest,
}

// secretReference reports whether a reference leads to something secret.
func (c *compiler) secretReference(t hcl.Traversal) bool {
	name := ""
	if len(t) > 1 {
		name = stepName(t[1])
	}
	switch root := t.RootName(); root {
	case rootToken, rootRequest:
		return true
	case rootSetting:
		i := slices.IndexFunc(c.def.settings, func(s setting) bool { return s.name == name })
		return i >= 0 && c.def.settings[i].secret // one that there isn't is told as that
	case rootLet:
		l, ok := c.lets[name]
		return !ok || l != nil && l.secret
	default:
		l := c.lets[root]
		return l != nil && l.secret
	}
}
