package described

import (
	"encoding/binary"
	"hash"
	"math/bits"
)

// SM3, of GB/T 32905-2016 (also draft-sca-cfrg-sm3-02, whose vectors the tests
// have): China Unicom's platform signs with it.

const (
	sm3Size  = 32
	sm3Block = 64
)

type sm3 struct {
	state  [8]uint32
	block  [sm3Block]byte
	filled int
	length uint64
}

func newSM3() hash.Hash {
	h := &sm3{}
	h.Reset()
	return h
}

// Reset implements [hash.Hash].
func (h *sm3) Reset() {
	*h = sm3{state: [8]uint32{0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e}}
}

// Size implements [hash.Hash].
func (h *sm3) Size() int { return sm3Size }

// BlockSize implements [hash.Hash].
func (h *sm3) BlockSize() int { return sm3Block }

// Write implements [hash.Hash].
func (h *sm3) Write(p []byte) (int, error) {
	n := len(p)
	h.length += uint64(n)
	for len(p) > 0 {
		took := copy(h.block[h.filled:], p)
		h.filled, p = h.filled+took, p[took:]
		if h.filled == sm3Block {
			h.compress()
			h.filled = 0
		}
	}
	return n, nil
}

// Sum implements [hash.Hash].
func (h *sm3) Sum(in []byte) []byte {
	end := *h
	padding := make([]byte, 1, 2*sm3Block)
	padding[0] = 0x80
	for (end.filled+len(padding))%sm3Block != sm3Block-8 {
		padding = append(padding, 0)
	}
	_, _ = end.Write(binary.BigEndian.AppendUint64(padding, h.length*8)) // a hash never fails
	for _, word := range end.state {
		in = binary.BigEndian.AppendUint32(in, word)
	}
	return in
}

func sm3P0(x uint32) uint32 { return x ^ bits.RotateLeft32(x, 9) ^ bits.RotateLeft32(x, 17) }
func sm3P1(x uint32) uint32 { return x ^ bits.RotateLeft32(x, 15) ^ bits.RotateLeft32(x, 23) }

// expand makes the 68 words of a block.
func (h *sm3) expand() (w [68]uint32) {
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(h.block[4*i:])
	}
	for i := 16; i < len(w); i++ {
		w[i] = sm3P1(w[i-16]^w[i-9]^bits.RotateLeft32(w[i-3], 15)) ^ bits.RotateLeft32(w[i-13], 7) ^ w[i-6]
	}
	return w
}

func (h *sm3) compress() {
	w := h.expand()
	a, b, c, d, e, f, g, x := h.state[0], h.state[1], h.state[2], h.state[3], h.state[4], h.state[5], h.state[6], h.state[7]
	for i := range 64 {
		t := uint32(0x79cc4519)
		ff, gg := a^b^c, e^f^g
		if i >= 16 {
			t, ff, gg = 0x7a879d8a, a&b|a&c|b&c, e&f|^e&g
		}
		ss1 := bits.RotateLeft32(bits.RotateLeft32(a, 12)+e+bits.RotateLeft32(t, i%32), 7)
		tt1 := ff + d + (ss1 ^ bits.RotateLeft32(a, 12)) + (w[i] ^ w[i+4])
		tt2 := gg + x + ss1 + w[i]
		d, c, b, a = c, bits.RotateLeft32(b, 9), a, tt1
		x, g, f, e = g, bits.RotateLeft32(f, 19), e, sm3P0(tt2)
	}
	for i, v := range [8]uint32{a, b, c, d, e, f, g, x} {
		h.state[i] ^= v
	}
}
