package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// cardBlock is a card block on its way to cards.
type cardBlock struct {
	*loader
	block   *spec.Block
	attrs   hcl.Attributes
	keyed   bool
	csv     *csvFile // nil without from_csv
	repeats repeats

	// proto is a card with all that is the same for every row, cells is the rest.
	proto spec.Card
	cells []*cell
	// hollow reports whether an attribute is wrong for all rows, so that what it
	// would say is missing from proto.
	hollow bool
	// contradicts reports whether proto does so by itself, whatever the rows say.
	contradicts bool
}

// loadCards reads every card block, then looks for cards that clash.
func (l *loader) loadCards() {
	blocks := l.unique("card")
	l.fleet.Cards = make([]spec.Card, 0, len(blocks))
	schema, attributes := cardSchema(), cardAttributes()
	for _, b := range blocks {
		l.loadCard(b, schema, attributes)
	}
	l.sortCards()
	l.checkIdentities()
}

func (l *loader) loadCard(b *hcl.Block, schema *hcl.BodySchema, attributes []cardAttribute) {
	content, diags := b.Body.Content(schema)
	l.report.hcl(diags)
	c := &cardBlock{
		loader: l,
		block:  &spec.Block{Name: b.Labels[0], Source: *rangeOf(b.DefRange), Attrs: attributeRanges(content.Attributes)},
		attrs:  content.Attributes,
	}
	c.proto.Block = c.block
	provider, ok := l.providerOf(b, content.Attributes["provider"])
	c.proto.Provider, c.hollow = provider, !ok
	c.loadLifecycle(content.Blocks)
	rows, ok := c.rowSource()
	for i := range attributes {
		if a := c.attrs[attributes[i].name]; a != nil {
			c.compile(&attributes[i], a)
		}
	}
	if _, written := c.attrs["iccid"]; !written {
		c.hollow = true
	}
	if c.contradicts = contradictory(&c.proto); c.contradicts {
		c.contradiction(&c.proto)
	}
	if ok {
		c.checkColumns()
		rows(c.add)
	}
	c.repeats.report()
}

// attributeRanges says where each attribute's value stands.
func attributeRanges(attributes hcl.Attributes) map[string]spec.Range {
	ranges := make(map[string]spec.Range, len(attributes))
	for name, a := range attributes {
		ranges[name] = *rangeOf(a.Range)
	}
	return ranges
}

// compile evaluates what is the same for every row, and makes a cell of the rest.
func (c *cardBlock) compile(attribute *cardAttribute, a *hcl.Attribute) {
	if v, ok := literal(a.Expr); ok {
		c.constant(attribute, a, v)
		return
	}
	where := inSettings
	if c.keyed {
		where = perCard
	}
	p, ok := c.scope.prepare(a.Expr, where)
	switch {
	case !ok:
		c.hollow = true
	case len(p.each) > 0:
		c.cells = append(c.cells, compile(*attribute, p))
	default:
		v, diags := a.Expr.Value(p.ctx)
		if c.report.hcl(diags) {
			c.hollow = true
			return
		}
		c.constant(attribute, a, v)
	}
}

func (c *cardBlock) constant(attribute *cardAttribute, a *hcl.Attribute, v cty.Value) {
	if !v.IsWhollyKnown() {
		c.hollow = true
		return
	}
	x, bad := attribute.decode(v)
	if bad == nil {
		bad = attribute.assign(&c.proto, x)
	}
	if bad == nil {
		return
	}
	c.hollow = true
	d := spec.Diagnostic{Summary: bad.summary, Detail: bad.detail, Subject: rangeOf(a.Expr.Range())}
	if !c.keyed {
		d.Address = c.proto.Address()
	}
	c.report.add(d)
}

// add makes the card of one row.
func (c *cardBlock) add(r *row) {
	card := c.proto
	card.Key, card.Row = r.key, r.line
	whole := !c.hollow
	for _, cell := range c.cells {
		v, bad, diags := cell.read(r)
		if bad == nil && !diags.HasErrors() {
			bad = cell.attribute.assign(&card, v)
		}
		if bad != nil || len(diags) > 0 {
			whole = whole && bad == nil && !diags.HasErrors()
			c.complain(&card, r, cell, bad, diags)
		}
	}
	if contradictory(&card) && !c.contradicts {
		whole = false
		c.contradiction(&card)
	}
	c.luhn.look(&card)
	if whole {
		c.fleet.Cards = append(c.fleet.Cards, card)
	}
}

// contradictory reports whether the card must have no device, and that very one.
func contradictory(c *spec.Card) bool { return c.Bound == spec.Off && c.IMEI != "" }

func (c *cardBlock) contradiction(card *spec.Card) {
	c.repeats.add(c.report, "contradiction", func() spec.Diagnostic {
		at := card.Place("bound")
		d := spec.Diagnostic{Summary: "Contradiction", Subject: &at,
			Detail: "bound = false says that the card must have no device, and imei names one. Delete one of the two."}
		if card.Row > 0 {
			d.Detail = c.csv.mention(card.Row, "", card.Key) + d.Detail
		}
		if !c.contradicts || !c.keyed {
			d.Address = card.Address()
		}
		return d
	})
}

// loadLifecycle reads the lifecycle block.
func (c *cardBlock) loadLifecycle(blocks hcl.Blocks) {
	for i, b := range blocks {
		if i > 0 {
			c.report.errorAt(b.DefRange, "Duplicate lifecycle block",
				"A card has one lifecycle block, and this one has another at %s. Join them.", place(blocks[0].DefRange))
			continue
		}
		content, diags := b.Body.Content(lifecycleSchema())
		c.report.hcl(diags)
		s := settings{loader: c.loader, attributes: content.Attributes, shows: true}
		c.proto.PreventUnbind, _ = s.bool("prevent_unbind")
		c.loadIgnore(content.Attributes["ignore_changes"])
	}
}

// loadIgnore reads ignore_changes, a list of bare words.
func (c *cardBlock) loadIgnore(a *hcl.Attribute) {
	if a == nil {
		return
	}
	words := []string{"active", "bound", "imei", "packages"}
	masks := []spec.Attr{spec.AttrActive, spec.AttrBinding, spec.AttrBinding, spec.AttrPackages}
	exprs, diags := hcl.ExprList(a.Expr)
	c.report.hcl(diags)
	for _, e := range exprs {
		word := hcl.ExprAsKeyword(e)
		if i := slices.Index(words, word); i >= 0 {
			c.proto.Ignore |= masks[i]
			continue
		}
		c.report.errorAt(e.Range(), "Unknown attribute", "ignore_changes takes the words %s, without quotes.%s",
			strings.Join(words, ", "), didYouMean(word, words))
	}
}
