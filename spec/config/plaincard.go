package config

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// plainMaker makes cards of plain blocks. What they have in common they share:
// lists of packages, labels and names of providers that are written alike.
type plainMaker struct {
	*loader
	reader plainReader
	texts  textStore
	blocks []spec.Block     // room for the next
	places []spec.AttrPlace // of the block under way
	key    []byte           // of the places

	// Each holds memoSize at most: with more different ones, remembering them saves nothing.
	packages map[string][]string          // by how they are written
	labels   map[string]map[string]string // by how they are written
	words    map[string]string
	layouts  map[string][]spec.AttrPlace
	// providers are those that blocks may name; only is the one that they needn't.
	providers map[string]spec.ProviderName
	only      spec.ProviderName
}

func newPlainMaker(l *loader) *plainMaker {
	m := &plainMaker{
		loader: l, packages: map[string][]string{}, labels: map[string]map[string]string{},
		words: map[string]string{}, layouts: map[string][]spec.AttrPlace{},
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
	switch a.name {
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
		id := m.word(text)
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
		labels[m.word(pairs[i])] = m.word(pairs[i+1]) // of two with one key, the later counts
	}
	if len(m.labels) < memoSize {
		m.labels[string(a.text)] = labels
	}
	return labels
}

// word is a text that other cards may well have too.
func (m *plainMaker) word(text []byte) string {
	if known, ok := m.words[string(text)]; ok {
		return known
	}
	word := normal(m.texts.keep(text))
	if len(m.words) < memoSize {
		m.words[word] = word
	}
	return word
}

// block is what the card refers to: its name and its places.
func (m *plainMaker) block(from *cardSource, b *plainBlock) *spec.Block {
	if len(m.blocks) == 0 {
		m.blocks = make([]spec.Block, 1024)
	}
	out := &m.blocks[0]
	m.blocks = m.blocks[1:]
	header := spec.Range{File: from.source.name, Start: b.start.pos(), End: b.end.pos()}
	*out = spec.Block{Name: from.name, Source: header, Attrs: m.attrPlaces(b, header)}
	return out
}

// attrPlaces are the places of the block's attributes, shared with the blocks
// that have theirs at the same ones.
func (m *plainMaker) attrPlaces(b *plainBlock, header spec.Range) []spec.AttrPlace {
	m.places, m.key = m.places[:0], m.key[:0]
	for i := range b.attributes {
		a := &b.attributes[i]
		p := spec.AttrPlace{Name: a.name, Start: a.start.pos().RelTo(header), End: a.end.pos().RelTo(header)}
		m.places = append(m.places, p)
		m.key = append(append(m.key, p.Name...), ' ')
		for _, at := range []spec.RelPos{p.Start, p.End} {
			m.key = binary.AppendVarint(m.key, int64(at.Line))
			m.key = binary.AppendVarint(m.key, int64(at.Column))
			m.key = binary.AppendVarint(m.key, int64(at.Byte))
		}
	}
	if known, ok := m.layouts[string(m.key)]; ok {
		return known
	}
	places := slices.Clone(m.places)
	if len(m.layouts) < memoSize {
		m.layouts[string(m.key)] = places
	}
	return places
}
