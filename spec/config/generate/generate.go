// Package generate writes configuration for cards that were read, which a plan
// then only adopts: blocks, or a table and the block that reads it.
//
// Start reading at [Cards].
package generate

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// LiteralCards is how many cards are written as a block each, at most, where
// there may be a table.
const LiteralCards = 100

// Result is configuration for cards that were read, which says of each what
// it is, so that a plan only adopts it.
type Result struct {
	HCL []byte
	CSV []byte // the table that HCL names; nil where there is none
	// Cards is how many cards it declares, Left those that it doesn't.
	Cards int
	Left  []LeftOut
}

// LeftOut is a card for which nothing could be written that plans nothing.
type LeftOut struct {
	ICCID  spec.ICCID
	Unread bool   // the carrier was asked in vain
	Why    string // the end of a sentence that begins with the card
}

// Form is how cards are written.
type Form struct {
	// Table is the name of the table that more than [LiteralCards] become rows
	// of; "" writes blocks all the same.
	Table string
	// Labels are those of each card; a blank one is none.
	Labels map[spec.ICCID]map[string]string
	// MSISDNs are the cards' numbers, as far as they are known.
	MSISDNs map[spec.ICCID]string
}

// Cards writes configuration for cards of one provider that c doesn't
// declare. Up to [LiteralCards] are a block each; more are rows of a table
// beside it.
func Cards(c *config.Config, provider spec.ProviderName, readings []spec.Reading, form Form) Result {
	g, out := gather(c, provider, readings, form)
	if form.Table == "" || out.Cards <= LiteralCards {
		out.HCL = g.blocks()
		return out
	}
	out.HCL, out.CSV = g.table(form.Table)
	return out
}

// gather takes the cards that can be written, by ICCID.
func gather(c *config.Config, provider spec.ProviderName, readings []spec.Reading, form Form) (generator, Result) {
	var out Result
	g := generator{config: c, provider: provider, devices: devicesOf(c.Fleet.Cards), taken: c.CardNames()}
	for i := range readings {
		r := &readings[i]
		if why := leftOut(r); why != "" {
			out.Left = append(out.Left, LeftOut{ICCID: r.ICCID, Unread: !r.Known(), Why: why})
			continue
		}
		g.cards = append(g.cards, generatedCard{reading: r, active: activeOf(r), labels: filled(form.Labels[r.ICCID]), msisdn: form.MSISDNs[r.ICCID]})
	}
	slices.SortFunc(g.cards, func(a, b generatedCard) int { return cmp.Compare(a.reading.ICCID, b.reading.ICCID) })
	g.numbers()
	g.bindings()
	g.packages()
	g.words()
	out.Cards = len(g.cards)
	return g, out
}

