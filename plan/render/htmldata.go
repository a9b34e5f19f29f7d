package render

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// chunkOf is how many cards stand in one block of the page's data: few enough
// that a reader's browser takes one in without a pause.
const chunkOf = 4096

// writeCards writes the cards as blocks of JSON that stand for themselves, so
// that neither this program nor the browser holds more than one as text.
func writeCards(w io.Writer, p plan.Source, told telling) error {
	c := newChunk(told)
	err := p.Each(func(_ int, card *plan.Card) error {
		if !inReport(card) {
			return nil
		}
		return c.put(w, card)
	})
	if err == nil {
		err = c.end(w)
	}
	if err != nil {
		return err
	}
	return writeNumbers(w, toldPlan{p, telling{lang: told.lang}}.Head().Numbers)
}

func writeNumbers(w io.Writer, numbers []plan.Number) error {
	if len(numbers) == 0 {
		return nil
	}
	out := make([]NumberJSON, 0, len(numbers))
	for i := range numbers {
		out = append(out, NumberOf(&numbers[i]))
	}
	text, err := json.Marshal(out) // which escapes < > & and U+2028
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "<script type=\"application/json\" id=\"numbers\">"+safe.JSONText(string(text))+"</script>\n")
	return err
}

// chunk is a block of cards by column: what all cards have in common is
// written once, and texts that come again are numbers into a dictionary. A
// column of one entry holds for all cards.
//
//	iccid       texts
//	address     a number: of names, the text before and behind the ICCID; else the whole text
//	provider    of providers
//	labels      of labelsets: key, value, key, value …
//	file        of files: where the card is declared; "" for one that left
//	line        of that file, less the line of the card before in the block
//	before      of values: active, packages, status, lifecycle; null where not known
//	after       the same
//	imei        before: a text, null for none, 0 where not known
//	imeiAfter   the same, and 1 where it is the one before
//	actions     of shapes, one number or a list; -1 for none
//	ids         of the actions: 7 for a7, else a text; one or a list
//	needs attention drift notes    by the card's number in the block
//
// A shape is kind, risk, guarded, approved, denial, from, to, and who approved
// and why; from and to are 1 for the IMEI before, 2 for the one after.
type chunk struct {
	n                                           int
	iccid, address, provider, labels            column
	file, line                                  column
	before, after, imei, imeiAfter, actions, id column
	needs, attention, drift, notes              sparse
	names, providers, labelSets, values, shapes dictionary
	files                                       dictionary
	lastLine                                    int
	told                                        telling
	scratch, out                                []byte
}

// newChunk is a block whose texts of other hands are told; their times the script tells.
func newChunk(told telling) *chunk {
	c := &chunk{told: telling{lang: told.lang}}
	c.reset()
	return c
}

// put adds a card, and writes the block once it is full.
func (c *chunk) put(w io.Writer, card *plan.Card) error {
	if c.add(card); c.n < chunkOf {
		return nil
	}
	return c.writeTo(w)
}

// end writes the last block, if there is anything in it.
func (c *chunk) end(w io.Writer) error {
	if c.n == 0 {
		return nil
	}
	return c.writeTo(w)
}

func (c *chunk) add(card *plan.Card) {
	if !c.told.asItIs() {
		own := c.told.card(card)
		card = &own
	}
	c.iccid.add(appendText(c.scratch[:0], string(card.ICCID)))
	c.address.add(c.addressOf(card))
	c.provider.number(c.providers.of(appendText(c.scratch[:0], string(card.Provider))))
	c.labels.number(c.labelSets.of(appendLabels(c.scratch[:0], card.Labels)))
	c.file.number(c.files.of(appendText(c.scratch[:0], card.File)))
	c.line.number(card.Line - c.lastLine)
	c.lastLine = card.Line
	c.before.number(c.values.of(appendValues(c.scratch[:0], card.Before)))
	c.after.number(c.values.of(appendValues(c.scratch[:0], card.After)))
	c.imei.add(appendIMEI(c.scratch[:0], card.Before.Binding))
	if card.After.Binding == card.Before.Binding {
		c.imeiAfter.number(1)
	} else {
		c.imeiAfter.add(appendIMEI(c.scratch[:0], card.After.Binding))
	}
	c.addActions(card)
	c.addTexts(card)
	c.n++
}

// addressOf is the card's address without the ICCID that it contains.
func (c *chunk) addressOf(card *plan.Card) []byte {
	before, behind, ok := strings.Cut(card.Address, string(card.ICCID))
	if !ok || card.ICCID == "" {
		return appendText(c.scratch[:0], card.Address)
	}
	name := appendText(append(c.scratch[:0], '['), before)
	name = append(appendText(append(name, ','), behind), ']')
	return strconv.AppendInt(c.scratch[:0], int64(c.names.of(name)), 10)
}

