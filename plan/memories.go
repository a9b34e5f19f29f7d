package plan

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// memories keeps what a state that is read card by card has of the plan's
// cards: some 40 bytes of a card that is like most, 30 more for a recent change,
// and all of one that has packages, doubts or a carrier's own ids. Labels that cards
// have in common are kept once.
type memories struct {
	packed [][]byte // blocks of packed cards
	places []place
	whole  []state.Card
	words  []string // texts that many cards have
	known  map[string]int
	labels map[uint64]map[string]string // by the word that stands for them
	one    state.Card
	// lends says that a card's recent changes are good until the next call, as the card
	// is: they are in room.
	lends bool
	room  []state.Change
}

// place is where a card is packed; in whole where block is -1.
type place struct{ block, at int32 }

// Blocks are of these sizes, in bytes, each twice the one before.
const firstBlock, largestBlock = 4 << 10, 1 << 20

// packedAtMost is more than a packed card takes, unless its texts are long: then its
// block grows.
const packedAtMost = 1 << 10

// keep keeps a card, and returns its number. address is the declared one; "" for
// a card that isn't declared.
func (m *memories) keep(c *state.Card, address string) int32 {
	n := int32(len(m.places))
	if !packs(c) {
		m.places = append(m.places, place{-1, int32(len(m.whole))})
		m.whole = append(m.whole, *c)
		return n
	}
	last := len(m.packed) - 1
	if last < 0 || cap(m.packed[last])-len(m.packed[last]) < packedAtMost {
		m.packed = append(m.packed, make([]byte, 0, min(firstBlock<<min(len(m.packed), 16), largestBlock)))
		last++
	}
	m.places = append(m.places, place{int32(last), int32(len(m.packed[last]))})
	p := packing{b: m.packed[last], words: m}
	p.card(c, address)
	m.packed[last] = p.b
	return n
}

// Memories keeps what is remembered of cards, in a few dozen bytes for most: see
// memories. The zero value has none.
type Memories struct{ kept memories }

// Keep keeps a card, and returns its number, from 0.
func (m *Memories) Keep(c *state.Card) int32 { return m.kept.keep(c, "") }

// Card is the card of that number. It is good until the next call.
func (m *Memories) Card(n int32) *state.Card { return m.kept.card(n, nil) }

// Compare compares the ICCIDs of two cards.
func (m *Memories) Compare(a, b int32) int { return bytes.Compare(m.kept.iccid(a), m.kept.iccid(b)) }

// packs reports whether pack knows all that the card has.
func packs(c *state.Card) bool {
	if len(c.CarrierIDs)+len(c.Doubts)+len(c.Last.Packages) > 0 || len(c.Recent) > mostRecent {
		return false
	}
	for i := range c.Recent {
		if !packsTime(c.Recent[i].At) || !packsTime(c.Recent[i].CarrierAt) {
			return false
		}
	}
	return packsTime(c.Last.At) && packsTime(c.Changed) && packsTime(c.Since)
}

// packsTime reports whether a time is in a zone that packing knows.
func packsTime(t time.Time) bool { return t.Location() == time.UTC || t.Location() == time.Local }

// mostRecent is how many recent changes a packed card has at most.
const mostRecent = 255

// What is set of a packed card, besides its texts.
const (
	knownDevice = 1 << iota
	asFarAsTold
	preventsUnbind
	forDevice
	sameAddress
	sameDevice // at its last reading, as it is bound to
	ownAddress // which has the ICCID in it: packed are the texts around that
	labelled
)

// packing writes a card.
type packing struct {
	b     []byte
	words *memories
	last  time.Time // that was written
}

func (p *packing) card(c *state.Card, address string) {
	flags := flag(knownDevice, c.Binding.Known) | flag(asFarAsTold, c.Binding.AsFarAsTold) | flag(preventsUnbind, c.PreventUnbind) |
		flag(forDevice, c.Last.ForDevice) | flag(sameAddress, c.Address == address) | flag(sameDevice, c.Last.IMEI == c.Binding.IMEI)
	before, after, own := strings.Cut(c.Address, string(c.ICCID))
	own = own && c.Address != address && c.ICCID != ""
	p.text(string(c.ICCID)) // first, where it is compared
	p.b = append(p.b, flags|flag(ownAddress, own)|flag(labelled, len(c.Labels) > 0), byte(c.Binding.Unconfirmed), byte(c.Last.Has))
	for _, word := range [...]string{string(c.Provider), c.Last.Status, string(c.Last.Lifecycle), c.Last.Reason} {
		p.word(word)
	}
	for _, t := range [...]time.Time{c.Last.At, c.Changed, c.Since} {
		p.time(t)
	}
	p.text(string(c.Binding.IMEI))
	p.text(c.MSISDN)
	switch {
	case own:
		p.word(before)
		p.word(after)
	case c.Address != address:
		p.text(c.Address)
	}
	if c.Last.IMEI != c.Binding.IMEI {
		p.text(string(c.Last.IMEI))
	}
	if len(c.Labels) > 0 {
		p.word(labelsText(c.Labels))
	}
	p.recent(c.Recent)
}

