package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// cardBlock is a card block on its way to cards.
type cardBlock struct {
	*loader
	block   *spec.Block
	attrs   hcl.Attributes
	keyed   bool
	csv     *csvFile // nil without from_csv
	repeats repeats
	context string // what the block is called, where it is no card block
	texts   plain.Texts
	digits  digits
	// emptied are the files without rows that the block's values were made from.
	emptied []string

	// common is what the block says of every card, whatever the row. The cells
	// say the rest, row by row.
	common spec.Card
	cells  []*cell
	// incomplete is set where an attribute that every row shares is wrong. Its
	// value is then missing from common, and the block adds no card.
	incomplete bool
	// contradicts is set where common is contradictory by itself. That is
	// reported once, and not again for each row.
	contradicts bool
}

// loadCards reads every card block, then looks for cards that clash.
func (l *loader) loadCards() {
	l.fleet.Cards = make([]spec.Card, 0, len(l.cards))
	maker := newPlainMaker(l)
	schema, attributes := cardSchema(), cardAttributes()
	names := newCardNames(l.cards)
	for i := range l.cards {
		if l.Stop() {
			return
		}
		from := &l.cards[i]
		if first := names.first(i); first < i {
			l.duplicateCard(&l.cards[first], from)
			continue
		}
		if from.Plain && maker.card(from) {
			continue
		}
		l.loadCard(from.HCL(), schema, attributes)
	}
	l.cards = nil
	sortCards(l.fleet.Cards)
	l.checkIdentities()
}

// duplicateCard reports a card block with the name of another.
func (l *loader) duplicateCard(first, second *plain.Card) {
	b := second.HCL()
	taken := expr.Names{first.Name: first.HCL().DefRange}
	taken.Claim(l.report, second.Name, blockTitle(b.Type, b.Labels), b.DefRange)
}

