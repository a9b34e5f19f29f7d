package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// An age file is a header, which holds the file key for each recipient, a
// nonce, and the payload, encrypted under a key derived from both. The age
// module makes a new header for each file, which with a passphrase costs a
// second. A journal has thousands of small groups, so here the header is made
// once, and each file has a nonce of its own: a random one of 16 bytes, from
// which its payload key follows (age-encryption.org/v1, "Payload"). The
// module itself reads the files.

const (
	nonceSize = 16
	chunkSize = 64 << 10
)

// head is a header with its file key.
type head struct {
	text, key []byte
}

// begin starts a file on w.
func (h *head) begin(w io.Writer, random func(p []byte)) (*writer, error) {
	var nonce [nonceSize]byte
	random(nonce[:])
	key, err := hkdf.Key(sha256.New, h.key, nonce[:], "payload", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(h.text); err != nil {
		return nil, err
	}
	if _, err := w.Write(nonce[:]); err != nil {
		return nil, err
	}
	return &writer{to: w, aead: aead}, nil
}

// writer encrypts in chunks. Every chunk is full but the last, which alone is
// marked as such, so that a file that was cut off shows.
type writer struct {
	to     io.Writer
	aead   cipher.AEAD
	chunk  []byte // not yet written; a full one waits, since it may be the last
	sealed []byte
	n      uint64 // chunks written
	err    error
}

// Write implements [io.Writer].
func (w *writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		if len(w.chunk) == chunkSize {
			w.flush(false)
		}
		part := p[:min(len(p), chunkSize-len(w.chunk))]
		w.chunk, p, n = append(w.chunk, part...), p[len(part):], n+len(part)
	}
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
}

// Close writes the last chunk. It leaves what it writes to open.
func (w *writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.flush(true)
	if w.err != nil {
		return w.err
	}
	w.err = io.ErrClosedPipe
	return nil
}

// flush writes the chunk. Its nonce is its number, in 11 bytes, and a byte
// that says whether it is the last.
func (w *writer) flush(last bool) {
	var nonce [chacha20poly1305.NonceSize]byte
	binary.BigEndian.PutUint64(nonce[3:11], w.n)
	if last {
		nonce[11] = 1
	}
	w.sealed = w.aead.Seal(w.sealed[:0], nonce[:], w.chunk, nil)
	_, w.err = w.to.Write(w.sealed)
	w.chunk, w.n = w.chunk[:0], w.n+1
}
