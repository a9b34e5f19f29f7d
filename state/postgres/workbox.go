package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"github.com/cardfleet/cardfleet/state"
)

// What workers share is in boxes. The first byte of a box says how it is packed: a
// state may be encrypted from some day on, and its older boxes are plain. Sealed
// ones have a data key of their own, beside that of the cards: the lineage, to
// which those are bound, is made by a state's first commit, and a first run may be
// handed over before that.
const (
	boxPlain      = 0
	boxSmall      = 1 // through zstd
	boxSealed     = 2
	boxSmallThere = 3 // through zstd, and then sealed
)

// box packs and unpacks. It may be used by many goroutines.
type box struct {
	enforced bool // plain ones are refused

	mu    sync.Mutex // guards vault
	vault *vault     // nil where all is plain
	small *zstd.Encoder
	large *zstd.Decoder
}

// mostInBox is what a box may hold at most, in bytes.
const mostInBox = 1 << 30

func newBox(v *vault, enforced bool) (*box, error) {
	small, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	large, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostInBox))
	if err != nil {
		return nil, err
	}
	return &box{vault: v, enforced: enforced, small: small, large: large}, nil
}

// boxOf opens the state's box, for those who read; without a key all in it is plain.
func (b *Backend) boxOf(ctx context.Context, tx pgx.Tx, id int64) (*box, error) {
	var key []byte
	if err := tx.QueryRow(ctx, "SELECT work_key FROM "+b.table("states")+" WHERE id = $1", id).Scan(&key); err != nil {
		return nil, err
	}
	return b.openBox(key, id)
}

func (b *Backend) openBox(key []byte, id int64) (*box, error) {
	if key == nil {
		return newBox(nil, b.codec.Enforced())
	}
	v, err := openVault(key, workLineage(id), b.env.Sealer, b.env.Random)
	if err != nil {
		return nil, fmt.Errorf("what workers share: %w", err)
	}
	return newBox(v, b.codec.Enforced())
}

// workLineage is what boxes are bound to, in the place of a lineage.
func workLineage(id int64) string { return "workers of state " + strconv.FormatInt(id, 10) }

// key stands for a card, or an action, in the rows.
func (x *box) key(text string) string {
	if x.vault == nil || text == "" {
		return text
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.vault.id(text)
}

// keys are what the rows may have for the text: of before the state was encrypted, too.
func (x *box) keys(text string) []string {
	if key := x.key(text); key != text {
		return []string{key, text}
	}
	return []string{text}
}

// pack packs what a row holds; name is where it belongs.
func (x *box) pack(text []byte, name string) []byte {
	if x.vault == nil {
		return append(append(make([]byte, 0, 1+len(text)), boxPlain), text...)
	}
	return x.seal(boxSealed, text, name)
}

// packSmall is pack for what is large.
func (x *box) packSmall(text []byte, name string) []byte {
	if x.vault == nil {
		return x.small.EncodeAll(text, []byte{boxSmall})
	}
	return x.seal(boxSmallThere, x.small.EncodeAll(text, nil), name)
}

func (x *box) seal(kind byte, text []byte, name string) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	sealed := x.vault.sealRow(name, uint64(kind), text)
	return append([]byte{kind}, sealed...)
}

// unpack is what was packed by that name.
func (x *box) unpack(packed []byte, name string) ([]byte, error) {
	if len(packed) == 0 {
		return nil, errors.New("it is empty")
	}
	kind, text := packed[0], append([]byte(nil), packed[1:]...)
	switch kind {
	case boxPlain, boxSmall:
		if x.enforced {
			return nil, state.ErrPlain
		}
	case boxSealed, boxSmallThere:
		if x.vault == nil {
			return nil, state.ErrSealed
		}
		x.mu.Lock()
		opened, err := x.vault.openRow(name, uint64(kind), text)
		x.mu.Unlock()
		if err != nil {
			return nil, err
		}
		text = opened
	default:
		return nil, fmt.Errorf("it is packed in way %d, which this program doesn't know: use the version of cardfleet that wrote it, or a newer one", kind)
	}
	if kind == boxSmall || kind == boxSmallThere {
		return x.large.DecodeAll(text, nil)
	}
	return text, nil
}

// packText is pack for a text of few words; nil for "".
func (x *box) packText(text, name string) []byte {
	if text == "" {
		return nil
	}
	return x.pack([]byte(text), name)
}

// unpackText is what packText packed.
func (x *box) unpackText(packed []byte, name string) (string, error) {
	if packed == nil {
		return "", nil
	}
	text, err := x.unpack(packed, name)
	return string(text), err
}
