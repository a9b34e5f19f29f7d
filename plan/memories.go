package plan

import (
	"encoding/binary"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// memories keeps what a state that is read card by card has of the plan's
// cards: some 40 bytes of a card that is like most, and all of one that has
// packages, recent changes, doubts, labels or a carrier's own ids.
type memories struct {
	packed [][]byte // blocks of packed cards
	places []place
	whole  []state.Card
	words  []string // texts that many cards have
	known  map[string]int
	one    state.Card
}

// place is where a card is packed; in whole where block is -1.
type place struct{ block, at int32 }

// packedAtOnce is the size of a block, in bytes.
const packedAtOnce = 1 << 20

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
	if last < 0 || len(m.packed[last]) > packedAtOnce-1024 {
		m.packed = append(m.packed, make([]byte, 0, packedAtOnce))
		last++
	}
	m.places = append(m.places, place{int32(last), int32(len(m.packed[last]))})
	m.packed[last] = m.pack(m.packed[last], c, address)
	return n
}

// packs reports whether pack knows all that the card has.
func packs(c *state.Card) bool {
	utc := c.Last.At.Location() == time.UTC && c.Changed.Location() == time.UTC && c.Since.Location() == time.UTC
	return utc && len(c.Labels)+len(c.CarrierIDs)+len(c.Recent)+len(c.Doubts)+len(c.Last.Packages) == 0
}

// What is set of a packed card, besides its texts.
const (
	knownDevice = 1 << iota
	asFarAsTold
	preventsUnbind
	forDevice
	sameAddress
	sameDevice // at its last reading, as it is bound to
)

func (m *memories) pack(b []byte, c *state.Card, address string) []byte {
	flags := flag(knownDevice, c.Binding.Known) | flag(asFarAsTold, c.Binding.AsFarAsTold) | flag(preventsUnbind, c.PreventUnbind) |
		flag(forDevice, c.Last.ForDevice) | flag(sameAddress, c.Address == address) | flag(sameDevice, c.Last.IMEI == c.Binding.IMEI)
	b = append(b, flags, byte(c.Binding.Unconfirmed), byte(c.Last.Has))
	for _, word := range [...]string{string(c.Provider), c.Last.Status, string(c.Last.Lifecycle), c.Last.Reason} {
		b = binary.AppendUvarint(b, uint64(m.word(word)))
	}
	for _, t := range [...]time.Time{c.Last.At, c.Changed, c.Since} {
		b = appendTime(b, t)
	}
	b = appendText(b, string(c.ICCID))
	b = appendText(b, string(c.Binding.IMEI))
	b = appendText(b, c.MSISDN)
	if c.Address != address {
		b = appendText(b, c.Address)
	}
	if c.Last.IMEI != c.Binding.IMEI {
		b = appendText(b, string(c.Last.IMEI))
	}
	return b
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

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendTime writes a time in UTC; 0 for none.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	b = append(b, 1)
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond())) //nolint:gosec // nanoseconds are no less than 0
}

// card is the card of that number, which wanted declares. It is good until the
// next call.
func (m *memories) card(n int32, wanted *spec.Card) *state.Card {
	at := m.places[n]
	if at.block < 0 {
		return &m.whole[at.at]
	}
	u := unpacking{m.packed[at.block][at.at:]}
	c := &m.one
	*c = state.Card{}
	flags := u.byte()
	c.Binding.Known, c.Binding.AsFarAsTold, c.PreventUnbind, c.Last.ForDevice = flags&knownDevice != 0, flags&asFarAsTold != 0, flags&preventsUnbind != 0, flags&forDevice != 0
	c.Binding.Unconfirmed, c.Last.Has = state.Unconfirmed(u.byte()), spec.Attr(u.byte())
	c.Provider, c.Last.Status = spec.ProviderName(m.words[u.number()]), m.words[u.number()]
	c.Last.Lifecycle, c.Last.Reason = spec.Lifecycle(m.words[u.number()]), m.words[u.number()]
	c.Last.At, c.Changed, c.Since = u.time(), u.time(), u.time()
	if wanted == nil {
		wanted = &spec.Card{}
	}
	c.ICCID = spec.ICCID(u.text(string(wanted.ICCID)))
	c.Binding.IMEI = spec.IMEI(u.text(string(wanted.IMEI)))
	c.MSISDN = u.text("")
	switch {
	case flags&sameAddress == 0:
		c.Address = u.text("")
	case wanted.Block != nil:
		c.Address = wanted.Address()
	}
	if c.Last.IMEI = c.Binding.IMEI; flags&sameDevice == 0 {
		c.Last.IMEI = spec.IMEI(u.text(""))
	}
	return c
}

// unpacking reads what pack wrote.
type unpacking struct{ rest []byte }

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
	if u.byte() == 0 {
		return time.Time{}
	}
	seconds, n := binary.Varint(u.rest)
	u.rest = u.rest[n:]
	return time.Unix(seconds, int64(u.number())).UTC() //nolint:gosec // pack wrote less than a second
}

// text is the next text: like itself, where it is the same, without a copy.
func (u *unpacking) text(like string) string {
	n := u.number()
	text := u.rest[:n]
	u.rest = u.rest[n:]
	if string(text) == like {
		return like
	}
	return string(text)
}