// filled are the labels that say something.
func filled(labels map[string]string) map[string]string {
	out := maps.Clone(labels)
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// leftOut says why a card is not written: any block of it would plan something,
// or need attention.
func leftOut(r *spec.Reading) string {
	switch {
	case !r.Known():
		return "could not be read: " + oneLine(r.Unread)
	case r.Lifecycle == spec.NotFound:
		return "is not known to the carrier"
	case r.Lifecycle.Ended():
		return fmt.Sprintf("is %s (%s)", r.Lifecycle, oneLine(r.Status))
	case r.Lifecycle == spec.UnknownLifecycle:
		return fmt.Sprintf("has a status that this version doesn't know: %q", r.Status)
	default:
		return ""
	}
}

// activeOf is what the card's status says about active. A card that the carrier
// stopped can't be wanted stopped: it would stay so once the carrier lets it go.
func activeOf(r *spec.Reading) spec.Switch {
	if r.Lifecycle == spec.SuspendedByCarrier {
		return spec.Unset
	}
	return r.Lifecycle.InService()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// generator is one run of [Cards].
type generator struct {
	config   *config.Config
	provider spec.ProviderName
	cards    []generatedCard
	devices  map[string]sharing // by spec.IMEI.Device
	taken    map[string]bool    // the names of card blocks
}

// sharing says how many cards have a device, and whether a card that is declared
// already refuses to share it.
type sharing struct {
	cards   int
	refused bool
}

// generatedCard is a card as it will be written.
type generatedCard struct {
	reading  *spec.Reading
	imei     spec.IMEI
	shared   bool
	active   spec.Switch
	packages []string // nil: not managed
	msisdn   string
	labels   map[string]string
	notes    []string // what is left out, and why
}

func (c *generatedCard) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

func devicesOf(cards []spec.Card) map[string]sharing {
	devices := map[string]sharing{}
	for i := range cards {
		if imei := cards[i].IMEI; imei != "" {
			s := devices[imei.Device()]
			devices[imei.Device()] = sharing{s.cards + 1, s.refused || !cards[i].SharedIMEI}
		}
	}
	return devices
}

// numbers leaves out what is no number, and what another card is declared with.
func (g *generator) numbers() {
	declared := map[string]bool{}
	for i := range g.config.Fleet.Cards {
		declared[g.config.Fleet.Cards[i].MSISDN] = true
	}
	for i := range g.cards {
		c := &g.cards[i]
		if c.msisdn == "" {
			continue
		}
		switch _, err := spec.ParseMSISDN(c.msisdn); {
		case err != nil:
			c.note("msisdn is left out: %s", err)
			c.msisdn = ""
		case declared[c.msisdn]:
			c.note("msisdn is left out: another card is declared with %s", c.msisdn)
			c.msisdn = ""
		default:
			declared[c.msisdn] = true
		}
	}
}

// bindings takes the devices that the carrier reports.
func (g *generator) bindings() {
	for i := range g.cards {
		c := &g.cards[i]
		if !c.reading.Tells(spec.AttrBinding) || c.reading.IMEI == "" {
			continue
		}
		imei, err := spec.ParseIMEI(string(c.reading.IMEI))
		switch {
		case err != nil:
			c.note("imei is left out: %s", err)
		case g.devices[imei.Device()].refused:
			c.note("imei is left out: another card is declared with %s, without shared_imei", imei)
		default:
			c.imei = imei
			g.devices[imei.Device()] = sharing{cards: g.devices[imei.Device()].cards + 1}
		}
	}
	for i := range g.cards {
		c := &g.cards[i]
		c.shared = c.imei != "" && g.devices[c.imei.Device()].cards > 1
	}
}

// packages takes the packages that the carrier reports.
func (g *generator) packages() {
	for i := range g.cards {
		c := &g.cards[i]
		if !c.reading.Tells(spec.AttrPackages) {
			continue
		}
		ids := make([]string, 0, len(c.reading.Packages))
		for _, p := range c.reading.Packages {
			ids = append(ids, p.ID)
		}
		slices.Sort(ids)
		if slices.ContainsFunc(ids, func(id string) bool { return strings.TrimSpace(id) == "" }) {
			c.note("packages is left out: the carrier shows one without an id")
			continue
		}
		c.packages = slices.Compact(ids)
	}
}

// words says in the carrier's words why active is left out.
func (g *generator) words() {
	for i := range g.cards {
		if c := &g.cards[i]; c.active == spec.Unset {
			c.note("active is left out: the carrier says %q (%s)", oneLine(c.reading.Status), c.reading.Lifecycle)
		}
	}
}

// blocks writes a block for each card.
func (g *generator) blocks() []byte {
	file := hclwrite.NewEmptyFile()
	for i := range g.cards {
		c := &g.cards[i]
		if i > 0 {
			file.Body().AppendNewline()
		}
		body := g.block(file, "imported_"+string(c.reading.ICCID))
		body.SetAttributeValue("iccid", cty.StringVal(string(c.reading.ICCID)))
		if c.msisdn != "" {
			body.SetAttributeValue("msisdn", cty.StringVal(c.msisdn))
		}
		if c.imei != "" {
			body.SetAttributeValue("imei", cty.StringVal(string(c.imei)))
		}
		if c.shared {
			body.SetAttributeValue("shared_imei", cty.True)
		}
		if c.active != spec.Unset {
			body.SetAttributeValue("active", cty.BoolVal(c.active == spec.On))
		}
		if c.packages != nil {
			body.SetAttributeValue("packages", texts(c.packages))
		}
		if len(c.labels) > 0 {
			body.SetAttributeRaw("labels", labelsTokens(c.labels))
		}
		for _, note := range c.notes {
			comment(body, note)
		}
	}
	return hclwrite.Format(file.Bytes())
}

// labelsTokens are an object of labels. [hclwrite.TokensForValue] would leave the
// quotes of a key "for" out, which then begins a for expression.
func labelsTokens(labels map[string]string) hclwrite.Tokens {
	var pairs []hclwrite.ObjectAttrTokens
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, hclwrite.ObjectAttrTokens{Name: hclwrite.TokensForIdentifier(config.KeyText(label)), Value: hclwrite.TokensForValue(cty.StringVal(labels[label]))})
	}
	return hclwrite.TokensForObject(pairs)
}

// texts is a list of texts.
func texts(list []string) cty.Value {
	if len(list) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	values := make([]cty.Value, len(list))
	for i, text := range list {
		values[i] = cty.StringVal(text)
	}
	return cty.ListVal(values)
}

// block begins a card block under a name that no other has.
func (g *generator) block(file *hclwrite.File, name string) *hclwrite.Body {
	free := name
	for n := 2; ; n++ {
		if !g.taken[free] {
			break
		}
		free = name + "_" + strconv.Itoa(n)
	}
	body := file.Body().AppendNewBlock("card", []string{free}).Body()
	if len(g.config.Fleet.Providers) > 1 {
		body.SetAttributeTraversal("provider", traversal(strings.Split(string(g.provider), ".")...))
	}
	return body
}

func comment(body *hclwrite.Body, text string) {
	body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + text + "\n")}})
}

func traversal(names ...string) hcl.Traversal {
	t := hcl.Traversal{hcl.TraverseRoot{Name: names[0]}}
	for _, name := range names[1:] {
		t = append(t, hcl.TraverseAttr{Name: name})
	}
	return t
}

