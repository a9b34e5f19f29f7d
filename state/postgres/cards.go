package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// cards reads the cards that held at the head's serial.
func (b *Backend) cards(ctx context.Context, tx pgx.Tx, h head) (*state.Snapshot, error) {
	if h.vault != nil {
		return b.sealedCards(ctx, tx, h)
	}
	return b.plainCards(ctx, tx, h)
}

// plainCards checks the rows as the lines of a snapshot file are checked: they
// become one on their way.
func (b *Backend) plainCards(ctx context.Context, tx pgx.Tx, h head) (*state.Snapshot, error) {
	order := "iccid, provider"
	if h.format == firstFormat {
		order = "provider, iccid"
	}
	rows, err := tx.Query(ctx, "SELECT card FROM "+b.table("cards")+
		" WHERE state_id = $1 AND from_serial <= $2 AND to_serial > $2 ORDER BY "+order, h.id, h.serial)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	r := &rowReader{rows: rows, cards: h.cards}
	if err := json.NewEncoder(&r.line).Encode(stored.Header{
		Format: "cardfleet-state", Version: h.format, Lineage: h.lineage, Serial: h.serial, Cards: h.cards, Fleet: h.fleet,
	}); err != nil {
		return nil, err
	}
	return stored.Decode(r, b.place())
}

// rowReader is the rows as an uncompressed snapshot file.
type rowReader struct {
	rows  pgx.Rows
	cards int // in the trailer
	line  bytes.Buffer
	ended bool
}

func (r *rowReader) Read(p []byte) (int, error) {
	for r.line.Len() == 0 {
		if r.ended {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	return r.line.Read(p)
}

// next fills the line with another row, or with the trailer.
func (r *rowReader) next() error {
	r.line.Reset()
	if !r.rows.Next() {
		r.ended = true
		fmt.Fprintf(&r.line, "{\"end\":\"cardfleet-state\",\"cards\":%d}\n", r.cards)
		return r.rows.Err()
	}
	row := r.rows.RawValues()[0]
	r.line.Write(bytes.ReplaceAll(row, []byte("\n"), []byte(" "))) // a person's layout; no string of JSON holds an end of line
	r.line.WriteByte('\n')
	return nil
}

// sealedCards decrypts the rows, and checks that they are all that the head's
// commit left, and no others.
func (b *Backend) sealedCards(ctx context.Context, tx pgx.Tx, h head) (*state.Snapshot, error) {
	rows, err := tx.Query(ctx, "SELECT iccid, from_serial, sealed FROM "+b.table("cards")+
		" WHERE state_id = $1 AND from_serial <= $2 AND to_serial > $2", h.id, h.serial)
	if err != nil {
		return nil, err
	}
	cards := slices.Grow([]state.Card(nil), h.cards)
	var id string
	var from uint64
	var sealed pgtype.DriverBytes // good until the next row
	var text []byte               // the last row's; kept for its space
	var found sum
	var reader stored.CardReader
	_, err = pgx.ForEachRow(rows, []any{&id, &from, &sealed}, func() error {
		row, err := h.vault.ofRow(id, from, sealed)
		if err == nil {
			text = append(text[:0], sealed...)
			var c state.Card
			if c, err = h.vault.openCard(&reader, id, from, text); err == nil {
				found.add(row)
				cards = append(cards, c)
			}
		}
		if err != nil {
			return fmt.Errorf("row %q from serial %d on of %s: %w", id, from, b.table("cards"), err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if found != h.sealed.Sum || len(cards) != h.cards {
		return nil, fmt.Errorf("the rows of %s aren't those that the commit of serial %d left, of which there are %d, and now %d: "+
			"rows were removed, added or put back; restore them from a copy", b.table("cards"), h.serial, h.cards, len(cards))
	}
	return stored.SnapshotOf(stored.Header{Version: h.format, Lineage: h.lineage, Serial: h.serial, Fleet: h.fleet}, cards)
}

// openCard decrypts a row's card, for a reader.
func (v *vault) openCard(r *stored.CardReader, id string, from uint64, sealed []byte) (state.Card, error) {
	text, err := v.openRow(id, from, sealed)
	if err != nil {
		return state.Card{}, err
	}
	return r.Read(text)
}
