package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/state"
)

// kept is how many snapshots can be read, the present one included.
const kept = 11

// manyCards is after how many new rows the server is told to count them at
// once. Until it does by itself, it takes the table for an empty one, and
// compares each card that changes with each row.
const manyCards = 1000

// Commit implements [state.Backend]. Without the lock it takes the lock for as
// long as it runs. It compares with what Read found under the lock, or reads
// what is stored, and writes the difference.
func (b *Backend) Commit(ctx context.Context, s *state.Snapshot) error {
	release, err := b.take(ctx, "commit")
	if err != nil {
		return err
	}
	defer release()
	next := &state.Snapshot{Lineage: s.Lineage, Serial: s.Serial + 1, Cards: s.Cards}
	if next.Lineage == "" {
		next.Lineage = b.uuid()
	}
	base, err := b.replace(ctx, s, next)
	if err != nil {
		return fmt.Errorf("commit the state %s: %w", b.place(), err)
	}
	s.Lineage, s.Serial = next.Lineage, next.Serial
	b.remember(base)
	b.closeJournal()
	return nil
}

// replace writes next in s's place, and returns what is stored then, in a list
// of its own.
func (b *Backend) replace(ctx context.Context, s, next *state.Snapshot) (base *state.Snapshot, err error) {
	b.mu.Lock()
	token, base := b.hold.token, b.hold.base
	b.hold.base = nil // until it is what is stored again
	b.mu.Unlock()
	var d difference
	err = b.within(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		stored, err := b.compare(ctx, tx, s)
		if err != nil {
			return err
		}
		if base == nil || base.Serial != stored.serial || base.Lineage != stored.lineage {
			if base, err = b.cards(ctx, tx, stored); err != nil {
				return err
			}
		}
		if d, err = differenceOf(base.Cards, next.Cards); err != nil {
			return err
		}
		return b.write(ctx, tx, token, stored, next, d)
	})
	if err != nil {
		return nil, err
	}
	base.Lineage, base.Serial, base.Cards = next.Lineage, next.Serial, d.applied(base.Cards, next.Cards)
	return base, nil
}

// compare reads the state's row, and keeps it from others until the
// transaction ends; it refuses a snapshot that isn't what is stored.
func (b *Backend) compare(ctx context.Context, tx pgx.Tx, s *state.Snapshot) (head, error) {
	stored, err := b.head(ctx, tx, "FOR NO KEY UPDATE")
	if err != nil {
		return head{}, err
	}
	if stored.serial != s.Serial || stored.lineage != "" && stored.lineage != s.Lineage {
		return head{}, fmt.Errorf("%w (it has serial %d of lineage %q; expected serial %d of lineage %q)",
			state.ErrConflict, stored.serial, stored.lineage, s.Serial, s.Lineage)
	}
	return stored, nil
}

// write writes the difference and all that a commit changes besides.
func (b *Backend) write(ctx context.Context, tx pgx.Tx, token string, stored head, next *state.Snapshot, d difference) error {
	if stored.cards > 0 {
		if err := b.endRows(ctx, tx, stored.id, next.Serial, d.put, d.drop); err != nil {
			return err
		}
	}
	if err := b.addRows(ctx, tx, stored.id, next.Serial, d.put); err != nil {
		return err
	}
	if err := b.finish(ctx, tx, stored.id, next); err != nil {
		return err
	}
	// Last, so that the lease can be renewed while a large commit is written.
	return b.checkLease(ctx, tx, token)
}

// addRows adds rows that hold from serial on.
func (b *Backend) addRows(ctx context.Context, tx pgx.Tx, id int64, serial uint64, cards []*state.Card) error {
	if len(cards) == 0 {
		return nil
	}
	encoder := newEncoder()
	_, err := tx.CopyFrom(ctx, pgx.Identifier{b.schema, "cards"}, []string{"state_id", "provider", "iccid", "from_serial", "card"},
		pgx.CopyFromSlice(len(cards), func(i int) ([]any, error) {
			c := cards[i]
			text, err := encoder.encode(c)
			return []any{id, string(c.Provider), string(c.ICCID), int64(serial), text}, err //nolint:gosec // serials count commits
		}))
	if err != nil || len(cards) < manyCards {
		return err
	}
	_, err = tx.Exec(ctx, "ANALYZE "+b.table("cards"))
	return err
}

// endRows lets the cards' present rows hold up to serial. Cards that had no row are none.
func (b *Backend) endRows(ctx context.Context, tx pgx.Tx, id int64, serial uint64, lists ...[]*state.Card) error {
	var providers, iccids []string
	for _, list := range lists {
		for _, c := range list {
			providers, iccids = append(providers, string(c.Provider)), append(iccids, string(c.ICCID))
		}
	}
	for len(iccids) > 0 {
		n := min(len(iccids), 10000)
		if _, err := tx.Exec(ctx, "UPDATE "+b.table("cards")+` c SET to_serial = $2
			FROM unnest($3::text[], $4::text[]) AS changed (provider, iccid)
			WHERE state_id = $1 AND c.provider = changed.provider COLLATE "C" AND c.iccid = changed.iccid COLLATE "C" AND to_serial = $5`,
			id, serial, providers[:n], iccids[:n], int64(forever)); err != nil {
			return err
		}
		providers, iccids = providers[n:], iccids[n:]
	}
	return nil
}

// finish writes the state's row and its history, drops the journal, and what
// no version holds any more. It is one round trip.
func (b *Backend) finish(ctx context.Context, tx pgx.Tx, id int64, next *state.Snapshot) error {
	var batch pgx.Batch
	batch.Queue("UPDATE "+b.table("states")+" SET lineage = $2, serial = $3, cards = $4 WHERE id = $1", id, next.Lineage, next.Serial, len(next.Cards))
	batch.Queue("INSERT INTO "+b.table("versions")+" (state_id, serial, cards, written) VALUES ($1, $2, $3, clock_timestamp())", id, next.Serial, len(next.Cards))
	batch.Queue("DELETE FROM "+b.table("journal")+" WHERE state_id = $1", id)
	if oldest := int64(next.Serial) - kept + 1; oldest > 0 { //nolint:gosec // serials count commits
		batch.Queue("DELETE FROM "+b.table("versions")+" WHERE state_id = $1 AND serial < $2", id, oldest)
		// The constant is the index's, which a parameter wouldn't match.
		batch.Queue(fmt.Sprintf("DELETE FROM %s WHERE state_id = $1 AND to_serial <= $2 AND to_serial < %d", b.table("cards"), int64(forever)), id, oldest)
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// encoder writes cards as the lines of a snapshot file are written.
type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

func newEncoder() *encoder {
	e := &encoder{}
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false)
	return e
}

func (e *encoder) encode(c *state.Card) ([]byte, error) {
	e.buf.Reset()
	if err := e.json.Encode(c); err != nil {
		return nil, err
	}
	return bytes.Clone(bytes.TrimSpace(e.buf.Bytes())), nil
}
