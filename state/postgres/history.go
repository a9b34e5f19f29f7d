package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/state"
)

// History implements [state.Historian].
func (b *Backend) History(ctx context.Context) ([]state.Version, error) {
	var versions []state.Version
	err := b.within(ctx, snapshotOf, func(tx pgx.Tx) error {
		if there, err := b.there(ctx, tx); err != nil || !there {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT v.serial, s.lineage, v.written, v.cards FROM "+b.table("versions")+" v JOIN "+b.table("states")+
			" s ON s.id = v.state_id WHERE s.name = $1 AND v.serial < s.serial ORDER BY v.serial DESC", b.name)
		if err != nil {
			return err
		}
		var v state.Version
		_, err = pgx.ForEachRow(rows, []any{&v.Serial, &v.Lineage, &v.Written, &v.Cards}, func() error {
			v.Name, v.Written = strconv.FormatUint(v.Serial, 10), v.Written.UTC()
			versions = append(versions, v)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the history of the state %s: %w", b.place(), err)
	}
	return versions, nil
}

// ReadVersion implements [state.Historian].
func (b *Backend) ReadVersion(ctx context.Context, name string) (*state.Snapshot, error) {
	serial, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("there is no version %q of the state %s: a version is named by its serial", name, b.place())
	}
	var s *state.Snapshot
	err = b.within(ctx, snapshotOf, func(tx pgx.Tx) error {
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
func (b *Backend) headAt(ctx context.Context, tx pgx.Tx, serial int64) (head, error) {
	there, err := b.there(ctx, tx)
	if err != nil {
		return head{}, err
	}
	var h head
	if there {
		h, err = b.head(ctx, tx, "")
		if err != nil {
			return head{}, err
		}
		err = tx.QueryRow(ctx, "SELECT serial, cards FROM "+b.table("versions")+" WHERE state_id = $1 AND serial = $2", h.id, serial).Scan(&h.serial, &h.cards)
	}
	if !there || errors.Is(err, pgx.ErrNoRows) {
		return head{}, fmt.Errorf("it isn't kept: the last %d are", kept-1)
	}
	return h, err
}
