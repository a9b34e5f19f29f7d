package config

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// plainMaker makes cards of plain blocks. What they have in common they share:
// lists of packages, labels and names of providers that are written alike.
type plainMaker struct {
	*loader
	reader plainReader
	texts  textStore
	blocks []spec.Block     // room for the next
	places []spec.AttrPlace // room for the next

	packages map[string][]string // by how they are written
	labels   map[string]map[string]string
	// providers are those that blocks may name; only is the one that they needn't.
	providers map[string]spec.ProviderName
	only      spec.ProviderName
}

func newPlainMaker(l *loader) *plainMaker {
	m := &plainMaker{
		loader: l, packages: map[string][]string{}, labels: map[string]map[string]string{},
		providers: map[string]spec.ProviderName{},
	}
	names := l.providers.sorted()
	for _, name := range names {
		m.providers[name] = spec.ProviderName(name)
	}
	if len(names) == 1 {
		m.only = m.providers[names[0]]
	}
	return m
}

// card adds the card of a plain block to the fleet. It refuses a block with any mistake,
// which is then for loadCard to find again and to explain.
func (m *plainMaker) card(from *cardSource) bool {
	p := from.source.pieces[from.piece]
	m.reader.text = from.source.text
	if !m.reader.read(mark{byte: p.start, line: p.line, column: 1}) {
		panic("config: a plain block that was read before is none now: " + from.name)
	}
	b := &m.reader.block
	card := spec.Card{Provider: m.only, PreventUnbind: b.preventUnbind, Ignore: b.ignore}
	for i := range b.attributes {
		if !m.assign(&card, &b.attributes[i]) {
			return false
		}
	}
	if card.ICCID == "" || card.Provider == "" || contradictory(&card) {
		return false
	}
	card.Block = m.block(from, b)
	m.luhn.look(&card)
	m.fleet.Cards = append(m.fleet.Cards, card)
	return true
}

// assign gives the card what an attribute says; false where that is a mistake.
func (m *plainMaker) assign(card *spec.Card, a *plainAttribute) (ok bool) {
	v := value{null: a.null, on: a.on}
	switch a.place.Name {
	case "iccid":
		v.text = m.texts.keep(a.text)
		return assignICCID(card, v) == nil
	case "imei":
		v.text = m.texts.keep(a.text)
		return assignIMEI(card, v) == nil
	case "current_imei":
		v.text = m.texts.keep(a.text)
		return assignCurrentIMEI(card, v) == nil
	case "bound":
		card.Bound = switchOf(v)
	case "active":
		card.Active = switchOf(v)
	case "shared_imei":
		card.SharedIMEI = a.on
	case "packages":
		card.Packages, ok = m.packageList(a)
		return ok
	case "labels":
		card.Labels = m.labelMap(a)
	case "provider":
		card.Provider, ok = m.providers[string(a.text)]
		return ok
	}
	return true
}

func (m *plainMaker) packageList(a *plainAttribute) ([]string, bool) {
	if a.null {
		return nil, true
	}
	if known, ok := m.packages[string(a.text)]; ok {
		return known, true
	}
	ids := make([]string, 0, a.to-a.from)
	for _, text := range m.reader.block.texts[a.from:a.to] {
		id := cty.NormalizeString(string(text))
		if strings.TrimSpace(id) == "" {
			return nil, false
		}
		ids = append(ids, id)
	}
	ids = slices.Clip(sortedSet(ids))
	if len(m.packages) < memoSize {
		m.packages[string(a.text)] = ids
	}
	return ids, true
}

func (m *plainMaker) labelMap(a *plainAttribute) map[string]string {
	if a.null {
		return nil
	}
	if known, ok := m.labels[string(a.text)]; ok {
		return known
	}
	pairs := m.reader.block.texts[a.from:a.to]
	labels := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		labels[cty.NormalizeString(string(pairs[i]))] = cty.NormalizeString(string(pairs[i+1])) // the later of two counts
	}
	if len(m.labels) < memoSize {
		m.labels[string(a.text)] = labels
	}
	return labels
}

// block is what the card refers to: its name and its places.
func (m *plainMaker) block(from *cardSource, b *plainBlock) *spec.Block {
	if len(m.blocks) == 0 {
		m.blocks = make([]spec.Block, 1024)
	}
	out := &m.blocks[0]
	m.blocks = m.blocks[1:]
	*out = spec.Block{Name: from.name, Attrs: m.attrPlaces(b), Source: spec.Range{
		File: from.source.name, Start: b.start.short().Pos(), End: b.end.short().Pos(),
	}}
	return out
}

func (m *plainMaker) attrPlaces(b *plainBlock) []spec.AttrPlace {
	n := len(b.attributes)
	if len(m.places) < n {
		m.places = make([]spec.AttrPlace, 4096)
	}
	out := m.places[:n:n]
	m.places = m.places[n:]
	for i := range out {
		out[i] = b.attributes[i].place
	}
	return out
}