// column is a column of the table, with the attribute that is made from it.
type column struct {
	name, expr string // expr is "" for a column that nothing reads
	cell       func(c *generatedCard) string
}

// table writes a row for each card, and the one block that reads them. A column
// that would be empty in every row isn't there.
func (g *generator) table(name string) (text, table []byte) {
	columns := g.columns()
	file := hclwrite.NewEmptyFile()
	body := g.block(file, "imported")
	body.SetAttributeValue("from_csv", cty.StringVal(name))
	for _, col := range columns {
		if col.expr != "" {
			body.SetAttributeRaw(col.name, hclwrite.TokensForIdentifier(col.expr))
		}
	}
	labels, labelled := g.labelColumns(columns)
	if len(labels) > 0 {
		body.SetAttributeRaw("labels", hclwrite.TokensForIdentifier(labelled))
	}
	columns = append(columns, labels...)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	record := make([]string, len(columns))
	write := func(cell func(column) string) {
		for i, col := range columns {
			record[i] = cell(col)
		}
		_ = w.Write(record) // a bytes.Buffer takes everything
	}
	write(func(col column) string { return col.name })
	for i := range g.cards {
		write(func(col column) string { return col.cell(&g.cards[i]) })
	}
	w.Flush()
	return hclwrite.Format(file.Bytes()), b.Bytes()
}

func (g *generator) columns() []column {
	columns := []column{{"iccid", "each.value.iccid", func(c *generatedCard) string { return string(c.reading.ICCID) }}}
	add := func(name, always, blank string, has func(c *generatedCard) bool, cell func(c *generatedCard) string) {
		switch {
		case !slices.ContainsFunc(g.cards, func(c generatedCard) bool { return has(&c) }):
		case blank == "" || !slices.ContainsFunc(g.cards, func(c generatedCard) bool { return !has(&c) }):
			columns = append(columns, column{name, always, cell})
		default:
			columns = append(columns, column{name, blank + always, cell})
		}
	}
	add("imei", "each.value.imei", `each.value.imei == "" ? null : `,
		func(c *generatedCard) bool { return c.imei != "" },
		func(c *generatedCard) string { return string(c.imei) })
	add("msisdn", "each.value.msisdn", "", // a blank one is none
		func(c *generatedCard) bool { return c.msisdn != "" },
		func(c *generatedCard) string { return c.msisdn })
	add("shared_imei", `each.value.shared_imei`, "",
		func(c *generatedCard) bool { return c.shared },
		func(c *generatedCard) string { return strconv.FormatBool(c.shared) })
	add("active", "each.value.active", `each.value.active == "" ? null : `,
		func(c *generatedCard) bool { return c.active != spec.Unset },
		activeCell)
	between := g.separator()
	add("packages", fmt.Sprintf("compact(split(%q, each.value.packages))", between), fmt.Sprintf("each.value.packages == %q ? null : ", unmanaged),
		func(c *generatedCard) bool { return c.packages != nil },
		func(c *generatedCard) string { return packagesCell(c, between) })
	add("note", "", "",
		func(c *generatedCard) bool { return len(c.notes) > 0 },
		func(c *generatedCard) string { return strings.Join(c.notes, "; ") })
	return columns
}

// labelColumns are a column for each label, and the expression that makes labels
// of them. A label with the name of another column gets another one.
func (g *generator) labelColumns(others []column) ([]column, string) {
	var names []string
	for i := range g.cards {
		names = append(names, slices.Collect(maps.Keys(g.cards[i].labels))...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var columns []column
	var pairs []string
	for _, label := range names {
		name := label
		if slices.ContainsFunc(others, func(c column) bool { return c.name == label }) {
			name = "label_" + label
		}
		columns = append(columns, column{name: name, cell: func(c *generatedCard) string { return c.labels[label] }})
		value := "each.value." + name
		if !hclsyntax.ValidIdentifier(name) {
			value = "each.value[" + config.QuoteText(name) + "]"
		}
		if slices.ContainsFunc(g.cards, func(c generatedCard) bool { return c.labels[label] == "" }) {
			value = value + ` == "" ? null : ` + value
		}
		pairs = append(pairs, config.KeyText(label)+" = "+value)
	}
	return columns, "{ " + strings.Join(pairs, ", ") + " }"
}

func activeCell(c *generatedCard) string {
	if c.active == spec.Unset {
		return ""
	}
	return strconv.FormatBool(c.active == spec.On)
}

// unmanaged stands in the column of packages for a card whose packages were
// not read: blank is none.
const unmanaged = "unmanaged"

func packagesCell(c *generatedCard, between string) string {
	if c.packages == nil {
		return unmanaged
	}
	return strings.Join(c.packages, between)
}

// separator is a text that no package's id holds.
func (g *generator) separator() string {
	for _, s := range []string{" ", ";", "|", ","} {
		if !slices.ContainsFunc(g.cards, func(c generatedCard) bool {
			return slices.ContainsFunc(c.packages, func(id string) bool { return strings.Contains(id, s) })
		}) {
			return s
		}
	}
	return " / "
}