// labelsText stands for the labels.
func labelsText(labels map[string]string) string {
	var b []byte
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		for _, text := range [...]string{k, labels[k]} {
			b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		}
	}
	return string(b)
}

// labelsOf are the labels that a word stands for, shared by the cards that have them.
func (m *memories) labelsOf(word uint64) map[string]string {
	if labels, known := m.labels[word]; known {
		return labels
	}
	if m.labels == nil {
		m.labels = map[uint64]map[string]string{}
	}
	labels, rest := map[string]string{}, m.words[word]
	next := func() (text string) {
		n, size := binary.Uvarint([]byte(rest[:min(len(rest), binary.MaxVarintLen64)]))
		text, rest = rest[size:size+int(n)], rest[size+int(n):] //nolint:gosec // labelsText wrote the length of a text
		return text
	}
	for rest != "" {
		k := next()
		labels[k] = next()
	}
	m.labels[word] = labels
	return labels
}

// What is set of a packed change.
const (
	keepsAccount = 1 << iota
	replaces
	isFinal
	isAccepted
)

func (p *packing) recent(recent []state.Change) {
	p.b = append(p.b, byte(len(recent)))
	for i := range recent {
		ch := &recent[i]
		p.word(string(ch.Kind))
		p.b = append(p.b, flag(keepsAccount, ch.KeepsAccount)|flag(replaces, ch.Replaces)|flag(isFinal, ch.Final)|flag(isAccepted, ch.Accepted))
		p.text(ch.From)
		p.text(ch.To)
		p.time(ch.At)
		p.time(ch.CarrierAt)
	}
}

func flag(bit byte, set bool) byte {
	if set {
		return bit
	}
	return 0
}

func (m *memories) word(s string) int {
	n, known := m.known[s]
	if !known {
		if m.known == nil {
			m.known = map[string]int{}
		}
		n = len(m.words)
		m.known[s], m.words = n, append(m.words, s)
	}
	return n
}

func (p *packing) word(s string) { p.b = binary.AppendUvarint(p.b, uint64(p.words.word(s))) }

// text writes a text behind twice its length, and one more where it is digits, of
// which two are a byte: ICCIDs and IMEIs are.
func (p *packing) text(s string) {
	digits := s != "" && strings.Trim(s, "0123456789") == ""
	p.b = binary.AppendUvarint(p.b, uint64(len(s))<<1|uint64(flag(1, digits)))
	if !digits {
		p.b = append(p.b, s...)
		return
	}
	for i := 0; i < len(s); i += 2 {
		b := (s[i] - '0') << 4
		if i+1 < len(s) {
			b |= s[i+1] - '0'
		}
		p.b = append(p.b, b)
	}
}

// How a packed time begins: with its zone, or saying that it is the one before.
const (
	noTime = iota
	inUTC
	inLocal
	asBefore
)

func (p *packing) time(t time.Time) {
	switch {
	case t.IsZero():
		p.b = append(p.b, noTime)
		return
	case t.Equal(p.last) && t.Location() == p.last.Location():
		p.b = append(p.b, asBefore)
		return
	case t.Location() == time.UTC:
		p.b = append(p.b, inUTC)
	default:
		p.b = append(p.b, inLocal)
	}
	p.b = binary.AppendVarint(p.b, t.Unix())
	p.b = binary.AppendUvarint(p.b, uint64(t.Nanosecond())) //nolint:gosec // nanoseconds are no less than 0
	p.last = t
}

