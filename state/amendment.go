package state

import "context"

// Amendment is a commit whose cards are read one after the other, so that nobody
// holds them all.
type Amendment struct {
	Cards int    // how many the state has then
	Fleet *Fleet // as in [Edits]
	// Each visits all cards that the state has, or has then, by ICCID. A card that is
	// new has no before, and one that is dropped no after; one that stays as it is has
	// the same for both. They are good until visit returns. It may be called again.
	Each func(visit func(before, after *Card) error) error
}

// RowCommitter is a [RowReader] that can commit an [Amendment].
type RowCommitter interface {
	RowReader
	// CommitRows is [Backend.Commit] for that. s is the head of the rows, and then of
	// the new snapshot.
	CommitRows(ctx context.Context, s *Snapshot, a Amendment) error
}

// Edits are all that the amendment changes, where that is no more than so many
// cards; ok is false where it is more.
func (a *Amendment) Edits(most int) (e Edits, ok bool, err error) {
	e.Fleet = a.Fleet
	err = a.Each(func(before, after *Card) error {
		switch {
		case after == before, after != nil && before != nil && after.Equal(before):
			return nil
		case e.Len() >= most:
			return errTooMany
		case after == nil:
			e.Drop = append(e.Drop, before.ID())
		default:
			e.Put = append(e.Put, *after)
		}
		return nil
	})
	if err == errTooMany { //nolint:errorlint // it is this very value
		return Edits{}, false, nil
	}
	return e, err == nil, err
}

type tooMany struct{}

func (tooMany) Error() string { return "there are more" }

var errTooMany error = tooMany{}
