package postgres

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/state"
)

// head is the row of a state, or of a version in its history.
type head struct {
	id      int64 // of the state; 0 where there is none
	lineage string
	serial  uint64
	cards   int
	written time.Time // of a version
	schema  int       // version of the schema that it is in
	format  int       // of the snapshot
	fleet   state.Fleet

	vault  *vault     // what opens the rows; nil where they are plain
	sealed sealedHead // the zero value where they are plain
}

// head reads the state's row, in a schema of that version; the zero head where
// there is none. lock is empty or FOR NO KEY UPDATE.
func (b *Backend) head(ctx context.Context, tx pgx.Tx, version int, lock string) (head, error) {
	columns := "key, seal"
	if version < encryptable {
		columns = "NULL::bytea, NULL::bytea"
	}
	columns += formatColumns(version)
	h := head{schema: version}
	var key, sealed, fleet []byte
	err := tx.QueryRow(ctx, "SELECT id, lineage, serial, cards, "+columns+" FROM "+b.table("states")+" WHERE name = $1 "+lock, b.name).
		Scan(&h.id, &h.lineage, &h.serial, &h.cards, &key, &sealed, &h.format, &fleet)
	if errors.Is(err, pgx.ErrNoRows) {
		return head{}, nil
	}
	if err != nil {
		return head{}, err
	}
	if key == nil && sealed == nil {
		if err := h.describe(fleet); err != nil {
			return head{}, err
		}
		return h, b.checkPlain(h)
	}
	v, err := openVault(key, h.lineage, b.env.Sealer, b.env.Random)
	if err != nil {
		return head{}, err
	}
	return h, h.unseal(v, sealed)
}

// formatColumns are the columns of a snapshot's format and fleet, in a schema of
// that version.
func formatColumns(version int) string {
	if version < formatted {
		return fmt.Sprintf(", %d, NULL::json", firstFormat)
	}
	return ", format, fleet"
}

// describe takes what a plain snapshot's row says of its format and fleet.
func (h *head) describe(fleet []byte) error {
	if h.format < firstFormat || h.format > presentFormat {
		return fmt.Errorf("the snapshot of serial %d has format %d, and this program knows formats %d to %d: use the version of cardfleet that wrote it, or a newer one",
			h.serial, h.format, firstFormat, presentFormat)
	}
	if len(fleet) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(fleet))
	dec.DisallowUnknownFields() // what isn't understood would be lost with the next write
	if err := dec.Decode(&h.fleet); err != nil {
		return fmt.Errorf("what it says of the fleet can't be read: %w", err)
	}
	return nil
}

// checkPlain refuses a plain snapshot where only sealed ones are taken. What was
// never committed has none.
func (b *Backend) checkPlain(h head) error {
	if h.vault == nil && h.serial > 0 && b.codec.Enforced() {
		return state.ErrPlain
	}
	return nil
}

// unseal opens the sealed head, and refuses a row that says something else.
func (h *head) unseal(v *vault, sealed []byte) error {
	s, err := v.openHead(sealed)
	if err != nil {
		return fmt.Errorf("its seal can't be opened: %w", err)
	}
	if s.Lineage != h.lineage || s.Serial != h.serial || s.Cards != h.cards {
		return fmt.Errorf("its row says serial %d of lineage %q with %d cards, and its seal says serial %d of lineage %q with %d cards: it was changed",
			h.serial, h.lineage, h.cards, s.Serial, s.Lineage, s.Cards)
	}
	h.vault, h.sealed, h.fleet = v, s, s.Fleet
	h.format = cmp.Or(s.Format, firstFormat)
	return h.describe(nil)
}

// present is the head for those who only read, who find any schema or none.
func (b *Backend) present(ctx context.Context, tx pgx.Tx) (head, error) {
	version, err := b.version(ctx, tx)
	if err != nil || version == 0 {
		return head{}, err
	}
	h, err := b.head(ctx, tx, version, "")
	if err != nil || h.id == 0 || version < encryptable {
		return h, err
	}
	return h, b.checkHistory(ctx, tx, h)
}

// plainFleet is the column for what is remembered of the fleet: NULL for
// nothing, and where it is in the seal.
//
// It is a string, since bytes are sent as a bytea where nobody asks the server
// for a parameter's type.
func (h *head) plainFleet() (*string, error) {
	if h.vault != nil || h.fleet.Equal(&state.Fleet{}) {
		return nil, nil //nolint:nilnil // NULL is what there is to write
	}
	text, err := json.Marshal(h.fleet)
	if err != nil {
		return nil, err
	}
	fleet := string(text)
	return &fleet, nil
}