func (c *chunk) addActions(card *plan.Card) {
	if len(card.Actions) == 0 {
		c.actions.number(-1)
		c.id.number(0)
		return
	}
	shapes := make([]string, 0, 4)
	ids := make([]string, 0, 4)
	needs := false
	for i := range card.Actions {
		a := &card.Actions[i]
		shapes = append(shapes, strconv.Itoa(c.shapes.of(appendShape(c.scratch[:0], card, a))))
		ids = append(ids, shortID(a.ID))
		needs = needs || len(a.Needs) > 0
	}
	c.actions.add(oneOrMore(c.scratch[:0], shapes))
	c.id.add(oneOrMore(c.scratch[:0], ids))
	if needs {
		c.needs.add(c.n, mapped(card.Actions, func(a plan.Action) []string { return a.Needs }))
	}
}

func (c *chunk) addTexts(card *plan.Card) {
	if len(card.Attention) > 0 {
		c.attention.add(c.n, mapped(card.Attention, func(n plan.Note) [2]string { return [2]string{n.Summary, n.Detail} }))
	}
	if len(card.Drift) > 0 {
		c.drift.add(c.n, CardOf(card).Drift)
	}
	if len(card.Notes) > 0 {
		c.notes.add(c.n, card.Notes)
	}
}

func mapped[T, U any](in []T, f func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

// shortID is a7 as 7; any other id is a text.
func shortID(id string) string {
	if digits, ok := strings.CutPrefix(id, "a"); ok && len(digits) < 15 {
		if n, err := strconv.Atoi(digits); err == nil && strconv.Itoa(n) == digits && n >= 0 {
			return digits
		}
	}
	return string(appendText(nil, id))
}

func oneOrMore(b []byte, parts []string) []byte {
	if len(parts) == 1 {
		return append(b, parts[0]...)
	}
	b = append(b, '[')
	b = append(b, strings.Join(parts, ",")...)
	return append(b, ']')
}

// writeTo writes the block, and empties it for the next cards.
func (c *chunk) writeTo(w io.Writer) error {
	b := c.out[:0]
	b = append(b, `<script type="application/json" class="cards">{"n":`...)
	b = strconv.AppendInt(b, int64(c.n), 10)
	for _, f := range []struct {
		name string
		*column
	}{
		{"iccid", &c.iccid},
		{"address", &c.address},
		{"provider", &c.provider},
		{"labels", &c.labels},
		{"file", &c.file},
		{"line", &c.line},
		{"before", &c.before},
		{"after", &c.after},
		{"imei", &c.imei},
		{"imeiAfter", &c.imeiAfter},
		{"actions", &c.actions},
		{"ids", &c.id},
		{"names", &c.names.column},
		{"providers", &c.providers.column},
		{"labelsets", &c.labelSets.column},
		{"files", &c.files.column},
		{"values", &c.values.column},
		{"shapes", &c.shapes.column},
	} {
		b = append(b, ",\n\""+f.name+"\":["...)
		b = append(b, f.entries()...)
		b = append(b, ']')
	}
	for _, f := range []struct {
		name string
		sparse
	}{{"needs", c.needs}, {"attention", c.attention}, {"drift", c.drift}, {"notes", c.notes}} {
		b = append(b, ",\n\""+f.name+"\":{"...)
		b = append(b, f.buf...)
		b = append(b, '}')
	}
	b = append(b, "}</script>\n"...)
	_, err := w.Write(b)
	c.out = b
	c.reset()
	return err
}

func (c *chunk) reset() {
	c.n, c.lastLine = 0, 0
	for _, col := range []*column{&c.iccid, &c.address, &c.provider, &c.labels, &c.file, &c.line, &c.before, &c.after, &c.imei, &c.imeiAfter, &c.actions, &c.id} {
		col.reset()
	}
	for _, d := range []*dictionary{&c.names, &c.providers, &c.labelSets, &c.files, &c.values, &c.shapes} {
		d.reset()
	}
	for _, s := range []*sparse{&c.needs, &c.attention, &c.drift, &c.notes} {
		s.buf = s.buf[:0]
	}
	if c.scratch == nil {
		c.scratch = make([]byte, 0, 4096)
	}
}

// column is entries of JSON, joined by commas.
type column struct {
	buf    []byte
	first  int // the first entry's length
	varied bool
	n      int
}

func (c *column) add(entry []byte) {
	if c.n == 0 {
		c.first = len(entry)
	} else {
		c.varied = c.varied || string(c.buf[:c.first]) != string(entry)
		c.buf = append(c.buf, ',')
	}
	c.buf = append(c.buf, entry...)
	c.n++
}

func (c *column) number(n int) {
	var digits [20]byte
	c.add(strconv.AppendInt(digits[:0], int64(n), 10))
}

// entries are all entries; one where all are the same.
func (c *column) entries() []byte {
	if !c.varied {
		return c.buf[:c.first]
	}
	return c.buf
}

func (c *column) reset() { *c = column{buf: c.buf[:0]} }

// dictionary numbers entries of JSON by their first appearance.
type dictionary struct {
	column
	index map[string]int
}

func (d *dictionary) of(entry []byte) int {
	if i, ok := d.index[string(entry)]; ok {
		return i
	}
	i := d.n
	d.index[string(entry)] = i
	d.add(entry)
	return i
}

func (d *dictionary) reset() {
	d.column.reset()
	d.index = map[string]int{}
}

// sparse is what few cards have, by the card's number.
type sparse struct{ buf []byte }

func (s *sparse) add(card int, value any) {
	text, err := json.Marshal(value) // which escapes < > & and U+2028
	if err != nil {
		panic(err) // texts and times always marshal
	}
	if len(s.buf) > 0 {
		s.buf = append(s.buf, ',')
	}
	s.buf = append(s.buf, '"')
	s.buf = strconv.AppendInt(s.buf, int64(card), 10)
	s.buf = append(s.buf, `":`...)
	s.buf = append(s.buf, safe.JSONText(string(text))...)
}

func appendLabels(b []byte, m map[string]string) []byte {
	b = append(b, '[')
	keys := make([]string, 0, 16) // of most cards no more, so that it takes no memory
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, k), ','), m[k])
	}
	return append(b, ']')
}

