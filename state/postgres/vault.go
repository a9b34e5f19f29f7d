package postgres

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/bits"
	"strconv"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/cardfleet/cardfleet/state"
)

// How a state is encrypted.
//
// An age file for each row would be slow and large. So a state has a random
// data key, and only that is sealed by the [state.Sealer], in states.key. Three
// keys are derived from it: one for rows and heads, one for ids, one for sums.
//
// A row's card is encrypted with XChaCha20-Poly1305 and a random nonce, and
// bound to the lineage, to the card and to the serial from which on it holds.
// In place of the ICCID the row has an HMAC of it, its id. (In a state of format
// 1 the HMAC is of the provider and the ICCID.)
//
// That keeps a row from being changed or moved, but not from being dropped, or
// put back once it was replaced. So each commit writes a sealed head, into the
// state's row and into the history: lineage, serial, number of cards, and the
// sum over the rows that hold (see [sum]). A commit updates the sum by the rows
// that it ends and adds; a reader sums up what it reads, and compares.

// dataKeySize is the size of a data key in bytes.
const dataKeySize = 32

// vault encrypts the rows and heads of one state, and opens them. It is for one
// goroutine.
type vault struct {
	dataKey []byte
	lineage string
	random  func(p []byte)
	aead    cipher.AEAD
	ids     hash.Hash
	sums    hash.Hash
	bound   []byte // the last associated data; kept for its space
}

// newVault has a new data key.
func newVault(lineage string, random func(p []byte)) (*vault, error) {
	key := make([]byte, dataKeySize)
	random(key)
	return vaultOf(key, lineage, random)
}

// openVault is the vault whose data key was sealed.
func openVault(sealed []byte, lineage string, sealer state.Sealer, random func(p []byte)) (*vault, error) {
	if sealer == nil {
		return nil, state.ErrSealed
	}
	r, err := sealer.Open(bytes.NewReader(sealed))
	if err != nil {
		return nil, err
	}
	key, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the data key can't be decrypted: %w", err)
	}
	return vaultOf(key, lineage, random)
}

func vaultOf(dataKey []byte, lineage string, random func(p []byte)) (*vault, error) {
	if len(dataKey) != dataKeySize {
		return nil, fmt.Errorf("the data key has %d bytes, and it is one of %d", len(dataKey), dataKeySize)
	}
	var keys [3][]byte
	for i, use := range []string{"rows", "ids", "sums"} {
		key, err := hkdf.Key(sha256.New, dataKey, nil, "cardfleet postgres "+use, dataKeySize)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	aead, err := chacha20poly1305.NewX(keys[0])
	if err != nil {
		return nil, err
	}
	return &vault{
		dataKey: dataKey, lineage: lineage, random: random, aead: aead,
		ids: hmac.New(sha256.New, keys[1]), sums: hmac.New(sha256.New, keys[2]),
	}, nil
}

// sealKey seals the data key.
func (v *vault) sealKey(sealer state.Sealer) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := sealer.Seal(&sealed)
	if err != nil {
		return nil, fmt.Errorf("encrypt the data key: %w", err)
	}
	if _, err := w.Write(v.dataKey); err != nil {
		return nil, fmt.Errorf("encrypt the data key: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt the data key: %w", err)
	}
	return sealed.Bytes(), nil
}

// id stands for a card in the rows, or for another text.
func (v *vault) id(text string) string {
	v.ids.Reset()
	v.bound = append(v.bound[:0], text...)
	v.ids.Write(v.bound)
	return base64.RawURLEncoding.EncodeToString(v.ids.Sum(v.bound[:0])[:16])
}

// bind is the associated data of a row. Neither an id nor a number holds a zero byte.
func (v *vault) bind(id string, from uint64) []byte {
	v.bound = append(append(v.bound[:0], v.lineage...), 0)
	v.bound = append(append(v.bound, id...), 0)
	v.bound = strconv.AppendUint(v.bound, from, 10)
	return v.bound
}

// sealRow encrypts a card's text into a new slice: the nonce, and what it
// protects.
func (v *vault) sealRow(id string, from uint64, text []byte) []byte {
	return v.seal(text, v.bind(id, from))
}

// openRow decrypts what sealRow made for the same id and serial. The text takes
// the place of the sealed bytes.
func (v *vault) openRow(id string, from uint64, sealed []byte) ([]byte, error) {
	return v.open(sealed, v.bind(id, from))
}

func (v *vault) seal(text, bound []byte) []byte {
	sealed := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(text)+v.aead.Overhead())
	v.random(sealed)
	return v.aead.Seal(sealed, sealed, text, bound)
}

var errForged = errors.New("it was changed, or comes from elsewhere, or the key is another one")

func (v *vault) open(sealed, bound []byte) ([]byte, error) {
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, errForged
	}
	nonce, box := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	text, err := v.aead.Open(box[:0], nonce, box, bound)
	if err != nil {
		return nil, errForged
	}
	return text, nil
}

// sum stands for a set of rows, whatever their order: the HMACs of the rows
// that are in it, added up modulo 2^256. Nobody without the key can find other
// rows that have the same sum, since the HMACs and the sum are both secret.
// The least significant part comes first.
type sum [4]uint64

// ofRow is what a row adds to a sum. The nonce, with which the row begins,
// stands for its content.
func (v *vault) ofRow(id string, from uint64, sealed []byte) (sum, error) {
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return sum{}, errForged
	}
	v.sums.Reset()
	v.sums.Write(v.bind(id, from))
	v.sums.Write(sealed[:chacha20poly1305.NonceSizeX])
	mac := v.sums.Sum(v.bound[:0])
	var s sum
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(mac[8*i:])
	}
	return s, nil
}

func (s *sum) add(o sum) {
	var carry uint64
	for i := range s {
		s[i], carry = bits.Add64(s[i], o[i], carry)
	}
}

func (s *sum) subtract(o sum) {
	var borrow uint64
	for i := range s {
		s[i], borrow = bits.Sub64(s[i], o[i], borrow)
	}
}

// sealedHead is what a commit says of its snapshot, for those who have the key.
type sealedHead struct {
	Lineage string    `json:"lineage"`
	Serial  uint64    `json:"serial"`
	Cards   int       `json:"cards"`
	Written time.Time `json:"written"`
	Since   uint64    `json:"since"` // the first serial that is encrypted
	// Format is that of the snapshot; 0 is the first.
	Format int         `json:"format,omitempty"`
	Fleet  state.Fleet `json:"fleet,omitzero"`
	Sum    sum         `json:"sum"` // of the rows that hold
}

// headBound is the associated data of a head. It is no row's.
var headBound = []byte("head")

func (v *vault) sealHead(h sealedHead) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return v.seal(text, headBound), nil
}

func (v *vault) openHead(sealed []byte) (sealedHead, error) {
	text, err := v.open(bytes.Clone(sealed), headBound)
	if err != nil {
		return sealedHead{}, err
	}
	var h sealedHead
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&h); err != nil {
		return sealedHead{}, fmt.Errorf("it is no head of ours: %w", err)
	}
	return h, nil
}
