package apply

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// ledger is what became of the actions of a run, by their numbers in the plan: some
// 40 bytes for each. What a result says of its action is the plan's to know.
type ledger struct {
	outcomes []byte   // 0 for an action that hasn't ended
	places   []uint64 // of what else there is to say, in blocks
	blocks   [][]byte

	ended    int
	counts   map[Outcome]int
	kinds    map[spec.Kind]int // of those that are done
	asWanted int
}

const (
	blockBits = 20
	blockSize = 1 << blockBits
)

// What an outcome's byte has besides the outcome.
const (
	outcomeBits  = 0x07
	deniedBit    = 0x08
	wantedBit    = 0x10
	toldBit      = 0x20
	uuidBit      = 0x40 // the request's id is a UUID, which is packed
	upperUUIDBit = 0x80 // and written in upper case
)

func newLedger(actions int) ledger {
	return ledger{
		outcomes: make([]byte, actions), places: make([]uint64, actions),
		counts: map[Outcome]int{}, kinds: map[spec.Kind]int{},
	}
}

func (l *ledger) has(number int) bool { return l.outcomes[number] != 0 }

// put notes what became of an action, once.
func (l *ledger) put(number int, r *Result) {
	l.ended++
	l.counts[r.Outcome]++
	if r.Outcome == Done {
		l.kinds[r.Action.Kind]++
	}
	if r.AsWanted {
		l.asWanted++
	}
	code, id := outcomeCode(r), r.RequestID
	if packed, bits := packUUID(id); bits != 0 {
		code, id = code|bits, packed
	}
	l.outcomes[number] = code
	block := l.room(len(id) + len(r.Reason) + 3*binary.MaxVarintLen64)
	l.places[number] = uint64(block)<<32 | uint64(len(l.blocks[block]))
	b := binary.AppendVarint(l.blocks[block], int64(r.Elapsed))
	b = append(binary.AppendUvarint(b, uint64(len(id))), id...)
	l.blocks[block] = append(binary.AppendUvarint(b, uint64(len(r.Reason))), r.Reason...)
}

// room is the block that takes so many bytes more without being moved.
func (l *ledger) room(size int) int {
	last := len(l.blocks) - 1
	if last < 0 || cap(l.blocks[last])-len(l.blocks[last]) < size {
		l.blocks = append(l.blocks, make([]byte, 0, max(size, blockSize)))
		last++
	}
	return last
}

func outcomeCode(r *Result) byte {
	code := byte(0)
	for i, o := range Outcomes() {
		if o == r.Outcome {
			code = byte(i + 1)
		}
	}
	if r.AsWanted {
		code |= wantedBit
	}
	if r.AsFarAsTold {
		code |= toldBit
	}
	if r.Denied {
		code |= deniedBit
	}
	return code
}

// get is what became of an action, but for its card and itself.
func (l *ledger) get(number int) Result {
	code := l.outcomes[number]
	if code == 0 {
		return Result{Outcome: NotStarted, Reason: unread}
	}
	r := Result{Outcome: Outcomes()[code&outcomeBits-1], AsWanted: code&wantedBit != 0, AsFarAsTold: code&toldBit != 0, Denied: code&deniedBit != 0}
	place := l.places[number]
	b := l.blocks[place>>32][place&(1<<32-1):]
	elapsed, n := binary.Varint(b)
	r.Elapsed, b = time.Duration(elapsed), b[n:]
	r.RequestID, b = text(b)
	r.Reason, _ = text(b)
	if code&uuidBit != 0 {
		r.RequestID = unpackUUID(r.RequestID, code&upperUUIDBit != 0)
	}
	return r
}

// unread is why an action has no outcome: the plan itself ended before.
const unread = "the plan could not be read on"

func text(b []byte) (s string, rest []byte) {
	size, n := binary.Uvarint(b)
	return string(b[n : n+int(size)]), b[n+int(size):] //nolint:gosec // put wrote the length of a text
}

const uuidLength = 36

// packUUID is the 16 bytes of a UUID, as most carriers name requests; the bits
// are 0 for another text.
func packUUID(id string) (packed string, bits byte) {
	if len(id) != uuidLength {
		return "", 0
	}
	var b [16]byte
	if _, err := hex.Decode(b[:], []byte(strings.ReplaceAll(id, "-", ""))[:min(32, uuidLength-strings.Count(id, "-"))]); err != nil {
		return "", 0
	}
	packed = string(b[:])
	switch id {
	case unpackUUID(packed, false):
		return packed, uuidBit
	case unpackUUID(packed, true):
		return packed, uuidBit | upperUUIDBit
	}
	return "", 0
}

func unpackUUID(packed string, upper bool) string {
	var b [uuidLength]byte
	raw := []byte(packed)
	at := 0
	for i, size := range [...]int{4, 2, 2, 2, 6} {
		if i > 0 {
			b[at] = '-'
			at++
		}
		at += hex.Encode(b[at:], raw[:size])
		raw = raw[size:]
	}
	if upper {
		return strings.ToUpper(string(b[:]))
	}
	return string(b[:])
}
