package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// cards reads the cards that held at the head's serial. The rows are checked
// as the lines of a snapshot file are: they become one on their way.
func (b *Backend) cards(ctx context.Context, tx pgx.Tx, h head) (*state.Snapshot, error) {
	rows, err := tx.Query(ctx, "SELECT card FROM "+b.table("cards")+
		" WHERE state_id = $1 AND from_serial <= $2 AND to_serial > $2 ORDER BY provider, iccid", h.id, h.serial)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	r := &rowReader{rows: rows, cards: h.cards}
	if err := json.NewEncoder(&r.line).Encode(state.Header{
		Format: "cardfleet-state", Version: 1, Lineage: h.lineage, Serial: h.serial, Cards: h.cards,
	}); err != nil {
		return nil, err
	}
	return state.Decode(r, b.place())
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

// difference is what a commit has to write.
type difference struct {
	put  []*state.Card // that are new, or aren't as they were
	drop []*state.Card // that are gone
	same bool          // no card came, and none went
}

// differenceOf walks both lists once, side by side. It refuses cards that
// nothing could read back.
func differenceOf(before, after []state.Card) (difference, error) {
	d := difference{same: true}
	for i, all := 0, after; len(before) > 0 || i < len(all); {
		order := -1 // of the next card of after to the next of before
		if len(before) > 0 {
			order = 1
			if i < len(all) {
				order = all[i].ID().Compare(before[0].ID())
			}
		}
		switch {
		case order < 0:
			d.put, d.same = append(d.put, &all[i]), false
		case order > 0:
			d.drop, d.same = append(d.drop, &before[0]), false
		case !equal(&before[0], &all[i]):
			d.put = append(d.put, &all[i])
		}
		if order >= 0 {
			before = before[1:]
		}
		if order <= 0 {
			if i > 0 && all[i-1].ID().Compare(all[i].ID()) >= 0 {
				return d, fmt.Errorf("card %s of %s stands behind card %s of %s: cards are sorted by provider and ICCID, each one once",
					all[i].ICCID, all[i].Provider, all[i-1].ICCID, all[i-1].Provider)
			}
			i++
		}
	}
	return d, checkIDs(d.put)
}

func checkIDs(cards []*state.Card) error {
	for _, c := range cards {
		iccid, err := spec.ParseICCID(string(c.ICCID))
		if err != nil || iccid != c.ICCID || c.Provider == "" {
			return fmt.Errorf("card %q of provider %q has no proper ICCID or no provider", c.ICCID, c.Provider)
		}
	}
	return nil
}

// applied makes after of before, which may be written to. Where few cards
// changed, only those are copied.
func (d difference) applied(before, after []state.Card) []state.Card {
	if !d.same {
		return slices.Clone(after)
	}
	s := state.Snapshot{Cards: before}
	for _, c := range d.put {
		i, _ := s.Find(c.ID())
		before[i] = *c
	}
	return before
}

// equal reports whether two cards are stored alike. A test sees to it that no
// field is forgotten.
func equal(a, b *state.Card) bool {
	return a.Provider == b.Provider && a.ICCID == b.ICCID && a.Address == b.Address &&
		a.Binding == b.Binding && a.PreventUnbind == b.PreventUnbind &&
		a.Changed.Equal(b.Changed) && equalLast(&a.Last, &b.Last) &&
		slices.EqualFunc(a.Recent, b.Recent, func(a, b state.Change) bool {
			return a.Kind == b.Kind && a.From == b.From && a.To == b.To && a.At.Equal(b.At)
		}) &&
		slices.EqualFunc(a.Doubts, b.Doubts, func(a, b state.Doubt) bool {
			since := a.Since.Equal(b.Since)
			a.Since = b.Since
			return since && a == b
		})
}

func equalLast(a, b *state.Last) bool {
	return a.At.Equal(b.At) && a.Status == b.Status && a.Lifecycle == b.Lifecycle && a.Reason == b.Reason &&
		a.Has == b.Has && a.IMEI == b.IMEI && slices.Equal(a.Packages, b.Packages)
}

// cloned is a copy whose list of cards is its own. What the cards point to is
// replaced by those who change it, never written to.
func cloned(s *state.Snapshot) *state.Snapshot {
	return &state.Snapshot{Lineage: s.Lineage, Serial: s.Serial, Cards: slices.Clone(s.Cards)}
}
