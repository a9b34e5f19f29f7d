package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Journal implements [state.Backend]. Without the lock it holds the lock until
// the journal is closed.
func (b *Backend) Journal(ctx context.Context) (state.Journal, error) {
	return b.hold.Journal(ctx, b.continueJournal)
}

// continueJournal reads the journal, so that the next record follows its last.
func (b *Backend) continueJournal(ctx context.Context) (*stored.JournalWriter, error) {
	file := &journalFile{backend: b, token: b.token()}
	seq := uint64(0)
	err := b.within(ctx, toRead, func(tx pgx.Tx) (err error) {
		if file.head, err = b.head(ctx, tx, len(migrations), ""); err != nil {
			return err
		}
		last, records, err := b.lines(ctx, tx, file.head)
		file.last, seq = last, stored.LastSeq(records)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the journal of the state %s: %w", b.place(), err)
	}
	head := stored.Header{Lineage: file.head.lineage, Serial: file.head.serial}
	return b.codec.NewJournalWriter(file, b.place(), head, seq), nil
}

// lines reads the journal: the number of its last line, and the records.
func (b *Backend) lines(ctx context.Context, tx pgx.Tx, h head) (last int64, records []state.Record, err error) {
	rows, err := tx.Query(ctx, "SELECT line, records FROM "+b.table("journal")+" WHERE state_id = $1 ORDER BY line", h.id)
	if err != nil {
		return 0, nil, err
	}
	var text, line []byte
	_, err = pgx.ForEachRow(rows, []any{&last, &line}, func() error {
		text = append(text, line...)
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	records, end, err := b.codec.ReadJournal(bytes.NewReader(text), b.place(), h.lineage)
	if err == nil && end != int64(len(text)) {
		err = fmt.Errorf("the journal of the state %s is damaged: its last row is cut off", b.place()) // no crash does that to a row
	}
	if n := len(records); err == nil && n > 0 && records[n-1].Serial != h.serial {
		err = fmt.Errorf("the journal of the state %s follows serial %d, and the state has serial %d: its rows were changed by hand", b.place(), records[n-1].Serial, h.serial)
	}
	return last, records, err
}

// journalFile is the rows of the journal. A line that was written to it is
// durable once its row is.
type journalFile struct {
	backend *Backend
	head    head
	token   string
	last    int64 // the number of the last line
	line    []byte
	conn    *pgx.Conn // nil where the next line needs a new one
}

func (f *journalFile) Write(line []byte) (int, error) {
	f.line = append(f.line, line...)
	return len(line), nil
}

// Sync inserts the row, and waits for a database that is away. It has no
// context: those who wait for it are many, and a record half written is neither
// there nor not there. Each attempt has its own time limit.
func (f *journalFile) Sync() error {
	err := f.backend.persist(func() error {
		err := f.insert()
		if err != nil {
			f.hangUp()
		}
		return err
	})
	if err == nil {
		f.last++
		f.line = f.line[:0]
	}
	return err
}

// insert adds the row in one round trip, if the lease is still ours and the
// state still the one that the journal follows. A row of this number that is
// there already is this one, inserted by an attempt whose answer was lost:
// nobody without the lease's token writes one. The statement is a transaction by
// itself, and sets for itself what [toWrite] sets.
func (f *journalFile) insert() error {
	b := f.backend
	ctx, cancel := context.WithTimeout(context.Background(), b.leaseOf())
	defer cancel()
	if f.conn == nil {
		conn, err := b.connect(ctx)
		if err != nil {
			return err
		}
		f.conn = conn
	}
	var held int
	err := f.conn.QueryRow(ctx, `
		WITH held AS (
			SELECT state_id FROM `+b.table("leases")+` JOIN `+b.table("states")+` ON id = state_id
			WHERE state_id = $1 AND token = $2 AND serial = $3 AND lineage = $4 FOR SHARE
		), added AS (
			INSERT INTO `+b.table("journal")+` (state_id, line, records) SELECT state_id, $5::bigint, $6::bytea FROM held
			ON CONFLICT DO NOTHING
		)
		SELECT count(*), set_config('synchronous_commit', 'on', true) FROM held`,
		f.head.id, f.token, f.head.serial, f.head.lineage, f.last+1, f.line).Scan(&held, nil)
	if err == nil && held == 0 {
		return errLost
	}
	return err
}

func (f *journalFile) hangUp() {
	if f.conn != nil {
		hangUp(f.conn)
		f.conn = nil
	}
}

// Close implements [stored.JournalFile]. All is written by then.
func (f *journalFile) Close() error {
	f.hangUp()
	return nil
}