// card is the card of that number, which wanted declares. It is good until the
// next call.
func (m *memories) card(n int32, wanted *spec.Card) *state.Card {
	at := m.places[n]
	if at.block < 0 {
		return &m.whole[at.at]
	}
	if wanted == nil {
		wanted = &spec.Card{}
	}
	u := unpacking{rest: m.packed[at.block][at.at:]}
	c := &m.one
	*c = state.Card{ICCID: spec.ICCID(u.text(string(wanted.ICCID)))}
	flags := u.byte()
	c.Binding.Known, c.Binding.AsFarAsTold, c.PreventUnbind, c.Last.ForDevice = flags&knownDevice != 0, flags&asFarAsTold != 0, flags&preventsUnbind != 0, flags&forDevice != 0
	c.Binding.Unconfirmed, c.Last.Has = state.Unconfirmed(u.byte()), spec.Attr(u.byte())
	c.Provider, c.Last.Status = spec.ProviderName(m.words[u.number()]), m.words[u.number()]
	c.Last.Lifecycle, c.Last.Reason = spec.Lifecycle(m.words[u.number()]), m.words[u.number()]
	c.Last.At, c.Changed, c.Since = u.time(), u.time(), u.time()
	c.Binding.IMEI = spec.IMEI(u.text(string(wanted.IMEI)))
	c.MSISDN = u.text("")
	switch {
	case flags&ownAddress != 0:
		c.Address = m.words[u.number()] + string(c.ICCID) + m.words[u.number()]
	case flags&sameAddress == 0:
		c.Address = u.text("")
	case wanted.Block != nil:
		c.Address = wanted.Address()
	}
	if c.Last.IMEI = c.Binding.IMEI; flags&sameDevice == 0 {
		c.Last.IMEI = spec.IMEI(u.text(""))
	}
	if flags&labelled != 0 {
		c.Labels = m.labelsOf(u.number())
	}
	c.Recent = m.recent(&u)
	return c
}

// recent are the recent changes of a packed card.
func (m *memories) recent(u *unpacking) []state.Change {
	n := u.byte()
	if n == 0 {
		return nil
	}
	list := m.changes(int(n))
	for i := range list {
		ch := &list[i]
		ch.Kind = spec.Kind(m.words[u.number()])
		flags := u.byte()
		ch.KeepsAccount, ch.Replaces, ch.Final = flags&keepsAccount != 0, flags&replaces != 0, flags&isFinal != 0
		ch.Accepted = flags&isAccepted != 0
		ch.From, ch.To = u.text(""), u.text("")
		ch.At, ch.CarrierAt = u.time(), u.time()
	}
	return list
}

// changes are so many changes, to be set.
func (m *memories) changes(n int) []state.Change {
	if !m.lends {
		return make([]state.Change, n)
	}
	m.room = slices.Grow(m.room[:0], n)[:n]
	clear(m.room)
	return m.room
}

// iccid is the ICCID of the card of that number.
func (m *memories) iccid(n int32) []byte {
	at := m.places[n]
	if at.block < 0 {
		return []byte(m.whole[at.at].ICCID)
	}
	u := unpacking{rest: m.packed[at.block][at.at:]}
	return u.bytes()
}

// unpacking reads what packing wrote.
type unpacking struct {
	rest []byte
	last time.Time
	room [24]byte // for digits
}

func (u *unpacking) byte() byte {
	b := u.rest[0]
	u.rest = u.rest[1:]
	return b
}

func (u *unpacking) number() uint64 {
	v, n := binary.Uvarint(u.rest)
	u.rest = u.rest[n:]
	return v
}

func (u *unpacking) time() time.Time {
	zone := u.byte()
	switch zone {
	case noTime:
		return time.Time{}
	case asBefore:
		return u.last
	}
	seconds, n := binary.Varint(u.rest)
	u.rest = u.rest[n:]
	u.last = time.Unix(seconds, int64(u.number())) //nolint:gosec // it is less than a second
	if zone == inUTC {
		u.last = u.last.UTC()
	}
	return u.last
}

// text is the next text: like itself, where it is the same, without a copy.
func (u *unpacking) text(like string) string {
	text := u.bytes()
	if string(text) == like {
		return like
	}
	return string(text)
}

// bytes is the next text, which is good until the next one.
func (u *unpacking) bytes() []byte {
	n := u.number()
	size := int(n >> 1) //nolint:gosec // it is the length of a text
	if n&1 == 0 {
		text := u.rest[:size]
		u.rest = u.rest[size:]
		return text
	}
	text := u.room[:0]
	for i := range size {
		b := u.rest[i/2]
		if i%2 == 0 {
			b >>= 4
		}
		text = append(text, '0'+b&0x0f)
	}
	u.rest = u.rest[(size+1)/2:]
	return text
}