func (l *loader) loadCard(b *hcl.Block, schema *hcl.BodySchema, attributes []cardAttribute) {
	content, diags := b.Body.Content(schema)
	l.report.HCL(diags)
	header := *rangeOf(b.DefRange)
	c := &cardBlock{
		loader: l,
		block:  &spec.Block{Name: b.Labels[0], Source: header, Attrs: attributePlaces(content.Attributes, header)},
		attrs:  content.Attributes,
	}
	c.common.Block = c.block
	provider, ok := l.providerOf(b, content.Attributes["provider"])
	c.common.Provider, c.incomplete = provider, !ok
	c.loadLifecycle(content.Blocks)
	rows, ok := c.rowSource()
	for i := range attributes {
		if a := c.attrs[attributes[i].name]; a != nil {
			c.compile(&attributes[i], a)
		}
	}
	if _, written := c.attrs["iccid"]; !written {
		c.incomplete = true
	}
	if c.contradicts = contradictory(&c.common); c.contradicts {
		c.contradiction(&c.common)
	}
	if ok {
		c.checkColumns()
		c.nameColumns()
		rows(c.add)
		for _, cell := range c.cells {
			c.emptied = append(c.emptied, cell.Emptied...)
		}
		c.checkEmptied()
		c.checkDigits()
	}
	for _, cell := range c.cells {
		for _, compared := range cell.compared {
			compared.report(c.report, cell.attribute.name)
		}
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

// attributePlaces is attributeRanges for what there may be a million of.
func attributePlaces(attributes hcl.Attributes, header spec.Range) []spec.AttrPlace {
	places := make([]spec.AttrPlace, 0, len(attributes))
	for _, a := range inSourceOrder(attributes) {
		at := rangeOf(a.Range)
		places = append(places, spec.AttrPlace{Name: a.Name, Start: at.Start.RelTo(header), End: at.End.RelTo(header)})
	}
	return places
}

// compile evaluates what is the same for every row, and makes a cell of the rest.
func (c *cardBlock) compile(attribute *cardAttribute, a *hcl.Attribute) {
	if v, ok := expr.Literal(a.Expr); ok {
		c.constant(attribute, a, v)
		return
	}
	where := expr.InSettings
	if c.keyed {
		where = expr.PerCard
	}
	p, ok := c.scope.Prepare(a.Expr, where)
	switch {
	case !ok:
		c.incomplete = true
	case len(p.Each) > 0:
		cell := compile(*attribute, p)
		cell.hclOnly = c.hclOnly
		c.cells = append(c.cells, cell)
	default:
		v, ok := c.scope.Value(&p)
		if !ok {
			c.incomplete = true
			return
		}
		c.constant(attribute, a, v)
	}
	c.emptied = append(c.emptied, p.Emptied...)
}

func (c *cardBlock) constant(attribute *cardAttribute, a *hcl.Attribute, v cty.Value) {
	if !v.IsWhollyKnown() {
		c.incomplete = true
		return
	}
	x, bad := attribute.decode(v)
	if bad == nil {
		bad = attribute.assign(&c.common, x)
	}
	if bad == nil {
		return
	}
	c.incomplete = true
	d := spec.Diagnostic{Summary: bad.summary, Detail: bad.detail, Subject: rangeOf(a.Expr.Range())}
	if !c.keyed {
		d.Address = c.common.Address()
	}
	c.report.add(d)
}

// add makes the card of one row, in its place among the others.
func (c *cardBlock) add(r *row) {
	n := len(c.fleet.Cards)
	c.fleet.Cards = append(c.fleet.Cards, c.common)
	card := &c.fleet.Cards[n]
	card.Key, card.Row = r.key, r.line
	complete := !c.incomplete
	for _, cell := range c.cells {
		c.lookAtSpellings(card, r, cell)
		v, bad, diags := cell.read(r)
		if bad == nil && !diags.HasErrors() {
			bad = cell.attribute.assign(card, v)
		}
		if bad != nil || len(diags) > 0 {
			complete = complete && bad == nil && !diags.HasErrors()
			c.complain(card, r, cell, bad, diags)
		}
	}
	if contradictory(card) && !c.contradicts {
		complete = false
		c.contradiction(card)
	}
	c.luhn.look(card)
	if c.keyed && card.ICCID != "" {
		c.digits.look(card)
	}
	if !complete {
		c.setAside(card)
		c.fleet.Cards = c.fleet.Cards[:n]
		return
	}
	c.keepTexts(card)
}

// setAside keeps what is right of a card that has a mistake, for it may clash
// with other cards too. Of an IMEI that may turn out to be shared or not to be
// the card's, nothing is said before the mistake is mended.
func (c *cardBlock) setAside(card *spec.Card) {
	if card.ICCID == "" {
		return
	}
	c.keepTexts(card)
	aside := *card
	if c.attrs["shared_imei"] != nil && !card.SharedIMEI || contradictory(card) {
		aside.IMEI = ""
	}
	c.mistaken = append(c.mistaken, aside)
}

// lookAtSpellings counts other spellings of a text that the cell compares with.
func (c *cardBlock) lookAtSpellings(card *spec.Card, r *row, cell *cell) {
	for _, compared := range cell.compared {
		if detail := compared.look(r); detail != "" {
			d := c.rowDiagnosticAt(card, r, cell, compared.column, &problem{"Another spelling", detail})
			compared.first = &d
		}
	}
}

// keepTexts takes what the card says out of the row, which is then garbage.
func (c *cardBlock) keepTexts(card *spec.Card) {
	if !c.keyed {
		return
	}
	card.ICCID = spec.ICCID(c.texts.KeepString(string(card.ICCID)))
	card.IMEI = spec.IMEI(c.texts.KeepString(string(card.IMEI)))
	card.CurrentIMEI = spec.IMEI(c.texts.KeepString(string(card.CurrentIMEI)))
	card.MSISDN = c.texts.KeepString(card.MSISDN)
	if card.Key == string(card.ICCID) {
		card.Key = string(card.ICCID)
		return
	}
	card.Key = c.texts.KeepString(card.Key)
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
			c.report.ErrorAt(b.DefRange, "Duplicate lifecycle block",
				"A card has one lifecycle block, and this one has another at %s. Join them.", expr.Place(blocks[0].DefRange))
			continue
		}
		content, diags := b.Body.Content(lifecycleSchema())
		c.report.HCL(diags)
		s := settings{loader: c.loader, attributes: content.Attributes, shows: true}
		c.common.PreventUnbind, _ = s.bool("prevent_unbind")
		c.loadIgnore(content.Attributes["ignore_changes"])
	}
}

// loadIgnore reads ignore_changes, a list of bare words.
func (c *cardBlock) loadIgnore(a *hcl.Attribute) {
	if a == nil {
		return
	}
	exprs, diags := hcl.ExprList(a.Expr)
	c.report.HCL(diags)
	for _, e := range exprs {
		word := hcl.ExprAsKeyword(e)
		if mask, ok := plain.IgnoreMask(word); ok {
			c.common.Ignore |= mask
			continue
		}
		words := []string{"active", "bound", "imei", "packages"}
		c.report.ErrorAt(e.Range(), "Unknown attribute", "ignore_changes takes the words %s, without quotes.%s",
			strings.Join(words, ", "), spec.DidYouMean(word, words))
	}
}
