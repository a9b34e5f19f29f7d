package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// History implements [state.Historian].
func (b *Backend) History(ctx context.Context) ([]state.Version, error) {
	var versions []state.Version
	err := b.within(ctx, toRead, func(tx pgx.Tx) error {
		now, err := b.present(ctx, tx)
		if err != nil || now.id == 0 {
			return err
		}
		heads, err := b.replaced(ctx, tx, now)
		for _, h := range heads {
			if err := b.checkPlain(h); err != nil {
				return fmt.Errorf("version %d: %w", h.serial, err)
			}
			versions = append(versions, state.Version{
				Serial: h.serial, Lineage: h.lineage, Written: h.written, Cards: h.cards, Name: strconv.FormatUint(h.serial, 10),
			})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the history of the state %s: %w", b.place(), err)
	}
	return versions, nil
}

// ReadVersion implements [state.Historian].
func (b *Backend) ReadVersion(ctx context.Context, name string) (*state.Snapshot, error) {
	serial, err := strconv.ParseUint(name, 10, 63)
	if err != nil {
		return nil, fmt.Errorf("there is no version %q of the state %s: a version is named by its serial", name, b.place())
	}
	var s *state.Snapshot
	err = b.within(ctx, toRead, func(tx pgx.Tx) error {
		h, err := b.headAt(ctx, tx, serial)
		if err != nil {
			return err
		}
		s, err = b.cards(ctx, tx, h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read version %s of the state %s: %w", name, b.place(), err)
	}
	return s, nil
}

// headAt is the head of a version whose rows are still there.
func (b *Backend) headAt(ctx context.Context, tx pgx.Tx, serial uint64) (head, error) {
	now, err := b.present(ctx, tx)
	if err != nil {
		return head{}, err
	}
	if now.id != 0 && serial == now.serial {
		return now, nil
	}
	heads, err := b.replaced(ctx, tx, now)
	if err != nil {
		return head{}, err
	}
	for _, h := range heads {
		if h.serial == serial {
			return h, b.checkPlain(h)
		}
	}
	return head{}, fmt.Errorf("it isn't kept: the last %d are", kept-1)
}

// replaced are the heads of the versions before the present one, the newest
// first. They are at most as many as are kept.
func (b *Backend) replaced(ctx context.Context, tx pgx.Tx, now head) ([]head, error) {
	if now.id == 0 {
		return nil, nil
	}
	seal := "seal"
	if now.vault == nil {
		seal = "NULL::bytea" // and the column may not be there yet
	}
	rows, err := tx.Query(ctx, "SELECT serial, cards, written, "+seal+formatColumns(now.schema)+" FROM "+b.table("versions")+
		" WHERE state_id = $1 AND serial < $2 ORDER BY serial DESC", now.id, now.serial)
	if err != nil {
		return nil, err
	}
	var heads []head
	h := head{id: now.id, lineage: now.lineage, schema: now.schema}
	var sealed, fleet []byte
	_, err = pgx.ForEachRow(rows, []any{&h.serial, &h.cards, &h.written, &sealed, &h.format, &fleet}, func() error {
		version := h
		version.written = version.written.UTC()
		if sealed != nil || version.serial >= now.sealed.Since && now.vault != nil {
			if err := version.unseal(now.vault, sealed); err != nil {
				return fmt.Errorf("version %d in the history: %w", version.serial, err)
			}
			if !version.written.Equal(version.sealed.Written) {
				return fmt.Errorf("version %d in the history: its time was changed", version.serial)
			}
		} else if err := version.describe(fleet); err != nil {
			return err
		}
		heads = append(heads, version)
		return nil
	})
	return heads, err
}

// checkHistory refuses an old head in a newer one's place, and a plain one in
// the place of one that was encrypted: the history shows that another was
// written last. A plain state is not held to its history: a person who wants an
// older one puts it back by hand.
func (b *Backend) checkHistory(ctx context.Context, tx pgx.Tx, h head) error {
	var newest, newestSealed uint64
	err := tx.QueryRow(ctx, "SELECT coalesce(max(serial), 0), coalesce(max(serial) FILTER (WHERE seal IS NOT NULL), 0) FROM "+b.table("versions")+
		" WHERE state_id = $1", h.id).Scan(&newest, &newestSealed)
	switch {
	case err != nil:
		return err
	case h.vault == nil && newestSealed > 0:
		return fmt.Errorf("it isn't encrypted, but serial %d in its history is: another state was put in its place; "+
			"restore the row of %s from a copy", newestSealed, b.table("states"))
	case h.vault != nil:
		return stored.CheckNewest(&state.Snapshot{Serial: h.serial}, newest, fmt.Sprintf("row %d of %s", newest, b.table("versions")), b.table("versions"))
	}
	return nil
}
