package config

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// plainMaker makes cards of plain blocks. What they have in common they share:
// lists of packages, labels and names of providers that are written alike.
type plainMaker struct {
	*loader
	reader plain.Reader
	texts  plain.Texts
	blocks []spec.Block     // room for the next
	places []spec.AttrPlace // of the block under way
	key    []byte           // of the places

	// Each holds memoSize at most: with more different ones, remembering them saves nothing.
	packages map[string][]string          // by how they are written
	labels   map[string]map[string]string // by how they are written
	words    map[string]string
	layouts  map[string][]spec.AttrPlace
	// providers are what blocks may name. only is the provider of blocks that
	// name none; "" where there are several.
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
func (m *plainMaker) card(from *plain.Card) bool {
	b := from.Read(&m.reader)
	card := spec.Card{Provider: m.only, PreventUnbind: b.PreventUnbind, Ignore: b.Ignore}
	for i := range b.Attributes {
		if !m.assign(&card, b, &b.Attributes[i]) {
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
func (m *plainMaker) assign(card *spec.Card, b *plain.Block, a *plain.Attribute) (ok bool) {
	v := value{null: a.Null, on: a.On}
	switch a.Name {
	case "iccid":
		v.text = m.texts.Keep(a.Text)
		return assignICCID(card, v) == nil
	case "imei":
		v.text = m.texts.Keep(a.Text)
		return assignIMEI(card, v) == nil
	case "current_imei":
		v.text = m.texts.Keep(a.Text)
		return assignCurrentIMEI(card, v) == nil
	case "msisdn":
		v.text = m.texts.Keep(a.Text)
		return assignMSISDN(card, v) == nil
	case "bound":
		card.Bound = switchOf(v)
	case "active":
		card.Active = switchOf(v)
	case "shared_imei":
		card.SharedIMEI = a.On
	case "packages":
		card.Packages, ok = m.packageList(b, a)
		return ok
	case "labels":
		card.Labels, ok = m.labelMap(b, a)
		return ok
	case "provider":
		card.Provider, ok = m.providers[string(a.Text)]
		return ok
	}
	return true
}

func (m *plainMaker) packageList(b *plain.Block, a *plain.Attribute) ([]string, bool) {
	if a.Null {
		return nil, true
	}
	if known, ok := m.packages[string(a.Text)]; ok {
		return known, true
	}
	ids := make([]string, 0, a.To-a.From)
	for _, text := range b.Texts[a.From:a.To] {
		id := m.word(text)
		if strings.TrimSpace(id) == "" {
			return nil, false
		}
		ids = append(ids, id)
	}
	ids = slices.Clip(sortedSet(ids))
	if len(m.packages) < memoSize {
		m.packages[string(a.Text)] = ids
	}
	return ids, true
}

// labelMap refuses a key that stands twice.
func (m *plainMaker) labelMap(b *plain.Block, a *plain.Attribute) (map[string]string, bool) {
	if a.Null {
		return nil, true
	}
	if known, ok := m.labels[string(a.Text)]; ok {
		return known, true
	}
	pairs := b.Texts[a.From:a.To]
	labels := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		labels[m.word(pairs[i])] = m.word(pairs[i+1])
	}
	if len(labels) < len(pairs)/2 {
		return nil, false
	}
	if len(m.labels) < memoSize {
		m.labels[string(a.Text)] = labels
	}
	return labels, true
}

// word is a text that other cards may well have too.
func (m *plainMaker) word(text []byte) string {
	if known, ok := m.words[string(text)]; ok {
		return known
	}
	word := normal(m.texts.Keep(text))
	if len(m.words) < memoSize {
		m.words[word] = word
	}
	return word
}

// block is what the card refers to: its name and its places.
func (m *plainMaker) block(from *plain.Card, b *plain.Block) *spec.Block {
	if len(m.blocks) == 0 {
		m.blocks = make([]spec.Block, 1024)
	}
	out := &m.blocks[0]
	m.blocks = m.blocks[1:]
	header := spec.Range{File: from.File(), Start: b.Start.Pos(), End: b.End.Pos()}
	*out = spec.Block{Name: from.Name, Source: header, Attrs: m.attrPlaces(b, header)}
	return out
}

// attrPlaces are the places of the block's attributes, shared with the blocks
// that have theirs at the same ones.
func (m *plainMaker) attrPlaces(b *plain.Block, header spec.Range) []spec.AttrPlace {
	m.places, m.key = m.places[:0], m.key[:0]
	for i := range b.Attributes {
		a := &b.Attributes[i]
		p := spec.AttrPlace{Name: a.Name, Start: a.Start.Pos().RelTo(header), End: a.End.Pos().RelTo(header)}
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