func appendValues(b []byte, v plan.Values) []byte {
	b = append(b, '[')
	if active := v.Active.Bool(); active == nil {
		b = append(b, "null,"...)
	} else {
		b = append(strconv.AppendBool(b, *active), ',')
	}
	if v.Packages == nil {
		b = append(b, "null"...)
	} else {
		b = appendTexts(b, v.Packages)
	}
	b = append(b, ',')
	b = append(appendText(b, v.Status), ',')
	return append(appendText(b, string(v.Lifecycle)), ']')
}

func appendIMEI(b []byte, v state.Binding) []byte {
	switch {
	case !v.Known:
		return append(b, '0')
	case v.IMEI == "":
		return append(b, "null"...)
	default:
		return appendText(b, string(v.IMEI))
	}
}

func appendShape(b []byte, card *plan.Card, a *plan.Action) []byte {
	b = append(b, '[')
	b = append(appendText(b, string(a.Kind)), ',')
	b = append(appendText(b, string(a.Kind.Risk())), ',')
	b = append(strconv.AppendBool(b, a.Guarded), ',')
	b = append(strconv.AppendBool(b, a.Approved), ',')
	b = append(appendText(b, a.Denial), ',')
	b = append(appendValue(b, card, a.From), ',')
	b = append(appendValue(b, card, a.To), ',', '[')
	for i, by := range a.Approvals {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, by.By+counts(a, i)), ','), by.Reason)
	}
	return append(b, ']', ']')
}

// appendValue writes an action's from or to; one that is the card's own IMEI
// before (1) or after (2) needs no text.
func appendValue(b []byte, card *plan.Card, value string) []byte {
	switch {
	case value == "":
		return append(b, `""`...)
	case value == string(card.Before.Binding.IMEI):
		return append(b, '1')
	case value == string(card.After.Binding.IMEI):
		return append(b, '2')
	default:
		return appendText(b, value)
	}
}

func appendTexts(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, s)
	}
	return append(b, ']')
}

// appendText writes s as JSON that may stand within a script element.
func appendText(b []byte, s string) []byte {
	if isPlain(s) && safe.Commands(s) == s {
		return append(append(append(b, '"'), s...), '"')
	}
	text, err := json.Marshal(s) // which escapes < > & and U+2028
	if err != nil {
		panic(err) // a string always marshals
	}
	return append(b, safe.JSONText(string(text))...)
}

// isPlain reports whether s stands in JSON as it is.
func isPlain(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r >= utf8.RuneSelf && (r == utf8.RuneError || !unicode.IsGraphic(r)) {
			return false
		}
	}
	return true
}
